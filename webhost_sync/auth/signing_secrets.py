"""Where the secrets that sign tokens come from: the settings, or in development a file of our own.

Comes in: the settings. Goes out: the secrets, the first of which signs.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from webhost_sync.config import Settings

MIN_SECRET_CHARACTERS = 32
DEVELOPMENT_FILE = "token-signing-secret"
_HINT = "set TOKEN_SIGNING_SECRET to one made by `openssl rand -hex 32`"


class UnusableSecret(Exception):
    """The secret for signing tokens is missing, too short or open to others; the message says which."""


def signing_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets to sign and verify tokens with.

    Raises: UnusableSecret in production without TOKEN_SIGNING_SECRET, or with one that is too short.
    """
    if settings.token_signing_secret is not None:
        given = settings.token_signing_secret.get_secret_value().split(",")
        chosen = tuple(secret.strip() for secret in given if secret.strip())
        if not chosen or min(map(len, chosen)) < MIN_SECRET_CHARACTERS:
            raise UnusableSecret(
                f"a secret in TOKEN_SIGNING_SECRET has less than {MIN_SECRET_CHARACTERS} characters; {_HINT}"
            )
        return chosen
    if settings.environment == "production":
        raise UnusableSecret(f"TOKEN_SIGNING_SECRET is not set, and production needs it; {_HINT}")
    return (_development_secret(settings.data_dir / DEVELOPMENT_FILE),)


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
