"""Whatever an admin does to a document over the API stands in the audit log, with who did it."""

from __future__ import annotations

from tests.server.api import error_of
from tests.server.lives import Lives, Writer, open_lives
from tests.store.logs import execute


async def lines(lives: Lives) -> list[tuple[str, str, str]]:
    """Action, target and actor of each line about documents, oldest first."""
    answer = await lives.api.get("/api/admin/audit?action=document", lives.key.text)
    return [(each["action"], each["target"], each["actor"]) for each in reversed(answer.json()["items"])]


async def test_every_step_of_a_document_s_life_is_written_down_once(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await lives.write(Writer(1).set("a", 1))
        await lives.do("DELETE", "depot")
        await lives.do("DELETE", "depot")  # nothing more to be done
        await lives.do("POST", "depot/bring-back")
        await lives.do("POST", "depot/new-epoch")
        await lives.do("POST", "depot/erase")
        await execute(database_url, "update documents set state = 'quarantined', reason = 'rot'")
        await lives.do("POST", "depot/release")
        await lives.do("DELETE", "depot?now=true")
        await lives.do("PUT", "depot")
        key = f"key:{lives.key.record.prefix}"
        done = ("delete", "bring_back", "new_epoch", "erase", "release", "delete", "purge", "create")
        assert await lines(lives) == [(f"document.{action}", "depot", key) for action in done]


async def test_versions_and_restores_over_the_api_are_written_down(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        writer = Writer(1)
        await lives.write(writer.set("a", 1))
        await lives.write(writer.set("a", 2))
        await lives.do_json("versions", {"name": "two"})
        await lives.do_json("restore", {"at": 1, "preview": True})
        await lives.do_json("restore", {"at": 1})
        await lives.do_json("restore", {"at": 1})  # nothing differs any more
        assert [line[0] for line in await lines(lives)] == ["document.version", "document.restore"]


async def test_what_is_purged_by_itself_is_written_down_too(database_url: str) -> None:
    async with open_lives(database_url, deleted_documents_days=0) as lives:
        await lives.write(Writer(1).set("a", 1))
        await lives.do("DELETE", "depot")
        await lives.api.app.services.keeper.purge_due()
        assert (await lines(lives))[-1] == ("document.purge", "depot", "retention")


async def test_tombstones_are_listed_for_those_who_may_read_the_name(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        for name in ("tables/a", "tables/b", "notes"):
            await lives.write(Writer(1).set("a", 1), name=name)
            await lives.do("DELETE", f"{name}?now=true")
        await lives.do("PUT", "tables/a")
        await lives.do("DELETE", "tables/a?now=true")
        app, tenant = lives.api.app, lives.key.tenant
        found = await lives.api.pages("/api/tombstones?limit=2&prefix=tables/", lives.key.text)
        assert [[each["name"] for each in page] for page in found] == [["tables/a", "tables/a"], ["tables/b"]]
        assert found[0][0]["epoch"] != found[0][1]["epoch"]
        narrow = await app.key(tenant, "read", "admin", documents=("notes",))
        [[only]] = await lives.api.pages("/api/tombstones", narrow.text)
        assert (only["name"], only["head_seq"], only["purged_by"]) == (
            "notes", 1, f"key:{lives.key.record.prefix}",
        )  # fmt: skip
        stranger = await app.key(await app.tenant("other"), "read", "admin")
        assert (await lives.api.get("/api/tombstones", stranger.text)).json()["items"] == []
        refused = await lives.api.get("/api/tombstones", (await app.key(tenant, "read", "write")).text)
        assert (refused.status_code, error_of(refused)) == (403, "not_allowed")
