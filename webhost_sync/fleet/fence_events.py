"""Has vehicles go through the fences of their tenant, and writes what they crossed.

Whoever writes positions or fences notes, in the same transaction, which vehicles moved and since when
(`geofence_moves`). Here each of them is followed again from there, fix by fix, and its events from then on
are replaced. So they are a function of the positions and fences that are there, whatever came first or
late, how often it was projected, and by whom.
"""

from __future__ import annotations

import json

from store.fleet_contract import FleetStore, LatestRule
from store.geofence_contract import FenceEvent, FenceTurn, Geofence
from webhost_sync.fleet.geofence import Crossings, Shape, shape_of


async def go_through_fences(fleet: FleetStore, rule: LatestRule) -> int:
    """Follow all that moved, but those that others are at. Returns how many. Raises: StoreError."""
    count = 0
    while True:
        async with fleet.fence_turn(rule) as turn:
            if turn is None:
                return count
            await _follow(turn)
        count += 1


async def _follow(turn: FenceTurn) -> None:
    """Make the vehicle's events anew from when it moved."""
    await turn.drop_events()
    fences = {fence.id: _shape(fence) for fence in await turn.geofences()}
    if not fences:
        return
    crossings = Crossings(fences)
    before = await turn.place_before()
    if before is not None:
        crossings.begin(before)
    async for fixes in turn.fixes():
        events = [
            FenceEvent(crossed.fence, fix.time, fix.sequence, fix.device_id, crossed.enters, *fix.place)
            for fix in fixes
            for crossed in crossings.step(fix.place)
        ]
        if events:
            await turn.put_events(events)


def _shape(fence: Geofence) -> Shape:
    center = {"latitude": fence.center_latitude, "longitude": fence.center_longitude}
    return shape_of(fence.kind, center, fence.radius_m, json.loads(fence.points or "[]"))
