"""How full the memory of a service, container or machine is, as Linux tells it; elsewhere it is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
OWN_GROUP = Path("/proc/self/cgroup")


def memory_share(cgroup: Path = CGROUP, meminfo: Path = MEMINFO, own_group: Path = OWN_GROUP) -> float | None:
    """The part of the memory that is taken, 0 to 1: of the service or container that is nearest to its limit,
    where any has one, else of the machine. None where nobody can tell. Memory that the kernel would give back
    counts as free."""
    limited = [share for group in _groups(cgroup, own_group) if (share := _share_of(group)) is not None]
    if limited:
        return max(limited)
    try:
        numbers = _numbers(meminfo.read_text(), ":")
        return 1 - numbers["MemAvailable"] / numbers["MemTotal"]
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return None


def _groups(cgroup: Path, own_group: Path) -> Iterator[Path]:
    """The group of this process, as a unit of systemd has one, and those around it."""
    try:
        [own] = [line for line in own_group.read_text().splitlines() if line.startswith("0::/")]
    except (OSError, ValueError):
        own = "0::/"  # an older kind of groups
    inner = cgroup / own.removeprefix("0::/")
    yield inner
    if inner != cgroup:
        yield from inner.parents[: len(inner.parts) - len(cgroup.parts)]


def _share_of(group: Path) -> float | None:
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        cached = _numbers((group / "memory.stat").read_text(), " ").get("inactive_file", 0)
        return None if limit == "max" else max(0, used - cached) / int(limit)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _numbers(text: str, separator: str) -> dict[str, int]:
    """`name separator number [unit]` on each line."""
    pairs = (line.split(separator, 1) for line in text.splitlines() if separator in line)
    return {name.strip(): int(rest.split()[0]) for name, rest in pairs if rest.split()}
