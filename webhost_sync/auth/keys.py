"""API keys as text: how one is made, recognised and shown.

    key    = "whs_live_" / "whs_test_", then 64 lower-case hex digits (32 random bytes)
    hash   = SHA-256 of the whole key: what the store keeps. The key is random and long, so a slow
             password hash would protect nothing, and would cost every request.
    prefix = kind and the first 8 digits: enough to tell keys apart, useless to sign in

Pure: the random bytes are an argument.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from store.contract import Environment
from webhost_sync.errors import NotAuthenticated

SECRET_BYTES = 32
SHOWN_DIGITS = 8
KEY_START = "whs_"
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Key:
    """A well-formed key. Its text stays out of `repr`, and so out of logs and tracebacks."""

    environment: Environment
    text: str = field(repr=False)

    @property
    def hash(self) -> bytes:
        """32 bytes."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def prefix(self) -> str:
        return self.text[: len(_kind(self.environment)) + SHOWN_DIGITS]


def new_key(environment: Environment, secret: bytes) -> Key:
    """Make a key of 32 bytes that nobody can guess. Raises: ValueError for another number of bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a key is made of {SECRET_BYTES} random bytes, not of {len(secret)}")
    return Key(environment, _kind(environment) + secret.hex())


def is_key(credential: str) -> bool:
    """Whether this is meant as a key (and not as a token)."""
    return credential.startswith(KEY_START)


def parse_key(text: str) -> Key:
    """Read a key. Raises: NotAuthenticated, saying what is wrong without repeating the key."""
    for environment in Environment:
        kind = _kind(environment)
        if text.startswith(kind):
            digits = text.removeprefix(kind)
            if len(digits) != 2 * SECRET_BYTES:
                raise NotAuthenticated(
                    f"an API key has {2 * SECRET_BYTES} hex digits after {kind}, this one has {len(digits)}"
                )
            if not _HEX.issuperset(digits):
                raise NotAuthenticated(f"an API key has only the digits 0-9 and a-f after {kind}")
            return Key(environment, text)
    kinds = " or ".join(map(_kind, Environment))
    raise NotAuthenticated(f"an API key begins with {kinds}")


def _kind(environment: Environment) -> str:
    return f"{KEY_START}{environment.value}_"
