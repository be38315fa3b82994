"""The door `/collab` for Hocuspocus' provider as it is, and for our own SDK: many documents on one socket.

Takes the socket, and knows who may open what; a token comes with each document. Refusing a document leaves
the socket open, because a provider comes back every second to one that closes.
"""

from __future__ import annotations

import time

import structlog
from starlette.websockets import WebSocket

from webhost_sync.auth.access import Access, access_document
from webhost_sync.auth.principals import Principal
from webhost_sync.errors import NotAllowed, SyncError, TooManyRequests
from webhost_sync.fleet.names import validate_name
from webhost_sync.limiting.budgets import Kind
from webhost_sync.routes.credentials import address_of, check_origin
from webhost_sync.routes.endings import end_socket
from webhost_sync.routes.middleware import request_id_of
from webhost_sync.routes.services import Services, services_of
from webhost_sync.sync.collab_connection import CollabConnection
from webhost_sync.sync.open_document import Door
from webhost_sync.sync.transport import Transport, open_transport

logger = structlog.get_logger(__name__)


async def collab(websocket: WebSocket) -> None:
    """Serve one socket from accept to close."""
    services = services_of(websocket)
    number = services.hub.next_connection_id()
    with structlog.contextvars.bound_contextvars(socket=number, request_id=request_id_of(websocket.scope)):
        await websocket.accept()
        await _from_door_to_end(websocket, services)


async def _from_door_to_end(websocket: WebSocket, services: Services) -> None:
    async with open_transport(websocket) as transport:
        try:
            check_origin(websocket, services.settings.allowed_origins)
            await services.admission.connect(address_of(websocket))
        except (NotAllowed, TooManyRequests) as error:
            await _refuse(websocket, transport, services, error)
            return
        ended = await CollabConnection(transport, websocket.receive, _door(websocket, services)).serve()
        if ended is not None:
            logger.info("connection closed", code=ended.close_code, why=ended.code)
            await end_socket(transport, services.recorder, ended)


def _door(websocket: WebSocket, services: Services) -> Door:
    address = address_of(websocket)
    counted = False

    async def admit(credential: str, name: str) -> tuple[Principal, Access]:
        """The socket counts once, for whoever opens its first document."""
        nonlocal counted
        validate_name(name)
        kind = None if counted else Kind.CONNECT
        principal, verdict = await services.admission.admit(credential, address, kind)
        counted = counted or verdict is not None
        return principal, access_document(principal, name)

    return Door(admit, services.hub, services.live, services.refusals, services.settings, address)


async def _refuse(websocket: WebSocket, transport: Transport, services: Services, error: SyncError) -> None:
    """Hold whoever keeps coming back, and close. There is no document yet that it could be told for."""
    address = address_of(websocket)
    hold = services.refusals.note((address, ""), time.monotonic())
    logger.info("connection refused", code=error.close_code, why=error.code, address=address, hold=hold)
    await services.refusals.hold(hold)
    await end_socket(transport, services.recorder, error)
