"""Settings as an operator writes them."""

from __future__ import annotations

import pytest

from webhost_sync.config import Settings


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
