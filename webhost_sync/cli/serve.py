"""`webhost-sync serve`: the server of production."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from webhost_sync.cli.arguments import AsJson, EndsWithStdin, Host, Port
from webhost_sync.cli.database import postgres_ready
from webhost_sync.cli.output import print_json
from webhost_sync.cli.parent import stop_when_stdin_ends
from webhost_sync.cli.serving import check_schema, cookies_of, serve_until_stopped, tokens_of, url_of
from webhost_sync.cli.settings import load_settings
from webhost_sync.postgres import demand_production_settings
from webhost_sync.server import listen


def serve(
    host: Host = None,
    port: Port = None,
    projector: Annotated[
        bool,
        typer.Option(
            "--projector/--no-projector",
            help="Write the SQL tables in this process too, or leave that to `webhost-sync project`.",
        ),
    ] = True,
    descriptor: Annotated[
        int | None,
        typer.Option(
            "--fd", min=3, help="Serve on this inherited listening socket, instead of host and port."
        ),
    ] = None,
    until_stdin_ends: EndsWithStdin = False,
    as_json: AsJson = False,
) -> None:
    """Run the server until SIGTERM or Ctrl-C, then send everybody away in order and store what they sent.

    It never changes the schema: run `webhost-sync migrate` before a new version. Logs go to stderr.
    With --json the address is printed as soon as it listens, for a parent that chose port 0.

    Examples:

        webhost-sync serve --host 0.0.0.0 --port 8000

        webhost-sync serve --no-projector

        webhost-sync serve --port 0 --json
    """
    settings = load_settings(host=host, port=port)
    demand_production_settings(settings)
    tokens_of(settings)
    cookies_of(settings)
    if until_stdin_ends:
        stop_when_stdin_ends()
    with postgres_ready(settings) as postgres:
        check_schema(postgres.url)
        with listen(settings) if descriptor is None else socket.socket(fileno=descriptor) as listening:
            if as_json:
                print_json({"url": url_of(listening)})
            serve_until_stopped(settings, postgres.url, listening, projects=projector)
