"""Looks for known weaknesses of everything that is locked: `make audit`.

Asks the advisories of Python's and npm's registries. Where one can't be reached, or has no advisories,
that is said, and the exit code is 3: "not looked at" is not "clean". 1 is for weaknesses that were found.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
NPM = (
    "basemap",
    "js-sdk",
    "examples/fleet-pwa",
    "examples/node-device",
    "examples/plain-yjs",
    "tests/interop",
    "tests/postgis",
    "bench",
)


class Verdict(IntEnum):
    CLEAN = 0
    WEAK = 1
    NOT_LOOKED_AT = 3


def audit_python(lock: str) -> tuple[Verdict, str]:
    """Ask about one lock; the second value says what was found, or why nothing could be asked."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip"]
    options = ["--progress-spinner=off", "--format=json", "--requirement", lock]
    answer = _run([*command, *options], REPOSITORY)
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        return Verdict.NOT_LOOKED_AT, _last_line(answer.stderr)
    found = [
        f"{package['name']} {package['version']}: {weakness['id']}"
        for package in packages
        for weakness in package.get("vulns", ())
    ]
    skipped = [package["skip_reason"] for package in packages if "skip_reason" in package]
    if skipped and not found:
        return Verdict.NOT_LOOKED_AT, f"{len(skipped)} of {len(packages)} packages, such as: {skipped[0]}"
    return (Verdict.WEAK if found else Verdict.CLEAN), "; ".join(found) or f"{len(packages)} packages"


def audit_npm(folder: Path) -> tuple[Verdict, str]:
    """Ask about the lock of one npm package."""
    answer = _run(["npm", "audit", "--json", "--package-lock-only"], folder)
    try:
        report = json.loads(answer.stdout)
    except ValueError:
        return Verdict.NOT_LOOKED_AT, _last_line(answer.stderr)
    if "vulnerabilities" not in report:
        return Verdict.NOT_LOOKED_AT, str(report.get("message", "an answer without advisories")).split(" - ")[
            0
        ]
    weak, count = report["vulnerabilities"], report["metadata"]["dependencies"]["total"]
    found = [f"{name} ({weakness['severity']})" for name, weakness in weak.items()]
    return (Verdict.WEAK if found else Verdict.CLEAN), "; ".join(found) or f"{count} packages"


def npm_folders() -> list[Path]:
    """Every folder of the repository with an npm lock."""
    return sorted(
        lock.parent
        for top in NPM
        for lock in (REPOSITORY / top).rglob("package-lock.json")
        if "node_modules" not in lock.parts
    )


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def _last_line(text: str) -> str:
    return next((line.strip()[:200] for line in reversed(text.splitlines()) if line.strip()), "no answer")


def main() -> int:
    results = {lock: audit_python(lock) for lock in LOCKS}
    results |= {str(folder.relative_to(REPOSITORY)): audit_npm(folder) for folder in npm_folders()}
    for name, (verdict, words) in results.items():
        sys.stdout.write(f"{verdict.name.lower().replace('_', ' '):14} {name}: {words}\n")
    verdicts = {verdict for verdict, _ in results.values()}
    return next((int(worst) for worst in (Verdict.WEAK, Verdict.NOT_LOOKED_AT) if worst in verdicts), 0)


if __name__ == "__main__":
    sys.exit(main())
