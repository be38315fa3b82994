"""Changes one row in a copy of a table's document, and gives the update that it makes.

A state and the new values come in, an update goes out. Only fields that differ are written, so the edit
merges field by field with what others do meanwhile. Nothing here touches a live document. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pycrdt import Map

from webhost_sync.errors import ClientFault, InvalidRequest
from webhost_sync.fleet.rows import Reject, reject
from webhost_sync.fleet.values import decode_value, encode_value
from webhost_sync.history.content import Copy
from webhost_sync.history.nodes import leaf
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.plain import plain

Changes = Mapping[str, object]
"""New values by the field's name in the document, as the document holds them; None removes the field."""

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)


class Projected(Protocol[RowT_co]):
    """What a table's projection makes of its rows."""

    @property
    def rows(self) -> Sequence[RowT_co]: ...

    @property
    def rejects(self) -> Sequence[Reject]: ...


@dataclass(frozen=True, slots=True)
class EditableTable(Generic[RowT]):
    """A document whose rows can be edited. `noun` names a row in errors; `fields` have a column; `project`
    takes the roots `rows` and `meta` and says what can be stored."""

    document: str
    noun: str
    fields: Collection[str]
    project: Callable[[object, object], Projected[RowT]]
    not_found: type[ClientFault]

    def missing(self, key: str) -> ClientFault:
        """The error for a row that isn't there, or may not be seen."""
        return self.not_found(repr(key))


@dataclass(frozen=True, slots=True)
class RowEdit(Generic[RowT]):
    """What was done: one transaction as an update (empty where nothing differed), the row after it."""

    update: bytes
    row: RowT
    changed: tuple[str, ...]


def changes_of(
    table: EditableTable[Any], fields: Mapping[str, object], attributes: Mapping[str, object]
) -> dict[str, object]:
    """Fields with a column, as Python has them, and other ones, in the JSON form that answers have, as
    changes. Raises: InvalidRequest, naming what can't be stored."""
    changes: dict[str, object] = {name: encode_value(value, name) for name, value in fields.items()}
    for name, value in attributes.items():
        if name in table.fields:
            raise InvalidRequest(f"attribute {name!r} is a field of its own; set it beside `attributes`")
        path = f"attributes.{name}"
        changes[name] = None if value is None else encode_value(decode_value(value, path), path)
    return changes


def edit_row(
    table: EditableTable[RowT], state: bytes, key: str, changes: Changes, *, client_id: int
) -> RowEdit[RowT] | None:
    """Do the changes as the writer `client_id`; None where there is no such row.

    Raises: InvalidRequest where the row, or a new value, is none that the table takes.
    """
    with _opened(state, client_id) as (copy, rows, meta):
        if key not in rows:
            return None
        row = rows[key]
        if not isinstance(row, Map):  # one that was put in whole, which can't be edited field by field
            raise InvalidRequest(f"the row of {table.noun} {key!r} is no shared map; write it anew")
        changed = tuple(name for name, value in changes.items() if _differs(row, name, value))
        with copy.doc.transaction():
            for name in changed:
                if changes[name] is None:
                    del row[name]
                else:
                    row[name] = changes[name]
        after = _accepted(table, key, plain(row), meta, changed)
        return RowEdit(copy.update if changed else EMPTY_UPDATE, after, changed)


def add_row(
    table: EditableTable[RowT], state: bytes, key: str, changes: Changes, *, client_id: int
) -> RowEdit[RowT]:
    """Put in a new row. Raises: InvalidRequest where there is one of this key already, and as `edit_row`."""
    with _opened(state, client_id) as (copy, rows, meta):
        if key in rows:
            raise InvalidRequest(f"there is a {table.noun} {key!r} already; change that one, or choose an id")
        given = {name: value for name, value in changes.items() if value is not None}
        after = _accepted(table, key, given, meta, tuple(given))
        with copy.doc.transaction():
            rows[key] = Map(given)
        return RowEdit(copy.update, after, tuple(given))


def remove_row(state: bytes, key: str, *, client_id: int) -> bytes | None:
    """The update that takes the row out, whatever it is; None where there is no such row."""
    with _opened(state, client_id) as (copy, rows, _):
        if key not in rows:
            return None
        with copy.doc.transaction():
            del rows[key]
        return copy.update


@contextmanager
def _opened(state: bytes, client_id: int) -> Iterator[tuple[Copy, Map[Any], object]]:
    with closing(Copy(state, client_id)) as copy:
        yield copy, copy.doc.get("rows", type=Map), plain(copy.doc.get("meta", type=Map)) or None


def _differs(row: Map[object], name: str, value: object) -> bool:
    if name not in row:
        return value is not None
    return value is None or leaf(plain(row[name])) != leaf(value)


def _accepted(
    table: EditableTable[RowT], key: str, row: object, meta: object, changed: Collection[str]
) -> RowT:
    """The row as the table shows it, if it takes all that was changed. Raises: InvalidRequest."""
    projected = table.project({key: row}, meta)
    for name in changed:
        path = reject(("rows", key, name), "", None).path
        for refused in projected.rejects:
            if refused.path == path:
                raise InvalidRequest(f"field {refused.reason}")
    if not projected.rows:
        refused = projected.rejects[0]
        raise InvalidRequest(f"the {table.noun} can't be stored so: {refused.path} {refused.reason}")
    return projected.rows[0]
