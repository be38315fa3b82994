"""Areas on the earth, and when a vehicle enters and leaves them. Pure: knows no table and no document.

A circle is what lies within a distance on the sphere (radius 6,371,008.8 m; at most 0.6% off the ellipsoid).
A polygon's edges are straight in latitude and longitude, and go the short way round the earth, so one may
lie across the 180th meridian; one that goes round a pole, or spans half the globe, is refused. What is
enclosed twice is outside (even-odd). A point on an edge is on one side of it, always the same one.

    fixes in the order of (time, sequence, device)  ->  Crossings  ->  enter, exit
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from webhost_sync.fleet.quality import EARTH_RADIUS_M

Point = tuple[float, float]
"""Latitude and longitude in degrees."""

MAX_RADIUS_M = 1_000_000.0
MAX_POINTS = 500


@dataclass(frozen=True, slots=True)
class Circle:
    """Raises: ValueError, at construction, for a centre that is no place and a radius out of bounds."""

    center: Point
    radius_m: float

    def __post_init__(self) -> None:
        _demand_place(self.center)
        if not 0 < self.radius_m <= MAX_RADIUS_M:
            raise ValueError(f"radius_m must be more than 0 and at most {MAX_RADIUS_M:.0f}")

    def contains(self, point: Point) -> bool:
        # Most points are far away, and a difference in latitude is never more than the distance.
        if abs(math.radians(point[0] - self.center[0])) * EARTH_RADIUS_M > self.radius_m * 1.000001:
            return False
        return distance_m(self.center, point) <= self.radius_m

    @property
    def latitudes(self) -> tuple[float, float]:
        """The most southern and the most northern one that can be inside."""
        reach = math.degrees(self.radius_m / EARTH_RADIUS_M) * 1.000001
        return self.center[0] - reach, self.center[0] + reach

    @property
    def area_m2(self) -> float:
        """Of the cap of the sphere."""
        return 4 * math.pi * (EARTH_RADIUS_M * math.sin(self.radius_m / EARTH_RADIUS_M / 2)) ** 2


@dataclass(frozen=True, slots=True)
class Polygon:
    """`points` without the first one again at the end.

    Raises: ValueError, at construction, for what is no area by the rules of this module.
    """

    points: tuple[Point, ...]
    _ring: tuple[Point, ...] = field(init=False, repr=False, compare=False)
    _bounds: tuple[float, float, float, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 3 <= len(set(self.points)) <= len(self.points) <= MAX_POINTS:
            raise ValueError(f"points must be 3 to {MAX_POINTS} places, three of them different")
        for point in self.points:
            _demand_place(point)
        ring = [self.points[0]]
        for latitude, longitude in (*self.points[1:], self.points[0]):
            before = ring[-1][1]
            ring.append((latitude, before + _turn(longitude - before)))
        if abs(ring[-1][1] - ring[0][1]) > 1:
            raise ValueError("points must not go round a pole")
        ring[-1] = ring[0]
        latitudes, longitudes = zip(*ring, strict=True)
        if max(longitudes) - min(longitudes) >= 180:
            raise ValueError("points must span less than 180 degrees of longitude")
        if max(latitudes) == min(latitudes) or max(longitudes) == min(longitudes):
            raise ValueError("points must enclose an area, not lie on a line")
        object.__setattr__(self, "_ring", tuple(ring))
        bounds = (min(latitudes), max(latitudes), min(longitudes), max(longitudes))
        object.__setattr__(self, "_bounds", bounds)

    def contains(self, point: Point) -> bool:
        south, north, west, east = self._bounds
        latitude = point[0]
        longitude = west + (point[1] - west) % 360
        if not (south <= latitude <= north and longitude <= east):
            return False
        inside = False
        for (lat1, lng1), (lat2, lng2) in pairwise(self._ring):
            if (lat1 > latitude) != (lat2 > latitude):
                crossing = lng1 + (latitude - lat1) / (lat2 - lat1) * (lng2 - lng1)
                inside ^= longitude < crossing
        return inside

    @property
    def latitudes(self) -> tuple[float, float]:
        """The most southern and the most northern one that can be inside."""
        return self._bounds[:2]

    @property
    def area_m2(self) -> float:
        """Of the sphere below its edges. Where these cross each other, the parts on the other side of a
        crossing are taken off."""
        turned = 0.0
        for (lat1, lng1), (lat2, lng2) in pairwise(self._ring):
            # Times the sine of the latitude, in the mean along the edge.
            half_rise = math.radians(lat2 - lat1) / 2
            flattening = math.sin(half_rise) / half_rise if half_rise else 1.0
            turned += math.radians(lng2 - lng1) * math.sin(math.radians(lat1 + lat2) / 2) * flattening
        return abs(turned) * EARTH_RADIUS_M**2


Shape = Circle | Polygon


@dataclass(frozen=True, slots=True)
class Crossing:
    """At some fix a vehicle was first seen inside (or, if not `enters`, outside) of a fence."""

    fence: str
    enters: bool


class Crossings:
    """Follows one vehicle through fences, fix by fix.

    The first fix of all enters the fences that it is in; whoever goes on from the middle says with `begin`
    where the vehicle was before, and gets what it would have got going through from the start.
    """

    def __init__(self, fences: Mapping[str, Shape]) -> None:
        self._fences = sorted(fences.items())
        self._inside: set[str] = set()

    def begin(self, point: Point) -> None:
        self._inside = {name for name, shape in self._fences if shape.contains(point)}

    def step(self, point: Point) -> list[Crossing]:
        """What the vehicle crossed on its way here, by the names of the fences."""
        inside = {name for name, shape in self._fences if shape.contains(point)}
        crossed = sorted(inside ^ self._inside)
        self._inside = inside
        return [Crossing(name, name in inside) for name in crossed]


def shape_of(kind: object, center: object, radius_m: object, points: object) -> Shape:
    """Make the shape from values of a row. Raises: ValueError, naming the field."""
    if kind == "circle":
        if not isinstance(radius_m, int | float) or isinstance(radius_m, bool):
            raise ValueError("radius_m is no number")
        return Circle(_point(center, "center"), float(radius_m))
    if kind == "polygon":
        if not isinstance(points, Sequence) or isinstance(points, str | bytes):
            raise ValueError("points is no array of places")
        return Polygon(_points(points))
    raise ValueError("kind is neither 'circle' nor 'polygon'")


def distance_m(one: Point, other: Point) -> float:
    """Metres on the sphere."""
    lat1, lng1, lat2, lng2 = map(math.radians, (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def _points(values: Iterable[object]) -> tuple[Point, ...]:
    return tuple(_point(value, f"points[{index}]") for index, value in enumerate(values))


def _point(value: object, name: str) -> Point:
    if isinstance(value, Mapping):
        found = (value.get("latitude"), value.get("longitude"))
        if all(isinstance(degrees, int | float) and not isinstance(degrees, bool) for degrees in found):
            return float(found[0]), float(found[1])  # type: ignore[arg-type]  # the line before has looked
    raise ValueError(f"{name} is no object with the numbers latitude and longitude")


def _demand_place(point: Point) -> None:
    if not (abs(point[0]) <= 90 and abs(point[1]) <= 180):
        raise ValueError(f"{point[0]}, {point[1]} is no place: latitude to 90, longitude to 180 degrees")


def _turn(degrees: float) -> float:
    """The same turn, the short way round."""
    return (degrees + 180) % 360 - 180
