"""JSON text that Python and JavaScript write byte for byte alike.

In come JSON values, out goes their one canonical text (RFC 8785), and back. Knows nothing of what the
values mean. Stricter than `json`: only finite numbers, only whole characters, nesting up to MAX_DEPTH;
and numbers are JavaScript's, so an integer above 2**53 is rounded as a browser would round it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal

from webhost_sync.fleet.layout import MAX_DEPTH, MAX_SAFE_INTEGER


def restore_integer(number: float) -> int | float:
    """Turn a float that stands for an integer back into one; others stay as they are.

    JavaScript has one kind of number, and pycrdt returns all of them as floats.
    """
    if number.is_integer() and abs(number) <= MAX_SAFE_INTEGER:
        return int(number)
    return number


def number_text(number: float) -> str:
    """Write a number as JavaScript's `String(number)` does (ECMA-262, Number::toString, radix 10).

    Raises: ValueError for an integer that a JavaScript number can't hold exactly.
    """
    if isinstance(number, int):
        if abs(number) > MAX_SAFE_INTEGER:
            raise ValueError("is an integer beyond 2**53 - 1, which a JavaScript number can't hold")
        return str(int(number))
    if number == 0:
        return "0"
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    return "-" * sign + _point("".join(map(str, digits)), len(digits) + int(exponent))


def _point(digits: str, point: int) -> str:
    """Place the decimal point after `point` of the digits, or write an exponent if that gets too long."""
    if 0 < point <= 21:
        whole = digits[:point].ljust(point, "0")
        return f"{whole}.{digits[point:]}" if len(digits) > point else whole
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def canonical_json(value: object) -> str:
    """Write a JSON value as RFC 8785 does: no spaces, keys in the order of their UTF-16 units.

    Raises: ValueError, saying what is no JSON.
    """
    return _write(value, MAX_DEPTH)


def _write(value: object, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _write_string(value)
    if isinstance(value, int | float):
        return _write_number(value)
    if depth == 0:
        raise ValueError(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, list | tuple):
        return f"[{','.join(_write(item, depth - 1) for item in value)}]"
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"has a key that is no string: {key!r}")
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return f"{{{','.join(f'{_write_string(key)}:{_write(value[key], depth - 1)}' for key in keys)}}}"
    raise ValueError(f"is a {type(value).__name__}, which JSON has not")


def _write_string(text: str) -> str:
    require_whole_characters(text)
    return json.dumps(text, ensure_ascii=False)


def _write_number(number: float) -> str:
    if not math.isfinite(number):
        raise ValueError("is no finite number")
    return number_text(number)


def require_whole_characters(text: str) -> None:
    """Raises: ValueError for text with half a surrogate pair, which UTF-8 and Postgres can't hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair") from None


def parse_json(text: str) -> object:
    """Read JSON text as strictly as `canonical_json` writes, but in any order and with any spaces.

    Raises: ValueError, saying what is wrong.
    """
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_number)
    except RecursionError:
        raise ValueError(f"is nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError:
        raise ValueError("is no JSON") from None
    _check(value, MAX_DEPTH)
    return value


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("holds a number that is not finite")
    return restore_integer(number)


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        require_whole_characters(value)
    elif isinstance(value, list | dict):
        if depth == 0:
            raise ValueError(f"is nested more than {MAX_DEPTH} deep")
        for item in value:
            _check(item, depth - 1)
        if isinstance(value, dict):
            for item in value.values():
                _check(item, depth - 1)
