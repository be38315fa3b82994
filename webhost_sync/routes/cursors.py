"""Cursors: where the next page of a list begins, as text that means nothing to its holder.

    cursor = base64url of the JSON [which query, key of the last item]

A cursor isn't signed: it says only where to begin in what its bearer may read anyway. But it is
checked to the last field, and belongs to the query (path and filters) that it was made for. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from webhost_sync.errors import InvalidRequest

Key = TypeVar("Key")
MAX_CURSOR_CHARACTERS = 6000


class CursorFormat(Generic[Key]):
    """The cursors of one list, whose items are in the order of `Key`."""

    def __init__(self, key: type[Key]) -> None:
        self._key: TypeAdapter[Key] = TypeAdapter(key)

    def encode(self, key: Key, query: str) -> str:
        content = [_fingerprint(query), self._key.dump_python(key, mode="json")]
        return base64.urlsafe_b64encode(json.dumps(content, ensure_ascii=False).encode()).decode().rstrip("=")

    def decode(self, cursor: str, query: str) -> Key:
        """Raises: InvalidRequest (not a cursor of ours, or of another query)."""
        try:
            if len(cursor) > MAX_CURSOR_CHARACTERS:
                raise ValueError("too long")
            padding = "=" * (-len(cursor) % 4)
            text = base64.b64decode(cursor + padding, altchars=b"-_", validate=True).decode()
            fingerprint, key = json.loads(text)
            if "\\u0000" in text:
                raise ValueError("a NUL")
            decoded = self._key.validate_python(key)
        except (ValueError, TypeError, RecursionError, ValidationError) as error:
            raise InvalidRequest(
                "query parameter 'cursor': use next_cursor of the page before, as it is"
            ) from error
        if fingerprint != _fingerprint(query):
            raise InvalidRequest("query parameter 'cursor': it belongs to a list with other filters")
        return decoded


def _fingerprint(query: str) -> str:
    return hashlib.sha256(query.encode(errors="replace")).hexdigest()[:12]
