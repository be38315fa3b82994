"""Attributes of a vehicle as people type them, one a line: `seats: 44`. Pure.

    line  = name ":" value
    value = JSON, where it is any; else the text as it stands

So text that would read as JSON (`44`, `true`) is written as a JSON string, and so is a name with a colon.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from webhost_sync.errors import InvalidRequest

_NAME_ENDS = ":"


def lines_of(attributes: Mapping[str, object]) -> str:
    """The attributes by name, one a line."""
    return "\n".join(f"{_name(name)}: {_value(value)}" for name, value in sorted(attributes.items()))


def read_lines(text: str) -> dict[str, object]:
    """The attributes before `lines_of`. Raises: InvalidRequest, naming the line."""
    found: dict[str, object] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, rest = _split(line.strip())
        if not name or rest is None:
            raise InvalidRequest(
                f"attributes, line {number}: write a name, a colon and a value, as seats: 44"
            )
        if name in found:
            raise InvalidRequest(f"attributes, line {number}: {name!r} stands there twice")
        found[name] = _read_value(rest)
    return found


def _split(line: str) -> tuple[str, str | None]:
    if line.startswith('"'):
        try:
            name, end = json.JSONDecoder().raw_decode(line)
        except ValueError:
            return "", None
        rest = line[end:].lstrip()
        return str(name), rest[1:].strip() if rest.startswith(_NAME_ENDS) else None
    name, colon, rest = line.partition(_NAME_ENDS)
    return name.strip(), rest.strip() if colon else None


def _name(name: str) -> str:
    is_plain = name == name.strip() and name and not name.startswith('"') and _NAME_ENDS not in name
    return name if is_plain and name.isprintable() else json.dumps(name)


def _value(value: object) -> str:
    if (
        isinstance(value, str)
        and value == value.strip()
        and value.isprintable()
        and _read_value(value) == value
    ):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _read_value(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
