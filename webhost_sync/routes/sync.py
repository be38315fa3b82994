"""The door `/sync/{document}` for the y-websocket provider as it is.

Takes the socket, finds out who is there and what they may do, and hands it to the room. A browser
can't see a refused upgrade, so whoever is refused is let in, told why, held and closed with 44xx.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

import structlog
from starlette.websockets import WebSocket

from webhost_sync.auth.access import access_document
from webhost_sync.errors import ClientFault, InvalidRequest, SyncError, TooManyRequests
from webhost_sync.fleet.names import validate_name
from webhost_sync.limiting.budgets import Kind
from webhost_sync.routes.credentials import EPOCH_HEADER, address_of, check_origin, credential_of
from webhost_sync.routes.endings import end_socket
from webhost_sync.routes.middleware import request_id_of
from webhost_sync.routes.services import Services, services_of
from webhost_sync.sync.connection import Connection
from webhost_sync.sync.effects import Member
from webhost_sync.sync.epochs import check_epoch, read_claim
from webhost_sync.sync.live import LiveConnection
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import PermissionDenied, encode
from webhost_sync.sync.transport import Frame, Transport, open_transport

logger = structlog.get_logger(__name__)
PREFIX = "/sync/"


async def sync(websocket: WebSocket) -> None:
    """Serve one socket from accept to close."""
    services = services_of(websocket)
    number = services.hub.next_connection_id()
    with structlog.contextvars.bound_contextvars(
        connection=number, request_id=request_id_of(websocket.scope)
    ):
        await websocket.accept()
        await _from_door_to_end(websocket, services, number)


async def _from_door_to_end(websocket: WebSocket, services: Services, number: int) -> None:
    async with open_transport(websocket) as transport:
        try:
            ended = await _serve(websocket, transport, services, number)
        except (ClientFault, TooManyRequests) as error:
            await _refuse(websocket, transport, services, error)
            return
        except SyncError as error:
            ended = error
        if ended is not None:
            logger.info("connection closed", code=ended.close_code, why=ended.code)
            await end_socket(transport, services.recorder, ended)


async def _serve(
    websocket: WebSocket, transport: Transport, services: Services, number: int
) -> SyncError | None:
    """Admit and serve; returns why we end it. Raises: SyncError when it may not come in."""
    check_origin(websocket, services.settings.allowed_origins)
    name, address = document_name(websocket.scope["raw_path"]), address_of(websocket)
    await services.admission.connect(address)
    principal, _ = await services.admission.admit(credential_of(websocket), address, Kind.CONNECT)
    access = access_document(principal, name)
    claim = read_claim(websocket.query_params.get("epoch") or websocket.headers.get(EPOCH_HEADER))
    async with services.hub.enter(principal.tenant_id, name) as runner:
        check_epoch(runner.record, claim)
        member = Member(
            number,
            owner=principal.subject,
            device=principal.device,
            can_write=access.write,
            can_show_presence=access.presence,
        )
        outbox = Outbox(transport, services.settings.outbox_limit)
        live = LiveConnection(number, principal, name, datetime.now(UTC), outbox, number, "y-websocket")
        with services.live.registered(live):
            tenant_rate = services.live.rates.of(principal.tenant_id)
            connection = Connection(member, runner, outbox, websocket.receive, services.settings, tenant_rate)
            return await connection.serve()


def document_name(raw_path: bytes) -> str:
    """The document's name, percent-decoded once. Raises: InvalidRequest."""
    path = raw_path.partition(b"?")[0]
    try:
        name = unquote_to_bytes(path[path.index(PREFIX.encode()) + len(PREFIX) :]).decode()
    except ValueError as error:
        raise InvalidRequest("the document's name is not UTF-8") from error
    return validate_name(name)


async def _refuse(websocket: WebSocket, transport: Transport, services: Services, error: SyncError) -> None:
    """Say why, hold whoever keeps coming back, and close."""
    credential = hashlib.sha256((credential_of(websocket) or "").encode()).hexdigest()
    address = address_of(websocket)
    hold = services.refusals.note((address, credential), time.monotonic())
    logger.info("connection refused", code=error.close_code, why=error.code, address=address, hold=hold)
    if not error.retry:
        transport.write(Frame(encode(PermissionDenied(str(error)))))
    # It is not read meanwhile: what a stranger sends is not worth our memory.
    await services.refusals.hold(hold)
    await end_socket(transport, services.recorder, error)
