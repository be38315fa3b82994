"""Documents with a really damaged row: what an admin is told, and how they go on."""

from __future__ import annotations

from store.checksum import checksum
from tests.server.api import error_of
from tests.server.lives import Lives, Writer, open_lives
from tests.server.test_sync_door import close_code, next_of, socket
from tests.store.logs import execute
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, decode_state_vector, encode


async def damage(lives: Lives, url: str, seq: int, payload: bytes | None = None) -> None:
    """Let bytes of a row rot; with a `payload`, so that its checksum is right and it is no update."""
    if payload is None:
        statement = "update document_updates set payload = set_byte(payload, 3, 255) where seq = $1"
        await execute(url, statement, seq)
    else:
        statement = "update document_updates set payload = $2, checksum = $3 where seq = $1"
        await execute(url, statement, seq, payload, checksum(payload))
    await lives.api.app.services.hub.check_lives()


async def three_rows(lives: Lives) -> tuple[Writer, list[bytes]]:
    """Ada's document: each of her updates builds on the one before it."""
    ada = Writer(1)
    updates = [ada.set("a", 1), ada.set("b", 2), ada.set("c", 3)]
    for update in updates:
        await lives.write(update)
    return ada, updates


async def unload(lives: Lives, url: str) -> None:
    """Have the document loaded anew by whoever asks next."""
    await execute(url, "update documents set epoch = gen_random_uuid()")
    await lives.api.app.services.hub.check_lives()


async def test_an_admin_sees_which_row_and_releases_and_whoever_has_it_brings_it_back(
    database_url: str,
) -> None:
    async with open_lives(database_url) as lives:
        ada, updates = await three_rows(lives)
        await damage(lives, database_url, 2)
        await unload(lives, database_url)
        key = lives.key.text
        async with socket(lives.api.app, key) as member:  # loads it, and finds the damage
            await next_of(member, SyncStep1)
            found = await lives.do("GET", "depot/diagnosis")
            assert found["state"] == "quarantined"
            assert "update 2 is damaged" in found["reason"]
            [wrong] = found["damages"]
            assert (wrong["part"], wrong["seq"], wrong["size"]) == ("update", 2, len(updates[1]))
            assert wrong["actor"].startswith("key:")
            assert wrong["checksum"] != wrong["found"]
            assert [event["action"] for event in found["events"]] == ["quarantined"]
            await lives.write(Writer(2).set("d", 4), status=503)
            released = await lives.do("POST", "depot/release")
            assert (released["state"], released["epoch"]) == ("active", found["epoch"])
            assert [part["seq"] for part in released["aside"]] == [2]
            assert await close_code(member) == 1013  # it comes back, and finds a room that takes writes
        # What built on the damaged row waits for it.
        assert (await lives.content())["roots"] == {"rows": {"a": 1}}
        await lives.write(Writer(2).set("d", 4))
        async with socket(lives.api.app, key) as member:
            step_1 = await next_of(member, SyncStep1)
            assert isinstance(step_1, SyncStep1)
            assert decode_state_vector(step_1.state_vector)[1] == 1
            await member.send(encode(SyncStep2(ada.doc.get_update(step_1.state_vector))))
            await lives.write(b"")
        assert (await lives.content())["roots"] == {"rows": {"a": 1, "b": 2, "c": 3, "d": 4}}
        after = await lives.do("GET", "depot/diagnosis")
        assert (after["state"], after["damages"], after["reason"]) == ("active", [], None)
        assert [(part["seq"], part["released_by"]) for part in after["aside"]] == [
            (2, f"key:{lives.key.record.prefix}")
        ]
        assert [event["action"] for event in after["events"]] == ["released", "quarantined"]
        [row] = await execute(database_url, "select payload, checksum from quarantined_updates where seq = 2")
        assert len(row["payload"]) == len(updates[1])


async def test_a_row_that_passes_its_checksum_and_is_no_update_is_found_by_reading(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await three_rows(lives)
        await damage(lives, database_url, 3, b"\x07 not an update")
        await unload(lives, database_url)
        await lives.write(Writer(2).set("d", 4), status=503)
        [wrong] = (await lives.do("GET", "depot/diagnosis"))["damages"]
        assert (wrong["seq"], wrong["checksum"]) == (3, None)
        await lives.do("POST", "depot/release")
        await lives.write(Writer(2).set("d", 4))
        assert (await lives.content())["roots"] == {"rows": {"a": 1, "b": 2, "d": 4}}


async def test_the_history_can_be_read_again_after_a_release(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await three_rows(lives)
        await damage(lives, database_url, 3)
        await unload(lives, database_url)
        await lives.write(Writer(2).set("d", 4), status=503)
        assert (await lives.ask("GET", "depot/state?at=3")).status_code == 503
        await lives.do("POST", "depot/release")
        assert (await lives.do("GET", "depot/state?at=3"))["roots"] == {"rows": {"a": 1, "b": 2}}


async def test_what_is_in_no_quarantine_is_not_released(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await three_rows(lives)
        answer = await lives.ask("POST", "depot/release")
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request")
        found = await lives.do("GET", "depot/diagnosis")
        assert (found["state"], found["damages"], found["aside"], found["events"]) == ("active", [], [], [])
