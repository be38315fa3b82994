"""A program that uses the embedded Postgres of a folder until its standard input ends.

Prints one line of JSON: what it got, or the error. Needs only the standard library beside `store`, so
that any Python of the machine can run it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from store.embedded import embedded
from store.postgres_errors import EmbeddedPostgresError


def main(data_dir: str, bin_dir: str, *settings: str) -> None:
    try:
        with embedded(
            Path(data_dir), bin_dir=Path(bin_dir), settings=dict(s.split("=") for s in settings)
        ) as server:
            _say(url=server.url, pid=server.pid, owned=server.owned)
            sys.stdin.read()
    except EmbeddedPostgresError as error:
        _say(error=type(error).__name__)


def _say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
