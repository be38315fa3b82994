"""Vehicles as admins change them: an edit of the document, with its line in the audit log."""

from __future__ import annotations

import asyncio

from store.audit import Action, AuditLog, Deed
from store.readings import Readings
from webhost_sync.fleet.editable import VEHICLE_TABLE
from webhost_sync.fleet.row_edit import Changes
from webhost_sync.fleet.row_editor import Edited, Editor, RowEditor
from webhost_sync.fleet.rows import VehicleRow

LOOKS = 40
PAUSE = 0.05
"""So often, and so many seconds apart, it is looked whether the tables have followed."""


class VehicleDesk:
    """The vehicles of all spaces, one space at a time."""

    def __init__(self, editor: RowEditor, readings: Readings, audit: AuditLog) -> None:
        self._editor = editor
        self._readings = readings
        self._audit = audit

    async def edit(
        self, tenant_id: int, vehicle_id: str, changes: Changes, editor: Editor, *, deed: Deed
    ) -> Edited[VehicleRow]:
        """Change fields of a vehicle, and wait a little for its row, so that the next page shows them.

        Raises: as `RowEditor.edit`, Unavailable.
        """
        edited = await self._editor.edit(VEHICLE_TABLE, tenant_id, vehicle_id, changes, editor)
        if edited.changed:
            detail = {"fields": sorted(edited.changed), "seq": edited.seq}
            await self._audit.add(tenant_id, deed, Action.VEHICLE_EDIT, vehicle_id, **detail)
            await self._until_projected(tenant_id, edited.seq)
        return edited

    async def _until_projected(self, tenant_id: int, seq: int) -> None:
        for _ in range(LOOKS):
            if await self._readings.projected_seq(tenant_id, VEHICLE_TABLE.document) >= seq:
                return
            await asyncio.sleep(PAUSE)
