"""What is shipped for deployments holds together, by the tools that read it and by the program itself."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

from tests.cli.processes import REPOSITORY
from webhost_sync.cli.main import program
from webhost_sync.config import Settings

DEPLOY = REPOSITORY / "deploy"
UNITS = DEPLOY / "systemd"
BIN = Path(sys.executable).parent
NOT_OURS = {"POSTGRES_PASSWORD", "SERVER_PASSWORD", "OWNER_PASSWORD", "PYTHONUNBUFFERED", "VERSION", "LISTEN"}
"""Variables of the files that are for others than the program."""
DRAIN = Settings.model_fields["drain_timeout"].default


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
    return loaded


def fly() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "fly" / "fly.toml").read_text())


def cloud_init() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "hetzner" / "cloud-init.yaml").read_text())
    return loaded


def unit(name: str) -> configparser.RawConfigParser:
    """A unit file; of a key that comes several times, all values, one a line."""

    class Several(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and key in self:
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = configparser.RawConfigParser(strict=False, dict_type=Several, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((UNITS / name).read_text())
    return parser


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every call of the program in the files, and where it stands."""
    for name, service in compose()["services"].items():
        if "build" in service:
            yield f"compose.yaml: {name}", service["command"]
    configuration = fly()
    yield "fly.toml: release_command", shlex.split(configuration["deploy"]["release_command"])
    for name, command in configuration["processes"].items():
        yield f"fly.toml: {name}", shlex.split(command)
    for path in sorted(UNITS.glob("*.service")):
        line = unit(path.name)["Service"]["ExecStart"]
        found = re.search(r"bin/webhost-sync\"? ([^']*)", line)
        assert found, path.name
        yield path.name, shlex.split(found[1])


def settings() -> Iterator[tuple[str, str]]:
    """Every variable that a file gives to the program."""
    for name, service in compose()["services"].items():
        if "build" in service:
            yield from ((f"compose.yaml: {name}", key) for key in service["environment"])
    yield from (("fly.toml", key) for key in fly()["env"])
    for path in UNITS.glob("*.service"):
        for line in unit(path.name)["Service"].get("Environment", "").splitlines():
            yield from ((path.name, word.partition("=")[0]) for word in shlex.split(line))
    made = subprocess.run(["sh", DEPLOY / "secrets.sh"], capture_output=True, text=True, check=True).stdout
    yield from (("secrets.sh", key) for key in re.findall(r"^([A-Z_]+)=", made, re.MULTILINE))
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    [block] = re.findall(r"^ENV PATH.*?(?=^[A-Z]+ )", dockerfile.split("FROM")[-1], re.DOTALL | re.MULTILINE)
    yield from (("Dockerfile", key) for key in re.findall(r"([A-Z_]+)=", block) if key != "PATH")


