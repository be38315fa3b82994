"""Documents to look at: a blog post as five authors typed it (tests/trace.py), the vehicles of the recorded
day as a dispatcher and two people kept them, and one of everything else. Knows no browser.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import asyncpg
from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlElement, XmlFragment, XmlText

from examples.fleet_demo.recording import read_recording
from store.audit import SYSTEM
from store.contract import NewUpdate, Tenant
from store.sessions import Sessions
from store.users import MemberRole, Users
from tests.app import App, Credential, running_app
from tests.trace import blog_post
from webhost_sync.auth.links import sign_in_link

POST, VEHICLES, SETTINGS = "notes/blog post", "tables/vehicles", "settings/depot"
BROKEN, EMPTY = "notes/damaged", "notes/empty"
DISPATCH, ADA, GRACE = ("key:whs_live_5d1f", "dispatch-1"), ("user:ada@capmetro.example", "tablet-3"), (
    "user:grace@capmetro.example", "laptop",
)  # fmt: skip


@dataclass
class Documents:
    """The running application with its documents, and who may look at them."""

    app: App
    tenant: Tenant
    key: Credential

    @property
    def space(self) -> str:
        return f"{self.app.url}/dashboard/{self.tenant.slug}/live"

    async def link(self, role: str = "owner") -> str:
        sessions = Sessions(self.app.services.database)
        return await sign_in_link(sessions, f"{role}@capmetro.example", url=self.app.url, deed=SYSTEM)

    async def head(self, name: str) -> int:
        log = self.app.services.log
        return (await log.open(self.tenant.id, name, create=False)).head_seq


@dataclass(frozen=True, slots=True)
class Step:
    """One update, by whom and when."""

    update: bytes
    writer: tuple[str, str]
    at: datetime


@asynccontextmanager
async def running_documents(database_url: str, *, with_post: bool = True) -> AsyncIterator[Documents]:
    async with running_app(database_url) as app:
        tenant = await app.tenant("capmetro")
        users = Users(app.services.database)
        for role, name in (("owner", "Ada Lovelace"), ("admin", "Grace Hopper"), ("viewer", "Alan Turing")):
            email = f"{role}@capmetro.example"
            await users.create(email, name, None, slug=tenant.slug, role=MemberRole(role), deed=SYSTEM)
        site = Documents(app, tenant, await app.key(tenant, "read", "write"))
        connection = await asyncpg.connect(database_url)
        try:
            made = {VEHICLES: _vehicles(), SETTINGS: _settings(), BROKEN: _settings()}
            for name, steps in ({POST: _post()} | made if with_post else made).items():
                await _write(site, connection, name, list(steps))
            await app.services.log.open(tenant.id, EMPTY, create=True)
            await connection.execute(
                "update documents set state = 'quarantined', reason = 'row 2 is damaged' where name = $1",
                BROKEN,
            )
        finally:
            await connection.close()
        yield site


async def _write(site: Documents, connection: Any, name: str, steps: list[Step]) -> None:
    """Append the updates, then give them the times at which they were made."""
    log = site.app.services.log
    record = await log.open(site.tenant.id, name, create=True)
    for start in range(0, len(steps), 1000):
        some = steps[start : start + 1000]
        updates = [NewUpdate(step.update, *step.writer, (1,)) for step in some]
        await log.append(site.tenant.id, record.id, updates, epoch=record.epoch)
    await connection.execute(
        "update document_updates set received_at = times.at"
        " from unnest($2::timestamptz[]) with ordinality as times (at, seq)"
        " where document_id = $1 and document_updates.seq = times.seq",
        record.id, [step.at for step in steps],
    )  # fmt: skip
    await connection.execute(
        "update documents set created_at = $2, updated_at = $3 where id = $1",
        record.id, steps[0].at - timedelta(minutes=1), steps[-1].at,
    )  # fmt: skip


def _post() -> Iterator[Step]:
    """The real keystrokes, moved so that the last was an hour ago."""
    steps = blog_post()
    moved = datetime.now(UTC) - timedelta(hours=1) - steps[-1].at
    names = {
        f"author {number}": who for number, who in enumerate(("amelia", "bob", "chidi", "dolores", "eve"), 1)
    }
    for step in steps:
        device = "phone" if names[step.author] == "eve" else "laptop"
        yield Step(step.update, (f"user:{names[step.author]}@blog.example", device), step.at + moved)


class _Writing:
    """Somebody's edits of one document, each as a step a minute after the one before."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.steps: list[Step] = []
        self._updates: list[bytes] = []
        self._minutes = count(-600)
        self._subscription = self.doc.observe(self._note)

    def _note(self, event: TransactionEvent) -> None:
        self._updates.append(event.update)

    def edit(self, writer: tuple[str, str], change: Callable[[], object]) -> None:
        with self.doc.transaction():
            change()
        [update] = self._updates
        self._updates.clear()
        at = datetime.now(UTC) + timedelta(minutes=next(self._minutes))
        self.steps.append(Step(update, writer, at))


