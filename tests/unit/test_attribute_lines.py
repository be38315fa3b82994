"""Attributes as lines: whatever is shown is read back as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.dashboard.attribute_lines import lines_of, read_lines
from webhost_sync.errors import InvalidRequest

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=5))
def test_what_is_shown_is_read_back(attributes: dict[str, object]) -> None:
    assert json.dumps(read_lines(lines_of(attributes)), sort_keys=True) == json.dumps(
        attributes, sort_keys=True
    )


def test_lines_are_what_a_person_would_type() -> None:
    text = "note: front door squeaks\nseats: 44\nshort: true\ntime: 12:30"
    assert read_lines(text) == {
        "note": "front door squeaks",
        "seats": 44,
        "short": True,
        "time": "12:30",
    }
    assert lines_of(read_lines(text)) == text
    assert lines_of({"plate": "44", "a:b": 1}) == '"a:b": 1\nplate: "44"'


@pytest.mark.parametrize("line", ["no colon", ": 5", '"open', "a: 1\na: 2"])
def test_a_line_that_can_not_be_read_is_named(line: str) -> None:
    with pytest.raises(InvalidRequest, match="line"):
        read_lines(line)
