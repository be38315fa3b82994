"""The views that give geography to whoever asks in SQL, as text: no table is touched, nothing stored twice.

Pure; `store.extensions` makes them where PostGIS is. They run as whoever asks (`security_invoker`), so that
row-level security holds as it does for the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

MARK = "Made by webhost-sync migrate"
"""In the comment of each view."""
CORNERS = 64
"""Of a circle as an area. Its edges lie inside the circle, by 0.12% of the radius at most."""


@dataclass(frozen=True, slots=True)
class View:
    """A view of all columns of `table` and of `geog`, which `geography` makes of them; `{postgis}` is the
    schema that PostGIS is in."""

    table: str
    geography: str
    about: str

    @property
    def name(self) -> str:
        return f"{self.table}_geo"

    def definition(self, postgis: str) -> str:
        geography = self.geography.format(postgis=postgis)
        return (
            f"create view public.{self.name} with (security_invoker = true) as "  # noqa: S608 - of constants
            f"select t.*, {geography} as geog from public.{self.table} t"
        )

    def comment(self, postgis: str) -> str:
        """Tells people what it is, and a later program whether it is what that one would make."""
        digest = sha256(self.definition(postgis).encode()).hexdigest()[:12]
        return f"{self.about} {MARK} ({digest})."


_POINT = "{postgis}.st_makepoint(t.longitude, t.latitude)::{postgis}.geography(Point, 4326)"

# Corners are measured out from the centre: `st_buffer` draws on a flat map, and is 2% off in the far north.
_CIRCLE = f"""
{{postgis}}.st_makeline(array(
  select {{postgis}}.st_project(
    {{postgis}}.st_makepoint(t.center_longitude, t.center_latitude)::{{postgis}}.geography,
    t.radius_m, radians(360.0 * (corner % {CORNERS}) / {CORNERS})
  )::{{postgis}}.geometry
  from generate_series(0, {CORNERS}) corner order by corner
))
"""  # noqa: S608 - put together from constants
_POLYGON = """
{postgis}.st_makeline(array(
  select {postgis}.st_makepoint((corner ->> 'longitude')::float8, (corner ->> 'latitude')::float8)
  from jsonb_array_elements(t.points || jsonb_build_array(t.points -> 0)) with ordinality c (corner, place)
  order by place
))
"""
_AREA = (
    "{postgis}.st_makepolygon(case t.kind when 'circle' then "
    + _CIRCLE
    + " when 'polygon' then "
    + _POLYGON
    + " end)::{postgis}.geography(Polygon, 4326)"
)

VIEWS = (
    View("gps_positions", _POINT, "Positions as points."),
    View("latest_positions", _POINT, "The latest position of each vehicle as a point."),
    View("geofences", _AREA, f"Fences as areas; a circle has {CORNERS} corners."),
)
