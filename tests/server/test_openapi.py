"""The API as it is documented: a valid OpenAPI document, and nothing left out of the files of docs/."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.server.api import running_api
from webhost_sync import errors
from webhost_sync.config import Settings
from webhost_sync.errors import ClientFault, SyncError, TryAgain
from webhost_sync.routes.api import ENDPOINTS, described
from webhost_sync.routes.failures import HTTP_CODES
from webhost_sync.routes.limits import ADJUSTABLE, FIXED, limits_of
from webhost_sync.routes.pages import PAGE

DOCS = Path(__file__).parents[2] / "docs"
API, PROTOCOL, LIMITS = ((DOCS / name).read_text() for name in ("api.md", "protocol.md", "limits.md"))
OPERATIONS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, methods in described()["paths"].items()
    for method, operation in methods.items()
]
ABSTRACT = {SyncError, ClientFault, TryAgain}
ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SyncError) and kind not in ABSTRACT
]


def test_the_document_is_valid_openapi() -> None:
    validate(described())


def test_every_endpoint_is_in_the_document_once() -> None:
    ids = [parameter.values[0]["operationId"] for parameter in OPERATIONS]  # type: ignore[index]
    assert len(ids) == len(set(ids)) == len(ENDPOINTS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_everything_about_an_operation_is_described(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert all(parameter["description"] for parameter in operation["parameters"])
    assert all(response["description"] for response in operation["responses"].values())
    assert "500" in operation["responses"]
    assert ("401" in operation["responses"]) == (operation.get("security") != [])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_example_is_what_its_schema_says(operation: dict[str, Any]) -> None:
    body = operation.get("requestBody", {"content": {}})
    for part in (body, *operation["responses"].values()):
        for content in part.get("content", {}).values():
            examples = [example["value"] for example in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            schema = {**content["schema"], "components": described()["components"]}
            for example in examples:
                Draft202012Validator(schema).validate(example)


async def test_the_server_answers_with_the_document(database_url: str) -> None:
    async with running_api(database_url) as api:
        answer = await api.get("/api/openapi.json")
        assert answer.json() == json.loads(json.dumps(described()))


async def test_the_page_asks_nobody_else(database_url: str) -> None:
    async with running_api(database_url) as api:
        assert (await api.get("/")).headers["Location"] == "/api/docs"
        answer = await api.get("/api/docs")
        assert answer.text == PAGE
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", PAGE)


async def test_the_limits_of_this_server_are_visible(database_url: str) -> None:
    async with running_api(database_url, frame_limit=1000) as api:
        limits = {limit["name"]: limit for limit in (await api.get("/limits")).json()["limits"]}
        assert (limits["frame_limit"]["value"], limits["frame_limit"]["setting"]) == (1000, "FRAME_LIMIT")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.template)
def test_every_endpoint_is_in_the_docs(endpoint: Any) -> None:
    assert f"`{endpoint.method} {endpoint.template}`" in API


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_and_close_code_is_in_the_docs(kind: type[SyncError]) -> None:
    assert f"| `{kind.code}` | {kind.http_status} | {'yes' if kind.retry else 'no'} |" in API
    assert f"| {kind.close_code} | `{kind.code}` | {kind.http_status} |" in PROTOCOL


@pytest.mark.parametrize(("status", "code"), HTTP_CODES.items())
def test_every_error_of_the_router_is_in_the_docs(status: int, code: str) -> None:
    assert f"| `{code}` | {status} | no |" in API


def test_every_setting_that_limits_a_client_is_a_visible_limit() -> None:
    named = {limit.name for limit in ADJUSTABLE}
    limiting = re.compile(r"_limit$|^presence_|_rate$|_per_credential$|^token_(max_)?lifetime$|^refusal_")
    assert {name for name in Settings.model_fields if limiting.search(name)} <= named


@pytest.mark.parametrize("name", [limit.name for limit in ADJUSTABLE] + [name for name, *_ in FIXED])
def test_every_limit_is_in_the_docs_with_its_default(name: str) -> None:
    [limit] = [limit for limit in limits_of(Settings(_env_file=None)).limits if limit.name == name]  # type: ignore[call-arg]
    value = f"{limit.value:g} {limit.unit}"
    if limit.unit == "bytes" and limit.value >= 1024:
        value = f"{limit.value // 1024} KiB" if limit.value < 1024**2 else f"{limit.value // 1024**2} MiB"
    assert f"| `{name}` | {value} | {limit.meaning} |" in LIMITS
