"""The docs name files, modules and pages; each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = [*sorted((REPOSITORY / "docs").glob("*.md")), *sorted(REPOSITORY.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in re.findall(
        r"`((?:tests|store|webhost_sync|docs|examples|bench)/[\w/.-]+\.\w+)", page.read_text()
    ):
        assert (REPOSITORY / name).exists(), f"{page.name} names {name}"


def test_the_modules_on_an_update_s_way_exist() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    for name in re.findall(r"\*\*`(?:(routes|sync|fleet)/(\w+)\.py)`\*\*", text):
        assert (REPOSITORY / "webhost_sync" / name[0] / f"{name[1]}.py").exists(), name
