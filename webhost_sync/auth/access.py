"""The one door: what a principal may do with a document, and which calls of the API it may make.

Asked by every route before anything is looked up, so that a stranger gets the same answer for a
document that it may not see as for one that does not exist. Pure; knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webhost_sync.auth.principals import Grant, Principal, Scope, covers
from webhost_sync.errors import DocumentNotFound, NotAllowed


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one principal on one document; whoever has one of these may read."""

    write: bool
    presence: bool
    read: bool = True


def access_document(principal: Principal, name: str, need: Scope = Scope.READ) -> Access:
    """Open a document of the principal's own tenant, or refuse.

    Raises: DocumentNotFound (it may not read it, or there is none: it can't tell which);
    NotAllowed (it may read it, but hasn't the right to `need`).
    """
    rights = _together(grant for grant in principal.grants if grant.allows(name))
    if Scope.READ not in rights:
        raise DocumentNotFound(repr(name))
    if need not in rights:
        raise NotAllowed(f"it may read {name!r}, but has not the right {need.value!r} there")
    return Access(write=Scope.WRITE in rights, presence=Scope.PRESENCE in rights)


def access_api(principal: Principal, scope: Scope) -> None:
    """Let a call of the API pass that isn't about one document's content. Raises: NotAllowed."""
    if scope not in principal.scopes:
        raise NotAllowed(f"the call needs the scope {scope.value!r}")


def access_life(principal: Principal, name: str, need: Scope = Scope.WRITE) -> None:
    """Let a principal decide over a document's life, or (with READ) look into what is wrong with it.

    It takes the right on the document and the scope `admin`, so that an admin's key can be held to a part of
    the documents. Raises: DocumentNotFound (it may not read it), NotAllowed.
    """
    access_document(principal, name, need)
    access_api(principal, Scope.ADMIN)


def access_token(principal: Principal, grants: Sequence[Grant], scopes: frozenset[Scope]) -> None:
    """Let a principal have a token issued: only a key may, and a token never gets more than its key.

    Raises: NotAllowed, naming what goes too far.
    """
    if principal.token_id is not None:
        raise NotAllowed("a token can't issue tokens; use an API key")
    _demand_own(principal, grants, scopes)


def access_new_key(principal: Principal, grants: Sequence[Grant], scopes: frozenset[Scope]) -> None:
    """Let a key make another key, which never gets more than it has itself.

    A token may not: the key would outlive it. Raises: NotAllowed, naming what goes too far.
    """
    access_api(principal, Scope.ADMIN)
    if principal.token_id is not None:
        raise NotAllowed("a token can't make keys; use an API key")
    _demand_own(principal, grants, scopes)


def _demand_own(principal: Principal, grants: Sequence[Grant], scopes: frozenset[Scope]) -> None:
    for grant in grants:
        own = _together(held for held in principal.grants if covers(held.pattern, grant.pattern))
        if missing := grant.rights - own:
            names = ", ".join(sorted(missing))
            raise NotAllowed(f"the key itself has not the right to {names} on {grant.pattern!r}")
    if excess := scopes - principal.scopes:
        raise NotAllowed(f"the key itself has not the scope {', '.join(sorted(excess))}")


def _together(grants: Iterable[Grant]) -> frozenset[Scope]:
    """The rights of all the grants; whoever may write may show presence too."""
    rights = frozenset(right for grant in grants for right in grant.rights)
    return rights | {Scope.PRESENCE} if Scope.WRITE in rights else rights
