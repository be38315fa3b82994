"""`webhost-sync doctor`: what is wrong, and what to type."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from store.embedded import running
from store.postgres_errors import EmbeddedPostgresError
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.output import note, out, print_json, working
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.ops.doctor.client import server_at, visit
from webhost_sync.ops.doctor.configuration import deployment
from webhost_sync.ops.doctor.examination import examine
from webhost_sync.ops.doctor.report import Finding, Verdict, failed, worst
from webhost_sync.postgres import FOLDER
from webhost_sync.redaction import Redactor

KEY_VARIABLE = "WEBHOST_SYNC_KEY"
STDIN = "-"
_STYLES = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "red",
    Verdict.NOT_APPLICABLE: "dim",
}


def doctor(
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Examine the server there, from a client's side."),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", metavar="VARIABLE", help="With --url: the variable that holds a key; `-` reads stdin."
        ),
    ] = KEY_VARIABLE,
    document: Annotated[
        str | None,
        typer.Option("--document", metavar="NAME", help="With --url: only read this one, and write nothing."),
    ] = None,
    deploy: Annotated[
        bool, typer.Option("--deploy", help="Examine the settings, as production needs them.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything that is known to go wrong; each finding comes with what to do. Changes nothing.

    Exit code 1 if something failed; warnings are shown and count with --strict only. Never prints a secret.

    Examples:

        webhost-sync doctor

        webhost-sync doctor --deploy --strict

        WEBHOST_SYNC_KEY=… webhost-sync doctor --url https://sync.example
    """
    settings = load_settings(quiet=True)
    with working("Looking"):
        findings = _findings(settings, url, key, document, deploy)
    if as_json:
        redact = Redactor().text
        shown = [asdict(each) | {"evidence": redact(each.evidence)} for each in findings]
        print_json({"verdict": worst(findings).value, "findings": shown})
    else:
        _print(findings)
    verdict = worst(findings)
    if verdict is Verdict.FAILED or (strict and verdict is Verdict.WARNING):
        raise typer.Exit(1)


def _findings(
    settings: Settings, url: str | None, key: str, document: str | None, deploy: bool
) -> list[Finding]:
    if url is not None:
        try:
            server = server_at(url)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        return asyncio.run(visit(server, _credential(key), document))
    if deploy:
        return deployment(settings)
    try:
        database_url = _database_url(settings)
    except EmbeddedPostgresError as error:
        return [failed("embedded Postgres", str(error), "read the words before; docs/troubleshooting.md")]
    return asyncio.run(examine(settings, database_url))


def _credential(key: str) -> str | None:
    """A key on the command line could be read by everybody on the machine."""
    if key.startswith("whs_"):
        raise typer.BadParameter("it is the name of a variable, never the key; `-` reads it from stdin")
    if key == STDIN:
        return sys.stdin.readline().strip() or None
    return os.environ.get(key, "").strip() or None


def _database_url(settings: Settings) -> str | None:
    """The owner's, since rows of all tenants are looked at. An embedded Postgres is never started here."""
    for chosen in (settings.migration_database_url, settings.database_url):
        if chosen is not None and chosen.get_secret_value():
            return chosen.get_secret_value()
    return running(settings.data_dir / FOLDER)


def _print(findings: Sequence[Finding]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("CHECK", no_wrap=True)
    table.add_column("VERDICT", no_wrap=True)
    table.add_column("FOUND, AND WHAT TO DO", overflow="fold")
    redact = Redactor().text
    for each in findings:
        text = redact(each.evidence) + (f"\n→ {each.remedy}" if each.remedy else "")
        table.add_row(Text(each.check), Text(each.verdict, style=_STYLES[each.verdict]), Text(text))
    out().print(table)
    counts = {verdict: sum(each.verdict is verdict for each in findings) for verdict in Verdict}
    note(f"{counts[Verdict.FAILED]} failed, {counts[Verdict.WARNING]} warnings, {counts[Verdict.OK]} fine")
