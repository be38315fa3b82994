"""How full the memory of this machine or container is, as Linux tells it. Elsewhere it is unknown."""

from __future__ import annotations

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def memory_share(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> float | None:
    """The part of the memory that is taken, 0 to 1: of the container where it has a limit, else of the
    machine. None where nobody can tell. Memory that the kernel would give back counts as free."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        if limit != "max":
            used = int((cgroup / "memory.current").read_text())
            cached = _numbers((cgroup / "memory.stat").read_text(), " ").get("inactive_file", 0)
            return max(0, used - cached) / int(limit)
    except (OSError, ValueError):
        pass  # no container, or an older kind of them
    try:
        numbers = _numbers(meminfo.read_text(), ":")
        return 1 - numbers["MemAvailable"] / numbers["MemTotal"]
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return None


def _numbers(text: str, separator: str) -> dict[str, int]:
    """`name separator number [unit]` on each line."""
    pairs = (line.split(separator, 1) for line in text.splitlines() if separator in line)
    return {name.strip(): int(rest.split()[0]) for name, rest in pairs if rest.split()}
