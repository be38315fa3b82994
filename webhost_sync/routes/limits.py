"""The limits that a client can run into, with the values of this server. Needs no credential."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from webhost_sync.auth.principals import MAX_PATTERN_BYTES
from webhost_sync.auth.tokens import MAX_TOKEN_CHARACTERS
from webhost_sync.config import Settings
from webhost_sync.fleet.names import MAX_NAME_BYTES
from webhost_sync.fleet.vehicle_tracks import MAX_FIXES
from webhost_sync.routes import models
from webhost_sync.routes.bodies import JSON_LIMIT, UPLOAD, NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.routes.exports import FLEET_FILE, VEHICLE_FILE
from webhost_sync.routes.queries import DEFAULT_LIMIT, MAX_LIMIT
from webhost_sync.routes.tracks import LONGEST, MAX_POINTS
from webhost_sync.sync.lib0 import MAX_NESTING


@dataclass(frozen=True, slots=True)
class AdjustableLimit:
    """A limit that is a setting of the same name."""

    name: str
    unit: str
    meaning: str


ADJUSTABLE = (
    AdjustableLimit("frame_limit", "bytes", "one WebSocket frame, and one body of an HTTP round trip"),
    AdjustableLimit("document_limit", "bytes", "one document; further updates to it are refused"),
    AdjustableLimit("presence_state_limit", "bytes", "one presence state as JSON"),
    AdjustableLimit("presence_clients_per_connection", "clients", "presence ids of one socket"),
    AdjustableLimit("presence_clients_per_room", "clients", "presence ids of one document"),
    AdjustableLimit("presence_timeout", "seconds", "presence that is not renewed ends after this"),
    AdjustableLimit("presence_interval", "seconds", "presence of one document is sent once in this time"),
    AdjustableLimit("update_rate", "per second", "updates from one socket to one document; faster ones wait"),
    AdjustableLimit("tenant_update_rate", "per second", "updates from all sockets of a tenant; likewise"),
    AdjustableLimit("connections_per_credential", "sockets", "open sockets of one key or token"),
    AdjustableLimit("documents_per_socket", "documents", "documents that one socket of /collab has open"),
    AdjustableLimit("backlog_limit", "bytes", "what waits of one socket of /collab before it is not read"),
    AdjustableLimit("stranger_bytes_limit", "bytes", "the same, and one frame, before a document is open"),
    AdjustableLimit("stranger_frames_limit", "frames", "frames that may wait before a document is open"),
    AdjustableLimit("stranger_documents_limit", "documents", "documents that may wait before one is open"),
    AdjustableLimit("stranger_timeout", "seconds", "how long a socket of /collab is open without a token"),
    AdjustableLimit("vacancy_timeout", "seconds", "how long it stays when no document is open any more"),
    AdjustableLimit("outbox_limit", "bytes", "what waits for a slow reader before it is caught up later"),
    AdjustableLimit("outbox_timeout", "seconds", "a reader that is stuck for longer is closed with 1013"),
    AdjustableLimit("inbox_limit", "frames", "what waits in one document before its sockets are not read"),
    AdjustableLimit("uncommitted_limit", "bytes", "what one document may hold while the database is away"),
    AdjustableLimit("uncommitted_timeout", "seconds", "how long it may; then its sockets get 1013"),
    AdjustableLimit("keepalive_interval", "seconds", "silence until a client is sent presence about nobody"),
    AdjustableLimit("ping_interval", "seconds", "between two WebSocket pings"),
    AdjustableLimit("rate_limit_window", "seconds", "the sliding window of the rate limits"),
    AdjustableLimit("rate_limit_api", "requests", "requests of one principal in the window"),
    AdjustableLimit("rate_limit_upload", "requests", "requests with a large body, likewise"),
    AdjustableLimit("rate_limit_connect", "sockets", "sockets opened by one principal in the window"),
    AdjustableLimit(
        "rate_limit_page", "requests", "requests of one dashboard session, or without a credential"
    ),
    AdjustableLimit("rate_limit_stranger", "requests", "bad credentials of one address in the window"),
    AdjustableLimit("rate_limit_hold", "seconds", "how long a request waits for its 429"),
    AdjustableLimit("refusal_hold", "seconds", "first hold of a socket that was refused before"),
    AdjustableLimit("refusal_hold_max", "seconds", "longest hold of a refused socket"),
    AdjustableLimit("token_lifetime", "seconds", "lifetime of a token that asks for none"),
    AdjustableLimit("token_max_lifetime", "seconds", "longest lifetime of a token"),
    AdjustableLimit("future_tolerance", "seconds", "a later fix never becomes the latest position"),
)
FIXED = (
    ("document_name", MAX_NAME_BYTES, "bytes", "a document's name, in UTF-8"),
    ("document_pattern", MAX_PATTERN_BYTES, "bytes", "a pattern of document names, in UTF-8"),
    ("token", MAX_TOKEN_CHARACTERS, "characters", "a token; grant fewer patterns if it gets longer"),
    ("upload", UPLOAD, "bytes", "a body above this makes a request an upload"),
    ("json_body", JSON_LIMIT, "bytes", "the body of a JSON request"),
    ("json_nesting", MAX_NESTING, "levels", "a value inside of an update or a presence state"),
    ("page", MAX_LIMIT, "items", "one page of a list"),
    ("default_page", DEFAULT_LIMIT, "items", "one page of a list that is asked for without `limit`"),
    ("track_range", LONGEST.days, "days", "the range of a track, or of trips"),
    ("track_fixes", MAX_FIXES, "fixes", "read for a track or trips; of more, an even part is looked at"),
    ("track_points", MAX_POINTS, "points", "one track"),
    ("vehicle_file", VEHICLE_FILE.days, "days", "the range of a file of one vehicle's positions"),
    ("fleet_file", FLEET_FILE.days, "days", "the range of a file of all vehicles' positions"),
)


def limits_of(settings: Settings) -> models.Limits:
    adjustable = [
        models.Limit(
            name=limit.name,
            value=getattr(settings, limit.name),
            unit=limit.unit,
            meaning=limit.meaning,
            setting=limit.name.upper(),
        )
        for limit in ADJUSTABLE
    ]
    fixed = [
        models.Limit(name=name, value=value, unit=unit, meaning=meaning, setting=None)
        for name, value, unit, meaning in FIXED
    ]
    return models.Limits(limits=adjustable + fixed)


async def get_limits(call: Call[Query, None]) -> Response:
    return JSONResponse(limits_of(call.services.settings).model_dump(mode="json"))


_EXAMPLE = {"name": "frame_limit", "value": 8388608, "unit": "bytes", "meaning": ADJUSTABLE[0].meaning}

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/limits",
        tag="health",
        summary="List the limits",
        description="What a client can run into, with the values of this server.",
        handler=get_limits,
        query=Query,
        body=NoBody(),
        answers=(
            Answer(200, "The limits", models.Limits, {"limits": [{**_EXAMPLE, "setting": "FRAME_LIMIT"}]}),
        ),
        is_open=True,
    ),
)
