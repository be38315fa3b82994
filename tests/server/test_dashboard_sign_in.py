"""Coming in: passwords, one-time links, invitations; and that a session that ended is over."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from sqlalchemy import text

from store.audit import SYSTEM
from store.sessions import Sessions
from store.users import MemberRole, Users
from tests.server.dashboard import PASSWORD, Dashboard, Visitor, running_dashboard
from webhost_sync.auth.links import sign_in_link

SIGN_IN = "/dashboard/sign-in"


async def is_in(visitor: Visitor) -> bool:
    return (await visitor.get("/overview")).status_code == 200


async def test_a_password_lets_in_and_shows_where_one_was_going(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant, password=True)
        visitor = await dashboard.visitor(tenant)
        asked = await visitor.get("/keys")
        assert asked.headers["Location"] == f"{SIGN_IN}?next=%2Fdashboard%2Facme%2Flive%2Fkeys"
        form = {"email": email.upper(), "password": PASSWORD, "next": "/dashboard/acme/live/keys"}
        entered = await visitor.post(SIGN_IN, form)
        assert (entered.status_code, entered.headers["Location"]) == (303, "/dashboard/acme/live/keys")
        assert (await visitor.get("/keys")).status_code == 200
        assert (await visitor.get("/dashboard")).headers["Location"] == "/dashboard/acme/live/overview"


@pytest.mark.parametrize(
    "address", ["https://evil.example", "//evil.example", "/dashboard//evil", "/api/docs", "\\x"]
)
async def test_nobody_is_sent_elsewhere_after_signing_in(database_url: str, address: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant, password=True)
        visitor = await dashboard.visitor(tenant)
        entered = await visitor.post(SIGN_IN, {"email": email, "password": PASSWORD, "next": address})
        assert entered.headers["Location"] == "/dashboard"


async def test_a_wrong_password_and_an_unknown_account_look_the_same(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        await dashboard.account(tenant, "owner", "known@acme.example", password=True)
        await dashboard.account(tenant, "viewer", "linked@acme.example")
        said = []
        for email in ("known@acme.example", "unknown@acme.example", "linked@acme.example"):
            visitor = await dashboard.visitor(tenant)
            refused = await visitor.sign_in(email, "a wrong password")
            assert refused.status_code == 401
            assert not await is_in(visitor)
            said.append(re.sub(r"[0-9a-f]{64}", "", refused.text.replace(email, "")))
        assert said[0] == said[1] == said[2]


async def test_guessing_is_slowed_down_for_the_right_password_too(database_url: str) -> None:
    async with running_dashboard(database_url, sign_in_attempts=3) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant, password=True)
        other = await dashboard.account(tenant, "viewer", password=True)
        visitor = await dashboard.visitor(tenant)
        codes = [(await visitor.sign_in(email, "a wrong password")).status_code for _ in range(4)]
        assert codes == [401, 401, 401, 429]
        right = await visitor.sign_in(email)
        assert (right.status_code, "try again in" in right.text) == (429, True)
        assert (await visitor.sign_in(other)).status_code == 303


async def test_many_guesses_at_once_are_no_way_around_it(database_url: str) -> None:
    async with running_dashboard(database_url, sign_in_attempts=3) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant, password=True)
        visitor = await dashboard.visitor(tenant)
        proof = await visitor.proof()
        form = {"email": email, "password": "a wrong password"}
        answers = await asyncio.gather(*(visitor.post(SIGN_IN, form, proof=proof) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 5


async def test_a_link_works_once(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant)
        sessions = Sessions(dashboard.app.services.database)
        link = await sign_in_link(sessions, email, url=dashboard.app.url, deed=SYSTEM)
        token = link.partition("token=")[2]
        visitor, second = await dashboard.visitor(tenant), await dashboard.visitor(tenant)
        for _ in range(2):  # looking at it, as previews of messages do, uses nothing up
            assert email in (await visitor.get(f"/dashboard/link?token={token}")).text
        assert (await visitor.post("/dashboard/link", {"token": token})).status_code == 303
        assert await is_in(visitor)
        assert (await second.post("/dashboard/link", {"token": token})).status_code == 400
        assert not await is_in(second)


async def test_a_link_that_expired_or_is_garbage_lets_nobody_in(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        sessions = Sessions(dashboard.app.services.database)
        link = await sign_in_link(sessions, await dashboard.account(tenant), url="", deed=SYSTEM)
        async with dashboard.app.services.database.owner() as connection:
            await connection.execute(text("update sign_in_links set expires_at = now()"))
        visitor = await dashboard.visitor(tenant)
        for token in (link.partition("token=")[2], "0" * 64, "garbage", "ab"):
            assert (await visitor.post("/dashboard/link", {"token": token})).status_code == 400
            assert (await visitor.get(f"/dashboard/link?token={token}")).status_code == 400
        assert not await is_in(visitor)


async def invited(dashboard: Dashboard, owner: Visitor, email: str) -> str:
    """Invite somebody; the token of the link."""
    answer = await owner.post_json("/members", {"email": email, "role": "admin"})
    return str(answer.json()["link"]).partition("token=")[2]


async def test_an_invitation_makes_an_account_or_takes_in_one_that_is_there(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        acme, other = await dashboard.app.tenant("acme"), await dashboard.app.tenant("other")
        await dashboard.account(other, "viewer", "known@other.example", password=True)
        owner = await dashboard.signed_in(acme)
        for email in ("new@acme.example", "known@other.example"):
            token = await invited(dashboard, owner, email)
            visitor = await dashboard.visitor(acme)
            accepted = await visitor.post(
                "/dashboard/link", {"token": token, "name": "Ada", "password": PASSWORD}
            )
            assert accepted.headers["Location"] == "/dashboard/acme/live/overview"
            assert await is_in(visitor)
            assert (await visitor.post("/dashboard/link", {"token": token})).status_code == 400
        members = await Users(dashboard.app.services.database).members(acme.id)
        assert [(m.user.email, m.role) for m in members[1:]] == [
            ("known@other.example", MemberRole.ADMIN),
            ("new@acme.example", MemberRole.ADMIN),
        ]


async def test_an_invitation_looks_the_same_whether_there_is_an_account_and_needs_its_password(
    database_url: str,
) -> None:
    async with running_dashboard(database_url) as dashboard:
        acme, other = await dashboard.app.tenant("acme"), await dashboard.app.tenant("other")
        await dashboard.account(other, "viewer", "known@other.example", password=True)
        owner = await dashboard.signed_in(acme)
        pages = []
        for email in ("new@acme.example", "known@other.example"):
            token = await invited(dashboard, owner, email)
            visitor = await dashboard.visitor(acme)
            page = (await visitor.get(f"/dashboard/link?token={token}")).text
            pages.append(re.sub(r"[0-9a-f]{64}", "", page.replace(email, "")))
        assert pages[0] == pages[1]
        wrong = await visitor.post("/dashboard/link", {"token": token, "password": "not its password"})
        assert wrong.status_code == 401
        assert not await is_in(visitor)


async def test_signing_out_ends_the_session_and_not_only_the_cookie(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        visitor = await dashboard.signed_in(tenant)
        stolen = await dashboard.visitor(tenant)
        stolen.client.cookies = httpx.Cookies(visitor.client.cookies)
        assert await is_in(stolen)
        await visitor.post("/dashboard/sign-out")
        assert not await is_in(visitor)
        assert not await is_in(stolen)


async def test_a_new_password_ends_every_other_session(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant, password=True)
        here, there = await dashboard.visitor(tenant), await dashboard.visitor(tenant)
        for visitor in (here, there):
            await visitor.sign_in(email)
        change = {"current_password": "a wrong password", "new_password": "another good password"}
        assert (await here.post("/dashboard/account/password", change)).status_code == 401
        assert await is_in(there)
        change["current_password"] = PASSWORD
        assert (await here.post("/dashboard/account/password", change)).status_code == 303
        assert (await is_in(here), await is_in(there)) == (True, False)
        assert (await there.sign_in(email)).status_code == 401
        assert (await there.sign_in(email, "another good password")).status_code == 303


async def test_other_sessions_can_be_ended_from_here(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        email = await dashboard.account(tenant)
        here, there = await dashboard.visitor(tenant), await dashboard.visitor(tenant)
        for visitor in (here, there):
            await dashboard.follow(visitor, email)
        await here.post("/dashboard/account/sessions")
        assert (await is_in(here), await is_in(there)) == (True, False)


@pytest.mark.parametrize("column", ["expires_at = now()", "last_seen_at = now() - interval '25 hours'"])
async def test_an_old_or_idle_session_is_over(database_url: str, column: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        visitor = await dashboard.signed_in(tenant)
        async with dashboard.app.services.database.owner() as connection:
            await connection.execute(text(f"update sessions set {column}"))
        assert not await is_in(visitor)


async def test_cookies_are_for_the_server_alone(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        visitor = await dashboard.visitor(tenant)
        entered = await visitor.sign_in(await dashboard.account(tenant, password=True))
        cookie = entered.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


async def test_over_https_and_in_production_cookies_are_secure(database_url: str) -> None:
    async with running_dashboard(database_url, environment="production") as dashboard:
        visitor = await dashboard.visitor()
        cookie = (await visitor.get(SIGN_IN)).headers["Set-Cookie"]
        assert cookie.startswith("__Host-whs_visitor=")
        assert "Secure" in cookie.split("; ")
    async with running_dashboard(database_url) as dashboard:
        visitor = await dashboard.visitor()
        secure = await visitor.get(SIGN_IN, X_Forwarded_Proto="https")
        assert secure.headers["Set-Cookie"].startswith("whs_visitor=")
        secure = await visitor.client.get(SIGN_IN, headers={"X-Forwarded-Proto": "https"})
        assert secure.headers["Set-Cookie"].startswith("__Host-whs_visitor=")
        assert secure.headers["Strict-Transport-Security"]


async def test_the_store_holds_nothing_to_sign_in_with(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        visitor = await dashboard.visitor(tenant)
        await visitor.sign_in(await dashboard.account(tenant, password=True))
        async with dashboard.app.services.database.owner() as connection:
            [stored] = (await connection.execute(text("select id_hash from sessions"))).scalars()
            hashed = await connection.scalar(text("select password_hash from users"))
        assert stored.hex() not in str(visitor.client.cookies)
        assert hashed.startswith("$argon2id$")
