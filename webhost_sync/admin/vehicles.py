"""Vehicles as admins and programs change them: an edit of the document, with its line in the audit log."""

from __future__ import annotations

from store.audit import Action, AuditLog, Deed
from webhost_sync.fleet.editable import VEHICLE_TABLE
from webhost_sync.fleet.row_edit import Changes
from webhost_sync.fleet.row_editor import Edited, Editor, RowEditor
from webhost_sync.fleet.rows import VehicleRow


class VehicleDesk:
    """The vehicles of all spaces, one space at a time."""

    def __init__(self, editor: RowEditor, audit: AuditLog) -> None:
        self._editor = editor
        self._audit = audit

    async def edit(
        self, tenant_id: int, vehicle_id: str, changes: Changes, editor: Editor, *, deed: Deed
    ) -> Edited[VehicleRow]:
        """Change fields of a vehicle. Raises: as `RowEditor.edit`, Unavailable."""
        edited = await self._editor.edit(VEHICLE_TABLE, tenant_id, vehicle_id, changes, editor)
        if edited.changed:
            detail = {"fields": sorted(edited.changed), "seq": edited.seq}
            await self._audit.add(tenant_id, deed, Action.VEHICLE_EDIT, vehicle_id, **detail)
        return edited
