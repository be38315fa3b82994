"""Templates as they were compiled by an earlier process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from webhost_sync.dashboard.compiled import Compiled

Make = Callable[..., Environment]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """The environment of a new process over the same files; `shout` is its filter."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "kept"))
    templates = tmp_path / "makers" / "templates"
    templates.mkdir(parents=True)
    (templates / "page.html").write_text("{{ 'hello' | shout }}")
    (tmp_path / "makers" / "words.py").write_text("upper")

    def made(shout: Callable[[str], str] = str.upper) -> Environment:
        made = Environment(loader=FileSystemLoader(templates), bytecode_cache=Compiled(tmp_path / "makers"))
        made.filters["shout"] = shout
        return made

    return made


def render(environment: Environment) -> str:
    return environment.get_template("page.html").render()


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_template_is_compiled_once_for_all_processes(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert render(make()) == "HELLO"
    assert len(kept(tmp_path / "kept")) == 1
    another = make()
    monkeypatch.setattr(Environment, "compile", None)  # calling it would fail
    assert render(another) == "HELLO"


def test_a_template_that_was_changed_is_compiled_anew(make: Make, tmp_path: Path) -> None:
    assert render(make()) == "HELLO"
    (tmp_path / "makers" / "templates" / "page.html").write_text("{{ 'good-bye' | shout }}")
    assert render(make()) == "GOOD-BYE"


def test_a_filter_that_was_changed_has_every_template_compiled_anew(make: Make, tmp_path: Path) -> None:
    assert render(make()) == "HELLO"
    (tmp_path / "makers" / "words.py").write_text("title")
    assert render(make(str.title)) == "Hello"


def test_what_is_kept_and_no_code_is_compiled_anew(make: Make, tmp_path: Path) -> None:
    assert render(make()) == "HELLO"
    (path,) = kept(tmp_path / "kept")
    path.write_bytes(path.read_bytes()[:-20])
    assert render(make()) == "HELLO"


def test_a_folder_that_can_not_be_written_keeps_nobody_from_a_page(make: Make, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder would be")
    assert render(make()) == "HELLO"


def test_a_process_that_is_to_write_no_bytecode_writes_none(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert render(make()) == "HELLO"
    assert not kept(tmp_path / "kept")
