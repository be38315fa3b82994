"""A stored document as JSON: its roots, as the merged committed state has them.

In: what the store holds of it. Out: plain values that JSON can carry, and whether anything had to be
left out. Works on its own copy in its own thread, so a large document holds up nobody's room; nothing
is written, not even that a row was found damaged (the document's room does that when it is entered).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from store.contract import StoredDocument
from webhost_sync.errors import InvalidRequest, MalformedUpdate
from webhost_sync.history.json_form import plain_json
from webhost_sync.sync.document import Document


@dataclass(frozen=True, slots=True)
class DocumentView:
    """`complete` is False where an update could not be applied, or waits for one that is missing."""

    roots: dict[str, object]
    complete: bool


def view(stored: StoredDocument) -> DocumentView:
    """Rebuild the document and read it. Begin and end it in one thread: pycrdt's objects belong to one.

    Raises: InvalidRequest where it is nested too deep to be shown.
    """
    document = Document(client_id=0)
    try:
        complete = True
        for payload in _payloads(stored):
            try:
                document.apply(payload)
            except MalformedUpdate:
                complete = False
        roots = {name: plain_json(root) for name, root in document.values().items()}
        return DocumentView(roots, complete and not document.kept)
    except RecursionError as error:
        raise InvalidRequest("the document is nested too deep to be shown as JSON; sync it") from error
    finally:
        document.close()


def _payloads(stored: StoredDocument) -> Iterator[bytes]:
    if stored.snapshot is not None:
        yield stored.snapshot.state
    yield from (update.payload for update in stored.updates)
