"""Signs messages as the Standard Webhooks specification 1.0 says (github.com/standard-webhooks). Pure.

webhook-id         the same at each attempt, and for each replay
webhook-timestamp  of this attempt, in seconds
webhook-signature  "v1," and base64 of HMAC-SHA256(secret, id + "." + timestamp + "." + body)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_text(secret: bytes) -> str:
    """As its holder is shown it, once."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def body_of(kind: str, created_at: datetime, seq: int, data: str) -> bytes:
    """The body: `type`, `timestamp`, `seq` and `data`. `data` is JSON."""
    stamp = created_at.isoformat().replace("+00:00", "Z")
    document = {"type": kind, "timestamp": stamp, "seq": seq, "data": json.loads(data)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
