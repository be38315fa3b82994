"""Lets a person in: from a request's cookies to a session, and from there to one space.

The session comes from a signed cookie and stands in the store; the space is named in the address. An
unsafe request must also prove that one of our own pages sent it. Who has no session is asked to sign in,
whatever the address; who has one and may not enter finds nothing there (404), as if it didn't exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from store.sessions import Session
from webhost_sync.auth.cookies import SESSION_COOKIE, VISITOR_COOKIE, SecretId
from webhost_sync.auth.people import Place, new_id
from webhost_sync.auth.spaces import Visitor, access_space
from webhost_sync.errors import NotAllowed, NotAuthenticated
from webhost_sync.routes.dashboard.forms import PROOF_FIELD, PROOF_HEADER, Fields
from webhost_sync.routes.services import Services, services_of

HOST_PREFIX = "__Host-"
"""Browsers take a cookie of such a name only over HTTPS, and only for this very host."""
SAFE_SITES = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever sends a request: with the id that their forms hang on, signed in or not."""

    request: Request
    services: Services
    secret_id: SecretId
    is_new: bool
    session: Session | None

    @property
    def proof(self) -> str:
        """What forms made for this guest carry."""
        return self.services.admin.cookies.proof(self.secret_id)

    @property
    def place(self) -> Place:
        client = self.request.client
        return Place(
            address=client.host if client else "",
            agent=self.request.headers.get("user-agent", ""),
            request_id=self.request.scope.get("request_id", ""),
        )

    @property
    def signed_in(self) -> Session:
        """Raises: NotAuthenticated."""
        if self.session is None:
            raise NotAuthenticated("sign in to the dashboard")
        return self.session

    def enter(self, slug: str, environment: str) -> Visitor:
        """Raises: NotAuthenticated; HTTPException 404 (no member, or no such space)."""
        session = self.signed_in
        visitor = access_space(session.user, session.memberships, slug, environment)
        if visitor is None:
            raise HTTPException(404)
        return visitor

    def demand_proof(self, fields: Fields) -> None:
        """Hold an unsafe request against our own pages. Raises: NotAllowed."""
        headers = self.request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign = (site is not None and site not in SAFE_SITES) or (
            origin is not None and urlsplit(origin).netloc != headers.get("host")
        )
        given = headers.get(PROOF_HEADER) or fields.first(PROOF_FIELD)
        if foreign or not self.services.admin.cookies.is_proof(self.secret_id, given):
            raise NotAllowed("the form is not from a page of this session; load the page again")


async def guest_of(request: Request) -> Guest:
    """Find out who sends the request. Raises: store.contract.Unavailable."""
    services = services_of(request)
    cookies = services.admin.cookies
    session_id = cookies.load(SESSION_COOKIE, request.cookies.get(cookie_name(request, SESSION_COOKIE)))
    if session_id is not None:
        session = await services.admin.people.session(session_id)
        if session is not None:
            return Guest(request, services, session_id, False, session)
    visitor_id = cookies.load(VISITOR_COOKIE, request.cookies.get(cookie_name(request, VISITOR_COOKIE)))
    return Guest(request, services, visitor_id or new_id(), visitor_id is None, None)


async def count_visit(request: Request) -> None:
    """Count a request for its session, or its address, before anything is asked of the store.

    Raises: TooManyRequests.
    """
    services = services_of(request)
    cookie = request.cookies.get(cookie_name(request, SESSION_COOKIE))
    session_id = services.admin.cookies.load(SESSION_COOKIE, cookie)
    name = "" if session_id is None else f"session {session_id.hash.hex()}"
    await services.admission.visit(name, request.client.host if request.client else "")


def stranger_of(request: Request) -> Guest:
    """Whoever sends the request, as if they weren't signed in."""
    return Guest(request, services_of(request), new_id(), False, None)


def set_session(guest: Guest, response: Response, session_id: SecretId) -> None:
    """Give the browser its session."""
    lifetime = int(guest.services.settings.session_lifetime)
    value = guest.services.admin.cookies.dump(SESSION_COOKIE, session_id)
    _set(guest.request, response, SESSION_COOKIE, value, lifetime)


def end_session(guest: Guest, response: Response) -> None:
    """Take it away."""
    _set(guest.request, response, SESSION_COOKIE, "", 0)


def set_visitor(guest: Guest, response: Response) -> None:
    """Give somebody without a session what their forms hang on, until the browser closes."""
    if guest.session is None and guest.is_new:
        value = guest.services.admin.cookies.dump(VISITOR_COOKIE, guest.secret_id)
        _set(guest.request, response, VISITOR_COOKIE, value, None)


def is_secure(request: Request) -> bool:
    """Whether cookies may travel over HTTPS only."""
    production = services_of(request).settings.environment == "production"
    return production or request.url.scheme == "https"


def cookie_name(request: Request, name: str) -> str:
    return f"{HOST_PREFIX}{name}" if is_secure(request) else name


def _set(request: Request, response: Response, name: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=max_age,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
