"""`webhost-sync versions`: states that are kept; and going back to one, for `webhost-sync restore`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from store.history_contract import Version, VersionKind
from webhost_sync.cli.arguments import AsJson, DocumentName, TenantSlug, TestSpace, parse_point
from webhost_sync.cli.change_text import change_lines
from webhost_sync.cli.database import operator
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import day_and_time, note, out, print_json, print_table, say
from webhost_sync.cli.past import DocumentPast, with_past
from webhost_sync.history.json_form import change_json
from webhost_sync.history.paths import path_of
from webhost_sync.history.restoring import Author, Restored

SHORT_ID = 8
LOOKED_THROUGH = 10_000
LONGEST_NAME = 200


def versions(
    name: DocumentName,
    tenant: TenantSlug,
    test: TestSpace = False,
    create: Annotated[
        str | None,
        typer.Option("--create", metavar="NAME", help="Keep a state for ever under this name, instead."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="POINT",
            help="Which state to keep: a seq, a time, or how long ago.  [default: now]",
        ),
    ] = None,
    delete: Annotated[
        str | None,
        typer.Option("--delete", metavar="VERSION", help="Forget this one instead: its name, or its id."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="So many of them at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the versions of a document, newest state first; or keep one, or forget one.

    `named` versions stay for ever. `safety` is the state of right before a restore. `automatic` is the last
    state of an hour, later of a day, whose single updates are too old to be kept.

    Examples:

        webhost-sync versions tables/vehicles --tenant acme

        webhost-sync versions tables/vehicles --tenant acme --create "before the move"

        webhost-sync versions notes --tenant acme --create "end of April" --at 2026-04-30T22:00:00Z

        webhost-sync versions tables/vehicles --tenant acme --delete "before the move"
    """
    if create is not None and delete is not None:
        raise typer.BadParameter("either --create or --delete")
    if at is not None and create is None:
        raise typer.BadParameter("--at says which state to keep; give it a name with --create")
    if create is not None:
        _check_name(create)
    point = None if at is None else parse_point(at)

    async def work(document: DocumentPast) -> list[Version]:
        past, record = document.past, document.record
        if delete is not None:
            gone = await _find(document, delete)
            return [await past.changes.forget(record, gone.id, deed=operator())]
        if create is None:
            return await past.archive.versions(record, before=None, limit=limit)
        seq = await past.archive.seq_at(record, point)
        return [await past.changes.keep(record, _author(), name=create.strip(), seq=seq, deed=operator())]

    found = with_past(name, tenant, work, test=test)
    where = f"{name} --tenant {tenant}{' --test' if test else ''}"
    if as_json:
        one = create is not None or delete is not None
        print_json(_document(found[0]) if one else [_document(version) for version in found])
    elif delete is not None:
        say(f"Deleted the version {found[0].name!r} of seq {found[0].seq}")
    elif found:
        _print(found)
        short = str(found[0].id)[:SHORT_ID]
        note(f"Go back: webhost-sync restore {where} --version {short} --preview")
    else:
        note(f"{name!r} has no version. Keep one: webhost-sync versions {where} --create NAME")


def _check_name(name: str) -> None:
    """As the API has it: it stands in lists."""
    if not name.strip():
        raise typer.BadParameter("a version needs a name", param_hint="--create")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise typer.BadParameter(
            f"a name is one line of at most {LONGEST_NAME} characters", param_hint="--create"
        )


def restore_document(
    name: str,
    tenant: str,
    to: str | None,
    version: str | None,
    path: str,
    preview: bool,
    test: bool,
    as_json: bool,
) -> None:
    """Make a document, or one row or field of it, what it was: `webhost-sync restore` with a point."""
    if (to is None) == (version is None):
        raise typer.BadParameter("say either --to POINT or --version VERSION")
    keys = path_of(path)
    point = None if to is None else parse_point(to)

    async def work(document: DocumentPast) -> Restored:
        past, record = document.past, document.record
        if version is None:
            seq = await past.archive.seq_at(record, point)
        else:
            seq = (await _find(document, version)).seq
        if preview:
            return await past.changes.preview(record, seq, keys)
        return await past.changes.restore(record, _author(), seq, keys, deed=operator())

    done = with_past(name, tenant, work, test=test)
    if as_json:
        print_json(
            {
                "seq": done.seq,
                "preview": preview,
                "complete": done.complete,
                "changes": [change_json(change) for change in done.changes],
                "safety_version": None if done.safety is None else _document(done.safety),
            }
        )
        return
    for change in done.changes:
        for line in change_lines(change):
            out().print(line, soft_wrap=True)
    _conclude(f"{name} --tenant {tenant}{' --test' if test else ''}", done)


def _conclude(where: str, done: Restored) -> None:
    if not done.changes:
        say("Nothing differs; nothing was changed")
    elif done.safety is None:
        note("This is what would change. The same without --preview does it.")
    else:
        say(f"Restored; the document is at seq {done.seq}")
        short = str(done.safety.id)[:SHORT_ID]
        note(f"Take it back: webhost-sync restore {where} --version {short}")
    if not done.complete:
        note(
            "Not everything could be made again: a document within the document, or the like.", style="yellow"
        )


async def _find(document: DocumentPast, wanted: str) -> Version:
    """The version of that name, the newest of several, or whose id begins like that."""
    found = await document.past.archive.versions(document.record, before=None, limit=LOOKED_THROUGH)
    named = [version for version in found if version.kind is VersionKind.NAMED and version.name == wanted]
    beginning = [
        version for version in found if str(version.id).startswith(wanted.lower()) and len(wanted) > 3
    ]
    if named:
        return max(named, key=lambda version: version.created_at)
    if len(beginning) == 1:
        return beginning[0]
    if any(version.name == wanted for version in found):
        raise CommandFailed(
            f"{wanted!r} is what a version was called that was kept by itself; say its id, as in "
            "`webhost-sync versions`"
        )
    problem = "several versions" if beginning else "no version"
    raise CommandFailed(f"{wanted!r} names {problem} of this document; `webhost-sync versions` lists them")


def _author() -> Author:
    return Author(operator().actor)


def _print(found: list[Version]) -> None:
    print_table(
        ("ID", "SEQ", "STATE OF (UTC)", "KIND", "BYTES", "BY", "NAME"),
        [
            (
                str(version.id)[:SHORT_ID],
                str(version.seq),
                day_and_time(version.at),
                version.kind.value,
                str(version.size),
                version.actor,
                version.name,
            )
            for version in found
        ],
        fixed=5,
    )


def _document(version: Version) -> dict[str, object]:
    return {**asdict(version), "kind": version.kind.value}
