"""Reads the golden files for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def golden(file: str, *sections: str) -> Any:
    """A section of a golden file."""
    found = json.loads(Path(__file__).with_name(file).read_text())
    for section in sections:
        found = found[section]
    return found
