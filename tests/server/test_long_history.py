"""A blog post as five authors wrote it, keystroke by keystroke: every state of it, and going back to some
while others type."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from store.contract import Document, NewUpdate
from store.history import PostgresHistory
from tests.app import Credential
from tests.eventually import eventually
from tests.server.api import Api, running_api
from tests.server.dashboard import Dashboard
from tests.server.typists import Typist, typist
from tests.trace import ROOT, blog_post
from webhost_sync.history.content import read_values
from webhost_sync.sync.compactor import RUNG_ROWS
from webhost_sync.sync.content import RootKind

NAME = "post"
PATH = f"/api/documents/{NAME}"


@dataclass(frozen=True)
class Post:
    api: Api
    key: Credential
    record: Document

    async def text_at(self, seq: int) -> str:
        answer = await self.api.get(f"{PATH}/state?at={seq}", self.key.text)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["roots"].get(ROOT, ""))

    async def restore(self, seq: int) -> dict[str, Any]:
        answer = await self.api.post_json(f"{PATH}/restore", self.key.text, {"at": seq})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert isinstance(found, dict)
        return found

    async def letters_in_log(self, after_seq: int, actor: str) -> int:
        """How many letters a typist sent after a seq, as the log has them: one in each update."""
        count = 0
        log = self.api.app.services.log
        while rows := await log.read(self.key.tenant.id, self.record.id, after_seq=after_seq):
            count += sum(row.payload.count(LETTERS[actor].encode()) for row in rows if row.actor == actor)
            after_seq = rows[-1].seq
        return count


LETTERS = {"typist 1": "①", "typist 2": "②"}


@asynccontextmanager
async def open_post(database_url: str) -> AsyncIterator[Post]:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant(), "read", "write", "history")
        log = api.app.services.log
        record = await log.open(key.tenant.id, NAME, create=True)
        steps = blog_post()
        for start in range(0, len(steps), 1000):
            updates = [
                NewUpdate(step.update, step.author, "", (step.client_id,))
                for step in steps[start : start + 1000]
            ]
            await log.append(key.tenant.id, record.id, updates, epoch=record.epoch)
        yield Post(api, key, await log.open(key.tenant.id, NAME, create=False))


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
    steps, chosen = blog_post(), random.Random(5)
    async with open_post(database_url) as post:
        app = post.api.app
        one_token, other_token = (app.token(post.key, "read", "write", subject=actor) for actor in LETTERS)
        async with (
            typist(app, one_token, NAME, client_id=31, letter=LETTERS["typist 1"]) as one,
            typist(app, other_token, NAME, client_id=32, letter=LETTERS["typist 2"]) as other,
        ):
            clients, survived = {"typist 1": one, "typist 2": other}, 0
            for seq in (chosen.randint(1, len(steps)) for _ in range(6)):
                done = await while_typing(post, clients, seq)
                await all_see_the_same(post, clients)
                assert done["complete"] is True
                text = one.text
                for letter in LETTERS.values():
                    text = text.replace(letter, "")
                assert text == steps[seq - 1].text
                for actor, client in clients.items():
                    typed_since = await post.letters_in_log(done["safety_version"]["seq"], actor)
                    assert one.text.count(client.letter) == typed_since
                    survived += typed_since
            assert survived > 0
            assert await post.text_at(post.record.head_seq) == steps[-1].text


async def while_typing(post: Post, clients: dict[str, Typist], seq: int) -> dict[str, Any]:
    """Restore in the middle of what all clients type."""
    async with asyncio.TaskGroup() as tasks:
        for client in clients.values():
            tasks.create_task(type_some(client, 30))
        return await tasks.create_task(post.restore(seq))


async def type_some(client: Typist, count: int) -> None:
    for _ in range(count):
        await client.type()
        await asyncio.sleep(0)


async def all_see_the_same(post: Post, clients: dict[str, Typist]) -> None:
    async def agree() -> bool:
        shown = (await post.api.get(PATH, post.key.text)).json()["roots"].get(ROOT, "")
        return all(client.text == shown for client in clients.values())

    await eventually(agree, within=30)


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
            await all_see_the_same(post, {"typist 1": client})
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
        assert (await viewer.get(f"/documents/history/{NAME}")).status_code == 200
        key = (post.key.tenant.id, post.record.id)

        async def made() -> bool:
            return (await log.open(key[0], NAME, create=False)).snapshot_seq == len(steps)

        await eventually(made, within=30)
        for snapshot in await log.snapshots(*key):
            assert read_values(snapshot.state, {ROOT: RootKind.TEXT})[ROOT] == steps[snapshot.seq - 1].text
        for seq in (*range(1, len(steps), 701), len(steps)):
            material = await history.material(*key, seq=seq)
            assert len(material.updates) <= RUNG_ROWS
        assert len(await log.read(*key, after_seq=0, limit=1)) == 1  # looking deletes nothing
        assert (await log.open(key[0], NAME, create=False)).log_rows == len(steps)
