"""Edits of a vehicle's row: only what differs is written, and two at once merge."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from webhost_sync.fleet.editable import VEHICLE_TABLE
from webhost_sync.fleet.row_edit import changes_of, edit_row
from webhost_sync.sync.parts import EMPTY_UPDATE

NAMES = ("name", "plate", "driver")
rows = st.dictionaries(st.sampled_from(NAMES), st.text("abc"), max_size=3)
patches = st.dictionaries(st.sampled_from(NAMES), st.none() | st.text("abc"), max_size=3)


def state_of(row: dict[str, str]) -> bytes:
    doc: Doc[Any] = Doc(client_id=1)
    doc.get("rows", type=Map)["bus"] = Map(dict(row))
    return doc.get_update()


def row_after(state: bytes, *updates: bytes) -> dict[str, object]:
    doc: Doc[Any] = Doc()
    for update in (state, *updates):
        doc.apply_update(update)
    return dict(doc.get("rows", type=Map)["bus"])


def patched(row: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**row, **patch}.items() if value is not None}


@given(rows, patches)
def test_an_edit_leaves_what_was_asked_for_and_again_changes_nothing(
    row: dict[str, str], patch: dict[str, str | None]
) -> None:
    state, changes = state_of(row), changes_of(VEHICLE_TABLE, patch, {})
    done = edit_row(VEHICLE_TABLE, state, "bus", changes, client_id=2)
    assert done is not None
    assert row_after(state, done.update) == patched(row, patch)
    assert {name: getattr(done.row, name) for name in NAMES} == {
        name: patched(row, patch).get(name) for name in NAMES
    }
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    doc.apply_update(done.update)
    again = edit_row(VEHICLE_TABLE, doc.get_update(), "bus", changes, client_id=2)
    assert again is not None
    assert (again.update, again.changed) == (EMPTY_UPDATE, ())


@given(rows, patches, patches)
def test_edits_of_different_fields_merge_in_any_order(
    row: dict[str, str], patch: dict[str, str | None], other: dict[str, str | None]
) -> None:
    apart = {name: value for name, value in other.items() if name not in patch}
    state = state_of(row)
    one = edit_row(VEHICLE_TABLE, state, "bus", patch, client_id=2)
    two = edit_row(VEHICLE_TABLE, state, "bus", apart, client_id=3)
    assert one is not None
    assert two is not None
    both = row_after(state, one.update, two.update)
    assert both == row_after(state, two.update, one.update) == patched(row, {**patch, **apart})


def test_an_unknown_vehicle_is_none() -> None:
    assert edit_row(VEHICLE_TABLE, state_of({}), "car", {"name": "x"}, client_id=2) is None
