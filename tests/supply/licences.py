"""Writes docs/licences.md: what the server and the SDK consist of, under which licences.

In: the locks, and what is installed (pip-licenses; npm's lock names licences itself). A package that this
machine doesn't install (other systems, other Pythons) keeps the line that the page had.
`python -m tests.supply.licences` writes the page; a test holds it to the locks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "licences.md"
SDK = REPOSITORY / "js-sdk"

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
}
"""Licences under which everything may be that we hand on with our own. MPL-2.0 is for files as they are."""

# How packages write their licences, and how SPDX does.
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_HEAD = """\
# Licences

webhost-sync is under the [MIT licence](../LICENSE). What it stands on is listed here, from the locks, by \
`make licences`; a test holds the page to them, and each licence to a list of allowed ones.

## The server

Python packages of `requirements.lock`. Some are installed on some systems only; `otel`, `redis` and `s3` \
are extras.

"""
_SDK = """
## The SDK

npm packages that an app gets with the SDK, and those that it brings itself (peers), as \
`js-sdk/package-lock.json` has them.

"""
_TABLE = "| package | version | licence |\n| --- | --- | --- |\n"
_REST = """
## In the package itself

| part | version | licence |
| --- | --- | --- |
| htmx (pages of the dashboard) | 2.0.11 | 0BSD |
| maplibre-gl (maps of the dashboard) | 6.17.0 | BSD-3-Clause |

The map's coasts, borders, lakes and states are Natural Earth's (public domain), its names of towns \
GeoNames' (CC BY 4.0); the map says so in its corner.

Tools of tests and of building are not handed on, and not listed; `requirements-dev.lock` and the \
`package-lock.json` beside each `package.json` have them.
"""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One package in one version. `licence` is an SPDX expression."""

    name: str
    version: str
    licence: str

    @property
    def is_allowed(self) -> bool:
        """Whether every licence that has to be kept is allowed; of "A OR B" one will do."""
        return all(
            any(choice.strip() in ALLOWED for choice in part.split(" OR "))
            for part in re.split(r" AND ", self.licence.strip("()"))
        )


def locked() -> list[tuple[str, str]]:
    """Names and versions of `requirements.lock`."""
    text = (REPOSITORY / "requirements.lock").read_text()
    return re.findall(r"^([a-z0-9._-]+)==([^ \\;]+)", text, re.MULTILINE)


def installed() -> dict[str, str]:
    """The licence of each Python package that is installed here."""
    command = [str(Path(sys.executable).parent / "pip-licenses"), "--format=json", "--with-system"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {_name(package["Name"]): _spdx(package["License"]) for package in listed}


def written() -> dict[tuple[str, str], str]:
    """The licences that the page has, by name and version."""
    rows = (
        re.findall(r"^\| (?!package|part|---)([^|]+?) \| (\S+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
        if PAGE.exists()
        else []
    )
    return {(name, version): licence for name, version, licence in rows}


def python_parts() -> list[Part]:
    """Raises: KeyError for a package that is neither installed here nor on the page."""
    here, before = installed(), written()
    return sorted(
        Part(name, version, here[name] if name in here else before[name, version])
        for name, version in locked()
    )


def npm_parts() -> list[Part]:
    lock = json.loads((SDK / "package-lock.json").read_text())["packages"]
    peers = lock[""]["peerDependencies"]
    parts = set()
    for path, package in lock.items():
        name = path.rpartition("node_modules/")[2]
        if path and (not package.get("dev") or (name in peers and path.count("node_modules/") == 1)):
            parts.add(Part(name, package["version"], package["license"]))
    return sorted(parts)


def page() -> str:
    return _HEAD + _table(python_parts()) + _SDK + _table(npm_parts()) + _REST


def _table(parts: list[Part]) -> str:
    return _TABLE + "".join(f"| {part.name} | {part.version} | {part.licence} |\n" for part in parts)


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _spdx(text: str) -> str:
    return " AND ".join(dict.fromkeys(_SPDX.get(part, part) for part in text.split("; ")))


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.relative_to(REPOSITORY)}\n")
