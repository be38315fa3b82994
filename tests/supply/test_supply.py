"""What the package consists of is known, allowed, and the same whoever builds it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.supply.audit import NPM, npm_folders
from tests.supply.licences import REPOSITORY, Part, installed, locked, npm_parts, python_parts, written

BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "webhost_sync", "store")


def test_the_page_of_licences_has_what_the_locks_have() -> None:
    """`make licences` writes it."""
    page, here = written(), installed()
    expected = {*locked(), *((part.name, part.version) for part in npm_parts()), *shipped()}
    assert {(name.partition(" ")[0], version) for name, version in page} == expected
    for (name, _), licence in page.items():
        if (name, _) in locked() and name in here:
            assert licence == here[name], name


def shipped() -> set[tuple[str, str]]:
    """Names and versions of what of others lies in the package itself: each with its licence beside it."""
    versions = {"htmx": r"htmx-([\d.]+)\.min", "maplibre-gl": r"maplibre-gl-js/blob/v([\d.]+)/"}
    static = REPOSITORY / "webhost_sync" / "dashboard" / "static"
    found = set()
    for licence in static.glob("*.LICENSE"):
        [script] = [path for path in static.glob(f"{licence.stem}*.*js") if "worker" not in path.name]
        version = re.search(versions[licence.stem], script.name + script.read_text()[:1000])
        assert version, licence.name
        found.add((licence.stem, version[1]))
    return found


def test_only_allowed_licences_are_handed_on() -> None:
    assert [part for part in [*python_parts(), *npm_parts()] if not part.is_allowed] == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR Apache-2.0)", True),
        ("GPL-3.0", False),
        ("UNKNOWN", False),
    ],
)
def test_of_licences_to_choose_from_one_must_be_allowed_and_of_others_all(
    licence: str, allowed: bool
) -> None:
    assert Part("a", "1", licence).is_allowed is allowed


def test_every_lock_of_npm_is_audited() -> None:
    there = {
        lock.parent
        for lock in REPOSITORY.rglob("package-lock.json")
        if not {"node_modules", ".cache", ".venv"} & {*lock.relative_to(REPOSITORY).parts}
    }
    assert there == set(npm_folders()), NPM


def test_the_wheel_is_the_same_byte_for_byte_wherever_and_whenever_it_is_built(tmp_path: Path) -> None:
    first = build(tmp_path / "here", modified=1_000_000_000)
    second = build(tmp_path / "elsewhere" / "deeper", modified=1_700_000_000)
    assert digest(first) == digest(second)
    names = zipfile.ZipFile(first).namelist()
    assert "webhost_sync/cli/main.py" in names
    assert any(name.startswith("store/migrations/versions/") for name in names)
    assert [name for name in names if "test" in name.split("/")[0]] == []


def build(folder: Path, *, modified: int) -> Path:
    """Build the wheel in a copy of its sources, whose files have the given time."""
    folder.mkdir(parents=True)
    for name in BUILT_FROM:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for path in folder.rglob("*"):
        os.utime(path, (modified, modified))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"],
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1764115200"},
        check=True,
        capture_output=True,
    )
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
