"""The past of documents over HTTP, against live rooms."""

from __future__ import annotations

import pytest

from tests.golden import UPDATES
from tests.server.api import error_of, running_api
from tests.server.pasts import FIRST, LAST, NAME, PATH, two_writers
from tests.server.test_api_documents import round_trip
from webhost_sync.history.replay import NOTHING, advance
from webhost_sync.routes import history_models as models


async def test_every_state_can_be_seen_by_seq_and_by_time(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        states = [await past.ask(f"state?at={seq}") for seq in range(5)]
        assert [state["roots"] for state in states] == [
            {},
            FIRST,
            {"rows": {**FIRST["rows"], "bus-7": {"name": "Bus 7", "status": "in repair"}}},
            {"rows": {"bus-7": {"name": "Bus 7", "status": "in repair"}}},
            LAST,
        ]
        for state in states:
            models.PastState.model_validate(state)
            assert (state["name"], state["head_seq"], state["complete"]) == (NAME, 4, True)
        assert (await past.ask("state"))["roots"] == LAST
        assert (await past.ask(f"state?at={states[2]['at']}"))["seq"] == 2
        assert (await past.ask("state?at=2020-01-01T00:00:00Z"))["roots"] == {}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("state?at=5", 400, "invalid_request"),
        ("state?at=-1", 400, "invalid_request"),
        ("state?at=yesterday", 400, "invalid_request"),
        ("state?at=99999999999999999999", 400, "invalid_request"),
        ("diff", 400, "invalid_request"),
        ("diff?from=7", 400, "invalid_request"),
        ("attribution?path=rows", 400, "invalid_request"),
        ("attribution?path=/rows/nobody", 400, "invalid_request"),
        ("history?cursor=xyz", 400, "invalid_request"),
    ],
)
async def test_a_bad_question_is_told_what_is_wrong(
    database_url: str, query: str, status: int, code: str
) -> None:
    async with two_writers(database_url) as (past, _, _):
        answer = await past.get(query)
        assert (answer.status_code, error_of(answer)) == (status, code)


async def test_what_changed_is_told_by_path(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        found = await past.ask("diff?from=1&to=4")
        models.Difference.model_validate(found)
        assert [found["from"]["seq"], found["to"]["seq"]] == [1, 4]
        assert found["changes"] == [
            {"change": "added", "path": "/notes", "after": "Brakes checked"},
            {"change": "replaced", "path": "/rows/bus-7/status", "before": "active", "after": "in repair"},
            {"change": "removed", "path": "/rows/bus-9", "before": {"name": "Bus 9"}},
        ]
        assert (await past.ask("diff?from=4&to=4"))["changes"] == []
        assert (await past.ask("diff?from=3"))["changes"] == found["changes"][:1]
        assert [change["change"] for change in (await past.ask("diff?from=4&to=1"))["changes"]] == [
            "removed", "replaced", "added",
        ]  # fmt: skip


async def test_every_field_is_told_its_writer(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        pages = await past.api.pages(f"{PATH}/attribution?limit=2", past.key.text)
        marks = [mark for page in pages for mark in page]
        assert [(mark["path"], mark["actor"], mark["seq"], mark["start"], mark["end"]) for mark in marks] == [
            ("/notes", "ada", 4, 0, 14),
            ("/rows/bus-7", "ada", 1, None, None),
            ("/rows/bus-7/name", "ada", 1, None, None),
            ("/rows/bus-7/status", "bob", 2, None, None),
        ]
        earlier = await past.ask("attribution?at=1&path=/rows/bus-7/status")
        assert (earlier["seq"], [mark["actor"] for mark in earlier["items"]]) == (1, ["ada"])
        models.MarkPage.model_validate(earlier)


async def test_activities_are_listed_with_what_they_touched(database_url: str) -> None:
    async with two_writers(database_url) as (past, ada, _):
        first = await past.ask("history?limit=1")
        models.ActivityPage.model_validate(first)
        assert [
            (item["actor"], item["first_seq"], item["last_seq"], item["touched"]) for item in first["items"]
        ] == [("ada", 1, 4, ["/rows/bus-7", "/rows/bus-9", "/notes"])]
        ada.notes.insert(0, "New: ")
        await ada.push()
        second = await past.ask(f"history?limit=1&cursor={first['next_cursor']}")
        assert [(item["actor"], item["updates"], item["touched"]) for item in second["items"]] == [
            ("bob", 2, ["/rows/bus-7", "/rows/bus-9"])
        ]
        assert second["next_cursor"] is None


async def test_what_is_too_old_is_refused_with_what_is_kept(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        version = (await past.post("versions", {"name": "first", "at": 1})).json()
        log = past.api.app.services.log
        record = await log.open(past.key.tenant.id, NAME, create=False)
        rows = await log.read(record.tenant_id, record.id, after_seq=0)
        for seq in (3, 4):
            *_, last = advance(NOTHING, rows[:seq], document_id=record.id, is_wanted=lambda _: False)
            await log.write_snapshot(
                record.tenant_id, record.id, seq=seq, state=last.update, state_vector=b"\0"
            )
        await log.trim(record.tenant_id, record.id, keep_since=None)
        async with running_api(database_url) as other:  # with an empty cache
            answer = await other.get(f"{PATH}/state?at=2", past.key.text)
            assert (answer.status_code, error_of(answer)) == (410, "history_gone")
            assert "from seq 3 of 20" in answer.json()["error"]["message"]
            kept = await other.get(f"{PATH}/state?at=1", past.key.text)
            assert kept.json()["roots"] == FIRST
            done = await other.post_json(f"{PATH}/restore", past.key.text, {"version": version["id"]})
            assert done.status_code == 200
            marks = (await other.get(f"{PATH}/attribution?at=4", past.key.text)).json()["items"]
            assert {mark["path"]: mark["actor"] for mark in marks} == {
                "/notes": "ada",
                "/rows/bus-7": None,
                "/rows/bus-7/name": None,
                "/rows/bus-7/status": None,
            }


async def test_what_cannot_be_read_makes_a_state_incomplete(database_url: str) -> None:
    hook = next(sample.update for sample in UPDATES if sample.name == "XML hook")
    async with two_writers(database_url) as (past, _, _):
        await round_trip(past.api, past.key.text, hook, name=NAME)
        assert (await past.ask("state"))["complete"] is False
        assert (await past.ask("state?at=4"))["complete"] is True
        assert (await past.restore({"at": 1}))["seq"] == 6
        assert (await past.ask("state"))["roots"] == FIRST
