"""Webhooks: signed, in order, at least once, and never into a private network. The receiver is a real one."""

from __future__ import annotations

import base64
import hashlib
import hmac

import httpx
import pytest

from store.database import Database
from tests.app import running_app
from tests.eventually import eventually
from tests.postgres import select
from tests.server.typists import typist
from tests.server.webhook_receiver import FAST, Receiver, api
from tests.server_process import SyncServer
from webhost_sync.errors import InvalidRequest
from webhost_sync.webhooks.guard import AddressRefused, Guard
from webhost_sync.webhooks.kinds import PAUSES, pause_after


async def hurry(url: str) -> None:
    """Let no retry wait."""
    await select(url, "update webhook_messages set next_attempt_at = now() where state = 'pending'")


async def test_messages_are_signed_and_tell_what_happened_in_order(
    database_url: str, receiver: Receiver
) -> None:
    async with running_app(database_url, **FAST) as app:
        tenant = await app.tenant()
        admin = await app.key(tenant, "read", "write", "admin")
        kinds = ["document.changed", "document.deleted", "key.created", "key.revoked"]
        made = await api(app, admin.text, "POST", "", json={"url": receiver.url, "kinds": kinds})
        other = await app.key(tenant, "read")
        async with typist(app, app.token(admin, "read", "write"), "notes", client_id=5, letter="x") as writer:
            await receiver.has(1)
            await writer.type()
            await receiver.has(2)
        async with httpx.AsyncClient(base_url=app.url) as client:
            headers = {"Authorization": f"Bearer {admin.text}"}
            path = f"/api/admin/keys/{other.record.id}/revoke"
            (await client.post(path, headers=headers)).raise_for_status()
            (await client.delete("/api/documents/notes", headers=headers)).raise_for_status()
        await receiver.has(4)

        told = receiver.messages()
        assert [each["type"] for each in told] == [
            "key.created", "document.changed", "key.revoked", "document.deleted",
        ]  # fmt: skip
        assert [each["seq"] for each in told] == sorted(each["seq"] for each in told)
        assert told[1]["data"] | {"epoch": ""} == {
            "document": "notes", "epoch": "", "first_seq": 1, "last_seq": 1,
        }  # fmt: skip
        assert told[2]["data"]["target"] == other.record.prefix
        for headers, body in receiver.got:
            assert headers["webhook-signature"] == signature(made["secret"], headers, body)
        assert made["secret"] not in str(await api(app, admin.text, "GET", ""))
        page = await api(app, admin.text, "GET", f"/{made['webhook']['id']}/messages?limit=2")
        assert [each["kind"] for each in page["items"]] == ["document.deleted", "key.revoked"]


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """As the specification says how a receiver reckons it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


async def test_a_receiver_that_fails_and_hangs_gets_everything_when_it_is_back(
    database_url: str, receiver: Receiver
) -> None:
    async with running_app(database_url, **FAST) as app:
        tenant = await app.tenant()
        admin = await app.key(tenant, "admin")
        made = await api(app, admin.text, "POST", "", json={"url": receiver.url, "kinds": ["key.created"]})
        receiver.status = 500
        await app.key(tenant, "read")
        await app.key(tenant, "read", "write")
        await receiver.has(1)
        receiver.hangs = True
        await eventually(lambda: attempts(database_url, [1, 0]))
        await hurry(database_url)
        await receiver.has(2)
        await eventually(lambda: attempts(database_url, [2, 0]))
        await eventually(lambda: errors(database_url, "no answer in 1 s"))
        receiver.hangs, receiver.status = False, 204
        receiver.released.set()
        await hurry(database_url)
        await receiver.has(4)
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert ids[0] == ids[1] == ids[2] != ids[3]  # in order, and the same at each attempt
        await eventually(lambda: states(database_url, ["delivered", "delivered"]))

        first = receiver.messages()[0]["seq"]
        path = f"/{made['webhook']['id']}"
        again = await api(app, admin.text, "POST", f"{path}/replay", json={"from_seq": first})
        assert again == {"messages": 2}
        await receiver.has(6)
        assert [headers["webhook-id"] for headers, _ in receiver.got][4:] == [ids[2], ids[3]]
        await api(app, admin.text, "DELETE", path)
        assert await select(database_url, "select from webhook_messages") == []


async def test_what_is_never_taken_is_given_up_and_its_webhook_switched_off(
    database_url: str, receiver: Receiver
) -> None:
    async with running_app(database_url, **FAST) as app:
        tenant = await app.tenant()
        admin = await app.key(tenant, "admin")
        made = await api(app, admin.text, "POST", "", json={"url": receiver.url, "kinds": ["key.created"]})
        receiver.status = 500
        await app.key(tenant, "read")
        await eventually(lambda: attempts(database_url, [1]))
        await select(database_url, f"update webhook_messages set attempts = {len(PAUSES)}")
        await hurry(database_url)
        await eventually(lambda: states(database_url, ["dead"]))

        await select(database_url, "update webhook_endpoints set failing_since = now() - interval '6 days'")
        await app.key(tenant, "read")
        await eventually(lambda: disabled(database_url))
        (line,) = await select(
            database_url, "select actor, target from audit_log where action = 'webhook.disable'"
        )
        assert tuple(line) == ("system", made["webhook"]["id"])
        receiver.status = 200
        on = await api(app, admin.text, "POST", f"/{made['webhook']['id']}/enable")
        assert on["enabled"] is True
        await eventually(lambda: states(database_url, ["dead", "delivered"]))


async def test_gone_switches_off_at_once(database_url: str, receiver: Receiver) -> None:
    async with running_app(database_url, **FAST) as app:
        tenant = await app.tenant()
        admin = await app.key(tenant, "admin")
        await api(app, admin.text, "POST", "", json={"url": receiver.url, "kinds": ["key.created"]})
        receiver.status = 410
        await app.key(tenant, "read")
        await eventually(lambda: disabled(database_url))


@pytest.mark.faults
async def test_a_server_that_is_killed_between_commit_and_delivery_loses_nothing(
    own_server: SyncServer, receiver: Receiver
) -> None:
    own_server.kill()
    own_server.settings |= {"WEBHOOK_INTERVAL": "0.05", "WEBHOOK_TIMEOUT": "60"}
    await own_server.start()
    admin = await own_server.key_for("acme", "admin", "read", "write")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {admin}"}) as client:
        body = {"url": receiver.url, "kinds": ["document.created", "document.changed"]}
        answer = await client.post(f"{own_server.url}/api/admin/webhooks", json=body)
        answer.raise_for_status()
        receiver.hangs = True
        for name in ("one", "two"):
            await client.put(f"{own_server.url}/api/documents/{name}")
        headers = {"Content-Type": "application/octet-stream"}
        update = bytes.fromhex("0101050004010161017800")  # one letter in the text "a", by client 5
        await client.post(f"{own_server.url}/api/documents/one/sync", content=update, headers=headers)
    own_server.kill()
    receiver.hangs = False
    receiver.released.set()
    await hurry(own_server.database_url)
    before = await heads(own_server.database_url)
    await own_server.start()
    await eventually(lambda: told_all(own_server.database_url, before), within=90)


async def heads(url: str) -> dict[str, int]:
    return dict(map(tuple, await select(url, "select name, head_seq from documents where head_seq > 0")))


async def told_all(url: str, wanted: dict[str, int]) -> bool:
    query = """
        select payload ->> 'document', max((payload ->> 'last_seq')::bigint) from webhook_messages
        where kind = 'document.changed' and state = 'delivered' group by 1
    """
    waiting = await select(url, "select from webhook_messages where state <> 'delivered'")
    return dict(map(tuple, await select(url, query))) == wanted and not waiting


async def attempts(url: str, wanted: list[int]) -> bool:
    return [
        row[0] for row in await select(url, "select attempts from webhook_messages order by seq")
    ] == wanted


async def states(url: str, wanted: list[str]) -> bool:
    return [row[0] for row in await select(url, "select state from webhook_messages order by seq")] == wanted


async def errors(url: str, wanted: str) -> bool:
    return wanted in [row[0] for row in await select(url, "select last_error from webhook_messages")]


async def disabled(url: str) -> bool:
    return [row[0] for row in await select(url, "select enabled from webhook_endpoints")] == [False]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]", "0.0.0.0",
     "[::ffff:10.0.0.1]", "localhost", "100.64.0.1", "224.0.0.1", "2130706433"],
)  # fmt: skip
async def test_no_private_address_is_called_in_production(host: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        await Guard().address_of(f"https://{host}/x")


async def test_what_an_operator_allows_is_called() -> None:
    assert await Guard.of(["10.0.0.0/8"], development=False).address_of("https://10.1.2.3/x") == "10.1.2.3"
    assert await Guard(development=True).address_of("http://127.0.0.1:80/x") == "127.0.0.1"
    assert await Guard().address_of("https://[2606:4700::1111]/x") == "2606:4700::1111"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "ftp://example.com",
        "https://user:pw@example.com/",
        "https://",
        "x",
        "http://[::1/",
    ],
)
def test_a_url_that_can_not_be_meant_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        Guard().check_url(url)


def test_retries_take_about_a_day_and_then_end() -> None:
    pauses = [pause_after(attempt, 0.999) for attempt in range(1, len(PAUSES) + 1)]
    total = sum(pause.total_seconds() for pause in pauses if pause is not None)
    assert 23 * 3600 < total < 26 * 3600
    assert pause_after(len(PAUSES) + 1, 0) is None
    assert pause_after(1, 0) != pause_after(1, 0.5)


async def test_the_server_s_role_can_not_read_a_secret(database_url: str) -> None:
    async with Database(database_url) as database, database.owner() as connection:
        from sqlalchemy import text

        query = text("select has_column_privilege('webhost_app', 'webhook_endpoints', 'secret', 'select')")
        assert await connection.scalar(query) is False
