"""The rows of two tenants, around the Marienplatz in Munich (48.1374, 11.5755) and on the Fiji islands."""

from __future__ import annotations

from store.geography import VIEWS

_LATEST = """
insert into latest_positions (tenant_id, vehicle_id, device_id, sequence, time, received_at,
                              latitude, longitude, flags)
values (1, 'bus-7', 'phone', 3, '2026-05-01 09:00Z', now(), 48.1375, 11.5760, 0),
       (1, 'bus-8', 'phone', 1, '2026-05-01 09:00Z', now(), 48.1400, 11.5755, 0),
       (1, 'bus-9', 'phone', 1, '2026-05-01 09:00Z', now(), 48.3538, 11.7861, 0),
       (2, 'boat', 'phone', 1, '2026-05-01 09:00Z', now(), -16.8, 179.99, 0)
"""
# One degree of longitude on the equator is 111,319 m.
_POSITIONS = """
insert into gps_positions (tenant_id, vehicle_id, device_id, sequence, time, received_at,
                           latitude, longitude, flags, document_id, seq)
values (1, 'bus-7', 'phone', 1, '2026-05-01 07:00Z', now(), 0, 10.0, 0, 1, 1),
       (1, 'bus-7', 'phone', 2, '2026-05-01 07:30Z', now(), 0, 10.1, 0, 1, 1),
       (1, 'bus-7', 'phone', 3, '2026-05-01 07:31Z', now(), 5, 20.0, 64, 1, 1),
       (1, 'bus-7', 'phone', 4, '2026-05-01 08:00Z', now(), 0, 10.0, 0, 1, 1),
       (1, 'bus-7', 'phone', 5, '2026-05-02 08:00Z', now(), 0, 11.0, 0, 1, 1),
       (2, 'boat', 'phone', 1, '2026-05-01 07:00Z', now(), -16.8, 179.99, 0, 2, 1)
"""
_FENCES = """
insert into geofences (tenant_id, id, name, kind, center_latitude, center_longitude, radius_m, points,
                       document_id)
values (1, 'depot', 'Depot', 'circle', 48.1374, 11.5755, 200, null, 1),
       (1, 'north', 'North', 'polygon', null, null, null,
        '[{"latitude": 48.139, "longitude": 11.57}, {"latitude": 48.139, "longitude": 11.58},
          {"latitude": 48.145, "longitude": 11.58}, {"latitude": 48.145, "longitude": 11.57}]', 1),
       (2, 'strait', 'Strait', 'polygon', null, null, null,
        '[{"latitude": -17, "longitude": 179.9}, {"latitude": -17, "longitude": -179.9},
          {"latitude": -16, "longitude": -179.9}, {"latitude": -16, "longitude": 179.9}]', 2),
       (2, 'lagoon', 'Lagoon', 'circle', -16.8, -179.99, 5000, null, 2),
       (2, 'cape', 'Cape', 'circle', 71.17, 25.78, 50000, null, 2)
"""
FLEETS = (_LATEST, _POSITIONS, _FENCES)
NAMES = tuple(view.name for view in VIEWS)
