"""Metrics for Prometheus: what this process did, and what is so at the moment.

They are about all tenants together and show how busy the server is, so no tenant's key opens them: only
`METRICS_TOKEN`, or, where none is set, a request from this very machine that no proxy has passed on.
"""

from __future__ import annotations

import hmac
import ipaddress

from starlette.requests import Request
from starlette.responses import Response

from webhost_sync.errors import NotAllowed
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.credentials import address_of, credential_of
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.telemetry.exposition import MEDIA_TYPE, exposition

PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


async def get_metrics(call: Call[Query, None]) -> Response:
    token = call.services.settings.metrics_token
    if token is None:
        demand_local(call.request)
    elif not hmac.compare_digest(
        (credential_of(call.request) or "").encode(), token.get_secret_value().encode()
    ):
        raise NotAllowed("send METRICS_TOKEN in the header Authorization: Bearer")
    text = exposition(call.services.recorder, await call.services.gauges.read())
    return Response(text, headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"})


def demand_local(request: Request) -> None:
    """Let only this machine in. Raises: NotAllowed."""
    try:
        is_local = ipaddress.ip_address(address_of(request)).is_loopback
    except ValueError:
        is_local = False
    if not is_local or any(name in request.headers for name in PASSED_ON):
        raise NotAllowed("set METRICS_TOKEN to read metrics from another machine or through a proxy")


_EXAMPLE = """\
# HELP webhost_sync_updates_total Updates that were committed.
# TYPE webhost_sync_updates_total counter
webhost_sync_updates_total 1042.0
"""

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/metrics",
        tag="health",
        summary="Get the metrics",
        description="For Prometheus, in its text format; docs/monitoring.md names each. Needs "
        "`METRICS_TOKEN` as `Authorization: Bearer`; where none is set, only the server's own machine may "
        "read them.",
        handler=get_metrics,
        query=Query,
        body=NoBody(),
        answers=(Answer(200, "The metrics of this process", "text/plain", _EXAMPLE),),
        errors=(NotAllowed,),
        is_open=True,
    ),
)
