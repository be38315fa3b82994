"""Where the secrets that sign tokens and cookies come from: the settings, or in development a file of ours.

Comes in: the settings. Goes out: the secrets, the first of which signs.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import SecretStr

from webhost_sync.config import Settings

MIN_SECRET_CHARACTERS = 32
DEVELOPMENT_FILE = "token-signing-secret"
COOKIE_FILE = "secret-key-base"


class UnusableSecret(Exception):
    """A secret for signing is missing, too short or open to others; the message says which."""


def signing_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets to sign and verify tokens with.

    Raises: UnusableSecret in production without TOKEN_SIGNING_SECRET, or with one that is too short.
    """
    return _secrets(settings, "TOKEN_SIGNING_SECRET", settings.token_signing_secret, DEVELOPMENT_FILE)


def cookie_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets to sign and verify the cookies of people with.

    Raises: UnusableSecret in production without SECRET_KEY_BASE, or with one that is too short.
    """
    return _secrets(settings, "SECRET_KEY_BASE", settings.secret_key_base, COOKIE_FILE)


def _secrets(settings: Settings, name: str, value: SecretStr | None, file: str) -> tuple[str, ...]:
    hint = f"set {name} to one made by `openssl rand -hex 32`"
    if value is not None:
        given = value.get_secret_value().split(",")
        chosen = tuple(secret.strip() for secret in given if secret.strip())
        if not chosen or min(map(len, chosen)) < MIN_SECRET_CHARACTERS:
            raise UnusableSecret(
                f"a secret in {name} has less than {MIN_SECRET_CHARACTERS} characters; {hint}"
            )
        return chosen
    if settings.environment == "production":
        raise UnusableSecret(f"{name} is not set, and production needs it; {hint}")
    return (_development_secret(settings.data_dir / file),)


def _development_secret(path: Path) -> str:
    """Read the file, or make it. Of two processes that start at once, both use the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # A temporary file is for its owner alone from the start (0600).
        with NamedTemporaryFile("w", dir=path.parent) as draft:
            draft.write(secrets.token_hex(32))
            draft.flush()
            with suppress(FileExistsError):
                os.link(draft.name, path)  # appears whole or not at all, and never replaces another
    if path.stat().st_mode & 0o077:
        raise UnusableSecret(f"{path} can be read by others; run `chmod 600 {path}` or delete it")
    return path.read_text().strip()
