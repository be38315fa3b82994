"""The form of a fence: what it shows, and what an edit changes.

Of a circle it has latitude, longitude and radius, of a polygon its corners, one a line; those of the other
kind are left alone. `was` is what the form showed, as JSON: only what differs from it is changed, so that an
edit takes nothing back that somebody else has changed since.
"""

from __future__ import annotations

import json

from pydantic import Field, ValidationError

from webhost_sync.dashboard.corner_lines import corner_lines, degrees, read_corners
from webhost_sync.errors import InvalidRequest
from webhost_sync.routes.dashboard.forms import Form
from webhost_sync.routes.geofence_models import OF_OTHER_KIND, Geofence, Kind
from webhost_sync.routes.models import PlainText

TEXTS = ("name", "color", "note")
MISSING = {
    "circle": "a circle needs its centre and its radius: click them on the map, or write them",
    "polygon": "a polygon needs three corners or more: click them on the map, or write them",
}


class GeofenceForm(Form):
    kind: Kind = "circle"
    name: PlainText = ""
    color: PlainText = ""
    note: PlainText = ""
    latitude: float | None = Field(None, allow_inf_nan=False)
    longitude: float | None = Field(None, allow_inf_nan=False)
    radius_m: float | None = Field(None, allow_inf_nan=False)
    corners: str = Field("", max_length=40_000)
    was: str = "{}"


def shown(fence: Geofence) -> dict[str, str]:
    """What the form shows of a fence."""
    values = {name: getattr(fence, name) or "" for name in TEXTS}
    values |= {"kind": fence.kind, "latitude": "", "longitude": "", "radius_m": ""}
    if fence.center is not None and fence.radius_m is not None:
        values |= {
            "latitude": degrees(fence.center.latitude),
            "longitude": degrees(fence.center.longitude),
            "radius_m": f"{fence.radius_m:.2f}".rstrip("0").rstrip("."),
        }
    corners = [point.model_dump() for point in fence.points or ()]
    return {**values, "corners": corner_lines(corners)}


def new_fields(form: GeofenceForm) -> dict[str, object]:
    """The fields of a new fence. Raises: InvalidRequest."""
    return {**_whole_shape(form), **{name: value for name in TEXTS if (value := getattr(form, name))}}


def changed_fields(form: GeofenceForm) -> dict[str, object]:
    """The fields that differ from what the form showed, None for what was emptied. Raises: InvalidRequest."""
    was = _former(form.was)
    fields: dict[str, object] = {
        name: getattr(form, name) or None
        for name in TEXTS
        if (getattr(form, name) or None) != (getattr(was, name) or None)
    }
    shape, former = _shape(form), _shape(was)
    return fields if shape == former else {**_whole_shape(form), **fields}


def _former(text: str) -> GeofenceForm:
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("no object")
        return GeofenceForm.model_validate({name: value for name, value in values.items() if value != ""})
    except (ValueError, RecursionError, ValidationError) as error:
        raise InvalidRequest("field 'was' is not what a form showed") from error


def _whole_shape(form: GeofenceForm) -> dict[str, object]:
    shape = _shape(form)
    if shape is None:
        raise InvalidRequest(MISSING[form.kind])
    return shape


def _shape(form: GeofenceForm) -> dict[str, object] | None:
    """The fields of the shape, with None for those of the other kind; None where it has none of them.

    Raises: InvalidRequest where it has some of them only.
    """
    fields: dict[str, object] = {"kind": form.kind, **dict.fromkeys(OF_OTHER_KIND[form.kind])}
    if form.kind == "circle":
        given = (form.latitude, form.longitude, form.radius_m)
        if given == (None, None, None):
            return None
        if None in given:
            raise InvalidRequest(MISSING[form.kind])
        center = {"latitude": form.latitude, "longitude": form.longitude}
        return {**fields, "center": center, "radius_m": form.radius_m}
    corners = read_corners(form.corners)
    if not corners:
        return None
    if len(corners) < 3:
        raise InvalidRequest(MISSING[form.kind])
    return {**fields, "points": corners}
