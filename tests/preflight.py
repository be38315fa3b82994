"""Says what is missing on this machine before anything of npm is installed or any test starts:
`python -m tests.preflight`. Needs nothing but Python itself."""

from __future__ import annotations

import shutil
import subprocess
import sys

OLDEST_NODE = 20
WHERE = "https://nodejs.org, or your system's package manager"


def missing() -> list[str]:
    """What the tests need and this machine lacks, each with how to get it."""
    node = shutil.which("node")
    if node is None:
        return [f"Node.js {OLDEST_NODE} or newer, for the SDK and the real npm clients: {WHERE}"]
    wanted = []
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        wanted.append(f"Node.js {OLDEST_NODE} or newer; {node} is {version}: {WHERE}")
    if shutil.which("npm") is None:
        wanted.append(
            f"npm, which some systems package apart from Node.js (Debian: apt install npm): {WHERE}"
        )
    return wanted


def main() -> int:
    wanted = missing()
    for what in wanted:
        sys.stderr.write(f"missing: {what}\n")
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main())
