"""`python -m bench.isolation`: whether the time of an answer tells what one may not see.

Asks our server by turns for a document that somebody else has and for one that nobody has, and prints both
distributions. That the server does the same work is tested (tests/server/test_same_work.py); this is how the
clock sees it. Writes no page, since the figures are those of one machine at one moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

from bench.contestants import COMMAND_LINE, webhost_sync
from bench.measure import summarise
from bench.servers import Contestant, running

OWNER, ASKER = "bench", "asker"
FOREIGN, UNREADABLE = "mine/secret", "theirs/secret"
"""Of another tenant, where the asker's key would let it read; and of its own, where it wouldn't."""
CASES = {
    "of another tenant": (FOREIGN, "mine/nobody"),
    "of one's own tenant, without rights": (UNREADABLE, "theirs/nobody"),
}
PATHS = ("", "/history", "/state", "/versions", "/diagnosis", "/download")
CELL = "{:.2f}"


def main(
    rounds: Annotated[int, typer.Option(min=10, help="Questions of each kind and path.")] = 500,
) -> None:
    """Measure how long refusals take."""
    asyncio.run(measure(rounds, Console()))


async def measure(rounds: int, console: Console) -> None:
    """Print a row for each path and case: medians and slow answers of both, in milliseconds."""
    table = Table("Path", "Document", "there: p50", "p99", "not there: p50", "p99", "there is slower in")
    async with running(_server()) as server:
        url = httpx.URL(server.url("")).copy_with(scheme="http")
        async with httpx.AsyncClient(
            base_url=url.copy_with(raw_path=b"/"), params=url.params, trust_env=False
        ) as client:
            for path in PATHS:
                for case, names in CASES.items():
                    there, nowhere = await by_turns(
                        client, [f"/api/documents/{name}{path}" for name in names], rounds
                    )
                    one, other = summarise(there), summarise(nowhere)
                    cells = (one.p50_ms, one.p99_ms, other.p50_ms, other.p99_ms)
                    share = f"{slower_in(there, nowhere):.1%}"
                    table.add_row(path or "(content)", case, *map(CELL.format, cells), share)
    console.print(table)
    console.print("In 50% of all pairs: the time tells nothing.")


async def by_turns(
    client: httpx.AsyncClient, paths: Sequence[str], rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of each answer of the one and of the other path, asked for one after the other."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for path in [*paths] * 10:
        await client.get(path)
    for number in range(rounds * 2):
        which = number % 2 ^ number // 2 % 2  # the one first as often as the other
        began = time.perf_counter()
        answer = await client.get(paths[which])
        seconds[which].append(time.perf_counter() - began)
        if answer.status_code != 404:
            raise RuntimeError(f"{paths[which]} was answered with {answer.status_code}")
    return seconds


def slower_in(one: Sequence[float], other: Sequence[float]) -> float:
    """In which share of all pairs the one takes longer; equal ones count half. 0.5 where none differs."""
    ranks = sorted([(value, True) for value in one] + [(value, False) for value in other])
    won, smaller, at = 0.0, 0, 0
    while at < len(ranks):
        end = at
        while end < len(ranks) and ranks[end][0] == ranks[at][0]:
            end += 1
        ours = sum(is_one for _, is_one in ranks[at:end])
        won += ours * (smaller + (end - at - ours) / 2)
        smaller += end - at - ours
        at = end
    return won / (len(one) * len(other))


def _server() -> Contestant:
    """Ours, with a secret of another tenant and one of the asker's own."""
    ours = webhost_sync()
    scopes = "read,write,history,admin"
    return replace(
        ours,
        prepare=(
            (*COMMAND_LINE, "migrate"),
            (*COMMAND_LINE, "tenant", "create", OWNER),
            (*COMMAND_LINE, "document", "create", FOREIGN, "--tenant", OWNER),
            (*COMMAND_LINE, "tenant", "create", ASKER),
            (*COMMAND_LINE, "document", "create", UNREADABLE, "--tenant", ASKER),
            (
                *COMMAND_LINE,
                "key",
                "create",
                "--tenant",
                ASKER,
                "--scopes",
                scopes,
                "--documents",
                "mine/*",
                "--json",
            ),
        ),
    )


if __name__ == "__main__":
    typer.run(main)
