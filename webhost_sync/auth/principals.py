"""Who is asking: a principal, what it was granted, and which documents a pattern means.

    pattern = text in which each `*` stands for any characters, also none and also `/`

So `tables/*` means every table, `track/bus-1/*` all positions of one vehicle, `*` everything, and a
name without `*` one document. Names can't be told apart by case or trimmed. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from store.contract import Environment
from webhost_sync.errors import InvalidRequest

MAX_PATTERN_BYTES = 255


class Scope(StrEnum):
    """What a credential may do. The first three are about documents, and worth nothing without `read`."""

    READ = "read"
    WRITE = "write"
    PRESENCE = "presence"
    HISTORY = "history"
    ADMIN = "admin"


DOCUMENT_SCOPES = frozenset({Scope.READ, Scope.WRITE, Scope.PRESENCE})


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights (document scopes) on every document whose name fits the pattern."""

    pattern: str
    rights: frozenset[Scope]

    @classmethod
    def of(cls, pattern: str, rights: Iterable[str]) -> Self:
        """Raises: InvalidRequest (an unusable pattern, an unknown right, or rights without `read`)."""
        chosen = parse_scopes(rights)
        if not 1 <= len(pattern.encode(errors="replace")) <= MAX_PATTERN_BYTES or "\0" in pattern:
            raise InvalidRequest(f"a document pattern has 1 to {MAX_PATTERN_BYTES} bytes and no NUL")
        if not chosen <= DOCUMENT_SCOPES or Scope.READ not in chosen:
            raise InvalidRequest(
                "the rights on documents are read, write and presence, the last two only with read"
            )
        return cls(pattern, chosen)

    def allows(self, name: str) -> bool:
        return fits(name, self.pattern)


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever showed a key or a token.

    Invariants: 1. It belongs to exactly one tenant. 2. `key_id` is the key it stands or falls with:
    its own, or the one that issued its token. 3. `scopes` holds none of the document scopes: these
    are in `grants`, each with its documents.
    """

    tenant_id: int
    tenant_slug: str
    environment: Environment
    subject: str
    device: str
    grants: tuple[Grant, ...]
    scopes: frozenset[Scope]
    key_id: UUID
    token_id: str | None
    expires_at: datetime | None

    @property
    def credential_id(self) -> str:
        """Names the key or token in logs and limits, without being of use to sign in."""
        return self.token_id or str(self.key_id)


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Raises: InvalidRequest for a name that is no scope."""
    try:
        return frozenset(map(Scope, names))
    except ValueError as error:
        raise InvalidRequest(f"{error}; the scopes are {', '.join(Scope)}") from error


def fits(name: str, pattern: str) -> bool:
    """Whether the whole name fits the pattern.

    Each literal part is looked for from the left, right behind the one before it; that is enough for
    `*` and takes time linear in the name, where a regular expression could be made to backtrack.
    """
    first, *middle = pattern.split("*")
    if not middle:
        return name == pattern
    last = middle.pop()
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    position, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def covers(wide: str, narrow: str) -> bool:
    """Whether every name that fits `narrow` also fits `wide`.

    A `*` of `narrow` stands for anything, so only a `*` of `wide` may take it in: which is what
    `fits` does with the pattern taken as a name, as no literal part of `wide` holds a `*`.
    """
    return fits(narrow, wide)
