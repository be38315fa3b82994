"""Says what is missing on this machine before any test starts: `python -m tests.preflight`."""

from __future__ import annotations

import shutil
import subprocess
import sys

OLDEST_NODE = 20


def missing() -> list[str]:
    """What the tests need and this machine lacks, each with how to get it."""
    node = shutil.which("node")
    if node is None:
        return [
            f"Node.js {OLDEST_NODE} or newer, for the tests with the real npm clients: https://nodejs.org"
        ]
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return [f"Node.js {OLDEST_NODE} or newer; {node} is {version}: https://nodejs.org"]
    return []


def main() -> int:
    wanted = missing()
    for what in wanted:
        sys.stderr.write(f"missing: {what}\n")
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main())
