"""Metrics: who may read them, what they count, and that docs, alarms and dashboard name what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tests.server.api import Api, error_of, running_api
from tests.server.test_sync_door import next_of, socket, update
from tests.store.logs import execute
from tests.valkey import running_valkey
from webhost_sync.device.wire import write_request
from webhost_sync.sync.protocol import SyncStep1

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = REPOSITORY / "deploy" / "grafana" / "webhost-sync.json"
DOCS = (REPOSITORY / "docs" / "monitoring.md").read_text()
OURS = re.compile(r"webhost_sync_\w+")
SELECTED = re.compile(r"(webhost_sync_\w+)(?:\{([^}]*)\})?")
OF_PROMETHEUS = {"instance", "job", "le"}


async def metrics_of(api: Api) -> dict[str, Metric]:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def series_of(families: dict[str, Metric]) -> dict[str, set[str]]:
    """The labels of each series that can be asked for, by its name."""
    found: dict[str, set[str]] = {}
    for family in families.values():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[str]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


async def test_without_a_token_only_this_machine_may_read_them(database_url: str) -> None:
    async with running_api(database_url) as api:
        assert (await api.get("/metrics")).status_code == 200
        passed_on = await api.get("/metrics", **{"X-Forwarded-For": "192.0.2.7"})
        assert (passed_on.status_code, error_of(passed_on)) == (403, "not_allowed")


async def test_with_a_token_whoever_shows_it_may(database_url: str) -> None:
    async with running_api(database_url, metrics_token=SecretStr("s3cret-of-prometheus")) as api:
        key = await api.app.key(await api.app.tenant(), "admin")
        assert (await api.get("/metrics")).status_code == 403
        assert (await api.get("/metrics", key.text)).status_code == 403
        answer = await api.get("/metrics", "s3cret-of-prometheus")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


async def test_requests_are_counted_by_route_and_name_nobody(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant("acme-logistics"))
        for name in ("secret-plans", "other-plans"):
            await api.get(f"/api/documents/{name}", key.text)
        await api.get("/no/such/path")
        answer = await api.get("/metrics")
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        counted = {tuple(s.labels.values()): s.value for s in families["webhost_sync_http_requests"].samples}
        assert counted["GET", "/api/documents/{name}", "404"] == 2
        assert counted["GET", "other", "404"] == 1
        assert "plans" not in answer.text
        assert "acme" not in answer.text


async def test_sockets_and_commits_are_counted(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        body = write_request(b"\0", update("a"))
        async with socket(api.app, key.text) as connected:
            await next_of(connected, SyncStep1)
            answer = await api.post("/api/documents/depot/sync", key.text, content=body)
            assert answer.status_code == 200, answer.text
            text = (await api.get("/metrics")).text
        assert 'webhost_sync_sockets{door="y-websocket"} 1.0' in text
        assert "webhost_sync_rooms 1.0" in text
        assert "webhost_sync_updates_total 1.0" in text
        assert "webhost_sync_commit_batch_updates_count 1.0" in text


async def test_docs_alarms_and_dashboard_name_the_metrics_that_there_are(
    database_url: str,
) -> None:
    add = "insert into backup_runs (target, started_at, kind, outcome, finished_at) values ('', now(), "
    await execute(database_url, f"{add} 'full', 'done', now() - interval '3 hours')")
    await execute(database_url, f"{add} 'full', 'failed', now())")
    await execute(database_url, f"{add} 'tenant', 'done', now())")
    async with (
        running_valkey() as valkey,
        running_api(
            database_url,
            redis_url=SecretStr(valkey.url),
            rate_limit_api=1,
            refusal_hold=0.0,
        ) as api,
    ):
        key = await api.app.key(await api.app.tenant())
        assert [(await api.get("/api/vehicles", key.text)).status_code for _ in range(2)] == [200, 429]
        async with socket(api.app, key.text) as open_one, socket(api.app, "unknown") as refused:
            await next_of(open_one, SyncStep1)
            await refused.wait_closed()
            families = await metrics_of(api)
            text = (await api.get("/metrics")).text
    [age] = re.findall(r"^webhost_sync_backup_age_seconds (\S+)$", text, re.MULTILINE)
    assert 3 * 3600 <= float(age) < 4 * 3600, "the failed one and that of a tenant don't count"
    ours = {name for name in families if name.startswith("webhost_sync_")}
    described = [line for line in DOCS.splitlines() if line.startswith("| `webhost_sync_")]
    assert {name for line in described for name in OURS.findall(line)} == ours
    series = series_of(families)
    for expression in expressions():
        assert expression.count("(") == expression.count(")"), expression
        for name, selectors in SELECTED.findall(expression):
            assert name in series, f"{name} in {expression}"
            labels = set(re.findall(r"(\w+)\s*=", selectors))
            assert labels - OF_PROMETHEUS <= series[name], f"{labels} in {expression}"


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_expression_is_promql(expression: str) -> None:
    promql_parser.parse(expression.replace("$__rate_interval", "5m"))


def test_every_alarm_is_explained() -> None:
    alarms = {
        rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    }
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", DOCS, re.MULTILINE)) == alarms


def test_the_dashboard_s_panels_don_t_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
