"""What a check of the stored data has found, and what was done about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    LOG = "log"
    SNAPSHOT = "snapshot"
    ROWS = "rows"
    ORPHANS = "orphans"


@dataclass(frozen=True, slots=True)
class Problem:
    """`done` is what a repair has done, empty where nothing was; `remedy` what a person does, empty where
    nothing is left to do."""

    kind: Kind
    tenant: str
    environment: str
    document: str
    what: str
    remedy: str
    done: str = ""

    @property
    def is_open(self) -> bool:
        return bool(self.remedy)
