"""Keeps versions of what is about to leave the log, and forgets those that have become too many.

The compactor asks before it deletes rows: after that every state which the rules want to be kept is one
of its own. Nothing is deleted of the log here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from store.contract import Document as DocumentRecord
from store.history_contract import History, Moment, NewVersion, VersionKind
from webhost_sync.history.retention import Rules, plan
from webhost_sync.history.states import States

logger = structlog.get_logger(__name__)


RulesOf = Callable[[int], Awaitable[Rules]]
"""The rules of a tenant."""


class Thinner:
    """What stays of the history of every document, by the rules of its tenant."""

    def __init__(self, history: History, states: States, rules: RulesOf) -> None:
        self._history = history
        self._states = states
        self._rules = rules

    async def prepare(self, record: DocumentRecord) -> int:
        """Make the versions that are due, then forget those that aren't wanted any more; returns the last
        row that may be deleted now.

        Raises: SyncError, StoreError: no version was forgotten then.
        """
        rules, now = await self._rules(record.tenant_id), datetime.now(UTC)
        found = await self._history.thinnable(record.tenant_id, record.id, older_than=rules.rows_since(now))
        due = plan(found.hours, found.versions, rules, now)
        for moment in due.make:
            await self._keep(record, moment)
        if due.forget:
            await self._history.remove_versions(record.tenant_id, record.id, due.forget)
        if due.make or due.forget:
            logger.info(
                "history thinned",
                tenant=record.tenant_id,
                document=record.name,
                made=len(due.make),
                forgotten=len(due.forget),
            )
        return found.up_to

    async def _keep(self, record: DocumentRecord, moment: Moment) -> None:
        state = await self._states.at(record, moment.seq)
        version = NewVersion(
            moment.seq,
            VersionKind.AUTOMATIC,
            "",
            "",
            moment.at,
            state.update,
            state.is_exact,
            record.epoch,
        )
        await self._history.add_version(record.tenant_id, record.id, version)
