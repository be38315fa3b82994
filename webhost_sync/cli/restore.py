"""`webhost-sync restore`: a document from its own history, or whatever a backup holds.

With `--to` or `--version` it is about a document's history (`versions.py`); else about a backup.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlsplit

import typer

from webhost_sync.backup.documents import DocumentRestored, Outcome
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.manifest import read_name
from webhost_sync.backup.places import LATEST
from webhost_sync.backup.restoring import Restored
from webhost_sync.cli.arguments import AsJson, TestSpace
from webhost_sync.cli.backup import Where, target_of
from webhost_sync.cli.database import postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import note, print_json, say
from webhost_sync.cli.restoring import Wanted, restore_backup
from webhost_sync.cli.settings import load_settings
from webhost_sync.cli.versions import restore_document

WORDS = {
    Outcome.EDITED: "made what it was, by a new edit",
    Outcome.SAME: "is what it was",
    Outcome.PLACED: "was missing, and is back",
    Outcome.REPLACED: "replaced, under a new epoch",
    Outcome.QUARANTINED: "left alone: in quarantine; release it, or say --new-epoch",
    Outcome.DELETED: "left alone: deleted since; bring it back, or delete it for good first",
}


def restore(
    what: Annotated[
        str,
        typer.Argument(
            help="A document's name (with --to or --version); or `latest`, an archive's name or its path.",
            show_default=False,
        ),
    ],
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            metavar="SLUG",
            help="The document's tenant; of a backup, only this tenant.  [default: all of it]",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="POINT", help="The state to go back to: a seq, a time, or how long ago."
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="VERSION", help="Or a version: its name, or the start of its id."),
    ] = None,
    path: Annotated[
        str, typer.Option("--path", metavar="POINTER", help="Only this row or field, e.g. /rows/bus-7.")
    ] = "",
    document: Annotated[
        str | None, typer.Option("--document", metavar="NAME", help="Of a backup, only this document.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="DATABASE_URL", help="Another database than that of the settings."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="A database of the same server; made if missing."),
    ] = None,
    overwrite: Annotated[
        str | None,
        typer.Option(
            "--overwrite",
            metavar="NAME",
            help="Replace all that the database of this name holds; no server may run.",
        ),
    ] = None,
    new_epoch: Annotated[
        bool,
        typer.Option("--new-epoch", help="Let no replica of before merge into what is restored."),
    ] = False,
    where: Where = None,
    preview: Annotated[
        bool, typer.Option("--preview", "--dry-run", help="Show what would change; change nothing.")
    ] = False,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """Make a document, or one row or field of it, what it was; or put a backup back.

    From a document's history (--to, --version) it is a new edit like any other: connected clients see it,
    what they type meanwhile stays, and a safety version is kept.

    A backup goes whole into an empty database; with --tenant or --document, into the one in use, where each
    document gets such an edit, or is put in whole where it is missing (docs/backups.md).

    Examples:

        webhost-sync restore tables/vehicles --tenant acme --to 2h --preview

        webhost-sync restore tables/vehicles --tenant acme --to 4711 --path /rows/bus-7

        webhost-sync restore latest --database webhost_restored

        webhost-sync restore latest --tenant acme --document tables/vehicles --dry-run
    """
    if to is not None or version is not None:
        if tenant is None:
            raise typer.BadParameter("say whose document it is", param_hint="--tenant")
        if document or into or database or overwrite or new_epoch or where:
            raise typer.BadParameter("--to and --version are about a document's history, not about a backup")
        restore_document(what, tenant, to, version, path, preview, test, as_json)
        return
    if what != LATEST and read_name(what.rpartition("/")[2]) is None:
        raise typer.BadParameter(
            "say either --to POINT or --version VERSION; or name a backup: `latest`, or an archive as "
            "`webhost-sync backup --list` shows it"
        )
    if path:
        raise typer.BadParameter("--path needs --to or --version", param_hint="--path")
    if document is not None and tenant is None:
        raise typer.BadParameter("say whose document it is", param_hint="--tenant")
    if into is not None and database is not None:
        raise typer.BadParameter("say --into or --database, not both")
    settings = load_settings(quiet=True)
    wanted = Wanted(
        what,
        target_of(settings, where),
        into,
        database,
        overwrite,
        tenant,
        document,
        test,
        new_epoch,
        preview,
    )
    with postgres_started(settings) as postgres:
        try:
            done = asyncio.run(
                restore_backup(settings, postgres.owner_url, _login(postgres.url, postgres.owner_url), wanted)
            )
        except DamagedArchive as error:
            raise CommandFailed(
                f"the archive is damaged: {error}. Nothing was changed; restore an older one (`webhost-sync "
                "backup --list`)"
            ) from error
    _report(done, wanted, as_json)


def _report(done: Restored | list[DocumentRestored] | None, wanted: Wanted, as_json: bool) -> None:
    if done is None:
        if as_json:
            print_json({"dry_run": True, "whole": True})
        else:
            say("The archive is whole; the same without --dry-run puts it back")
        return
    if isinstance(done, Restored):
        if as_json:
            print_json(asdict(done))
            return
        say(f"Restored what {done.archives[-1]} holds: {done.documents} documents, {done.rows} rows")
        note(
            "Clients that were ahead bring back what they still have. Keys that were revoked and people who "
            "were removed since the backup are as they were then: look through them. "
            "Point DATABASE_URL here, and start the servers."
        )
        return
    if as_json:
        print_json({"dry_run": wanted.dry_run, "documents": [asdict(each) for each in done]})
        return
    for each in done:
        what = WORDS[each.outcome] if not wanted.dry_run else f"would be: {WORDS[each.outcome]}"
        changes = f" ({each.changes} changes)" if each.changes else ""
        say(f"{each.name}: {what}{changes}")


def _login(url: str, owner_url: str) -> str | None:
    return urlsplit(url).username if url != owner_url else None
