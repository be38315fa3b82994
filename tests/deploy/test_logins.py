"""The two logins that deployments make: migrations work as the one, servers as the other, and a server can't
do what is the owner's."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from store.embedded import embedded
from store.postgres_binaries import find_bin_dir
from tests.cli.processes import REPOSITORY, command
from tests.postgres import FAST_AND_FORGETFUL

SCRIPT = REPOSITORY / "deploy" / "postgres" / "logins.sh"


def made_secrets() -> dict[str, str]:
    printed = subprocess.run(
        ["sh", REPOSITORY / "deploy" / "secrets.sh"], capture_output=True, text=True, check=True
    ).stdout
    return dict(re.findall(r"^([A-Z_]+)=(.+)$", printed, re.MULTILINE))


def make_logins(environment: dict[str, str]) -> None:
    subprocess.run(["sh", SCRIPT], env=environment, check=True)


async def test_what_the_scripts_make_can_be_migrated_and_served(tmp_path: Path) -> None:
    secrets = made_secrets()
    with embedded(tmp_path / "postgres", settings=FAST_AND_FORGETFUL) as postgres:
        [socket] = parse_qs(urlsplit(postgres.url).query)["host"]
        psql = {"PATH": f"{find_bin_dir()}:{os.environ['PATH']}", "PGHOST": socket, "PGUSER": "postgres"}
        make_logins({**psql, **secrets})
        make_logins({**psql, **secrets})  # safe to run again
        settings = {
            name: value.replace("@127.0.0.1:5432/webhost", f"@/webhost?host={socket}")
            for name, value in secrets.items()
            if not name.startswith(("OWNER", "SERVER", "POSTGRES"))
        } | {"ENVIRONMENT": "production", "PORT": "0"}
        owners = {name: settings[name] for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "ENVIRONMENT")}
        with command(tmp_path, "migrate", "--json", **owners) as migrating:
            assert migrating.process.wait(60) == 0, migrating.log.read_text()
        servers = {name: value for name, value in settings.items() if name != "MIGRATION_DATABASE_URL"}
        with command(tmp_path, "serve", "--json", **servers) as serving:
            url = serving.document()["url"]
            async with httpx.AsyncClient(base_url=url) as client:
                health = await client.get("/health/ready", timeout=20)
            assert health.json()["status"] == "healthy"
            assert serving.stop() == 0

        server = await asyncpg.connect(settings["DATABASE_URL"])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.execute("select * from documents")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.execute("create table mine ()")
        await server.close()
