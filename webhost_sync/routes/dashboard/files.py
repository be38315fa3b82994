"""Serves the static files of the dashboard; open to all, and kept by browsers for ever."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from webhost_sync.dashboard.assets import PREFIX, assets_by_url, zipped

FOR_EVER = "public, max-age=31536000, immutable"


async def serve_file(request: Request) -> Response:
    """One file by the name that its content has. Raises: HTTPException 404."""
    asset = assets_by_url().get(request.url.path)
    if asset is None:
        raise HTTPException(404)
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if asset.is_worth_zipping and "gzip" in request.headers.get("accept-encoding", ""):
        content = await asyncio.to_thread(zipped, asset)
        encoded = {**headers, "Content-Encoding": "gzip"}
        return Response(content, media_type=asset.media_type, headers=encoded)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


FILES_PATH = f"{PREFIX}{{name}}"
