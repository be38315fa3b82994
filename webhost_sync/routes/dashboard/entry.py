"""Coming in and going out: the front door, sign-in, one-time links, and a person's own account.

These pages are about a person and not about a space, so each is written out here instead of being
declared as a `Page`. All of them are served by `guarded`, and every POST demands the form's proof.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from webhost_sync.auth.cookies import SecretId, read_link
from webhost_sync.auth.links import LINK_PATH
from webhost_sync.auth.passwords import MIN_CHARACTERS
from webhost_sync.auth.people import GONE
from webhost_sync.errors import InvalidRequest, NotAuthenticated, SyncError
from webhost_sync.routes.dashboard import answers
from webhost_sync.routes.dashboard.door import Guest, end_session, set_session
from webhost_sync.routes.dashboard.forms import Fields, Form, read_fields
from webhost_sync.routes.dashboard.page import guarded
from webhost_sync.routes.dashboard.sections import OVERVIEW
from webhost_sync.routes.endpoint import RawRoute
from webhost_sync.routes.models import PlainText

FRONT_DOOR = "/dashboard"
SIGN_OUT_PATH = "/dashboard/sign-out"
ACCOUNT_PATH = "/dashboard/account"


class SignInForm(Form):
    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)
    next: str = Field("", max_length=2000)


class LinkForm(Form):
    token: str = Field(max_length=200)
    name: PlainText = ""
    password: str = Field("", max_length=1000)


class PasswordForm(Form):
    current_password: str = Field("", max_length=1000)
    new_password: str = Field(max_length=1000)


class Space(BaseModel):
    tenant: str
    environment: str
    name: str
    role: str


class SignedIn(BaseModel):
    """Who one is, and where one may go."""

    email: str
    name: str
    spaces: list[Space]


async def front_door(guest: Guest) -> Response:
    session = guest.signed_in
    if answers.wants_json(guest.request):
        return answers.as_json(guest.request, _signed_in(guest))
    customers = {membership.tenant.slug for membership in session.memberships}
    if len(customers) == 1:
        tenant = session.memberships[0].tenant
        return answers.redirect(
            guest, f"{FRONT_DOOR}/{tenant.slug}/{tenant.environment.value}{OVERVIEW.path}"
        )
    return answers.html(guest, "spaces.html", memberships=session.memberships)


async def sign_in_page(guest: Guest) -> Response:
    next_address = answers.safe_next(guest.request.query_params.get("next", ""))
    if guest.session is not None:
        return answers.redirect(guest, next_address)
    return answers.html(guest, "sign_in.html", next=next_address, email="", error="")


async def sign_in(guest: Guest) -> Response:
    fields = await _proved(guest)
    form = fields.read(SignInForm)
    next_address = answers.safe_next(form.next)
    try:
        session_id = await guest.services.admin.people.sign_in(form.email, form.password, guest.place)
    except SyncError as error:
        if answers.wants_json(guest.request):
            raise
        return answers.html(
            guest,
            "sign_in.html",
            status=error.http_status,
            next=next_address,
            email=form.email,
            error=error.detail or str(error),
        )
    return await _entered(guest, session_id, next_address)


async def link_page(guest: Guest) -> Response:
    token = guest.request.query_params.get("token", "")
    link = await guest.services.admin.people.look_at_link(_link_id(token))
    return answers.html(guest, "link.html", link=link, token=token, minimum=MIN_CHARACTERS, error="")


async def use_link(guest: Guest) -> Response:
    form = (await _proved(guest)).read(LinkForm)
    people, link_id = guest.services.admin.people, _link_id(form.token)
    link = await people.look_at_link(link_id)
    if link.slug is None:
        session_id = await people.sign_in_by_link(link_id, guest.place)
        return await _entered(guest, session_id, FRONT_DOOR)
    try:
        session_id = await people.accept(link_id, form.name, form.password, guest.place)
    except (NotAuthenticated, InvalidRequest) as error:
        if answers.wants_json(guest.request):
            raise
        return answers.html(
            guest, "link.html", status=error.http_status, link=link, token=form.token,
            minimum=MIN_CHARACTERS, error=error.detail or str(error),
        )  # fmt: skip
    return await _entered(guest, session_id, f"{FRONT_DOOR}/{link.slug}/live{OVERVIEW.path}")


async def sign_out(guest: Guest) -> Response:
    await _proved(guest)
    if guest.session is not None:
        await guest.services.admin.people.sign_out(guest.secret_id, guest.session.user, guest.place)
    response = answers.redirect(guest, answers.SIGN_IN_PATH)
    end_session(guest, response)
    return response


async def account_page(guest: Guest) -> Response:
    session = guest.signed_in
    if answers.wants_json(guest.request):
        return answers.as_json(guest.request, _signed_in(guest))
    entries = await guest.services.admin.people.sessions_of(session.user, guest.secret_id)
    return answers.html(
        guest, "account.html", user=session.user, memberships=session.memberships, entries=entries,
        minimum=MIN_CHARACTERS,
    )  # fmt: skip


async def change_password(guest: Guest) -> Response:
    user = guest.signed_in.user
    form = (await _proved(guest)).read(PasswordForm)
    session_id = await guest.services.admin.people.change_password(
        user, form.current_password, form.new_password, guest.place
    )
    message = "The password is changed, and every other session has ended."
    response = answers.redirect(guest, ACCOUNT_PATH, message)
    set_session(guest, response, session_id)
    return response


async def end_other_sessions(guest: Guest) -> Response:
    user = guest.signed_in.user
    await _proved(guest)
    ended = await guest.services.admin.people.end_others(user, guest.secret_id)
    return answers.redirect(guest, ACCOUNT_PATH, f"Signed out in {ended} other places.")


async def nothing_here(guest: Guest) -> Response:
    """Whatever no page is at; who isn't signed in is asked to, as everywhere."""
    _ = guest.signed_in
    raise HTTPException(404)


