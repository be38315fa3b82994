"""Tells people what a reject is about and how it is mended. Pure: knows no table.

In comes a reject's path and reason as `projection` and `geofence_rows` write them. Out go the keys that lead
to the thing in its document, the name of the place that many such things share, and what to do.

    path     rows/bus-7/odometer_m     rows/a%2Fb     chunks/3     sequences/41/device_time     meta/layout
    place    rows/*/odometer_m         rows/*         chunks/*     sequences/*/device_time      meta/layout
"""

from __future__ import annotations

import re

from webhost_sync.fleet.names import percent_decode
from webhost_sync.fleet.rows import MAX_SEGMENT

_LABELS = {
    "rows": "all rows",
    "rows/*": "whole row",
    "chunks": "all positions",
    "chunks/*": "whole chunk of positions",
    "sequences/*": "position",
    "name": "the document's name",
}
_BY_SERVER = "Update this server to a version that reads it and run webhost-sync rebuild, or "
_OF_PLACE = {
    "name": "Write to a document of a right name, as the reason has it, and delete this one.",
    "meta/layout": f"{_BY_SERVER}write the document in the layout that is named.",
    "meta/codec": f"{_BY_SERVER}write the document with the codec that is named.",
    "sequences/*": "Correct the device, which recorded what can't be. This fix stays in its chunk and is "
    "never shown; the others of the chunk are.",
    "sequences/*/device_time": "The position is shown without its device time: correct the device's clock.",
    "sequences/*/attributes": "The position is shown without its attributes: let the device leave the NUL "
    "character out.",
}
_OF_REASON = (
    (r"holds a NUL character", "Write the text without its NUL character."),
    (r"version \d+ is unknown", f"{_BY_SERVER}let the device write chunks of version 1."),
    (r"is [\w ]+, not bytes", "Correct what writes it: a chunk is bytes. Then remove this one."),
    (r"is [\w ]+, not (text|a number|a date|true or false)", "Write the field as {0}; until then its "
     "row goes without it."),
    (r"write it as a BigInt", "Write it as a BigInt, or as a smaller number."),
    (r"is nested more than|BigInt of more than", "Store less in this one field; a long or deep value belongs "
     "into a document of its own."),
    (r"is a time|milliseconds|is no finite number|half a surrogate|has the tag|undefined|holds no base64|"
     r"which the layout has not|entry that is no pair", "Write the value with the SDK, or as docs/layout.md "
     "has it."),
    (r"radius_m|points|kind is|center|is no place", "Correct the fence's shape where it is drawn, or with "
     "PATCH /api/geofences/{{id}}."),
    (r"is no map of fields", "Write the row as a map of its fields, as the SDK does."),
)  # fmt: skip
_OF_START = {
    "chunks/": "Correct what packs positions on the device, or see whether bytes were lost on their way. "
    "Then remove this chunk, and write its positions again.",
    "rows/": "Write the row under another key, as docs/layout.md has keys, and remove this one.",
}
_OTHERWISE = "Correct what writes it."


def keys_of(path: str) -> tuple[str, ...] | None:
    """The keys that lead to the thing from the document's roots; None where it has no place of its own there,
    or where its name is too long to be kept whole."""
    segments = path.split("/")
    if segments[0] not in ("rows", "chunks", "meta") or any(len(each) > MAX_SEGMENT for each in segments):
        return None
    return tuple(map(percent_decode, segments))


def words_of(path: str) -> str:
    """The path for people: its segments decoded."""
    return " / ".join(map(percent_decode, path.split("/")))


def label_of(place: str) -> str:
    """The place for people: "odometer_m", "whole row", "position"."""
    if place in _LABELS:
        return _LABELS[place]
    start, _, name = place.rpartition("/")
    name = percent_decode(name)
    return {"sequences/*": f"{name} of a position", "meta": f"{name} of the document"}.get(start, name)


def remedy_of(place: str, reason: str) -> str:
    """What to do, in a sentence or two. Once the document is right the reject goes by itself."""
    if place in _OF_PLACE:
        return _OF_PLACE[place]
    for pattern, remedy in _OF_REASON:
        if found := re.search(pattern, reason):
            return remedy.format(*found.groups())
    starts = (remedy for start, remedy in _OF_START.items() if place == f"{start}*")
    return next(starts, _OTHERWISE)
