"""What `/collab` says to our own SDK beside the protocol, and to nobody else."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.app import running_app
from tests.server.collab_client import DEPOT, SDK, collab_client
from tests.server.yards import YARD, key_of, update
from webhost_sync.config import MIB
from webhost_sync.sync.hocuspocus import Authenticated, Close, Stateless, SyncStatus, Token
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    PermissionDenied,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
)


async def test_an_opened_document_is_described_before_anything_else_of_it(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as stock, collab_client(app) as client:
        key = await app.key(await app.tenant())
        await stock.open(key.text)
        await stock.say(SyncUpdate(update("a")))
        await stock.hear(SyncStatus)
        await client.say(Token(app.token(key, "read"), SDK))
        assert await client.hear_one() == Authenticated("readonly")
        described = await client.hear_webhost("document")
        assert UUID(described.pop("epoch"))
        assert described == {"seq": 1, "frameLimit": 8 * MIB, "writable": False}
        assert await client.hear_one() == SyncStep1(b"\x01\x05\x01")


async def test_a_replica_of_another_epoch_is_denied_and_nothing_of_it_merges(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=60.0) as app, collab_client(app) as client:
        key = await key_of(app)
        for _ in range(3):
            await client.say(Token(key, f"{SDK};epoch={uuid4()}"), SyncUpdate(update("other history")))
            denied = await client.hear_webhost("denied")
            assert (denied["code"], denied["retry"]) == ("wrong_epoch", False)
            assert isinstance(await client.hear_one(), PermissionDenied)
        await client.say(Token(key, f"{SDK};epoch={denied['epoch']}"))
        assert (await client.hear_webhost("document"))["seq"] == 0


@pytest.mark.parametrize(
    ("credential", "version", "code"),
    [
        ("nonsense", SDK, "not_authenticated"),
        ("", "webhost-sync/2", "client_too_old"),
        ("", f"{SDK};epoch=x", "invalid_request"),
    ],
)
async def test_why_a_document_is_denied_is_said_before(
    database_url: str, credential: str, version: str, code: str
) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        await client.say(Token(credential, version))
        assert (await client.hear_webhost("denied"))["code"] == code
        assert isinstance(await client.hear_one(), PermissionDenied)


async def test_what_passes_is_denied_with_the_hint_to_come_again(database_url: str) -> None:
    async with running_app(database_url, documents_per_socket=1) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key, version=SDK)
        await client.say(Token(key, SDK), to=YARD)
        denied = await client.hear_webhost("denied", of=YARD)
        assert (denied["code"], denied["retry"]) == ("too_many_requests", True)
        assert isinstance(await client.hear_one(of=YARD), PermissionDenied)


async def test_who_opens_a_document_while_the_server_leaves_is_sent_away(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await key_of(app)
        await client.open(key, version=SDK)
        app.services.hub.start_draining()
        await client.say(Token(key, SDK), to=YARD)
        assert await client.close_code() == 4503


async def test_why_an_update_is_refused_is_said_before_its_status(database_url: str) -> None:
    async with running_app(database_url) as app, collab_client(app) as client:
        key = await app.key(await app.tenant())
        await client.open(app.token(key, "read"), version=SDK)
        await client.say(SyncUpdate(EMPTY_UPDATE), SyncUpdate(update("a")))
        assert await client.statuses(1) == [True]
        told = await client.hear_webhost("refused")
        assert (told["code"], told["retry"]) == ("not_allowed", False)
        assert await client.hear_one() == SyncStatus(False)
        await client.send(b"\x00\x02\x01\xff")
        assert (await client.hear_webhost("refused"))["code"] == "malformed_update"
        assert await client.hear_one() == SyncStatus(False)
        assert isinstance(await client.hear_one(), Close)


async def test_who_only_sends_gets_its_acknowledgements_and_nothing_of_others(database_url: str) -> None:
    async with (
        running_app(database_url, keepalive_interval=100.0) as app,
        collab_client(app) as other,
        collab_client(app) as sender,
    ):
        key = await key_of(app)
        await other.open(key)
        await other.say(AwarenessUpdate((AwarenessEntry(9, 1, "{}"),)))
        await other.hear(AwarenessUpdate)
        await sender.open(key, version=f"{SDK};send-only")
        await other.say(SyncUpdate(update("a")))
        await other.hear(SyncStatus)
        await sender.say(SyncUpdate(update("b", client_id=6)))
        assert await sender.hear_one() == SyncStatus(True)
        assert await other.hear(SyncUpdate) == SyncUpdate(update("b", client_id=6))
        await sender.hears_nothing()
        await sender.say(SyncStep1(b"\x00"))
        assert isinstance(await sender.hear_one(), SyncStep2)


async def test_other_clients_hear_nothing_of_it(database_url: str) -> None:
    async with running_app(database_url, refusal_hold=0.0) as app, collab_client(app) as client:
        key = await app.key(await app.tenant())
        await client.open(app.token(key, "read"))
        await client.say(SyncUpdate(update("a")), Token("nonsense"))
        await client.say(Token("nonsense"), to=YARD)
        heard = [await client.frame() for _ in range(3)]
        assert [address for address, _ in heard].count(DEPOT) == 2
        assert not [message for _, message in heard if isinstance(message, Stateless)]