async def _proved(guest: Guest) -> Fields:
    fields = await read_fields(guest.request)
    guest.demand_proof(fields)
    return fields


async def _entered(guest: Guest, session_id: SecretId, to: str) -> Response:
    if guest.session is not None:  # signed in already, perhaps as somebody else
        await guest.services.admin.people.sign_out(guest.secret_id, guest.session.user, guest.place)
    response = answers.redirect(guest, to)
    set_session(guest, response, session_id)
    return response


def _link_id(token: str) -> SecretId:
    link_id = read_link(token)
    if link_id is None:
        raise InvalidRequest(GONE)
    return link_id


def _signed_in(guest: Guest) -> SignedIn:
    session = guest.signed_in
    spaces = [
        Space(
            tenant=membership.tenant.slug,
            environment=membership.tenant.environment.value,
            name=membership.tenant.name,
            role=membership.role.value,
        )
        for membership in session.memberships
    ]
    return SignedIn(email=session.user.email, name=session.user.name, spaces=spaces)


def _route(method: str, path: str, serve: Callable[[Guest], Awaitable[Response]]) -> BaseRoute:
    async def endpoint(request: Request) -> Response:
        return await guarded(request, serve)

    return RawRoute(path, endpoint, methods=[method], name=serve.__name__)


ROUTES: tuple[BaseRoute, ...] = (
    _route("GET", FRONT_DOOR, front_door),
    _route("GET", f"{FRONT_DOOR}.json", front_door),
    _route("GET", answers.SIGN_IN_PATH, sign_in_page),
    _route("POST", answers.SIGN_IN_PATH, sign_in),
    _route("GET", LINK_PATH, link_page),
    _route("POST", LINK_PATH, use_link),
    _route("POST", SIGN_OUT_PATH, sign_out),
    _route("GET", ACCOUNT_PATH, account_page),
    _route("GET", f"{ACCOUNT_PATH}.json", account_page),
    _route("POST", f"{ACCOUNT_PATH}/password", change_password),
    _route("POST", f"{ACCOUNT_PATH}/sessions", end_other_sessions),
)
"""Before those of the spaces, whose addresses are longer."""
LAST_ROUTE = _route("GET", "/dashboard/{rest:path}", nothing_here)
