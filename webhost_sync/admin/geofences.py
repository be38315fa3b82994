"""Geofences as admins and programs change them: edits of the document, with their lines in the audit log."""

from __future__ import annotations

from store.audit import Action, AuditLog, Deed
from webhost_sync.fleet.editable import GEOFENCE_TABLE
from webhost_sync.fleet.geofence_rows import GeofenceRow
from webhost_sync.fleet.row_edit import Changes
from webhost_sync.fleet.row_editor import Edited, Editor, RowEditor


class GeofenceDesk:
    """The fences of all spaces, one space at a time.

    Every method raises what that of `RowEditor` does, and Unavailable.
    """

    def __init__(self, editor: RowEditor, audit: AuditLog) -> None:
        self._editor = editor
        self._audit = audit

    async def add(
        self, tenant_id: int, fence_id: str, changes: Changes, editor: Editor, *, deed: Deed
    ) -> Edited[GeofenceRow]:
        added = await self._editor.add(GEOFENCE_TABLE, tenant_id, fence_id, changes, editor)
        detail = {"kind": added.row.kind, "name": added.row.name or "", "seq": added.seq}
        await self._audit.add(tenant_id, deed, Action.GEOFENCE_CREATE, fence_id, **detail)
        return added

    async def edit(
        self, tenant_id: int, fence_id: str, changes: Changes, editor: Editor, *, deed: Deed
    ) -> Edited[GeofenceRow]:
        edited = await self._editor.edit(GEOFENCE_TABLE, tenant_id, fence_id, changes, editor)
        if edited.changed:
            detail = {"fields": sorted(edited.changed), "seq": edited.seq}
            await self._audit.add(tenant_id, deed, Action.GEOFENCE_EDIT, fence_id, **detail)
        return edited

    async def remove(self, tenant_id: int, fence_id: str, editor: Editor, *, deed: Deed) -> int:
        """Take a fence out; the document's last update then."""
        seq = await self._editor.remove(GEOFENCE_TABLE, tenant_id, fence_id, editor)
        await self._audit.add(tenant_id, deed, Action.GEOFENCE_REMOVE, fence_id, seq=seq)
        return seq
