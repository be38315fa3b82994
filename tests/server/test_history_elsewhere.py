"""A restore by another process is seen by whoever is connected here."""

from __future__ import annotations

from store.audit import Deed
from tests.app import running_app
from tests.eventually import eventually
from tests.server.typists import typist
from webhost_sync.config import Settings
from webhost_sync.history.restoring import Author
from webhost_sync.opening import open_past


async def test_clients_of_a_server_see_what_a_command_restores(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with typist(app, key.text, "notes", client_id=7, letter="x") as client:
            for _ in range(3):
                await client.type()

            async def are_stored() -> bool:
                record = await app.services.archive.document(key.tenant.id, "notes")
                return (
                    record.head_seq > 0
                    and str((await app.services.archive.show(record, record.head_seq)).roots.get("text"))
                    == "xxx"
                )

            await eventually(are_stored)
            async with open_past(Settings(), database_url) as (_, past):
                record = await past.archive.document(key.tenant.id, "notes")
                done = await past.changes.restore(record, Author("cli:ada"), 0, (), deed=Deed("cli:ada"))
                assert done.seq == record.head_seq + 1
            await eventually(lambda: client.text == "")
