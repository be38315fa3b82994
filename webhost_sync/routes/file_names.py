"""Names of files that an answer is to be saved under."""

from __future__ import annotations

import re
from urllib.parse import quote


def as_file(name: str) -> dict[str, str]:
    """Have it saved under this name (RFC 6266), and under a plainer one by whoever can't read that."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    exact = quote(name.replace("/", "_"), safe="")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"}
