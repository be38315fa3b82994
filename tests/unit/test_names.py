"""Document names are checked strictly, and one identity has one name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.golden.read import golden
from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.names import (
    FreeDocument,
    TableDocument,
    TrackDocument,
    parse_name,
    table_name,
    track_name,
    validate_name,
)

IDS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("/%?#.\0"), min_size=1, max_size=12)


@pytest.mark.parametrize("vector", golden("layout.json", "names", "good"), ids=lambda vector: vector["name"])
def test_a_name_means_what_the_golden_file_says(vector: dict[str, Any]) -> None:
    document = parse_name(vector["name"])
    match document:
        case TableDocument(table):
            assert vector["kind"] == "table"
            assert vector["table"] == table
            assert table_name(table) == vector["name"]
        case TrackDocument(vehicle, day, device):
            assert (vector["kind"], vector["vehicle"], vector["device"]) == ("track", vehicle, device)
            assert vector["day"] == day.isoformat()
            assert track_name(vehicle, day, device) == vector["name"]
        case FreeDocument(name, misfit):
            assert (vector["kind"], vector["name"], vector["misfit"]) == ("free", name, misfit)


@pytest.mark.parametrize("vector", golden("layout.json", "names", "bad"))
def test_a_forbidden_name_is_refused_with_the_reason(vector: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        validate_name(vector["name"])
    assert refusal.value.detail == vector["problem"]


@given(IDS)
def test_any_id_survives_a_table_name(table: str) -> None:
    assert parse_name(table_name(table)) == TableDocument(table)


@given(IDS, st.dates(), IDS)
def test_any_ids_survive_a_track_name(vehicle: str, day: date, device: str) -> None:
    assert parse_name(track_name(vehicle, day, device)) == TrackDocument(vehicle, day, device)


@given(st.text(st.sampled_from("tracktables/%2F.0-16ab"), max_size=30).map(lambda text: f"track/{text}"))
def test_a_name_with_a_meaning_is_the_one_its_builder_makes(name: str) -> None:
    assume(all(segment not in {".", ".."} for segment in name.split("/")))
    document = parse_name(name)
    if isinstance(document, TrackDocument):
        assert track_name(document.vehicle, document.day, document.device) == name


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="must not be empty"):
        track_name("bus-7", date(2026, 11, 23), "")


def test_ids_too_long_for_a_name_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="at most 255 bytes"):
        table_name("ü" * 125)
