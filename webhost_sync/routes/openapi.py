"""Writes the OpenAPI 3.1 document of a table of endpoints.

In: the endpoints (`endpoint.py`). Out: plain values, ready to be JSON. Nothing of an endpoint is said
here: everything comes from its declaration and from its models. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webhost_sync.errors import (
    Internal,
    KeyRevoked,
    NotAuthenticated,
    StoreUnavailable,
    SyncError,
    TokenExpired,
    TooManyRequests,
)
from webhost_sync.routes.endpoint import Answer, Endpoint, Parameter
from webhost_sync.routes.failures import RETRY_AFTER_SECONDS
from webhost_sync.routes.models import ErrorAnswer

Json = dict[str, Any]
AnyEndpoint = Endpoint[Any, Any]
OF_EVERY_CREDENTIAL = (NotAuthenticated, TokenExpired, KeyRevoked, TooManyRequests, StoreUnavailable)
OF_EVERY_CALL = (Internal,)
_REF = "#/components/schemas/{model}"
_SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`whs_live_…`, `whs_test_…`; for servers), or a token (for others).",
    },
    "tokenParameter": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "A token, where a header can't be set.",
    },
    "keyParameter": {
        "type": "apiKey",
        "in": "query",
        "name": "apiKey",
        "description": "An API key, where a header can't be set. Addresses are written into logs: prefer "
        "the header.",
    },
}


def openapi_document(endpoints: Sequence[AnyEndpoint], *, version: str, description: str) -> Json:
    """The OpenAPI document; `description` is Markdown for its head."""
    schemas = _schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.template, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "webhost-sync",
            "version": version,
            "summary": "Documents that sync, and the tables that follow them.",
            "description": description,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "security": [{name: []} for name in _SECURITY],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY, "headers": _shared_headers()},
    }


def errors_of(endpoint: AnyEndpoint) -> tuple[type[SyncError], ...]:
    """Every error that a call of the endpoint can end with."""
    credential: tuple[type[SyncError], ...] = OF_EVERY_CREDENTIAL
    if endpoint.is_open:
        credential = (TooManyRequests,) if endpoint.is_counted else ()
    return tuple(dict.fromkeys((*credential, *endpoint.errors, *OF_EVERY_CALL)))


def _schemas(endpoints: Iterable[AnyEndpoint]) -> Json:
    """The schema of every model that is taken or answered, by name."""
    answered = [answer.content for endpoint in endpoints for answer in endpoint.answers]
    models = [model for model in answered if isinstance(model, type)] + [ErrorAnswer]
    taken = [endpoint.body.model for endpoint in endpoints if endpoint.body.model is not None]
    _, defined = models_json_schema(
        [(model, "serialization") for model in dict.fromkeys(models)]
        + [(model, "validation") for model in dict.fromkeys(taken)],
        ref_template=_REF,
    )
    schemas: Json = defined["$defs"]
    return schemas


def _operation(endpoint: AnyEndpoint, schemas: Json) -> Json:
    operation: Json = {
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": [
            *(_parameter(parameter, "path", required=True) for parameter in endpoint.path_parameters),
            *_query_parameters(endpoint),
            *(_parameter(parameter, "header", required=False) for parameter in endpoint.headers),
        ],
        "responses": _responses(endpoint),
    }
    if endpoint.is_open:
        operation["security"] = []
    if endpoint.body.media_type is not None:
        operation["requestBody"] = _request_body(endpoint)
    return operation


def _operation_id(endpoint: AnyEndpoint) -> str:
    """The handler's name; with the path where it serves several."""
    first = endpoint.template.strip("/").split("/")[0]
    name = endpoint.handler.__name__
    return f"{name}_api" if name == "get_health" and first == "api" else name


def _parameter(parameter: Parameter, where: str, *, required: bool) -> Json:
    return {
        "name": parameter.name,
        "in": where,
        "required": required,
        "description": parameter.description,
        "schema": {"type": "string"},
        "example": parameter.example,
    }


