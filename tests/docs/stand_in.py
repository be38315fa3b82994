"""Stands in for a command of the docs: `python stand_in.py NAME WHAT-IT-IS arguments...`.

What runs is the real thing, made so that it ends: servers serve until they listen, a stream is read for a
moment, `make` says what it would do. What needs a cloud, a registry or root isn't run; it is noted in
`$NOTED`, one command a line.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SERVERS = ("serve", "dev")
STREAM_SECONDS = "2"
TIMED_OUT = 28
FOUND_SOMETHING = 1


def webhost_sync(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "webhost_sync.cli.main", *arguments]
    first = arguments[0] if arguments else ""
    if first in SERVERS:
        return _until_it_serves([*command, "--port", "0", "--json", "--until-stdin-ends"])
    if first == "project":
        return _until_it_logs([*command, "--until-stdin-ends"])
    code = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    # What the doctor found is its verdict on this machine, and no fault of the command.
    return 0 if first == "doctor" and code == FOUND_SOMETHING else code


def _until_it_serves(command: list[str]) -> int:
    """Run a server until it answers, and have it stop."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        printed = "".join(iter(process.stdout.readline, "}\n")) + "}"
        urllib.request.urlopen(f"{json.loads(printed)['url']}/health/live", timeout=30).close()
        process.stdin.close()
    return process.returncode


def _until_it_logs(command: list[str]) -> int:
    """Run what logs its first line when it is at work, and have it stop."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stderr
        process.stderr.readline()
        process.stdin.close()
        process.stderr.read()
    return process.returncode


def curl(arguments: list[str]) -> int:
    streams = "-N" in arguments
    options = ["--silent", "--show-error", "--fail", "--max-time", STREAM_SECONDS if streams else "20"]
    code = subprocess.run(["/usr/bin/env", "curl", *options, *arguments], env=_without_stand_ins()).returncode
    return 0 if streams and code == TIMED_OUT else code


def make(arguments: list[str]) -> int:
    command = ["/usr/bin/env", "make", "--dry-run", "--directory", str(REPOSITORY), *arguments]
    return subprocess.run(command, env=_without_stand_ins(), stdout=subprocess.DEVNULL).returncode


def python(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, *arguments], stdin=subprocess.DEVNULL).returncode


def _without_stand_ins() -> dict[str, str]:
    return {**os.environ, "PATH": os.environ["REAL_PATH"]}


def noted(name: str, arguments: list[str]) -> int:
    with Path(os.environ["NOTED"]).open("a") as file:
        file.write(f"{shlex.join([name, *arguments])}\n")
    return 0


REAL = {"webhost-sync": webhost_sync, "curl": curl, "make": make, "python": python}

if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    sys.exit(REAL[name](rest) if name in REAL else noted(name, rest))
