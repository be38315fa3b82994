"""What a browser of a person holds: a signed session id, and proofs that a form is ours.

    session cookie   itsdangerous-signed base64url of 32 random bytes; the store has their SHA-256
    visitor cookie   the same for somebody who isn't signed in, known to nobody; only forms hang on it
    form proof       HMAC-SHA-256 of the id in the cookie: sent back with every unsafe request

A signature isn't what makes a session good, its row in the store is; it lets us turn away garbage
without asking the store. Pure: random bytes are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

ID_BYTES: Final = 32
SESSION_COOKIE: Final = "whs_session"
VISITOR_COOKIE: Final = "whs_visitor"


@dataclass(frozen=True, slots=True)
class SecretId:
    """Random bytes that name a session, a visitor or a link. They stay out of `repr`."""

    value: bytes

    def __repr__(self) -> str:
        return "SecretId(…)"

    @property
    def hash(self) -> bytes:
        """32 bytes: what the store keeps."""
        return hashlib.sha256(self.value).digest()


class CookieSigner:
    """Signs with the first secret and believes all of them, so that one can be replaced."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Raises: ValueError without a secret."""
        if not secrets:
            raise ValueError("cookies need a secret to be signed with")
        options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        self._serializers = {
            name: URLSafeSerializer(
                list(reversed(secrets)), salt=f"webhost-sync {name} 1", signer_kwargs=options
            )
            for name in (SESSION_COOKIE, VISITOR_COOKIE)
        }
        self._proof_key = hashlib.sha256(b"webhost-sync form 1" + secrets[0].encode()).digest()

    def dump(self, cookie: str, secret_id: SecretId) -> str:
        """The value of this cookie."""
        signed = self._serializers[cookie].dumps(secret_id.value.hex())
        return signed.decode() if isinstance(signed, bytes) else signed

    def load(self, cookie: str, value: str | None) -> SecretId | None:
        """The id in the cookie's value; None where it is missing or not signed by us."""
        if not value or len(value) > 1000:
            return None
        try:
            return SecretId(bytes.fromhex(self._serializers[cookie].loads(value)))
        except (BadSignature, ValueError, TypeError):
            return None

    def proof(self, secret_id: SecretId) -> str:
        """What a form of the holder of this id carries."""
        return hmac.new(self._proof_key, secret_id.value, hashlib.sha256).hexdigest()

    def is_proof(self, secret_id: SecretId, given: str) -> bool:
        return hmac.compare_digest(self.proof(secret_id).encode(), given.encode(errors="replace"))


def link_text(secret_id: SecretId) -> str:
    """The last part of a one-time link."""
    return secret_id.value.hex()


def read_link(text: str) -> SecretId | None:
    """None where it can't be one of ours."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return None
    return SecretId(value) if len(value) == ID_BYTES else None
