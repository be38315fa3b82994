"""The pages of webhooks: a secret that is shown once, what became of messages, and sending them again."""

from __future__ import annotations

import re

from tests.eventually import eventually
from tests.postgres import select
from tests.server.api import error_of
from tests.server.dashboard import running_dashboard
from tests.server.test_dashboard_actions import actions
from tests.server.webhook_receiver import FAST, Receiver

SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(
    database_url: str, receiver: Receiver
) -> None:
    async with running_dashboard(database_url, **FAST) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        form = {"url": receiver.url, "kinds": ["key.created", "row.rejected"], "description": "dispatch"}
        made = await admin.post("/settings/webhooks", form)
        assert made.status_code == 200
        assert SECRET.search(made.text)
        await dashboard.app.key(tenant, "read")
        await receiver.has(1)
        await eventually(lambda: _all_taken(database_url))
        page, twin = await admin.get("/settings/webhooks"), (await admin.json("/settings/webhooks")).json()
        assert not SECRET.search(page.text)
        [hook] = twin["items"]
        assert (hook["url"], hook["kinds"]) == (receiver.url, ["key.created", "row.rejected"])
        assert (hook["waiting"], hook["given_up"], hook["last_delivered_at"] is None) == (0, 0, False)
        assert "secret" not in hook
        assert ("user:admin@acme.example", "webhook.create", hook["id"]) in await actions(admin)
        for wrong in ({"url": receiver.url}, {**form, "kinds": ["no.such"]}, {**form, "url": "ftp://x"}):
            assert error_of(await admin.post_json("/settings/webhooks", wrong)) == "invalid_request"


async def test_what_was_given_up_is_listed_and_sent_again(database_url: str, receiver: Receiver) -> None:
    async with running_dashboard(database_url, **FAST) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        receiver.status = 500
        form = {"url": receiver.url, "kinds": ["key.created"]}
        hook = (await admin.post_json("/settings/webhooks", form)).json()["webhook"]["id"]
        await dashboard.app.key(tenant, "read")
        await receiver.has(1)
        await eventually(lambda: _has_failed(database_url))
        await select(
            database_url, "update webhook_messages set state = 'dead', last_error = 'answered 500 <b>'"
        )
        [line] = (await admin.json("/settings/webhooks")).json()["items"]
        assert (line["given_up"], line["failing_since"] is None) == (1, False)
        path = f"/settings/webhooks/{hook}"
        page = await admin.get(f"{path}?state=dead")
        assert "answered 500 &lt;b&gt;" in page.text
        assert (await admin.json(f"{path}?state=delivered")).json()["items"] == []
        [message] = (await admin.json(path)).json()["items"]
        receiver.status = 200
        again = await admin.post(f"{path}/replay", {"from_seq": message["seq"]})
        assert (again.status_code, again.headers["Location"]) == (303, f"{admin.space}{path}")
        await receiver.has(2)
        await eventually(lambda: _all_taken(database_url))
        assert "taken" in (await admin.get(path)).text
        assert (await admin.post(f"{path}/remove")).status_code == 303
        assert (await admin.get(path)).status_code == 404
        done = [(action, target) for _, action, target in await actions(admin)]
        assert done[:2] == [("webhook.remove", hook), ("webhook.replay", hook)]


async def test_one_that_was_switched_off_says_why_and_is_switched_on(
    database_url: str, receiver: Receiver
) -> None:
    async with running_dashboard(database_url, **FAST) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        receiver.status = 410
        form = {"url": receiver.url, "kinds": ["key.created"]}
        hook = (await admin.post_json("/settings/webhooks", form)).json()["webhook"]["id"]
        await dashboard.app.key(tenant, "read")
        await eventually(lambda: _is_off(database_url))
        assert "answered 410" in (await admin.get("/settings/webhooks")).text
        assert (await admin.post_json(f"/settings/webhooks/{hook}/enable", {})).json()["enabled"] is True


async def test_the_settings_show_the_limits_of_the_space(database_url: str) -> None:
    async with running_dashboard(database_url, rate_limit_api=77, rate_limit_upload=10) as dashboard:
        tenant = await dashboard.app.tenant()
        await select(database_url, """update tenants set limits = '{"upload": 5}'""")
        admin = await dashboard.signed_in(tenant, "admin")
        told = {limit["kind"]: limit for limit in (await admin.json("/settings")).json()["limits"]}
        assert (told["api"]["amount"], told["api"]["is_own"]) == (77, False)
        assert (told["upload"]["amount"], told["upload"]["is_own"]) == (5, True)
        page = (await admin.get("/settings")).text
        assert "77 in 1 min" in page
        assert page.count("of this space<") == 1


async def _all_taken(url: str) -> bool:
    return await select(url, "select from webhook_messages where state <> 'delivered'") == []


async def _has_failed(url: str) -> bool:
    return bool(await select(url, "select from webhook_messages where last_error <> ''"))


async def _is_off(url: str) -> bool:
    return bool(await select(url, "select from webhook_endpoints where not enabled"))
