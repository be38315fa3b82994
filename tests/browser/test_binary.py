"""Whoever runs the tests has a Chromium, or is told how to get one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser import packaged
from tests.browser.binary import NoBrowser, find_chromium

NOT_DOWNLOADED = Path("/nowhere/chromium")


def test_the_named_browser_is_taken_before_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "my-chromium"
    mine.touch(mode=0o755)
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert find_chromium(NOT_DOWNLOADED).executable == mine


def test_a_named_browser_that_is_not_there_is_not_silently_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/my-chromium")
    with pytest.raises(NoBrowser, match="/nowhere/my-chromium"):
        find_chromium(NOT_DOWNLOADED)


def test_without_any_browser_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packaged, "PACKAGE", tmp_path / "not-installed")
    with pytest.raises(NoBrowser, match="playwright install chromium"):
        find_chromium(NOT_DOWNLOADED)


def test_an_unpacking_that_was_interrupted_is_not_taken_for_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged, "CACHE", tmp_path)
    with monkeypatch.context() as without_node:
        without_node.setenv("PATH", str(tmp_path))
        with pytest.raises(RuntimeError, match=r"Node\.js"):
            packaged.unpacked()
    folder = packaged.unpacked()
    assert os.access(folder / "chromium", os.X_OK)
    assert packaged.unpacked() == folder
