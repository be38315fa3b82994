"""`webhost-sync backup` and `webhost-sync verify`: make archives, list them, and prove them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from store import schema_version
from store.backup_runs import BackupRuns
from store.database import Database
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.making import Made, make_backup
from webhost_sync.backup.places import LATEST, find_archive, shelf_at
from webhost_sync.backup.restoring import chain_of
from webhost_sync.backup.retention import Keep, expired
from webhost_sync.backup.shelf import Entry, Shelf
from webhost_sync.backup.verifying import Verified, verify_chain
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.bars import BytesBar
from webhost_sync.cli.database import postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import day_and_time, note, print_json, print_table, say
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings

Result = TypeVar("Result")

Target = Annotated[
    str | None,
    typer.Argument(
        help="A folder, or s3://bucket/prefix.  [default: BACKUP_TARGET, or backups in DATA_DIR]",
        show_default=False,
    ),
]
KeepDaily = Annotated[
    int, typer.Option("--keep-daily", min=0, metavar="NUMBER", help="Keep the last of so many days.")
]
KeepWeekly = Annotated[
    int, typer.Option("--keep-weekly", min=0, metavar="NUMBER", help="And of so many weeks.")
]
KeepMonthly = Annotated[
    int, typer.Option("--keep-monthly", min=0, metavar="NUMBER", help="And of so many months.")
]
Where = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TARGET",
        help="Where backups lie.  [default: BACKUP_TARGET, or backups in DATA_DIR]",
    ),
]


def backup(
    target: Target = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what came since the newest backup there.")
    ] = False,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="SLUG", help="Only this tenant, both spaces.")
    ] = None,
    keep_daily: KeepDaily = 0,
    keep_weekly: KeepWeekly = 0,
    keep_monthly: KeepMonthly = 0,
    list_all: Annotated[bool, typer.Option("--list", help="List what is there, instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything that the database holds at this moment into one archive.

    Servers go on meanwhile. The archive is there whole or not at all. With any --keep-… older archives are
    deleted after a good backup; without, none is. Credentials of S3 come from AWS_ACCESS_KEY_ID and the like.

    Examples:

        webhost-sync backup

        webhost-sync backup /mnt/backups --incremental

        webhost-sync backup s3://acme-backups/sync --keep-daily 7 --keep-weekly 4 --keep-monthly 12
    """
    if incremental and tenant:
        raise typer.BadParameter("an increment is of the whole database; leave --tenant or --incremental out")
    settings = load_settings(quiet=True)
    where = target_of(settings, target)
    if list_all:
        _list(asyncio.run(shelf_at(where).entries()), where, as_json)
        return
    keep = Keep(keep_daily, keep_weekly, keep_monthly)
    shelf = shelf_at(where)

    async def work(url: str) -> tuple[Made, list[str]]:
        async with Database(url, statement_timeout=0) as database:
            await schema_version.check(database)
            with BytesBar("Backing up") as bar:
                made = await make_backup(
                    database, shelf, incremental=incremental, tenant=tenant, on_progress=bar.show
                )
        return made, await let_go(shelf, keep)

    made, deleted = with_url(settings, work)
    if as_json:
        print_json({**asdict(made), "deleted": deleted})
        return
    say(
        f"{made.name} is in {made.target}: {_size(made.size)} of {_size(made.raw_bytes)}, "
        f"{made.seconds:.1f} s"
    )
    note(f"{made.documents} documents with {made.log_rows} updates. Prove it: webhost-sync verify {LATEST}")
    for name in deleted:
        note(f"deleted {name}")


def verify(
    archive: Annotated[
        str,
        typer.Argument(help="`latest`, the name of an archive, or its path.", show_default=False),
    ] = LATEST,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """Prove an archive: read every byte, restore it into a scratch database, and compare.

    Tables are compared byte by byte, and every document is replayed. The scratch database is made on the
    server of DATABASE_URL, whose login must be allowed to make databases, and dropped at the end.

    Examples:

        webhost-sync verify latest

        webhost-sync verify /mnt/backups/webhost-20260501T120000000000Z-full.whsb --json
    """
    settings = load_settings(quiet=True)
    name, verified = with_url(settings, lambda url: prove(url, archive, target_of(settings, where)))
    if as_json:
        print_json({"archive": name, **asdict(verified)})
        return
    say(f"{name} is good: {verified.documents} documents replayed, {verified.rows} rows compared")
    if verified.quarantined:
        note(
            f"in quarantine when it was made, and so still: {', '.join(verified.quarantined)}", style="yellow"
        )


async def prove(url: str, archive: str, target: str) -> tuple[str, Verified]:
    """Verify an archive, and write down in the database what came out. Raises: CommandFailed, and as
    `verify_chain`."""
    shelf, name = await find_archive(archive, target)
    async with Database(url, statement_timeout=0) as database:
        await schema_version.check(database)
        runs = BackupRuns(database)
        try:
            with BytesBar("Verifying") as bar:
                verified = await verify_chain(url, shelf, await chain_of(shelf, name), on_progress=bar.show)
        except DamagedArchive as error:
            await runs.note_verified(name, datetime.now(UTC), str(error))
            raise CommandFailed(
                f"{name} is damaged: {error}. Don't rely on it: make a new backup, and look at its disk"
            ) from error
        await runs.note_verified(name, datetime.now(UTC), "")
    return name, verified


async def let_go(shelf: Shelf, keep: Keep) -> list[str]:
    """Delete what the rules don't keep, increments before what they build on; returns their names."""
    doomed = expired(await shelf.entries(), keep)
    for name in reversed(doomed):
        await shelf.delete(name)
    return doomed


def target_of(settings: Settings, chosen: str | None) -> str:
    return chosen or settings.backup_target or str(settings.data_dir / "backups")


def with_url(settings: Settings, work: Callable[[str], Awaitable[Result]]) -> Result:
    """Do the work with the URL of the schema's owner."""

    async def run(url: str) -> Result:
        return await work(url)

    with postgres_started(settings) as postgres:
        return asyncio.run(run(postgres.owner_url))


def _list(entries: tuple[Entry, ...], where: str, as_json: bool) -> None:
    if as_json:
        print_json([asdict(entry) for entry in entries])
    elif entries:
        print_table(
            ("ARCHIVE", "MADE (UTC)", "KIND", "SIZE"),
            [
                (entry.name, day_and_time(entry.moment), entry.kind, _size(entry.size))
                for entry in reversed(entries)
            ],
        )
    else:
        note(f"{where} holds no backup. Make one: webhost-sync backup")


def _size(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
