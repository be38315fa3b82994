"""Turns results into the table of `docs/benchmarks.md` and into JSON. Text in, text out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.scenarios import FanOut, Joins, ManyRooms, Plan

BEGIN = "<!-- results: begin -->"
END = "<!-- results: end -->"


@dataclass(frozen=True, slots=True)
class Result:
    """One server's row. A scenario that the server could not finish is its error message."""

    server: str
    version: str
    visible_means: str
    fan_out: FanOut | str
    many_rooms: ManyRooms | str
    joins: Joins | str


@dataclass(frozen=True, slots=True)
class Run:
    """When, where and how it was measured, and what came out."""

    date: str
    machine: str
    command: str
    plan: Plan
    results: tuple[Result, ...]


def to_json(run: Run) -> str:
    """Every number of the run."""
    return json.dumps(asdict(run), indent=2, ensure_ascii=False) + "\n"


def to_markdown(run: Run) -> str:
    """Three tables, with the machine and the command in front."""
    plan = run.plan
    parts = [
        f"Measured {run.date} on {run.machine}, with `{run.command}`.",
        f"### One room, one writer, {plan.readers} readers",
        table(
            (
                "server",
                "an update that others see is",
                f"p50 at {plan.rate} updates/s",
                f"p99 at {plan.rate} updates/s",
                "highest rate, updates/s to every reader",
            ),
            [(name(r), r.visible_means, *fan_out_cells(r.fan_out)) for r in run.results],
        ),
        f"### {plan.rooms} rooms, two clients in each, every client one update/s",
        table(
            ("server", "p50", "p99", "processor, cores", "memory, MiB"),
            [(name(r), *many_rooms_cells(r.many_rooms)) for r in run.results],
        ),
        f"### Joining a document of {plan.document_updates:,} updates",
        table(
            ("server", "filling it, updates/s", "state, KiB", "live", "first after a restart"),
            [(name(r), *joins_cells(r.joins)) for r in run.results],
        ),
    ]
    return "\n\n".join(parts)


def put_between_markers(page: str, results: str) -> str:
    """Replace what stands between the two markers of a page. Raises: ValueError without the markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{results}\n\n{END}{after}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, so it alone is aligned to the left."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def name(result: Result) -> str:
    return f"{result.server} {result.version}"


def fan_out_cells(result: FanOut | str) -> tuple[str, ...]:
    if isinstance(result, str):
        return (result, "", "")
    return (ms(result.steady.p50_ms), ms(result.steady.p99_ms), f"{result.full_speed:,.0f}")


def many_rooms_cells(result: ManyRooms | str) -> tuple[str, ...]:
    if isinstance(result, str):
        return (result, "", "", "")
    latency = result.latency
    return (ms(latency.p50_ms), ms(latency.p99_ms), f"{result.cpu:.2f}", f"{result.memory / 2**20:.0f}")


def joins_cells(result: Joins | str) -> tuple[str, ...]:
    if isinstance(result, str):
        return (result, "", "", "")
    cold = "the content is gone" if result.cold_ms is None else ms(result.cold_ms)
    return (f"{result.filling:,.0f}", f"{result.state_bytes / 1024:,.0f}", ms(result.warm_ms), cold)


def ms(value: float) -> str:
    return f"{value:.1f} ms"
