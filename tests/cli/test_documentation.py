"""docs/settings.md and docs/cli.md hold what the program has, and nothing that it hasn't."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from webhost_sync import config
from webhost_sync.cli.main import program
from webhost_sync.config import Settings

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`(.*?)`|none) \| (.+?) \| (.+) \|$", re.MULTILINE)


def documented_settings() -> dict[str, str | None]:
    """The settings of docs/settings.md with their defaults as they would be written in `.env`."""
    text = (DOCS / "settings.md").read_text()
    return {name: default or None for name, default, _, _ in ROW.findall(text)}


def as_written(default: object) -> str | None:
    if isinstance(default, float):
        return f"{default:g}"
    return None if default in (None, ()) else str(default)


def test_every_setting_is_documented_with_its_default() -> None:
    real = {name.upper(): as_written(field.default) for name, field in Settings.model_fields.items()}
    assert documented_settings() == real


def test_every_setting_says_in_the_code_what_it_means() -> None:
    (settings,) = (
        node for node in ast.parse(inspect.getsource(config)).body if isinstance(node, ast.ClassDef)
    )
    described = {
        field.target.id
        for field, after in zip(settings.body, settings.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }
    assert set(Settings.model_fields) - described == set()


def commands() -> Iterator[tuple[str, list[str], str]]:
    """Every command: its words, its options and arguments as they are typed, and its help."""
    root = get_command(program())
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        for child_name, child in getattr(command, "commands", {"": command}).items():
            parameters = [
                option if option.startswith("-") else option.upper()
                for parameter in child.params
                for option in (*parameter.opts, *parameter.secondary_opts)
                if option not in ("--help", "-h")
            ]
            yield f"{name} {child_name}".strip(), parameters, child.help or ""


def sections() -> dict[str, str]:
    """The parts of docs/cli.md by the command in their title."""
    parts = re.split(r"^### `webhost-sync (.+?)`$", (DOCS / "cli.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_is_documented() -> None:
    assert [name for name, _, _ in commands()] == list(sections())


@pytest.mark.parametrize(
    ("name", "parameters", "text"), list(commands()), ids=[name for name, _, _ in commands()]
)
def test_every_option_is_documented_and_every_help_has_an_example(
    name: str, parameters: list[str], text: str
) -> None:
    section = sections()[name]
    rows = re.findall(r"^\| `(.+?)` \|", section, flags=re.MULTILINE)
    documented = {word for row in rows for word in re.findall(r"--[a-z-]+|^[A-Z_]+", row)}
    assert documented == set(parameters)
    assert f"webhost-sync {name}" in text
