"""The tables whose rows can be edited without a replica."""

from __future__ import annotations

from webhost_sync.errors import NotFound, VehicleNotFound
from webhost_sync.fleet.geofence_rows import (
    GEOFENCES,
    SHAPE_FIELDS,
    TEXT_FIELDS,
    GeofenceRow,
    project_geofences,
)
from webhost_sync.fleet.names import TableDocument, table_name
from webhost_sync.fleet.projection import KNOWN_FIELDS, VEHICLES, project_table
from webhost_sync.fleet.row_edit import EditableTable
from webhost_sync.fleet.rows import ProjectedTable, VehicleRow


def _project_vehicles(rows: object, meta: object) -> ProjectedTable:
    return project_table(TableDocument(VEHICLES), rows, meta)


VEHICLE_TABLE: EditableTable[VehicleRow] = EditableTable(
    table_name(VEHICLES), "vehicle", frozenset(KNOWN_FIELDS), _project_vehicles, VehicleNotFound
)
GEOFENCE_TABLE: EditableTable[GeofenceRow] = EditableTable(
    table_name(GEOFENCES), "geofence", frozenset((*SHAPE_FIELDS, *TEXT_FIELDS)), project_geofences, NotFound
)
