"""Settings as an operator writes them."""

from __future__ import annotations

import pytest

from webhost_sync.cli.settings import UnusableSettings, load_settings
from webhost_sync.config import Settings
from webhost_sync.sync.transport import HIGH_WATER


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://fleet.example, https://other.example:8443 ,")
    assert Settings(_env_file=None).allowed_origins == (  # type: ignore[call-arg]
        "https://fleet.example",
        "https://other.example:8443",
    )
    monkeypatch.setenv("ALLOWED_ORIGINS", "")
    assert Settings(_env_file=None).allowed_origins == ()  # type: ignore[call-arg]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


def test_an_outbox_is_full_only_when_its_socket_is_not_drained_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTBOX_LIMIT", str(HIGH_WATER))
    assert Settings(_env_file=None).outbox_limit == HIGH_WATER  # type: ignore[call-arg]
    monkeypatch.setenv("OUTBOX_LIMIT", str(HIGH_WATER - 1))
    with pytest.raises(UnusableSettings) as refused:
        load_settings(quiet=True)
    assert refused.value.problems == (
        "OUTBOX_LIMIT is '262143', but it must be 262144 or more: with less, a slow reader would be caught "
        "up over and over; correct it (see docs/settings.md)",
    )
