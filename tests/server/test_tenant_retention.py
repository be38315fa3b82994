"""Each tenant keeps its past for as long as it chose, and what it chose is nobody else's affair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from store.audit import Deed
from store.contract import Document, Tenant
from store.history import PostgresHistory
from store.history_contract import VersionKind
from store.retention import Retention, Retentions
from store.tenants import Tenants
from tests.server.api import error_of, running_api
from tests.server.dashboard import running_dashboard
from tests.server.lives import Writer, open_lives
from tests.server.test_compactor import updates_of
from tests.store.logs import OpenLog, execute, open_log
from webhost_sync.config import Settings
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States
from webhost_sync.history.tenant_retention import TenantRetention
from webhost_sync.history.thinning import Thinner
from webhost_sync.sync.compactor import compact

ADA = Deed("user:ada@acme.example")


async def written_long_ago(store: OpenLog, url: str, tenant: Tenant) -> Document:
    """A row an hour for the last ten hours, three days ago, and two of now, compacted after each."""
    record = await store.document("depot", tenant.id)
    await store.append(record, *updates_of(10))
    noon = datetime.now(UTC).replace(minute=30) - timedelta(days=3)
    await execute(
        url,
        "update document_updates set received_at = $1::timestamptz + seq * interval '1 hour'"
        " where document_id = $2",
        noon,
        record.id,
    )
    return record


async def test_two_tenants_are_thinned_differently(database_url: str) -> None:
    settings = Settings(_env_file=None, history_days=30)  # type: ignore[call-arg]
    async with open_log(database_url) as store:
        retentions, history = Retentions(store.database), PostgresHistory(store.database)
        times = TenantRetention(retentions, settings)
        thinner = Thinner(history, States(history, StateCache(0)), times.rules)
        (keeps, _), (forgets, _) = [await Tenants(store.database).create(slug, "") for slug in ("a", "b")]
        await retentions.choose(forgets.id, Retention(history_days=1, history_hourly_days=2), deed=ADA)
        left = {}
        for tenant in (keeps, forgets):
            record = await written_long_ago(store, database_url, tenant)
            for update in updates_of(12)[10:]:
                await store.append(record, update)
                await compact(store.log, record, keep_since=None, prepare=thinner.prepare)
            span = await history.span(tenant.id, record.id)
            found = await history.versions(tenant.id, record.id, before=None, limit=100)
            left[tenant.slug] = (span.first_seq, {version.kind for version in found}, len(found))
        assert left["a"] == (0, set(), 0)
        first, kinds, count = left["b"]
        assert (first, kinds) == (10, {VersionKind.AUTOMATIC})
        assert 1 <= count <= 2  # the last state of each day, of ten hours around one midnight at most


async def test_what_is_not_chosen_is_what_the_settings_say(database_url: str) -> None:
    settings = Settings(_env_file=None, history_hourly_days=40)  # type: ignore[call-arg]
    async with open_log(database_url) as store:
        live, test = await Tenants(store.database).create("acme", "")
        retentions = Retentions(store.database)
        times = TenantRetention(retentions, settings)
        await retentions.choose(live.id, Retention(history_days=0, deleted_documents_days=7), deed=ADA)
        rules = await times.rules(live.id)
        assert (rules.rows, rules.hourly) == (timedelta(0), timedelta(days=40))
        assert await times.deleted_documents(live.id) == timedelta(days=7)
        assert (await times.rules(test.id)).rows == timedelta(days=settings.history_days)
        await retentions.choose(live.id, Retention(), deed=ADA)
        assert (await times.rules(live.id)).rows == timedelta(days=settings.history_days)


async def test_a_deleted_document_can_be_brought_back_for_as_long_as_its_tenant_chose(
    database_url: str,
) -> None:
    async with open_lives(database_url) as lives:
        await lives.write(Writer(1).set("a", 1))
        answer = await lives.api.client.put(
            "/api/admin/retention",
            json={"deleted_documents_days": 3},
            headers={"Authorization": f"Bearer {lives.key.text}"},
        )
        kept = answer.json()["deleted_documents_days"]
        assert kept == {"days": 3, "own": 3, "by_default": 30}
        deleted = await lives.do("DELETE", "depot")
        left = datetime.fromisoformat(deleted["purge_at"]) - datetime.now(UTC)
        assert timedelta(days=2, hours=23) < left < timedelta(days=3)
        [line] = (await lives.api.get("/api/admin/audit?action=tenant", lives.key.text)).json()["items"][:1]
        assert (line["action"], line["detail"]) == ("tenant.retention", {"deleted_documents_days": 3})


@pytest.mark.parametrize("wrong", [{"history_days": -1}, {"history_days": 40_000}, {"days": 3}])
async def test_nonsense_is_refused(database_url: str, wrong: dict[str, int]) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant(), "admin")
        headers = {"Authorization": f"Bearer {key.text}"}
        answer = await api.client.put("/api/admin/retention", json=wrong, headers=headers)
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request")


async def test_an_admin_chooses_it_on_a_page_and_an_empty_input_is_the_server_s_own(
    database_url: str,
) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        form = {"history_days": "7", "history_hourly_days": "", "deleted_documents_days": "0"}
        assert (await admin.post("/settings/retention", form)).headers["Location"].endswith("/settings")
        kept = (await admin.json("/settings")).json()
        assert kept.pop("limits") == []  # the server of this test has none
        assert {name: each["own"] for name, each in kept.items()} == {
            "history_days": 7, "history_hourly_days": None, "history_daily_days": None,
            "deleted_documents_days": 0,
        }  # fmt: skip
        assert 'value="7"' in (await admin.get("/settings")).text
        assert (await admin.post("/settings/retention", {"history_days": "many"})).status_code == 400
        viewer = await dashboard.signed_in(tenant, "viewer")
        assert (await viewer.get("/settings")).status_code == 403