def _vehicles() -> Iterator[Step]:
    writing = _Writing(7)
    rows, meta = writing.doc.get("rows", type=Map), writing.doc.get("meta", type=Map)
    buses = sorted(bus.vehicle_id for bus in read_recording().buses)
    writing.edit(DISPATCH, lambda: meta.update({"layout": 1, "codec": 1}))
    for number in range(0, len(buses), 20):
        added = {bus: Map(_row(bus, number)) for bus in buses[number : number + 20]}
        writing.edit(DISPATCH, partial(rows.update, added))
    for number, bus in enumerate(buses[:30]):
        status = {"status": ("depot", "workshop", "cleaning")[number % 3]}
        writing.edit(ADA if number % 3 else GRACE, partial(rows[bus].update, status))
    writing.edit(GRACE, lambda: rows[buses[4]].update({"driver": "Chidi A.", "odometer_m": 184_203_500.0}))
    writing.edit(ADA, lambda: rows[buses[2]].update({"name": "Bus 10006, wheelchair lift"}))
    writing.edit(ADA, lambda: rows.pop(buses[7]))
    return iter(writing.steps)


def _row(bus: str, number: int) -> dict[str, object]:
    return {
        "name": f"Bus {bus[4:]}",
        "plate": f"TX {bus[4:]}",
        "status": "active",
        "group": "north" if number % 40 else "south",
        "installed_at": {"$t": "d", "v": 1_456_790_400_000 + 86_400_000 * number},
    }


def _settings() -> Iterator[Step]:
    writing = _Writing(9)
    doc = writing.doc
    options, notes = doc.get("options", type=Map), doc.get("notes", type=Text)
    tasks, page = doc.get("tasks", type=Array), doc.get("page", type=XmlFragment)
    writing.edit(GRACE, lambda: options.update({
        "open": True, "gates": 4.0, "hours": {"from": "04:30", "to": "01:15", "days": [1.0, 2.0, 3.0]},
        "logo": b"\x89PNG" * 300, "closed_until": None,
        "contact": Map({"name": "Grace", "phone": "+1 512 555 01"}),
    }))  # fmt: skip
    writing.edit(ADA, lambda: notes.insert(0, "Gate 3 sticks in the cold. Brakes checked by Ada yesterday."))
    writing.edit(GRACE, lambda: notes.format(0, 6, {"bold": True}))
    writing.edit(ADA, lambda: tasks.extend([
        {"task": "Order salt", "done": False, "hours": 1.5},
        {"task": "Fix gate 3", "done": True, "hours": 4.0},
    ]))  # fmt: skip
    paragraph = XmlElement("p", {"class": "note"}, [XmlText("Keys are inside.")])
    writing.edit(GRACE, lambda: page.children.append(paragraph))
    writing.edit(GRACE, lambda: options.update({"gates": 5.0}))
    writing.edit(ADA, lambda: notes.insert(len(b"Gate 3 sticks"), " badly"))
    return iter(writing.steps)
