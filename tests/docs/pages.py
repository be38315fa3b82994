"""The pages that people read, and what in them can be run: blocks, files to save, commands in text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/*.md"),
        *REPOSITORY.glob("examples/*/README.md"),
        REPOSITORY / "js-sdk" / "README.md",
    ]
)
SHELL = ("sh", "bash", "console")

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
_NAMED = re.compile(r"[Ss]ave this as `(?P<name>[\w./-]+)`:\s*\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; `saved_as` is the file that the sentence before it names, `line` where it begins."""

    language: str
    text: str
    line: int
    saved_as: str | None

    @property
    def script(self) -> str:
        """What is typed: in a console block what follows on the prompt."""
        if self.language != "console":
            return self.text
        return "".join(line[2:] for line in self.text.splitlines(keepends=True) if line.startswith("$ "))


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        indent = len(found["indent"])
        code = "".join(line[indent:] for line in found["text"].splitlines(keepends=True))
        named = _NAMED.search(text[: found.start()])
        yield Block(
            found["language"], code, text.count("\n", 0, found.start()) + 1, named["name"] if named else None
        )


def shell_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language in SHELL]


def spans(page: Path) -> list[str]:
    """The code in running text."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _BLOCK.sub("", page.read_text()))
