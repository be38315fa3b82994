"""Pages for people: the front door and the documentation of the API.

The documentation is one file of HTML, style and script, which draws what `/api/openapi.json` says and
asks nobody else. Its policy lets nothing run but its own script, known by hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from starlette.responses import HTMLResponse, RedirectResponse, Response

from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query

PAGE = (Path(__file__).parent / "docs.html").read_text(encoding="utf-8")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def content_policy(page: str) -> str:
    """The Content-Security-Policy under which exactly the page's own script and style work."""
    own: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        own[kind].append(f"'sha256-{digest}'")
    scripts, styles = (" ".join(own[kind]) for kind in ("script", "style"))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


HEADERS = {
    "Content-Security-Policy": content_policy(PAGE),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


async def get_docs(call: Call[Query, None]) -> Response:
    return HTMLResponse(PAGE, headers=HEADERS)


async def get_front_door(call: Call[Query, None]) -> Response:
    return RedirectResponse("/api/docs", 307)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/docs",
        tag="documentation",
        summary="Read about the API",
        description="A page for people, drawn from the OpenAPI document.",
        handler=get_docs,
        query=Query,
        body=NoBody(),
        answers=(Answer(200, "The page", "text/html"),),
        is_open=True,
    ),
    Endpoint(
        method="GET",
        path="/",
        tag="documentation",
        summary="Come in",
        description="Leads to the documentation.",
        handler=get_front_door,
        query=Query,
        body=NoBody(),
        answers=(
            Answer(307, "To the documentation", headers=(Parameter("Location", "Where", "/api/docs"),)),
        ),
        is_open=True,
    ),
)
