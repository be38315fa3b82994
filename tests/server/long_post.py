"""A blog post in the log as five authors wrote it, and going back to points of it while others type.

    python -m tests.server.long_post [--points 100] [--seed 7]

goes back to a hundred points, one after another, and tells of each how many letters were typed meanwhile and
are there. It ends with an error at the first one that isn't exactly right.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from store.contract import Document, NewUpdate
from store.migrate import upgrade
from tests.app import Credential
from tests.eventually import eventually
from tests.postgres import create_database, postgres_cluster
from tests.server.api import Api, running_api
from tests.server.typists import Typist, typist
from tests.trace import ROOT, blog_post

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


LETTERS = {"typist 1": "①", "typist 2": "②"}
AT_MOST = 12
"""Letters that each types during one restore."""


@dataclass(frozen=True, slots=True)
class GoneBack:
    """What came of one restore: how many letters that were typed during it are there."""

    seq: int
    survived: int


async def go_back(post: Post, points: Sequence[int]) -> AsyncIterator[GoneBack]:
    """Restore each point while two clients type and a third one reads.

    Raises: AssertionError where not all of them, and the server, have exactly the text of that point and
    every letter that was typed since the restore began.
    """
    app, steps = post.api.app, blog_post()
    tokens = [app.token(post.key, "read", "write", subject=actor, lifetime=3600) for actor in LETTERS]
    reading = app.token(post.key, "read", subject="reader", lifetime=3600)
    async with (
        typist(app, tokens[0], NAME, client_id=31, letter=LETTERS["typist 1"]) as one,
        typist(app, tokens[1], NAME, client_id=32, letter=LETTERS["typist 2"]) as other,
        typist(app, reading, NAME, client_id=33, letter="") as reader,
    ):
        for seq in points:
            done = await while_typing(post, (one, other), seq)
            await all_see_the_same(post, (one, other, reader))
            assert done["complete"] is True
            letters = {ord(letter): None for letter in LETTERS.values()}
            assert reader.text.translate(letters) == steps[seq - 1].text, f"not the text of {seq}"
            survived = 0
            for actor, letter in LETTERS.items():
                typed = await post.letters_in_log(done["safety_version"]["seq"], actor)
                assert reader.text.count(letter) == typed, f"going back to {seq}: {actor} typed {typed}"
                survived += typed
            yield GoneBack(seq, survived)


async def while_typing(post: Post, clients: Sequence[Typist], seq: int) -> dict[str, Any]:
    """Restore while the clients type, each the next letter when the last one is stored."""
    restoring = asyncio.create_task(post.restore(seq))

    async def type_on(client: Typist) -> None:
        for _ in range(AT_MOST):
            await client.type()
            await eventually(lambda: client.stored == client.typed, within=90)
            if restoring.done():
                break

    await asyncio.gather(*map(type_on, clients))
    return await restoring


async def all_see_the_same(post: Post, clients: Sequence[Typist]) -> None:
    async def agree() -> bool:
        shown = (await post.api.get(PATH, post.key.text)).json()["roots"].get(ROOT, "")
        return all(client.text == shown for client in clients)

    await eventually(agree, within=90)


async def _go_back_to_all(database_url: str, count: int, seed: int) -> None:
    chosen, started, survived = random.Random(seed), time.monotonic(), 0
    points = [chosen.randint(1, len(blog_post())) for _ in range(count)]
    async with open_post(database_url) as post:
        number = 0
        async for each in go_back(post, points):
            number, survived = number + 1, survived + each.survived
            sys.stdout.write(f"{number:4d}  seq {each.seq:6d}  {each.survived:3d} letters stayed\n")
    sys.stdout.write(
        f"{count} restores are exactly right, {survived} letters stayed; {time.monotonic() - started:.0f} s\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with postgres_cluster() as server:
        url = asyncio.run(create_database(server))
        upgrade(url)
        asyncio.run(_go_back_to_all(url, options.points, options.seed))


if __name__ == "__main__":
    main()
