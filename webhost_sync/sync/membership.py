"""Being a member of a room, from joining to leaving, whichever way the frames come.

A connection of /sync, or one open document of /collab, brings what runs meanwhile: reading, catching up.
Knows no frame and no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from webhost_sync.errors import SyncError
from webhost_sync.sync.effects import Member
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.receiving import ClientLeft, first_of
from webhost_sync.sync.runner import Runner


async def be_member(
    member: Member, runner: Runner, outbox: Outbox, *loops: Coroutine[None, None, None]
) -> SyncError | None:
    """Be a member until one of the loops fails or the outbox is closed.

    Returns why we end it, or None when the client did: then a loop has raised `ClientLeft`.
    """
    ended: SyncError | None = None
    runner.join(member, outbox)
    try:
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(loop)
            raise await outbox.closing()
    except* ClientLeft:
        pass
    except* SyncError as group:
        ended = first_of(group)
    finally:
        runner.leave(member.connection_id)
    return ended
