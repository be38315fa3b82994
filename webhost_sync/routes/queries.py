"""The query parameters that several lists share: limits, cursors and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BeforeValidator, Field, WithJsonSchema

from webhost_sync.routes.endpoint import Query

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def read_time(text: object) -> datetime:
    """Read RFC 3339 text as a time in UTC. Raises: ValueError."""
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError(
            "a time is RFC 3339 with its offset, as 2026-05-01T12:00:00Z (in a query a + is written %2B)"
        )
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time lies within the years 1 to 9999 in UTC") from error


Seq = Annotated[int, Field(ge=0, lt=2**63)]
Time = Annotated[datetime, BeforeValidator(read_time)]


def read_point(value: object) -> int | datetime:
    """Read a point in a document's history: the seq of an update, or a time. Raises: ValueError."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:20])
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 2**63:
            raise ValueError("a seq is 0 or more, and below 2**63")
        return value
    if not isinstance(value, str):
        raise ValueError("it is the seq of an update, or a time")
    return read_time(value)


Point = Annotated[
    int | datetime,
    BeforeValidator(read_point),
    WithJsonSchema({"type": ["integer", "string"], "examples": [4711, "2026-05-01T12:00:00Z"]}),
]


class PagedQuery(Query):
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items on a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before, as it is.")

    def identity(self, path: str) -> str:
        """What a cursor is bound to: the path and everything that chooses or orders items."""
        chosen = self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
        return f"{path}?{urlencode(chosen)}"
