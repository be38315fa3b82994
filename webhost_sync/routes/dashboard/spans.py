"""Ranges of time in the addresses of pages: by name (`last=24h`), or as `from` and `to`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from webhost_sync.moments import read_time
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.exports import Form as FileForm

_LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?")


def _typed(value: object) -> datetime:
    """As the API reads it, or as an input of a browser gives a time: without its offset, which is UTC's."""
    if isinstance(value, str) and (found := _LOCAL_TIME.fullmatch(value.strip())):
        value = f"{found[1]}T{found[2]}{found[3] or ':00'}Z"
    return read_time(value)


TypedTime = Annotated[datetime, BeforeValidator(_typed)]


class SpanQuery(Query):
    last: Literal["24h", "7d"] | None = Field(None, description="The range up to now. Default: 24h.")
    start: TypedTime | None = Field(None, alias="from", description="In UTC where it has no offset.")
    end: TypedTime | None = Field(None, alias="to")


class FileQuery(SpanQuery):
    form: FileForm = "csv"
