"""What values look like on a page, and what a small graph says to whoever can't see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import escape

from webhost_sync.admin.snippets import snippets
from webhost_sync.dashboard import words
from webhost_sync.dashboard.assets import assets
from webhost_sync.dashboard.render import TEMPLATES, environment
from webhost_sync.dashboard.sparkline import bar, sparkline

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.number(None), words.NOTHING),
        (words.number(33140), f"33{words.THIN_SPACE}140"),
        (words.number(0.42, 1), "0.4"),
        (words.counted(1, "document"), "1 document"),
        (words.counted(2, "document"), "2 documents"),
        (words.byte_size(512), "512 B"),
        (words.byte_size(1434), "1.4 KB"),
        (words.byte_size(23 << 20), "23 MB"),
        (words.milliseconds(0.42), "0.4 ms"),
        (words.milliseconds(1300), "1.3 s"),
        (words.seconds(59), "59 s"),
        (words.seconds(7200), "2 h"),
        (words.duration(45), "45 s"),
        (words.duration(3570), "1 h"),
        (words.duration(5100), "1 h 25 min"),
        (words.duration(86400 * 2.5), "2 d 12 h"),
        (words.distance(340.4), "340 m"),
        (words.distance(4230), "4.2 km"),
        (words.distance(312_400), "312 km"),
        (words.area(340.4), "340 m²"),
        (words.area(12_300), f"12{words.THIN_SPACE}300 m²"),
        (words.area(785_398), "0.79 km²"),
        (words.area(12_345_678), "12.3 km²"),
        (words.area(312e6), "312 km²"),
        (words.speed(12.5), "45 km/h"),
        (words.speed(None), words.NOTHING),
        (words.moment(NOW), "2026-05-01 12:00:00 UTC"),
        (words.browser("Mozilla/5.0 (X11; Linux) Chrome/147 Safari/537"), "Chrome on Linux"),
        (words.browser(""), "unknown browser"),
    ],
)
def test_a_value_is_written_for_people(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (2, "just now"),
        (90, "2 min ago"),
        (-3600 * 5, "in 5 h"),
        (86400 * 3, "3 d ago"),
        (86400 * 40, "2026-03-22"),
    ],
)
def test_a_time_is_told_by_its_distance(age: int, expected: str) -> None:
    assert words.ago(NOW - timedelta(seconds=age), NOW) == expected


def test_a_graph_says_what_it_shows_and_escapes_it() -> None:
    drawn = sparkline([0, 2, 1], "<b>")
    assert str(escape("<b>: at most 2, now 1")) in drawn
    assert "style" not in drawn
    assert 'class="bar bar-over"' in bar(90, 80, "Memory")
    assert 'class="bar bar-fine"' in bar(80, 80, "Memory")
    assert "unknown" in bar(None, 80, "Memory")
    assert sparkline([], "nothing")


def test_every_template_can_be_read() -> None:
    for path in TEMPLATES.glob("*.html"):
        environment().get_template(path.name)


def test_every_file_is_named_by_its_content_and_the_library_has_its_licence() -> None:
    assert "dashboard.css" in assets()
    assert all(asset.url.startswith("/dashboard/static/") for asset in assets().values())
    assert (TEMPLATES.parent / "static" / "htmx.LICENSE").read_text().startswith("Zero-Clause BSD")


def test_snippets_quote_what_they_are_given() -> None:
    for snippet in snippets("https://a.example", "to'ken", "tables/*"):
        assert "to'ken'" not in snippet.text or snippet.name == "curl"
    [socket, _, curl] = snippets("https://a.example", "t.o.k", "it's a/*")
    assert "wss://a.example/sync" in socket.text
    assert "it%27s%20a/notes" in curl.text
