"""`webhost-sync maintenance weekly` and `monthly`: what a timer runs so that nobody has to think of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from store import schema_version
from store.contract import Document, StoreError
from store.database import Database
from store.tenants import Tenants
from webhost_sync import opening
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.making import make_backup
from webhost_sync.backup.places import LATEST, shelf_at
from webhost_sync.backup.retention import Keep
from webhost_sync.backup.shelf import ShelfError
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.backup import (
    KeepDaily,
    KeepMonthly,
    KeepWeekly,
    Target,
    let_go,
    prove,
    target_of,
)
from webhost_sync.cli.bars import BytesBar
from webhost_sync.cli.check import find_problems
from webhost_sync.cli.database import postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.maintenance import commands
from webhost_sync.cli.output import note, print_json, print_table, working
from webhost_sync.cli.progress import Bars
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.errors import SyncError
from webhost_sync.sync.compactor import compact
from webhost_sync.sync.document import BrokenDocument

PAGE = 500
ENOUGH_ROWS = 100
"""A document with fewer rows since its last snapshot is left for another time."""


@dataclass
class Report:
    """What was done, step by step; it goes on after a step that failed."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[dict[str, Any]]:
        began = time.monotonic()
        entry: dict[str, Any] = {"step": name, "ok": True, "what": ""}
        try:
            with working(name):
                yield entry
        except (StoreError, ShelfError, DamagedArchive, SyncError, CommandFailed) as error:
            entry.update(ok=False, what=str(error))
        entry["seconds"] = round(time.monotonic() - began, 1)
        self.steps.append(entry)

    @property
    def failed(self) -> list[str]:
        return [entry["step"] for entry in self.steps if not entry["ok"]]


@commands.command("weekly")
def weekly(
    target: Target = None,
    keep_daily: KeepDaily = 7,
    keep_weekly: KeepWeekly = 5,
    keep_monthly: KeepMonthly = 12,
    as_json: AsJson = False,
) -> None:
    """Make a whole backup, prove it, delete old ones, check what is stored, fold long logs, and refresh the
    planner's statistics.

    Servers go on meanwhile. Meant for cron or a systemd timer; exits with 1 when a step failed, after all of
    the others were done.

    Examples:

        webhost-sync maintenance weekly

        webhost-sync maintenance weekly s3://acme-backups/sync --json
    """
    _run(target, Keep(keep_daily, keep_weekly, keep_monthly), "analyze", as_json)


@commands.command("monthly")
def monthly(
    target: Target = None,
    keep_daily: KeepDaily = 7,
    keep_weekly: KeepWeekly = 5,
    keep_monthly: KeepMonthly = 12,
    as_json: AsJson = False,
) -> None:
    """As `weekly`, and give the space of deleted rows back to their tables (VACUUM).

    Examples:

        webhost-sync maintenance monthly
    """
    _run(target, Keep(keep_daily, keep_weekly, keep_monthly), "vacuum (analyze)", as_json)


def _run(target: str | None, keep: Keep, statement: str, as_json: bool) -> None:
    settings = load_settings(quiet=True)
    with postgres_started(settings) as postgres:
        report = asyncio.run(
            _maintain(settings, postgres.owner_url, target_of(settings, target), keep, statement)
        )
    if as_json:
        print_json({"ok": not report.failed, "steps": report.steps})
    else:
        rows = [
            (entry["step"], "done" if entry["ok"] else "FAILED", f"{entry['seconds']} s", entry["what"])
            for entry in report.steps
        ]
        print_table(("STEP", "RESULT", "TOOK", "WHAT"), rows, fixed=3)
    if report.failed:
        note(f"failed: {', '.join(report.failed)}; what it says tells why", style="red")
        raise typer.Exit(1)


async def _maintain(settings: Settings, url: str, target: str, keep: Keep, statement: str) -> Report:
    report = Report()
    shelf = shelf_at(target)
    async with Database(url, statement_timeout=0) as database:
        await schema_version.check(database)
        async with report.step("backup") as entry:
            with BytesBar("Backing up") as bar:
                made = await make_backup(database, shelf, on_progress=bar.show)
            entry["what"] = f"{made.name}, {made.size} bytes, {made.documents} documents"
        if not report.failed:
            async with report.step("verify") as entry:
                _, verified = await prove(url, LATEST, target)
                entry["what"] = f"{verified.documents} documents replayed, {verified.rows} rows compared"
        if not report.failed:  # an old backup is worth more than a new one that is damaged
            async with report.step("retention") as entry:
                deleted = await let_go(shelf, keep)
                entry["what"] = f"{len(deleted)} archives deleted"
        async with report.step("check") as entry:
            with Bars() as bars:
                problems = await find_problems(settings, url, None, False, bars)
            still_open = sum(each.is_open for each in problems)
            entry.update(ok=not still_open, what=f"{still_open} problems; see `webhost-sync check`")
        async with report.step("fold logs") as entry:
            folded, trimmed = await _fold_logs(settings, url, database)
            entry["what"] = f"{folded} documents folded, {trimmed} rows of their logs trimmed"
        async with report.step(statement.split()[0]) as entry:
            await _outside_transaction(database, statement)
            entry["what"] = "every table"
    return report


async def _fold_logs(settings: Settings, url: str, database: Database) -> tuple[int, int]:
    """Snapshot and trim what has grown since its last snapshot, as the server's compactor does."""
    folded = trimmed = 0
    keep_since = datetime.now(UTC) - timedelta(days=settings.history_days)
    async with opening.open_past(settings, url) as (store, past):
        for space in await Tenants(database).all():
            after = ""
            while page := await store.log.documents(space.id, after=after, limit=PAGE):
                for record in filter(_has_grown, page):
                    try:
                        trimmed += await compact(
                            store.log, record, keep_since=keep_since, prepare=past.thinner.prepare
                        )
                        folded += 1
                    except BrokenDocument:
                        continue  # it is folded when somebody opens it and what breaks it is set aside
                after = page[-1].name
    return folded, trimmed


def _has_grown(record: Document) -> bool:
    return record.head_seq - record.snapshot_seq >= ENOUGH_ROWS


async def _outside_transaction(database: Database, statement: str) -> None:
    async with database.owner_connection() as connection:
        await connection.execute(statement)
