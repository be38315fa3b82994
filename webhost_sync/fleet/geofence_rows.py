"""Turns the state of `tables/geofences` into rows, as `projection` does for vehicles. Pure.

A row whose shape can't be read is refused whole, since a fence of another shape would be a lie; a name,
colour or note of a wrong type is refused alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhost_sync.fleet.geofence import Circle, Shape, shape_of
from webhost_sync.fleet.layout import LayoutError
from webhost_sync.fleet.projection import demand_key, known_field, refuse_other_layout, storable
from webhost_sync.fleet.rows import JsonObject, Reject, reject
from webhost_sync.fleet.values import decode_value, json_value

GEOFENCES = "geofences"
SHAPE_FIELDS = ("kind", "center", "radius_m", "points")
TEXT_FIELDS = ("name", "color", "note")


@dataclass(frozen=True, slots=True)
class GeofenceRow:
    """One row of `geofences`; `id` is the row's key as it stands in the document."""

    id: str
    shape: Shape
    name: str | None
    color: str | None
    note: str | None
    attributes: JsonObject

    @property
    def kind(self) -> str:
        return "circle" if isinstance(self.shape, Circle) else "polygon"


@dataclass(frozen=True, slots=True)
class ProjectedGeofences:
    rows: tuple[GeofenceRow, ...] = ()
    rejects: tuple[Reject, ...] = ()


def project_geofences(rows: object, meta: object = None) -> ProjectedGeofences:
    """Make the rows from the document's roots `rows` and `meta`."""
    if refused := refuse_other_layout(meta):
        return ProjectedGeofences(rejects=(refused,))
    if not isinstance(rows, Mapping):
        return ProjectedGeofences(rejects=(reject(("rows",), "is no map", rows),))
    fences: list[GeofenceRow] = []
    rejects: list[Reject] = []
    for key, stored in sorted(rows.items()):
        try:
            fences.append(_fence(key, stored, rejects))
        except LayoutError as error:
            rejects.append(reject(("rows", key), error.problem, stored))
    return ProjectedGeofences(tuple(fences), tuple(sorted(rejects)))


def _fence(key: str, stored: object, rejects: list[Reject]) -> GeofenceRow:
    """Raises: LayoutError for a row that is no fence."""
    demand_key(key)
    if not isinstance(stored, Mapping):
        raise LayoutError(key, "is no map of fields")
    try:
        shape = shape_of(*(decode_value(stored.get(name), name) for name in SHAPE_FIELDS))
    except LayoutError as error:
        raise LayoutError(key, f"{error.path} {error.problem}") from error
    except ValueError as error:
        raise LayoutError(key, str(error)) from error
    texts: dict[str, str | None] = {}
    attributes: JsonObject = {}
    for name, value in sorted(stored.items()):
        try:
            if name in TEXT_FIELDS:
                texts[name] = known_field(name, decode_value(value, name), "text")  # type: ignore[assignment]
            elif name not in SHAPE_FIELDS:
                attributes[name] = storable({name: json_value(decode_value(value, name))})[name]
        except LayoutError as error:
            rejects.append(reject(("rows", key, name), f"{error.path} {error.problem}", value))
    return GeofenceRow(
        id=key,
        shape=shape,
        name=texts.get("name"),
        color=texts.get("color"),
        note=texts.get("note"),
        attributes=attributes,
    )
