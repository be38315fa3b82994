"""The site: built without a warning, whole, and asking nobody outside for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, REPOSITORY

FETCHES = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page of the site points to, loads, and can be pointed at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if identifier := values.get("id"):
            self.ids.add(identifier)
        if tag == "a" and (target := values.get("href")):
            self.links.append(target)
        if (name := FETCHES.get(tag)) and (address := values.get(name)) and values.get("rel") != "canonical":
            self.loads.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. `--strict` makes an error of every warning: a broken link or anchor, a lost page."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # The theme's makers warn of a mkdocs to come, which is no matter of this site.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """The pages by their path in the site."""
    found = {path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")}
    return {path: page for path, page in found.items() if path != "404.html"}


def test_every_link_and_every_anchor_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            there = (site / path).parent / unquote(parts.path) if parts.path else site / path
            name = there.resolve().relative_to(site.resolve()).as_posix()
            anchors = pages[name].ids | {"", "__top"} if name in pages else {""}
            if not there.exists() or unquote(parts.fragment) not in anchors:
                broken.append(f"{path} -> {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    for path, page in pages.items():
        assert [address for address in page.loads if urlsplit(address).netloc] == [], path
    for style in site.rglob("*.css"):
        assert re.findall(r"url\(['\"]?(?:https?:)?//", style.read_text()) == [], style.name


def test_every_page_of_the_repository_is_on_the_site(pages: dict[str, Page]) -> None:
    sys.path.insert(0, str(REPOSITORY / "docs" / "site"))
    from hooks import OUTSIDE  # type: ignore[import-not-found]

    sys.path.pop(0)
    expected = set()
    for page in PAGES:
        name = page.relative_to(REPOSITORY).as_posix()
        expected.add(OUTSIDE.get(name, name.removeprefix("docs/")).replace(".md", ".html"))
    assert expected == set(pages)


def test_what_people_look_for_is_found_by_the_search(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text()
    for word in ("whenDurable", "TOKEN_SIGNING_SECRET", "quarantine", "compose.yaml"):
        assert word in index, word
