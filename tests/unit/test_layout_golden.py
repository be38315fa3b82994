"""The golden file, the script that writes it and the page that explains it agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.make_layout import vectors
from tests.golden.read import golden
from webhost_sync.fleet.quality import PositionFlag

PAGE = Path(__file__).parents[2] / "docs" / "layout.md"


def test_the_golden_file_is_what_its_script_writes() -> None:
    assert json.loads(json.dumps(vectors())) == golden("layout.json")


@pytest.mark.parametrize("about", ["three fixes a second apart", "two fixes with optional columns"])
def test_the_worked_examples_are_golden(about: str) -> None:
    (chunk,) = [
        vector["hex"] for vector in golden("layout.json", "chunks", "good") if vector["about"] == about
    ]
    assert chunk in "".join(PAGE.read_text().split())


@pytest.mark.parametrize("flag", PositionFlag)
def test_every_flag_is_on_the_page(flag: PositionFlag) -> None:
    assert f"| {flag.value} | {flag.name} |" in PAGE.read_text()
