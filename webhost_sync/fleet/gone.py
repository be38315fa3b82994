"""Takes away the rows of documents that are gone or deleted, and lets others have what was theirs."""

from __future__ import annotations

from store.fleet_contract import FleetStore, LatestRule, TenantTurn, Track
from webhost_sync.fleet.names import percent_encode


async def clear_gone(fleet: FleetStore, rule: LatestRule) -> None:
    """Delete such rows of all tenants, but of those that are being rebuilt: that deletes them as well.

    Raises: Unavailable.
    """
    for tenant_id in await fleet.tenants_with_gone():
        async with fleet.free_tenant_turn(tenant_id) as turn:
            if turn is not None:
                await clear_gone_of_tenant(turn, rule)


async def clear_gone_of_tenant(turn: TenantTurn, rule: LatestRule) -> None:
    """Delete such rows of one tenant, and choose the latest positions of those vehicles anew."""
    tracks = await turn.clear_gone()
    for track in tracks:
        prefix, suffix = siblings(track)
        await turn.drop_checkpoints(prefix=prefix, suffix=suffix, but=0)
    vehicles = sorted({track.vehicle_id for track in tracks})
    await turn.put_latest(vehicles, rule)
    await turn.note_moved(vehicles, since=None)


def siblings(track: Track) -> tuple[str, str]:
    """How the names of all documents of a track's vehicle and device start and end."""
    return f"track/{percent_encode(track.vehicle_id)}/", f"/{percent_encode(track.device_id)}"
