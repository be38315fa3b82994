"""Positions as files that other programs read: CSV, GeoJSON, GPX.

Records come in a few at a time, by vehicle and in the order of time; out go the bytes of a file in as many
parts, whatever its size. Pure.

    CSV       RFC 4180, UTF-8, with a header. A ' goes before text that a spreadsheet would run
    GeoJSON   RFC 7946: a FeatureCollection with a Point for each fix, one a line
    GPX       1.1: a track for each vehicle, a new segment after a silence; only fixes that aren't in doubt
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol
from xml.sax.saxutils import escape

from store.readings import PositionRecord
from webhost_sync.fleet.quality import names_of
from webhost_sync.fleet.tracks.points import UNPLACED
from webhost_sync.fleet.tracks.segments import Rules

COLUMNS = (
    "vehicle_id", "device_id", "sequence", "time", "device_time", "received_at", "latitude", "longitude",
    "altitude_m", "speed_mps", "heading_deg", "accuracy_m", "valid", "flags", "attributes",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GARMIN = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2"
_GPX_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="webhost-sync" xmlns="http://www.topografix.com/GPX/1/1"'
    f' xmlns:gpxtpx="{_GARMIN}">\n'
)


class FileFormat(Protocol):
    """One form of a file. An instance writes one file: `head`, `part` for each few records, `foot`."""

    @property
    def media_type(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    def head(self) -> str: ...

    def part(self, records: Sequence[PositionRecord]) -> str: ...

    def foot(self) -> str: ...


class CsvFile:
    media_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"

    def head(self) -> str:
        return ",".join(COLUMNS) + "\r\n"

    def part(self, records: Sequence[PositionRecord]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer).writerows(map(_cells, records))
        return buffer.getvalue()

    def foot(self) -> str:
        return ""


class GeoJsonFile:
    media_type = "application/geo+json"
    suffix = "geojson"

    def __init__(self) -> None:
        self._begun = False

    def head(self) -> str:
        return '{"type":"FeatureCollection","features":['

    def part(self, records: Sequence[PositionRecord]) -> str:
        return "".join(map(self._feature, records))

    def foot(self) -> str:
        return "\n]}\n"

    def _feature(self, record: PositionRecord) -> str:
        comma, self._begun = "," if self._begun else "", True
        place = [record.longitude, record.latitude]
        feature = {
            "type": "Feature",
            "geometry": {
                "type": "Point",
                "coordinates": place if record.altitude_m is None else [*place, record.altitude_m],
            },
            "properties": {
                "vehicle_id": record.vehicle_id,
                "device_id": record.device_id,
                "sequence": record.sequence,
                "time": _time(record.time),
                "device_time": record.device_time and _time(record.device_time),
                "received_at": _time(record.received_at),
                "speed_mps": record.speed_mps,
                "heading_deg": record.heading_deg,
                "accuracy_m": record.accuracy_m,
                "valid": record.valid,
                "flags": names_of(record.flags),
                "attributes": record.attributes or {},
            },
        }
        return f"{comma}\n{json.dumps(feature, ensure_ascii=False, separators=(',', ':'))}"


class GpxFile:
    media_type = "application/gpx+xml"
    suffix = "gpx"

    def __init__(self) -> None:
        self._last: PositionRecord | None = None

    def head(self) -> str:
        return _GPX_HEAD

    def part(self, records: Sequence[PositionRecord]) -> str:
        return "".join(self._lines(records))

    def foot(self) -> str:
        return ("</trkseg></trk>\n" if self._last else "") + "</gpx>\n"

    def _lines(self, records: Iterable[PositionRecord]) -> Iterator[str]:
        for record in records:
            if record.flags & UNPLACED:
                continue
            last, self._last = self._last, record
            if last is None or last.vehicle_id != record.vehicle_id:
                end = "</trkseg></trk>\n" if last else ""
                yield f"{end}<trk><name>{_xml(record.vehicle_id)}</name><trkseg>\n"
            elif (record.time - last.time).total_seconds() > Rules().gap_s:
                yield "</trkseg><trkseg>\n"
            yield _track_point(record)


FORMATS: dict[str, type[CsvFile] | type[GeoJsonFile] | type[GpxFile]] = {
    "csv": CsvFile, "geojson": GeoJsonFile, "gpx": GpxFile,
}  # fmt: skip


def _cells(record: PositionRecord) -> list[object]:
    return [
        _text(record.vehicle_id),
        _text(record.device_id),
        record.sequence,
        _time(record.time),
        record.device_time and _time(record.device_time),
        _time(record.received_at),
        record.latitude,
        record.longitude,
        record.altitude_m,
        record.speed_mps,
        record.heading_deg,
        record.accuracy_m,
        None if record.valid is None else str(record.valid).lower(),
        " ".join(names_of(record.flags)),
        json.dumps(record.attributes, ensure_ascii=False) if record.attributes else None,
    ]


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _time(value: datetime) -> str:
    """RFC 3339 in UTC, with a fraction where there is one."""
    return value.isoformat().replace("+00:00", "Z")


def _track_point(record: PositionRecord) -> str:
    # The schema has longitudes from -180 up to, and without, 180.
    longitude = -180.0 if record.longitude == 180 else record.longitude
    height = "" if record.altitude_m is None else f"<ele>{record.altitude_m:.2f}</ele>"
    more = "".join(
        f"<gpxtpx:{name}>{value:.2f}</gpxtpx:{name}>"
        for name, value in (("speed", record.speed_mps), ("course", record.heading_deg))
        if value is not None
    )
    if more:
        more = f"<extensions><gpxtpx:TrackPointExtension>{more}</gpxtpx:TrackPointExtension></extensions>"
    where = f'lat="{record.latitude:.7f}" lon="{longitude:.7f}"'
    return f"<trkpt {where}>{height}<time>{_time(record.time)}</time>{more}</trkpt>\n"


def _xml(text: str) -> str:
    """Text for XML, without what no XML file can hold."""
    return escape(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))
