"""Tokens at the socket door `/collab`: who is let in to which document, for how long, and how it ends."""

from __future__ import annotations

import pytest

from store.keys import Keys
from tests.app import running_app
from tests.eventually import eventually
from tests.server.collab_client import DEPOT, collab_client
from tests.server.yards import NOTHING, YARD, key_of, update
from webhost_sync.sync.hocuspocus import Address, Authenticated, Close, SyncStatus, Token, TokenWanted
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import PermissionDenied, SyncStep1, SyncStep2, SyncUpdate

HELD = 0.0
"""Refusals that come again are held; most tests can't wait for that."""


async def test_a_denied_document_leaves_the_socket_and_its_neighbours_alone(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=HELD) as app, collab_client(app) as client:
        tenant = await app.tenant()
        narrow = await app.key(tenant, documents=["mine/*"])
        mine = Address("mine/1")
        await client.open(narrow.text, to=mine)
        reasons = []
        for name in ("theirs", "nobody"):
            await client.say(Token(narrow.text), SyncStep1(b"\x00"), to=Address(name))
            denied = await client.hear(PermissionDenied, of=Address(name))
            reasons.append(denied.reason.replace(name, "…"))
        assert reasons[0] == reasons[1]
        await client.say(SyncUpdate(update("a")), to=mine)
        assert await client.hear(SyncStatus, of=mine) == SyncStatus(True)


@pytest.mark.parametrize("credential", ["", "nonsense", "whs_live_" + "0" * 64])
async def test_a_wrong_token_is_denied_and_another_one_may_follow(database_url: str, credential: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.say(Token(credential), SyncStep1(b"\x00"), SyncUpdate(update("dropped")))
        assert isinstance(await client.hear_one(), PermissionDenied)
        await client.hears_nothing()
        await client.open(await key_of(app))
        await client.say(SyncStep1(b"\x00"))
        assert await client.hear(SyncStep2) == NOTHING


async def test_a_refusal_that_comes_again_is_held_but_another_token_is_not(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=60.0) as app, collab_client(app) as client:
        await client.say(Token("nonsense"))
        await client.hear(PermissionDenied)
        await client.say(Token("nonsense"), SyncUpdate(update("dropped")))
        await client.hears_nothing()
        await client.say(Token(await key_of(app)), SyncStep1(b"\x00"), SyncStep2(update("kept")))
        assert await client.hear(SyncStep2) == SyncStep2(update("kept"))
        assert await client.hear(SyncStatus) == SyncStatus(True)


async def test_a_token_that_can_t_be_read_ends_its_document_once(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key)
        await client.send(b"\x02\x00\x05ab")
        await client.say(SyncUpdate(update("dropped")), Token(key), SyncStep2(update("kept", client_id=6)))
        ends = 0
        while not isinstance(message := await client.hear_one(), SyncStatus):
            ends += isinstance(message, Close)
        assert ends == 1
        await client.hears_nothing()


@pytest.mark.parametrize("name", ["", "a/../b", "a?b", "x" * 256])
async def test_an_impossible_name_is_denied(database_url: str, name: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.say(Token(await key_of(app)), to=Address(name))
        assert isinstance(await client.hear_one(of=Address(name)), PermissionDenied)


async def test_a_fresh_token_renews_the_rights_in_place(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await app.key(await app.tenant())
        assert await client.open(app.token(key, "read", lifetime=1.5)) == "readonly"
        await client.say(Token(app.token(key, "read", "write", lifetime=60)), SyncUpdate(update("a")))
        assert await client.hear(Authenticated) == Authenticated("read-write")
        assert await client.hear(SyncStatus) == SyncStatus(True)
        await client.say(Token(app.token(key, "read", lifetime=60)), SyncUpdate(update("b", client_id=6)))
        assert await client.hear(Authenticated) == Authenticated("readonly")
        assert await client.hear(SyncStatus) == SyncStatus(False)
        await client.hears_nothing(2.0)
        assert [live.document for live in app.services.live] == ["depot"]


async def test_a_token_of_another_subject_closes_the_document(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await app.key(await app.tenant())
        await client.open(app.token(key, "read"))
        await client.say(Token(app.token(key, "read", subject="ben")))
        assert "subject" in (await client.hear(PermissionDenied)).reason
        await eventually(lambda: len(app.services.live) == 0)
        await client.open(app.token(key, "read", subject="ben"))


async def test_a_token_is_asked_for_before_it_expires_and_denied_when_it_has(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await app.key(await app.tenant())
        await client.open(app.token(key, "read", lifetime=2))
        await client.open(key.text, to=YARD)
        assert await client.hear_one() == TokenWanted()
        assert await client.hear_one() == TokenWanted()
        denied = await client.hear_one()
        assert isinstance(denied, PermissionDenied)
        assert "expired" in denied.reason
        await client.say(SyncUpdate(update("a")), to=YARD)
        assert await client.hear(SyncStatus, of=YARD) == SyncStatus(True)


async def test_a_fresh_token_that_waits_when_the_old_one_expires_opens_the_document_again(
    database_url: str,
) -> None:
    """Too many updates stand before it in line."""
    async with running_app(database_url, update_rate=50.0) as app, collab_client(app) as client:
        key = await app.key(await app.tenant())
        await client.open(app.token(key, "read", "write", lifetime=2))
        await client.say(*[SyncUpdate(EMPTY_UPDATE)] * 300, Token(app.token(key, "read", "write")))
        assert "expired" in (await client.hear(PermissionDenied)).reason
        assert await client.hear(Authenticated) == Authenticated("read-write")


async def test_a_revoked_key_ends_its_documents_and_those_of_its_tokens(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        tenant = await app.tenant()
        key, kept = await app.key(tenant), await app.key(tenant)
        await client.open(key.text)
        await client.open(app.token(key, "read"), to=YARD)
        other = Address("other")
        await client.open(kept.text, to=other)
        await Keys(app.services.database).revoke(tenant.id, key.record.id)
        denied = [await client.frame() for _ in range(2)]
        assert {address for address, _ in denied} == {DEPOT, YARD}
        assert all(isinstance(message, PermissionDenied) for _, message in denied)
        await client.say(SyncUpdate(update("a")), to=other)
        assert await client.hear(SyncStatus, of=other) == SyncStatus(True)
