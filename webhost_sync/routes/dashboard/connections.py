"""Who is connected where, and what an admin can do about it."""

from __future__ import annotations

from pydantic import Field
from starlette.exceptions import HTTPException

from webhost_sync.admin import models
from webhost_sync.routes.dashboard.forms import Form, NoFields
from webhost_sync.routes.dashboard.page import Action, Done, Page, Stream, Visit
from webhost_sync.routes.dashboard.sections import CONNECTIONS
from webhost_sync.routes.endpoint import Query


class ConnectionQuery(Query):
    q: str = Field("", max_length=200, description="Part of who, device or document.")


async def show_connections(visit: Visit[ConnectionQuery]) -> models.Connections:
    return visit.services.admin.connections.of(visit.tenant.id, visit.query.q)


async def show_all(visit: Visit[Query]) -> models.Connections:
    return visit.services.admin.connections.of(visit.tenant.id)


async def close(visit: Visit[Query], form: NoFields) -> Done:
    number = visit.path_parameter("id")
    if not (number.isascii() and number.isdecimal()):
        raise HTTPException(404)
    closed = await visit.services.admin.connections.close(visit.tenant.id, int(number[:18]), deed=visit.deed)
    return Done(closed, "Disconnected. A client that may connect comes back by itself.")


async def recheck(visit: Visit[Query], form: Form) -> Done:
    closed = await visit.services.admin.connections.recheck(visit.tenant.id, deed=visit.deed)
    return Done(closed, f"Rights checked: {closed.closed} connections were closed.")


PAGES = (
    Page(
        path=CONNECTIONS.path,
        title="Connections",
        section=CONNECTIONS,
        template="connections.html",
        show=show_connections,
        query=ConnectionQuery,
    ),
    Stream(path=f"{CONNECTIONS.path}/live", template="_connections.html", show=show_all),
    Action(
        path=f"{CONNECTIONS.path}/recheck", title="Checked", section=CONNECTIONS, form=NoFields, do=recheck
    ),
    Action(
        path=f"{CONNECTIONS.path}/{{id}}/close", title="Closed", section=CONNECTIONS, form=NoFields, do=close
    ),
)
