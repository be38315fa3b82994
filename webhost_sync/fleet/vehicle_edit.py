"""Changes fields of one vehicle in a copy of `tables/vehicles`, and gives the update that it makes.

A state and the new values come in, an update goes out. Only fields that differ are written, so the edit
merges field by field with what others do meanwhile. Nothing here touches a live document. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from pycrdt import Map

from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.names import TableDocument
from webhost_sync.fleet.projection import KNOWN_FIELDS, VEHICLES, project_table
from webhost_sync.fleet.rows import ProjectedTable, VehicleRow, reject
from webhost_sync.fleet.values import decode_value, encode_value
from webhost_sync.history.content import Copy
from webhost_sync.history.nodes import leaf
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.plain import plain

Changes = Mapping[str, object]
"""New values by the field's name in the document, as the document holds them; None removes the field."""


@dataclass(frozen=True, slots=True)
class RowEdit:
    """What was done: one transaction as an update (empty where nothing differed), the row after it."""

    update: bytes
    row: VehicleRow
    changed: tuple[str, ...]


def changes_of(fields: Mapping[str, object], attributes: Mapping[str, object]) -> dict[str, object]:
    """Fields with a column, as Python has them, and other ones, in the JSON form that answers have, as
    changes. Raises: InvalidRequest, naming what can't be stored."""
    changes: dict[str, object] = {name: encode_value(value, name) for name, value in fields.items()}
    for name, value in attributes.items():
        if name in KNOWN_FIELDS:
            raise InvalidRequest(f"attribute {name!r} is a field of its own; set it beside `attributes`")
        path = f"attributes.{name}"
        changes[name] = None if value is None else encode_value(decode_value(value, path), path)
    return changes


def edit_vehicle(state: bytes, vehicle_id: str, changes: Changes, *, client_id: int) -> RowEdit | None:
    """Do the changes as the writer `client_id`; None where there is no such vehicle.

    Raises: InvalidRequest where the row, or a new value, is none that the table takes.
    """
    with closing(Copy(state, client_id)) as copy:
        rows = copy.doc.get("rows", type=Map)
        meta = plain(copy.doc.get("meta", type=Map))
        if vehicle_id not in rows:
            return None
        row = rows[vehicle_id]
        _demand_row(_projected(vehicle_id, plain(row), meta))
        if not isinstance(row, Map):  # one that was put in whole, which can't be edited field by field
            raise InvalidRequest(f"the row of vehicle {vehicle_id!r} is no shared map; write it anew")
        changed = tuple(name for name, value in changes.items() if _differs(row, name, value))
        with copy.doc.transaction():
            for name in changed:
                if changes[name] is None:
                    del row[name]
                else:
                    row[name] = changes[name]
        projected = _projected(vehicle_id, plain(row), meta)
        for name in changed:
            path = reject(("rows", vehicle_id, name), "", None).path
            for refused in projected.rejects:
                if refused.path == path:
                    raise InvalidRequest(f"field {refused.reason}")
        return RowEdit(copy.update if changed else EMPTY_UPDATE, _demand_row(projected), changed)


def _differs(row: Map[object], name: str, value: object) -> bool:
    if name not in row:
        return value is not None
    return value is None or leaf(plain(row[name])) != leaf(value)


def _projected(vehicle_id: str, row: object, meta: object) -> ProjectedTable:
    return project_table(TableDocument(VEHICLES), {vehicle_id: row}, meta or None)


def _demand_row(projected: ProjectedTable) -> VehicleRow:
    if not projected.rows:
        refused = projected.rejects[0]
        raise InvalidRequest(f"the table can't be edited here: {refused.path} {refused.reason}")
    return projected.rows[0]
