"""`webhost-sync dev`: everything on a laptop, with one command."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from store.database import Database
from webhost_sync import __version__
from webhost_sync.auth.tokens import Tokens
from webhost_sync.cli.arguments import AsJson, EndsWithStdin, Host, Port
from webhost_sync.cli.database import postgres_ready
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.output import print_json, say
from webhost_sync.cli.parent import stop_when_stdin_ends
from webhost_sync.cli.reload import serve_and_reload
from webhost_sync.cli.schema import migrate_database
from webhost_sync.cli.serving import serve_until_stopped, tokens_of, url_of
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.development import Credentials, development_credentials, development_link
from webhost_sync.postgres import Postgres
from webhost_sync.server import listen

SLUG = "dev"


def dev(
    host: Host = None,
    port: Port = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start the server again when a Python file of it changes.")
    ] = False,
    until_stdin_ends: EndsWithStdin = False,
    as_json: AsJson = False,
) -> None:
    """Run everything on this machine: Postgres, migrations, server and projector, with a key to try.

    Needs nothing but this program. The data lies in DATA_DIR (.data), and is found again at the next
    start; delete the folder to begin anew. Uses DATABASE_URL instead of the embedded Postgres if set.

    Examples:

        webhost-sync dev

        webhost-sync dev --port 9000 --reload
    """
    settings = load_settings(host=host, port=port)
    if settings.environment == "production":
        raise CommandFailed(
            "`dev` makes keys and migrates by itself, so it refuses ENVIRONMENT=production; "
            "use `webhost-sync migrate` and `webhost-sync serve`"
        )
    if until_stdin_ends:
        stop_when_stdin_ends()
    with listen(settings) as listening, postgres_ready(settings) as postgres:
        migrate_database(postgres)
        url = url_of(listening)
        credentials, link = asyncio.run(_credentials(settings, postgres, tokens_of(settings), url))
        _show(url, postgres, settings, credentials, link, as_json=as_json)
        if reload:
            serve_and_reload(settings, postgres.url, listening)
        else:
            serve_until_stopped(settings, postgres.url, listening, projects=True)


async def _credentials(
    settings: Settings, postgres: Postgres, tokens: Tokens, url: str
) -> tuple[Credentials, str]:
    """What programs sign in with, and the link by which a person does."""
    async with Database(postgres.owner_url) as database:
        credentials = await development_credentials(
            database,
            tokens,
            settings.data_dir,
            slug=SLUG,
            name="Development",
            lifetime=timedelta(seconds=settings.token_max_lifetime),
        )
        return credentials, await development_link(database, credentials.tenant, url=url)


def _show(
    url: str, postgres: Postgres, settings: Settings, credentials: Credentials, link: str, *, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "url": url,
                "dashboard_link": link,
                "tenant": credentials.tenant.slug,
                "key": credentials.key if credentials.made_now else None,
                "key_file": credentials.key_file,
                "token": credentials.token,
                "token_expires_at": credentials.token_expires_at,
            }
        )
        return
    where = f"embedded, in {settings.data_dir}" if postgres.embedded else "DATABASE_URL"
    sockets = f"{url.replace('http', 'ws', 1)}/sync"
    shown = f"{credentials.key}  (kept in {credentials.key_file})"
    say(f"webhost-sync {__version__}", style="bold")
    say(f"  server    {url}")
    say(f"  dashboard {link}")
    say("            (signs you in, once)")
    say(f"  sockets   {sockets}/{{document}}")
    say(f"  postgres  {where}")
    say(f"  tenant    {credentials.tenant.slug} ({credentials.tenant.environment.value})")
    say(f"  key       {shown if credentials.made_now else f'in {credentials.key_file}'}")
    say(f"  token     {credentials.token}")
    say(f"            (until {credentials.token_expires_at:%Y-%m-%d %H:%M} UTC)")
    say()
    say("  Try it from JavaScript (npm install yjs y-websocket ws):")
    say(f"    new WebsocketProvider('{sockets}', 'notes', new Y.Doc(), {{ params: {{ token }} }})")
    say("  Stop with Ctrl-C.")
    say()
