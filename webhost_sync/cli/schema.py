"""`webhost-sync migrate`: bring the database to the schema of this program."""

from __future__ import annotations

from urllib.parse import urlsplit

from store import migrate as migrations
from store import schema_version
from store.extensions import PostGIS
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.database import postgres_ready
from webhost_sync.cli.output import note, print_json, say, working
from webhost_sync.cli.settings import load_settings
from webhost_sync.postgres import Postgres


def migrate(as_json: AsJson = False) -> None:
    """Run every missing migration, all of them or none, and turn PostGIS on where the server has it; safe to
    run again, and beside another.

    Works as MIGRATION_DATABASE_URL where that is set (the owner of the schema), else as DATABASE_URL,
    else on the embedded Postgres. Take a backup before you migrate production.

    Examples:

        webhost-sync migrate

        MIGRATION_DATABASE_URL=postgresql://owner@db/webhost webhost-sync migrate --json
    """
    settings = load_settings(quiet=True)
    with postgres_ready(settings) as postgres:
        before, after, postgis = migrate_database(postgres)
    if as_json:
        print_json({"before": before, "after": after, "postgis": postgis.version, "views": postgis.made})
    else:
        if before == after:
            say(f"The database has schema {after} already")
        else:
            say(f"The database has schema {after} now (before: {before or 'none'})")
        if postgis.made:
            say(f"PostGIS {postgis.version} is in use, by the views {', '.join(postgis.made)}")
    if postgis.hindrance:
        note(f"PostGIS: {postgis.hindrance}", style="yellow")


def migrate_database(postgres: Postgres) -> tuple[str | None, str, PostGIS]:
    """Migrate, and return the revision before and after, and what came of PostGIS. Raises: StoreError."""
    with working("Migrating the database"):
        before = migrations.current(postgres.owner_url)
        if before == schema_version.head():
            return before, before, migrations.turn_extensions_on(postgres.owner_url)
        postgis = migrations.upgrade(postgres.owner_url, server_login=_login(postgres))
        # An older program leaves a newer schema as it is.
        return before, migrations.current(postgres.owner_url) or schema_version.head(), postgis


def _login(postgres: Postgres) -> str | None:
    """The server's login where it is another than the one that migrates."""
    server, owner = urlsplit(postgres.url).username, urlsplit(postgres.owner_url).username
    return None if server == owner else server