@pytest.mark.parametrize("folder", [".", "deploy/postgres"])
def test_a_dockerfile_passes_hadolint(folder: str) -> None:
    dockerfile = REPOSITORY / folder / "Dockerfile"
    checked = subprocess.run([BIN / "hadolint", dockerfile], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("where", "words"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_is_one_of_the_program(where: str, words: list[str]) -> None:
    command: Any = get_command(program())
    for word in words:
        if word.startswith("--"):
            assert word in {o for p in command.params for o in (*p.opts, *p.secondary_opts)}, where
        elif hasattr(command, "commands"):
            assert word in command.commands, where
            command = command.commands[word]


def test_every_variable_is_a_setting() -> None:
    known = {name.upper() for name in Settings.model_fields} | NOT_OURS
    assert [found for found in settings() if found[1] not in known] == []


def test_secrets_are_made_anew_each_time_and_long_enough() -> None:
    first, second = (
        subprocess.run(["sh", DEPLOY / "secrets.sh", "db"], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    values = [dict(re.findall(r"^([A-Z_]+)=(.+)$", text, re.MULTILINE)) for text in (first, second)]
    assert not set(values[0].values()) & set(values[1].values())
    assert len(values[0]["TOKEN_SIGNING_SECRET"]) == 64
    assert len(set(values[0].values())) == len(values[0])
    assert "@db:5432/" in values[0]["DATABASE_URL"]


# compose.yaml


def test_servers_wait_for_migrations_and_migrations_for_a_healthy_database() -> None:
    services = compose()["services"]
    assert services["migrate"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert services["migrate"]["restart"] == "no"
    for name in ("server", "projector"):
        conditions = services[name]["depends_on"]
        assert conditions["migrate"]["condition"] == "service_completed_successfully"
        assert services[name]["restart"] == "unless-stopped"
    for name, service in services.items():
        assert "healthcheck" in service, name
        for other in service.get("depends_on", ()):
            assert other in services


def test_each_service_gets_the_secrets_that_it_needs_and_no_others() -> None:
    services = compose()["services"]
    having = {
        secret: {name for name, service in services.items() if secret in service.get("environment", {})}
        for secret in ("MIGRATION_DATABASE_URL", "TOKEN_SIGNING_SECRET", "SECRET_KEY_BASE", "OWNER_PASSWORD")
    }
    assert having == {
        "MIGRATION_DATABASE_URL": {"migrate"},
        "TOKEN_SIGNING_SECRET": {"server"},
        "SECRET_KEY_BASE": {"server"},
        "OWNER_PASSWORD": {"db"},
    }


def test_nothing_is_open_to_the_network_unless_it_is_asked_for() -> None:
    ports = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert ports == {"server": ["${LISTEN:-127.0.0.1:8000}:8000"]}


def test_files_that_are_mounted_are_there_and_volumes_are_declared() -> None:
    configuration = compose()
    for service in configuration["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            there = (
                (REPOSITORY / source).exists()
                if source.startswith(".")
                else source in configuration["volumes"]
            )
            assert there, mount


def test_postgres_with_postgis_is_the_one_that_is_started_without() -> None:
    [plain] = re.findall(r":-([^}]+)\}", compose()["services"]["db"]["image"])
    [base] = re.findall(r"^FROM (.+)$", (DEPLOY / "postgres" / "Dockerfile").read_text(), re.MULTILINE)
    assert base == plain


# fly.toml


def test_fly_migrates_first_and_sends_nobody_to_a_server_that_is_not_ready() -> None:
    configuration = fly()
    assert configuration["deploy"]["release_command"] == "migrate"
    service = configuration["http_service"]
    assert service["processes"] == ["server"]
    assert [check["path"] for check in service["checks"]] == ["/health/ready"]
    assert service["auto_stop_machines"] == "off"
    machines = {process for machine in configuration["vm"] for process in machine["processes"]}
    assert machines == set(configuration["processes"])
    assert "--no-projector" in configuration["processes"]["server"]


@pytest.mark.parametrize(
    "patience",
    [
        fly()["kill_timeout"],
        compose()["services"]["server"]["stop_grace_period"],
        unit("webhost-sync.service")["Service"]["TimeoutStopSec"],
    ],
)
def test_nobody_kills_a_server_that_is_still_sending_its_clients_away(patience: str) -> None:
    assert float(patience.rstrip("s")) > DRAIN


def test_the_image_is_asked_whether_it_is_alive_and_has_a_user_of_its_own() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    assert "HEALTHCHECK" in text
    assert "/health/live" in text
    assert re.search(r"^USER \d+$", text, re.MULTILINE)


# A server of one's own


def test_cloud_init_is_made_of_keys_that_it_knows_and_opens_three_ports() -> None:
    text = (DEPLOY / "hetzner" / "cloud-init.yaml").read_text()
    configuration = cloud_init()
    assert text.startswith("#cloud-config\n")
    assert set(configuration) == {
        "package_update", "package_upgrade", "packages", "ssh_pwauth", "write_files", "runcmd"
    }  # fmt: skip
    assert all(isinstance(command, list) for command in configuration["runcmd"])
    allowed = {command[-1] for command in configuration["runcmd"] if command[:2] == ["ufw", "allow"]}
    assert allowed == {"22/tcp", "80/tcp", "443/tcp", "443/udp"}
    assert all(file["path"].startswith("/etc/") for file in configuration["write_files"])
    assert "SECRET" not in text


def test_the_firewall_of_the_cloud_and_that_of_the_machine_let_the_same_in() -> None:
    rules = json.loads((DEPLOY / "hetzner" / "firewall.json").read_text())
    assert {rule["direction"] for rule in rules} == {"in"}
    opened = {f"{rule['port']}/{rule['protocol']}" for rule in rules if "port" in rule}
    assert opened == {"22/tcp", "80/tcp", "443/tcp", "443/udp"}


def test_the_units_are_read_by_systemd(tmp_path: Path) -> None:
    """As far as one is here; on other machines the tests above have read them."""
    for path in UNITS.glob("webhost-sync*"):
        text = path.read_text().replace("/opt/webhost-sync/current/bin/webhost-sync", "/bin/true")
        (tmp_path / path.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
    if analyze := shutil.which("systemd-analyze"):
        units = sorted(map(str, tmp_path.iterdir()))
        checked = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True)
        complaints = [line for line in checked.stderr.splitlines() if "webhost-sync" in line]
        assert (checked.returncode, complaints) == (0, [])


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.name)
def test_each_service_is_in_a_box_and_waits_for_the_database(path: Path) -> None:
    service = unit(path.name)["Service"]
    assert service["User"] == "webhost"
    for wall in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces"):
        assert service[wall] == "yes", wall
    assert service["ProtectSystem"] == "strict"
    assert "postgresql.service" in unit(path.name)["Unit"]["After"]


OWNERS_UNITS = {"webhost-sync-migrate.service", "webhost-sync-backup.service", "webhost-sync-weekly.service"}


def test_the_owner_of_the_schema_is_given_to_migrations_and_backups_only() -> None:
    for path in UNITS.glob("*.service"):
        files = unit(path.name)["Service"]["EnvironmentFile"]
        assert ("owner.env" in files) == (path.name in OWNERS_UNITS), path.name


def test_backups_are_made_by_timers_that_make_up_for_what_was_missed() -> None:
    timers = sorted(UNITS.glob("*.timer"))
    assert [path.stem for path in timers] == ["webhost-sync-backup", "webhost-sync-weekly"]
    enabled = (UNITS / "install.sh").read_text()
    for path in timers:
        assert unit(path.name)["Timer"]["Persistent"] == "true"
        assert path.with_suffix(".service").exists()
        assert path.name in enabled


@pytest.mark.parametrize(
    "script", [path for path in DEPLOY.rglob("*.sh")], ids=lambda path: path.relative_to(DEPLOY).as_posix()
)
def test_scripts_are_understood_by_a_plain_shell_and_stop_at_errors(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)
    assert re.search(r"^set -eu$", script.read_text(), re.MULTILINE)
