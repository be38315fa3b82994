"""Judges the machine: disk and memory. Pure."""

from __future__ import annotations

from webhost_sync.ops.doctor.report import Finding, failed, not_applicable, ok, warning

GIGABYTE = 1_000_000_000
LITTLE_SHARE = 0.1
VERY_LITTLE = GIGABYTE // 2
MUCH_MEMORY = 0.85


def disk(what: str, free: int, total: int) -> Finding:
    """`free` and `total` bytes of the disk on which `what` lies."""
    check = f"disk of {what}"
    evidence = f"{free / GIGABYTE:.1f} of {total / GIGABYTE:.1f} GB are free"
    remedy = "free some: old backups and logs first (`df -h`, `du -xh --max-depth 2 / | sort -h | tail`)"
    if free < VERY_LITTLE:
        return failed(check, evidence, remedy)
    if free < LITTLE_SHARE * total:
        return warning(check, evidence, remedy)
    return ok(check, evidence)


def memory(share: float | None) -> Finding:
    if share is None:
        return not_applicable("memory", "this system doesn't tell")
    if share > MUCH_MEMORY:
        return warning(
            "memory",
            f"{share:.0%} are taken",
            "lower ROOM_IDLE_TIMEOUT, OUTBOX_LIMIT and HISTORY_CACHE_BYTES, or give it more",
        )
    return ok("memory", f"{share:.0%} are taken")
