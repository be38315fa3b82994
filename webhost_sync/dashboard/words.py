"""How numbers and times are written for people. Pure: the present is an argument.

A missing value is an en dash everywhere, so that a column of numbers stays quiet.
"""

from __future__ import annotations

from datetime import datetime

NOTHING = "\N{EN DASH}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
# The first mark that is found counts: most browsers also claim to be others.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("HeadlessChrome/", "Chrome"),
             ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip
_AGES = ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600), (30 * 86400, "d", 86400))


def number(value: float | None, digits: int = 0) -> str:
    """12 345, or 0.42 with `digits` after the point where the number is small."""
    if value is None:
        return NOTHING
    if digits and abs(value) < 100:
        return f"{value:.{digits}f}"
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def counted(value: float, singular: str, plural: str = "") -> str:
    """1 document, 12 documents."""
    return f"{number(value)} {singular if value == 1 else plural or singular + 's'}"


def byte_size(value: int | None) -> str:
    """In units of 1024: 512 B, 1.4 KB, 23 MB."""
    if value is None:
        return NOTHING
    size, unit = float(value), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"


def milliseconds(value: float | None) -> str:
    """0.4 ms, 12 ms, 1.3 s."""
    if value is None:
        return NOTHING
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def seconds(value: float | None) -> str:
    """How long something takes or lags: 0 s, 45 s, 12 min, 3 h, 4 d."""
    if value is None:
        return NOTHING
    for limit, unit, size in _AGES:
        if value < limit:
            return f"{value / size:.0f} {unit}"
    return f"{value / 86400:.0f} d"


def duration(value: float) -> str:
    """How long something went on: 45 s, 12 min, 3 h 5 min, 2 d 4 h."""
    if value < 60:
        return f"{value:.0f} s"
    minutes = round(value / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(value / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def distance(value: float) -> str:
    """How far: 340 m, 4.2 km, 312 km."""
    if value < 999.5:
        return f"{value:.0f} m"
    return f"{value / 1000:.1f} km" if value < 99_950 else f"{number(value / 1000)} km"


def area(square_metres: float) -> str:
    """How much ground: 340 m², 12 300 m², 0.79 km², 312 km²."""
    if square_metres < 99_950:
        return f"{number(square_metres)} m²"
    return f"{number(square_metres / 1e6, 2 if square_metres < 9.995e6 else 1)} km²"


def speed(value: float | None) -> str:
    """Metres per second as people know them: 43 km/h."""
    return NOTHING if value is None else f"{value * 3.6:.0f} km/h"


def ago(moment: datetime | None, now: datetime, missing: str = "never") -> str:
    """just now, 5 min ago, in 3 d; the date where it is longer than 30 days."""
    if moment is None:
        return missing
    age = (now - moment).total_seconds()
    if abs(age) >= 30 * 86400:
        return f"{moment:%Y-%m-%d}"
    if abs(age) < 5:
        return "just now"
    return f"{seconds(age)} ago" if age > 0 else f"in {seconds(-age)}"


def browser(agent: str) -> str:
    """Firefox on Android, from what a browser says of itself; the beginning of it where that is unknown."""
    named = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if named:
        return f"{named} on {system}" if system else named
    return agent[:60] or "unknown browser"


def writer(actor: str, device: str = "") -> str:
    """Ada on tablet-3, from how the log names them: `user:ada@acme.example`, `restore:user:…`, `key:…`."""
    restored = actor.startswith("restore:")
    name = actor.removeprefix("restore:").removeprefix("user:") or "nobody"
    return f"{name}{f' on {device}' if device else ''}{', restoring' if restored else ''}"


def moment(value: datetime | None, missing: str = NOTHING) -> str:
    """To the second, in UTC."""
    return missing if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"
