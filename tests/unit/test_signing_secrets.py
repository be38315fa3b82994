"""Where the secret that signs tokens comes from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from webhost_sync.auth.signing_secrets import DEVELOPMENT_FILE, UnusableSecret, signing_secrets
from webhost_sync.config import Settings

LONG, LONGER = "a" * 32, "b" * 40


def test_production_does_not_start_without_a_secret(tmp_path: Path) -> None:
    with pytest.raises(UnusableSecret, match="TOKEN_SIGNING_SECRET is not set"):
        signing_secrets(Settings(environment="production", data_dir=tmp_path, token_signing_secret=None))


def test_several_secrets_are_separated_by_commas() -> None:
    settings = Settings(token_signing_secret=SecretStr(f"{LONGER}, {LONG}"))
    assert signing_secrets(settings) == (LONGER, LONG)


@pytest.mark.parametrize("given", ["short", f"{LONG},short", ",", ""])
def test_a_short_secret_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(UnusableSecret, match="32 characters") as refused:
        signing_secrets(Settings(token_signing_secret=SecretStr(given)))
    assert "short" not in str(refused.value)


def test_development_makes_a_secret_that_nobody_else_can_read_and_keeps_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new", token_signing_secret=None)
    first = signing_secrets(settings)
    assert signing_secrets(settings) == first
    assert len(first[0]) == 64
    assert (tmp_path / "new" / DEVELOPMENT_FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "new").iterdir()] == [DEVELOPMENT_FILE]


def test_processes_that_start_together_use_one_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, token_signing_secret=None)
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(signing_secrets, [settings] * 16))) == 1


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / DEVELOPMENT_FILE).write_text(LONG)
    (tmp_path / DEVELOPMENT_FILE).chmod(0o644)
    with pytest.raises(UnusableSecret, match="chmod 600"):
        signing_secrets(Settings(data_dir=tmp_path, token_signing_secret=None))
