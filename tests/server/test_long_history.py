"""A blog post as five authors wrote it, keystroke by keystroke: every state of it, and going back to some
while others type."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

from store.history import PostgresHistory
from tests.eventually import eventually
from tests.server.dashboard import Dashboard
from tests.server.long_post import NAME, PATH, all_see_the_same, go_back, open_post
from tests.server.typists import typist
from tests.trace import ROOT, blog_post
from webhost_sync.history.content import read_values
from webhost_sync.sync.compactor import RUNG_ROWS
from webhost_sync.sync.content import RootKind


async def test_any_state_of_a_long_history_is_the_text_of_that_moment(database_url: str) -> None:
    steps, chosen = blog_post(), random.Random(3)
    async with open_post(database_url) as post:
        for seq in [*(chosen.randint(1, len(steps)) for _ in range(100)), 1, len(steps)]:
            assert await post.text_at(seq) == steps[seq - 1].text


async def test_every_letter_of_it_is_told_its_author(database_url: str) -> None:
    steps = blog_post()
    async with open_post(database_url) as post:
        pages = await post.api.pages(f"{PATH}/attribution?limit=1000", post.key.text)
        found = [mark["actor"] for page in pages for mark in page for _ in range(mark["start"], mark["end"])]
    assert found == authors_of_letters()
    assert len(found) == len(steps[-1].text)


def authors_of_letters() -> list[str]:
    authors: list[str] = []
    for step in blog_post():
        for position, deleted, inserted in step.patches:
            authors[position : position + deleted] = [step.author] * len(inserted)
    return authors


async def test_while_two_clients_type_it_goes_back_and_their_typing_stays(database_url: str) -> None:
    """`python -m tests.server.long_post` does this for a hundred points."""
    steps, chosen = blog_post(), random.Random(5)
    async with open_post(database_url) as post:
        points = [chosen.randint(1, len(steps)) for _ in range(8)]
        gone_back = [each async for each in go_back(post, points)]
        assert [each.seq for each in gone_back] == points
        assert sum(each.survived for each in gone_back) > 0
        assert await post.text_at(post.record.head_seq) == steps[-1].text


async def test_what_was_typed_in_place_stays_in_place(database_url: str) -> None:
    """Typed into a word that stays, before the restore is heard of."""
    steps = blog_post()
    seq = next(number for number, step in enumerate(steps, 1) if len(step.text) > 8000)
    word = "JSON CRDT"
    assert word in steps[seq - 1].text
    async with open_post(database_url) as post:
        token = post.api.app.token(post.key, "read", "write", subject="typist 1")
        async with typist(post.api.app, token, NAME, client_id=31, letter="①") as client:
            async with asyncio.TaskGroup() as tasks:
                restoring = tasks.create_task(post.restore(seq))
                await client.type(after=word)
            await all_see_the_same(post, [client])
            typed = await post.letters_in_log(restoring.result()["safety_version"]["seq"], "typist 1")
            expected = steps[seq - 1].text
            assert client.text == (expected.replace(word, f"{word}①", 1) if typed else expected)


async def test_opening_a_history_that_was_never_compacted_brings_every_state_near_a_snapshot(
    database_url: str,
) -> None:
    steps = blog_post()
    async with open_post(database_url) as post, AsyncExitStack() as stack:
        log, history = post.api.app.services.log, PostgresHistory(post.api.app.services.database)
        viewer = await Dashboard(post.api.app, stack).signed_in(post.key.tenant, "viewer")
        page = (await viewer.get(f"/documents/history/{NAME}?at=9000")).text
        assert "Opened for the first time" in page
        assert (await log.open(post.key.tenant.id, NAME, create=False)).snapshot_seq == 0
        for asked in ("?at=9000&wait=yes", "?at=9000"):
            page = (await viewer.get(f"/documents/history/{NAME}{asked}")).text
            assert "Opened for the first time" not in page
            assert 'data-seq="9000"' in page
            assert 'class="activity ' in page
        key = (post.key.tenant.id, post.record.id)

        async def made() -> bool:
            return (await log.open(key[0], NAME, create=False)).snapshot_seq == len(steps)

        await eventually(made, within=90)
        for snapshot in await log.snapshots(*key):
            assert read_values(snapshot.state, {ROOT: RootKind.TEXT})[ROOT] == steps[snapshot.seq - 1].text
        for seq in (*range(1, len(steps), 701), len(steps)):
            material = await history.material(*key, seq=seq)
            assert len(material.updates) <= RUNG_ROWS
        assert len(await log.read(*key, after_seq=0, limit=1)) == 1  # looking deletes nothing
        assert (await log.open(key[0], NAME, create=False)).log_rows == len(steps)
