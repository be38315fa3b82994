"""What the tests of the door `/collab` share: a second document, and what is written in it."""

from __future__ import annotations

from pycrdt import Doc, Map

from tests.app import App
from webhost_sync.sync.hocuspocus import Address
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import SyncStep2

YARD = Address("yard/Łódź 🚚")
NOTHING = SyncStep2(EMPTY_UPDATE)


def update(key: str, *, client_id: int = 5) -> bytes:
    doc: Doc[Map[object]] = Doc(client_id=client_id)
    doc.get("rows", type=Map)[key] = 1
    return doc.get_update()


async def key_of(app: App) -> str:
    return (await app.key(await app.tenant())).text
