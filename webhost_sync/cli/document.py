"""`webhost-sync document`: list, make, delete and bring back documents, repair them, begin them anew."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from store.contract import Document
from store.lifecycle_contract import Damage, Deletion, Tombstone
from webhost_sync.cli.arguments import AsJson, DocumentName, TenantSlug, TestSpace
from webhost_sync.cli.lives import TenantLives, with_lives
from webhost_sync.cli.output import day_and_time, note, print_json, print_table, say
from webhost_sync.fleet.names import validate_name
from webhost_sync.lifecycle.keeper import Deleted
from webhost_sync.lifecycle.repair import Diagnosis

commands = typer.Typer(
    no_args_is_help=True, help="List, delete and bring back documents, repair them, begin them anew."
)

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask; it can't be taken back.")]


@commands.command("list")
def list_all(
    tenant: TenantSlug,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Only deleted ones, that can still be brought back.")
    ] = False,
    prefix: Annotated[str, typer.Option("--prefix", help="Only names that begin with this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many of them at most.")] = 100,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """List the documents of a tenant's space, by name.

    Examples:

        webhost-sync document list --tenant acme --prefix tables/

        webhost-sync document list --tenant acme --deleted
    """

    async def ask(at: TenantLives) -> list[Document] | list[Deletion]:
        if deleted:
            return await at.store.lifecycle.deletions(
                at.tenant_id, ["*"], prefix=prefix, after=None, limit=limit
            )
        return list(await at.store.log.documents(at.tenant_id, prefix=prefix, limit=limit))

    found = with_lives(tenant, ask, test=test)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        columns = ("NAME", "SEQ", "DELETED (UTC)", "BY", "UNTIL (UTC)")
        if not deleted:
            columns = ("NAME", "SEQ", "STATE", "WRITTEN (UTC)", "EPOCH")
        print_table(columns, [_row(each) for each in found], fixed=4)
    else:
        note("There is no deleted document." if deleted else "There is no document.")


@commands.command("tombstones")
def tombstones(
    tenant: TenantSlug,
    prefix: Annotated[str, typer.Option("--prefix", help="Only names that begin with this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many of them at most.")] = 100,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """List what stays of documents that were deleted for good, by name.

    Nobody makes a document under such a name by opening it; `document create` does.

    Examples:

        webhost-sync document tombstones --tenant acme
    """

    async def ask(at: TenantLives) -> list[Tombstone]:
        return await at.store.lifecycle.tombstones(
            at.tenant_id, ["*"], prefix=prefix, after=None, limit=limit
        )

    found = with_lives(tenant, ask, test=test)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        rows = [
            (each.name, str(each.head_seq), day_and_time(each.purged_at), each.purged_by, str(each.epoch))
            for each in found
        ]
        print_table(("NAME", "SEQ", "GONE SINCE (UTC)", "BY", "EPOCH"), rows, fixed=4)
    else:
        note("No document was deleted for good.")


@commands.command("create")
def create(name: DocumentName, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False) -> None:
    """Make a document; needed only under the name of one that was deleted for good.

    Examples:

        webhost-sync document create notes --tenant acme
    """

    async def work(at: TenantLives) -> tuple[Document, bool]:
        return await at.lives.keeper.create(at.tenant_id, validate_name(name), by=at.by)

    document, is_new = with_lives(tenant, work, test=test)
    _tell(document, f"{'Made' if is_new else 'There is already'} {name}; its epoch is", as_json)


@commands.command("delete")
def delete(
    name: DocumentName,
    tenant: TenantSlug,
    now: Annotated[bool, typer.Option("--now", help="For good, at once; also one deleted before.")] = False,
    yes: Yes = False,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """Delete a document: it looks like one that was never there, and its connections close.

    It can be brought back for DELETED_DOCUMENTS_DAYS; then, or with --now, nothing stays but a tombstone.

    Examples:

        webhost-sync document delete notes --tenant acme

        webhost-sync document delete notes --tenant acme --now --yes
    """
    if now:
        _confirm(f"Delete {name!r} and all of its history for good?", yes)

    async def work(at: TenantLives) -> Deleted:
        return await at.lives.keeper.delete(at.tenant_id, validate_name(name), by=at.by, now=now)

    done = with_lives(tenant, work, test=test, what="Deleting")
    if as_json:
        purged_at = None if done.tombstone is None else done.tombstone.purged_at
        print_json({**asdict(done.deletion), "purged_at": purged_at})
    elif done.tombstone is not None:
        say(f"Deleted {name} for good")
    else:
        say(f"Deleted {name}; it can be brought back until {day_and_time(done.deletion.purge_at)} UTC")
        where = f"{name} --tenant {tenant}{' --test' if test else ''}"
        note(f"Bring it back: webhost-sync document bring-back {where}")


@commands.command("bring-back")
def bring_back(
    name: DocumentName, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False
) -> None:
    """Bring a deleted document back, exactly as it was.

    Examples:

        webhost-sync document bring-back notes --tenant acme
    """

    async def work(at: TenantLives) -> Document:
        return await at.lives.keeper.bring_back(at.tenant_id, validate_name(name), by=at.by)

    _tell(with_lives(tenant, work, test=test), f"Brought back {name}; its epoch is", as_json)


@commands.command("diagnose")
def diagnose(
    name: DocumentName, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False
) -> None:
    """Say what of a document can't be read, what was put aside before, and what was done to it.

    Examples:

        webhost-sync document diagnose notes --tenant acme
    """

    async def work(at: TenantLives) -> Diagnosis:
        return await at.lives.repairer.diagnose(at.tenant_id, validate_name(name))

    found = with_lives(tenant, work, test=test, what="Reading the document")
    if as_json:
        print_json(asdict(found))
        return
    reason = f": {found.document.reason}" if found.document.reason else ""
    say(f"{name} is {found.document.state.value}{reason}")
    if found.damages:
        _print_damages(found.damages)
        note(f"Go on without: webhost-sync document release {name} --tenant {tenant}{' --test' * test}")
    for event in found.events:
        say(f"{day_and_time(event.at)} UTC  {event.action} by {event.actor}")


@commands.command("release")
def release(name: DocumentName, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False) -> None:
    """Let a document out of quarantine: what can't be read is put aside, whole, and the rest goes on.

    Clients that still have what is put aside bring it back when they connect.

    Examples:

        webhost-sync document diagnose notes --tenant acme

        webhost-sync document release notes --tenant acme
    """

    async def work(at: TenantLives) -> tuple[Document, tuple[Damage, ...]]:
        return await at.lives.repairer.release(at.tenant_id, validate_name(name), by=at.by)

    document, damages = with_lives(tenant, work, test=test, what="Reading the document")
    if as_json:
        print_json({**asdict(document), "aside": [asdict(damage) for damage in damages]})
        return
    say(f"Released {name}; it takes writes again")
    if damages:
        note("Put aside:")
        _print_damages(damages)


@commands.command("erase")
def erase(
    name: DocumentName, tenant: TenantSlug, yes: Yes = False, test: TestSpace = False, as_json: AsJson = False
) -> None:
    """Erase the history of a document: only what it holds now stays, under a new epoch.

    Updates, snapshots and versions are gone, also those with a name. Replicas of before never merge again.

    Examples:

        webhost-sync document erase notes --tenant acme --yes
    """
    _confirm(f"Erase all history of {name!r}?", yes)

    async def work(at: TenantLives) -> Document:
        return await at.lives.eraser.erase(at.tenant_id, validate_name(name), by=at.by)

    document = with_lives(tenant, work, test=test, what="Erasing")
    _tell(document, f"Erased the history of {name}; its epoch is now", as_json)


@commands.command("new-epoch")
def new_epoch(
    name: DocumentName, tenant: TenantSlug, test: TestSpace = False, as_json: AsJson = False
) -> None:
    """Begin a new epoch: all is kept, and no replica of before merges any more.

    For after a backup was put back that lacks what clients were told is saved.

    Examples:

        webhost-sync document new-epoch tables/vehicles --tenant acme
    """

    async def work(at: TenantLives) -> Document:
        return await at.lives.keeper.new_epoch(at.tenant_id, validate_name(name), by=at.by)

    _tell(with_lives(tenant, work, test=test), f"The epoch of {name} is now", as_json)


def _confirm(question: str, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter("this can't be taken back: say --yes where nobody can be asked")
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _tell(document: Document, done: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(document))
    else:
        say(f"{done} {document.epoch}")


def _row(each: Document | Deletion) -> tuple[str, ...]:
    seq = str(each.head_seq)
    if isinstance(each, Deletion):
        return each.name, seq, day_and_time(each.deleted_at), each.deleted_by, day_and_time(each.purge_at)
    return each.name, seq, each.state.value, day_and_time(each.updated_at), str(each.epoch)


def _print_damages(damages: tuple[Damage, ...]) -> None:
    rows = [
        (each.part.value, str(each.seq), day_and_time(each.at, "unknown"), each.actor or "", each.reason)
        for each in damages
    ]
    print_table(("PART", "SEQ", "STORED (UTC)", "BY", "WHY"), rows, fixed=4)
