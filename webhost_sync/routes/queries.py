"""The query parameters that several lists share: limits, cursors and times."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BeforeValidator, Field, WithJsonSchema

from webhost_sync.moments import read_point, read_time
from webhost_sync.routes.endpoint import Query

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

Seq = Annotated[int, Field(ge=0, lt=2**63)]
Time = Annotated[datetime, BeforeValidator(read_time)]
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
