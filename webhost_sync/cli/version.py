"""`webhost-sync version`: what is installed."""

from __future__ import annotations

import platform
from importlib.metadata import version as version_of

from store import schema_version
from webhost_sync import __version__
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.output import print_json, say


def version(as_json: AsJson = False) -> None:
    """Show the version of the program, of its database schema, and of what it stands on.

    Examples:

        webhost-sync version

        webhost-sync version --json | jq -r .schema
    """
    facts = {
        "webhost_sync": __version__,
        "schema": schema_version.head(),
        "python": platform.python_version(),
        "pycrdt": version_of("pycrdt"),
        "platform": platform.platform(),
    }
    if as_json:
        print_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"{name.replace('_', '-'):{width}}  {value}")
