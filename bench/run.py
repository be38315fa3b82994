"""Runs every scenario on every server, one server at a time, and writes the tables.

The load generator is this process: it shares the machine with the server under test, for every
server in the same way.
"""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.client import ConnectionRefused
from bench.report import Result, Run, put_between_markers, to_json, to_markdown
from bench.scenarios import Plan, fan_out, joins, many_rooms
from bench.servers import Contestant, RunningServer, running

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "benchmarks.md"
NUMBERS = DOCS / "benchmarks.json"

Outcome = TypeVar("Outcome")
Scenario = Callable[[RunningServer, Plan], Awaitable[Outcome]]


async def measure(contestants: Sequence[Contestant], plan: Plan, command: str, console: Console) -> Run:
    """Measure each server in turn. Raises: CannotRun when one is not installed or does not start."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        for contestant in contestants:
            results.append(await measure_one(contestant, plan, progress))
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    return Run(date, machine(), command, plan, tuple(results))


async def measure_one(contestant: Contestant, plan: Plan, progress: Progress) -> Result:
    """Run the three scenarios on one server, which lives through all of them."""

    async def attempt(title: str, scenario: Scenario[Outcome], server: RunningServer) -> Outcome | str:
        task = progress.add_task(f"{contestant.name}: {title}", total=None)
        gc.collect()
        gc.disable()
        try:
            return await scenario(server, plan)
        except* (ConnectionRefused, TimeoutError, OSError) as failures:
            failed = f"failed: {first_leaf(failures)!r}"
        finally:
            gc.enable()
            progress.update(task, total=1, completed=1)
        return failed

    async with running(contestant) as server:
        return Result(
            contestant.name,
            contestant.version,
            contestant.visible_means,
            await attempt(f"one writer, {plan.readers} readers", fan_out, server),
            await attempt(f"{plan.rooms} rooms of two", many_rooms, server),
            await attempt(f"joining {plan.document_updates:,} updates", joins, server),
        )


def first_leaf(error: BaseException) -> BaseException:
    """The first error of a group that is no group itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def write(run: Run) -> None:
    """Put the tables into the page and the numbers beside it."""
    PAGE.write_text(put_between_markers(PAGE.read_text(), to_markdown(run)))
    NUMBERS.write_text(to_json(run))


def machine() -> str:
    """What it ran on, in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}, Python {platform.python_version()}"
