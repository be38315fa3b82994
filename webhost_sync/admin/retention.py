"""For how long a space keeps what: shown beside the server's own settings, and chosen anew."""

from __future__ import annotations

from store.audit import Deed
from store.retention import Retention, Retentions
from webhost_sync.admin import models
from webhost_sync.history.tenant_retention import TenantRetention


class RetentionDesk:
    """The choices of all spaces, one space at a time."""

    def __init__(self, retentions: Retentions, times: TenantRetention) -> None:
        self._retentions = retentions
        self._times = times

    async def of(self, tenant_id: int) -> models.Retention:
        chosen = await self._times.chosen(tenant_id)
        return models.Retention(**{name: self._kept(chosen, name) for name in Retention.__slots__})

    async def choose(self, tenant_id: int, wanted: models.RetentionChoice, *, deed: Deed) -> models.Retention:
        """Choose all of it anew; what is None is what the server's settings say."""
        await self._retentions.choose(tenant_id, Retention(**wanted.model_dump()), deed=deed)
        return await self.of(tenant_id)

    def _kept(self, chosen: Retention, name: str) -> models.Kept:
        own, by_default = getattr(chosen, name), self._times.by_default(name)
        return models.Kept(days=by_default if own is None else own, own=own, by_default=by_default)
