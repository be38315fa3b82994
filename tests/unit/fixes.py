"""Strategies for fixes, in the units of a chunk so that they come back exactly."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from webhost_sync.fleet.chunk import Fix

UNITS = st.integers(-(2**50) + 1, 2**50 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e9, 1e9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
NO_ATTRIBUTES: dict[str, object] = {}
ATTRIBUTES = st.just(NO_ATTRIBUTES) | st.dictionaries(TEXTS, JSON, max_size=3)


def scaled(units: st.SearchStrategy[int], scale: int) -> st.SearchStrategy[float]:
    """Numbers that are whole at this scale."""
    return units.map(lambda unit: unit / scale)


def contents(units: st.SearchStrategy[int]) -> st.SearchStrategy[dict[str, Any]]:
    """A fix without its sequence, its numbers drawn from these units."""
    times = st.integers(-(2**48), 2**48)
    return st.fixed_dictionaries(
        {
            "fix_time_ms": times,
            "latitude": scaled(units, 10_000_000),
            "longitude": scaled(units, 10_000_000),
            "altitude_m": st.none() | scaled(units, 10),
            "speed_mps": st.none() | scaled(units, 100),
            "heading_deg": st.none() | scaled(units, 10),
            "accuracy_m": st.none() | scaled(units, 10),
            "device_time_ms": st.none() | times,
            "valid": st.none() | st.booleans(),
            "attributes": ATTRIBUTES,
        }
    )


def run(first: int, described: list[dict[str, Any]]) -> list[Fix]:
    """Fixes with sequences that rise by one."""
    return [Fix(sequence=first + index, **fields) for index, fields in enumerate(described)]


FIX_RUNS = st.builds(run, st.integers(0, 2**53 - 20), st.lists(contents(UNITS), min_size=1, max_size=12))
