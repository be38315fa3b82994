"""For how long a tenant keeps what: its own choice where it has one, else the server's settings.

The thinner and the keeper of deleted documents ask each time, so that a choice counts at once, on every
process.
"""

from __future__ import annotations

from datetime import timedelta

from store.retention import Retention, Retentions
from webhost_sync.config import Settings
from webhost_sync.history.retention import Rules


class TenantRetention:
    """The times of all tenants. Every method raises Unavailable."""

    def __init__(self, retentions: Retentions, settings: Settings) -> None:
        self._retentions = retentions
        self._settings = settings

    def by_default(self, name: str) -> int:
        """Days that the setting of this name says."""
        days: int = getattr(self._settings, name)
        return days

    async def chosen(self, tenant_id: int) -> Retention:
        """What the tenant has chosen itself."""
        return await self._retentions.of(tenant_id)

    async def rules(self, tenant_id: int) -> Rules:
        """What is kept of histories."""
        chosen = await self._retentions.of(tenant_id)
        return Rules(
            rows=self._time(chosen, "history_days"),
            hourly=self._time(chosen, "history_hourly_days"),
            daily=self._time(chosen, "history_daily_days"),
        )

    async def deleted_documents(self, tenant_id: int) -> timedelta:
        """For how long what is deleted now can be brought back."""
        return self._time(await self._retentions.of(tenant_id), "deleted_documents_days")

    def _time(self, chosen: Retention, name: str) -> timedelta:
        days = getattr(chosen, name)
        return timedelta(days=self.by_default(name) if days is None else days)
