"""`webhost-sync check`: whether what is stored is whole, and repairing what can be repaired safely."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from store.fleet import PostgresFleet
from store.integrity import Integrity
from store.tenants import Tenants
from webhost_sync import opening
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.database import postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import note, print_json, print_table, say
from webhost_sync.cli.progress import Bars
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.ops.integrity.checking import Checker
from webhost_sync.ops.integrity.problems import Problem


def check(
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="SLUG", help="Only this one, both spaces.  [default: every tenant]"),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Do what can be done without losing anything, and say what.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read everything that is stored: logs, snapshots, and the SQL rows that follow from documents.

    Servers may run meanwhile. Exit code 0 when all is whole, or was repaired; 1 when something is left to do.

    Examples:

        webhost-sync check

        webhost-sync check --tenant acme --repair
    """
    settings = load_settings(quiet=True)
    with postgres_started(settings) as postgres, Bars() as bars:
        problems = asyncio.run(find_problems(settings, postgres.owner_url, tenant, repair, bars))
    if as_json:
        print_json({"problems": [{**asdict(each), "open": each.is_open} for each in problems]})
    else:
        _print(problems)
    if any(each.is_open for each in problems):
        raise typer.Exit(1)


async def find_problems(
    settings: Settings, url: str, slug: str | None, repairs: bool, bars: Bars
) -> list[Problem]:
    patient = settings.model_copy(update={"statement_timeout": 0.0})
    async with opening.open_store(patient, url) as store:
        spaces = [each for each in await Tenants(store.database).all() if slug in (None, each.slug)]
        if slug is not None and not spaces:
            raise CommandFailed(f"there is no tenant {slug!r}; `webhost-sync tenant list` shows all")
        fleet = PostgresFleet(store.database, store.changes)
        checker = Checker(Integrity(store.database), store.log, fleet, settings, repairs=repairs)
        problems: list[Problem] = []
        for space in spaces:
            bars.next(f"{space.slug} ({space.environment.value})")
            problems += await checker.check_space(space, lambda step: bars.show(step.done, step.total))
        return [*problems, *await checker.check_orphans(spaces)]


def _print(problems: Sequence[Problem]) -> None:
    if not problems:
        say("Everything that is stored is whole")
        return
    print_table(
        ("WHAT", "TENANT", "DOCUMENT", "FOUND", "DONE, OR TO DO"),
        [
            (
                each.kind,
                f"{each.tenant} ({each.environment})",
                each.document,
                each.what,
                "; ".join(part for part in (each.done, f"→ {each.remedy}" if each.remedy else "") if part),
            )
            for each in problems
        ],
        fixed=3,
    )
    left = sum(each.is_open for each in problems)
    note(f"{len(problems)} found, {len(problems) - left} repaired, {left} left to do")
