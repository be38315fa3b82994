"""`webhost-sync history` and `webhost-sync diff`: who did what to a document, and what changed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from store.history_contract import ALL_ACTIVITIES, ActivityFilter, Moment
from webhost_sync.cli.arguments import AsJson, DocumentName, TenantSlug, TestSpace, parse_point, parse_time
from webhost_sync.cli.change_text import change_lines
from webhost_sync.cli.output import day_and_time, note, out, print_json, print_table
from webhost_sync.cli.past import DocumentPast, with_past
from webhost_sync.history.archive import Difference, NamedActivity
from webhost_sync.history.json_form import change_json

SHOWN_NAMES = 3


def history(
    name: DocumentName,
    tenant: TenantSlug,
    test: TestSpace = False,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Only what went on then or later: a time, or how long ago."
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Only what had begun before then.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="WHO", help="Only this one's, as the list has it.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="Only what came from this device.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="So many of them at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who did what to a document, newest first.

    One line is what one writer (an actor with a device) did without a pause of more than a minute, for ten
    minutes at most. SEQS are the first and the last of its updates: give one to `diff` or `restore`.

    Examples:

        webhost-sync history tables/vehicles --tenant acme

        webhost-sync history notes --tenant acme --actor ada --from 7d

        webhost-sync history notes --tenant acme --limit 100 --json | jq -r '.[].actor' | sort | uniq -c
    """

    since = None if start is None else parse_time(start)
    until = None if end is None else parse_time(end)
    if since is not None and until is not None and since >= until:
        raise typer.BadParameter("--from has to be earlier than --to")
    wanted = ActivityFilter(actor, device, since, until)

    async def ask(document: DocumentPast) -> list[NamedActivity]:
        record = document.record
        return await document.past.archive.activities(
            record, up_to=record.head_seq, before=None, limit=limit, wanted=wanted
        )

    found = with_past(name, tenant, ask, test=test)
    if as_json:
        print_json(
            [{**asdict(each.activity), "touched": each.names, "touched_more": each.more} for each in found]
        )
    elif found:
        print_table(
            ("UNTIL (UTC)", "WHO", "SEQS", "UPDATES", "TOUCHED"), [_row(each) for each in found], fixed=4
        )
        last = found[0].activity.last_seq
        where = f"{name} --tenant {tenant}{' --test' if test else ''}"
        note(f"What changed last: webhost-sync diff {where} --from {last - 1} --to {last}")
    else:
        note(
            f"Nothing was ever written to {name!r}, or all of it is older than what is kept."
            if wanted == ALL_ACTIVITIES
            else f"Nothing that is kept of {name!r} fits."
        )


def diff(
    name: DocumentName,
    tenant: TenantSlug,
    before: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="POINT",
            help="One state: a seq, a time, or how long ago (4711, 2026-05-01T12:00:00Z, 2h).",
        ),
    ],
    after: Annotated[
        str | None, typer.Option("--to", metavar="POINT", help="The other state.  [default: now]")
    ] = None,
    test: TestSpace = False,
    as_json: AsJson = False,
) -> None:
    """Show what changed in a document between two points.

    `+` was added, `-` is gone, `~` is another; of texts, [-this-] was deleted and {+that+} inserted. With
    the later point first it shows what a restore would do.

    Examples:

        webhost-sync diff tables/vehicles --tenant acme --from 2h

        webhost-sync diff notes --tenant acme --from 4711 --to 4720 --json
    """
    points = (parse_point(before), None if after is None else parse_point(after))

    async def ask(document: DocumentPast) -> Difference:
        archive = document.past.archive
        one, other = [await archive.seq_at(document.record, point) for point in points]
        return await archive.difference(document.record, one, other)

    found = with_past(name, tenant, ask, test=test)
    if as_json:
        changes = [change_json(change) for change in found.changes]
        print_json({"from": asdict(found.before), "to": asdict(found.after), "changes": changes})
        return
    note(f"From {_moment(found.before)} to {_moment(found.after)}", style="bold")
    for change in found.changes:
        for line in change_lines(change):
            out().print(line, soft_wrap=True)
    if not found.changes:
        note("Nothing differs.")


def _row(each: NamedActivity) -> tuple[str, ...]:
    activity = each.activity
    who = f"{activity.actor} ({activity.device})" if activity.device else activity.actor
    hidden = len(each.names) - SHOWN_NAMES
    names = ", ".join(each.names[:SHOWN_NAMES])
    if hidden > 0 or each.more:
        names += f" and {f'{hidden} ' if not each.more else ''}more"
    seqs = f"{activity.first_seq}-{activity.last_seq}"
    return day_and_time(activity.ended_at), who, seqs, str(activity.updates), names


def _moment(moment: Moment) -> str:
    return f"seq {moment.seq} of {_to_the_second(moment.at)}"


def _to_the_second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