def _query_parameters(endpoint: AnyEndpoint) -> list[Json]:
    model: type[BaseModel] = endpoint.query
    described = model.model_json_schema(by_alias=True)
    required = described.get("required", [])
    parameters = []
    for name, schema in described.get("properties", {}).items():
        text = schema.pop("description", "")
        schema.pop("title", None)
        parameter = {"name": name, "in": "query", "required": name in required, "description": text}
        parameters.append({**parameter, "schema": _without_null(schema)})
    return parameters


def _without_null(schema: Json) -> Json:
    """A parameter that may be left out is not one that may be null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**kinds[0], **rest}


def _request_body(endpoint: AnyEndpoint) -> Json:
    body = endpoint.body
    content: Json = {"schema": {"type": "string", "format": "binary"}}
    if body.model is not None:
        content = {"schema": {"$ref": _REF.format(model=body.model.__name__)}}
        content["examples"] = {name: {"value": value} for name, value in body.examples.items()}
    return {"required": True, "description": body.description, "content": {body.media_type: content}}


def _responses(endpoint: AnyEndpoint) -> Json:
    responses: Json = {}
    for answer in endpoint.answers:
        responses[str(answer.status)] = _success(answer)
    by_status: dict[int, list[type[SyncError]]] = {}
    for error in errors_of(endpoint):
        by_status.setdefault(error.http_status, []).append(error)
    for status, errors in sorted(by_status.items()):
        responses.setdefault(str(status), _failure(status, errors))
    return responses


def _success(answer: Answer) -> Json:
    headers = {header.name: _header(header) for header in answer.headers}
    response: Json = {"description": answer.description, "headers": {**_REQUEST_ID_REF, **headers}}
    if isinstance(answer.content, str):
        kind: Json = {"type": "string"}
        if answer.content == "application/octet-stream":
            kind["format"] = "binary"
        shown = {} if answer.example is None else {"example": answer.example}
        response["content"] = {answer.content: {"schema": kind, **shown}}
        response["content"] |= {other: {"schema": kind} for other in answer.others}
    elif answer.content is not None:
        content: Json = {"schema": {"$ref": _REF.format(model=answer.content.__name__)}}
        if answer.example is not None:
            content["example"] = answer.example
        response["content"] = {"application/json": content}
    return response


def _failure(status: int, errors: Sequence[type[SyncError]]) -> Json:
    examples = {
        error.code: {"value": {"error": {"code": error.code, "message": str(error()), "retry": error.retry}}}
        for error in errors
    }
    headers: Json = dict(_REQUEST_ID_REF)
    if status == 401:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    if status in (429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status == 429:
        headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_LIMIT}
    codes = ", ".join(f"`{error.code}`" for error in errors)
    return {
        "description": f"{HTTPStatus(status).phrase}: {codes}",
        "headers": headers,
        "content": {
            "application/json": {"schema": {"$ref": _REF.format(model="ErrorAnswer")}, "examples": examples}
        },
    }


def _header(header: Parameter) -> Json:
    return {"description": header.description, "schema": {"type": "string"}, "example": header.example}


_REQUEST_ID_REF: Mapping[str, Json] = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}


_RATE_LIMIT = {
    "RateLimit": Parameter(
        "", "What is left of the budget: `r`, and one more in `t` seconds; answers of any status have it.",
        '"api";r=42;t=3',
    ),
    "RateLimit-Policy": Parameter("", "The budget: `q` in `w` seconds, sliding.", '"api";q=100;w=60'),
}  # fmt: skip


def _shared_headers() -> Json:
    return {
        **{name: _header(header) for name, header in _RATE_LIMIT.items()},
        "X-Request-Id": _header(
            Parameter(
                "", "The request's id, in the log too; a short plain one that you send is kept.", "a1b2c3"
            )
        ),
        "Retry-After": _header(
            Parameter("", "Seconds until it makes sense to try again.", str(RETRY_AFTER_SECONDS))
        ),
        "WWW-Authenticate": _header(Parameter("", "How to sign in.", "Bearer")),
    }
