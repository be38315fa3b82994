"""Reads what a person sends: a form, or the same fields as a JSON object.

Bounded and checked like every other body. A field that was left empty counts as not sent, so that its
default holds; a field that takes several values takes them from several inputs of one name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from webhost_sync.errors import InvalidRequest, TooLarge
from webhost_sync.routes.bodies import JSON_LIMIT

PROOF_FIELD = "proof"
PROOF_HEADER = "X-Form-Proof"
FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"


class Form(BaseModel):
    """What an action takes, a field for each input."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoFields(Form):
    """A button without inputs."""


FormT = TypeVar("FormT", bound=Form)


@dataclass(frozen=True, slots=True)
class Fields:
    """The inputs as they came: strings of a form, or the values of a JSON object."""

    values: Mapping[str, list[object]]

    def first(self, name: str) -> str:
        """The first value as text, or an empty one."""
        given = self.values.get(name, [""])
        return given[0] if given and isinstance(given[0], str) else ""

    def read(self, form: type[FormT]) -> FormT:
        """Raises: InvalidRequest, naming the field and what is allowed."""
        given: dict[str, object] = {}
        for name, values in self.values.items():
            if name == PROOF_FIELD:
                continue
            field = form.model_fields.get(name)
            many = field is not None and get_origin(field.annotation) in (list, tuple, frozenset)
            given[name] = values if many else values[-1]
        try:
            return form.model_validate(given)
        except ValidationError as error:
            fault = error.errors()[0]
            where = str(fault["loc"][0]) if fault["loc"] else "form"
            raise InvalidRequest(f"field {where!r}: {fault['msg'].removeprefix('Value error, ')}") from error


async def read_fields(request: Request) -> Fields:
    """Raises: InvalidRequest, TooLarge."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > JSON_LIMIT:
            raise TooLarge(f"a form may have {JSON_LIMIT} bytes")
    if kind == JSON_TYPE:
        return _of_json(bytes(body))
    if kind == FORM_TYPE or not body:
        return _of_form(bytes(body))
    raise InvalidRequest(f"the body must be {FORM_TYPE} or {JSON_TYPE}")


def _of_form(body: bytes) -> Fields:
    values: dict[str, list[object]] = {}
    try:
        pairs = parse_qsl(body.decode(), strict_parsing=bool(body), max_num_fields=200, errors="strict")
    except ValueError as error:
        raise InvalidRequest("the form can't be read") from error
    for name, value in pairs:
        if "\0" in value:
            raise InvalidRequest(f"field {name!r}: a NUL character")
        if value.strip():
            values.setdefault(name, []).append(value if "password" in name else value.strip())
    return Fields(values)


def _of_json(body: bytes) -> Fields:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is no JSON") from error
    if not isinstance(content, dict) or "\\u0000" in body.decode(errors="replace"):
        raise InvalidRequest("the body is a JSON object without NUL characters")
    return Fields({name: value if isinstance(value, list) else [value] for name, value in content.items()})
