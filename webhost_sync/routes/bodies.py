"""Reads the body of a request: bounded, of one media type, and checked before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from webhost_sync.errors import InvalidRequest, TooLarge

Read = TypeVar("Read", covariant=True)
Model = TypeVar("Model", bound=BaseModel)
JSON_LIMIT = 64 * 1024
UPLOAD = 64 * 1024
"""A request whose body has more bytes is an upload."""


class Body(Protocol[Read]):
    """What an endpoint takes. `media_type` is None where it takes nothing."""

    @property
    def media_type(self) -> str | None: ...

    @property
    def model(self) -> type[BaseModel] | None:
        """Describes JSON; None for anything else."""
        ...

    @property
    def description(self) -> str: ...

    @property
    def examples(self) -> Mapping[str, object]: ...

    async def read(self, request: Request, limit: int) -> Read:
        """The body. Raises: TooLarge above `limit` bytes (the rest is not read), InvalidRequest."""
        ...


class NoBody:
    """The endpoint takes no body; one that is sent is not read."""

    media_type = None
    model = None
    description = ""
    examples: Mapping[str, object] = {}

    async def read(self, request: Request, limit: int) -> None:
        return None


class OctetBody:
    """Bytes of a format of ours."""

    media_type = "application/octet-stream"
    model = None

    def __init__(self, description: str) -> None:
        self.description = description
        self.examples: Mapping[str, object] = {}

    async def read(self, request: Request, limit: int) -> bytes:
        return await _read(request, self.media_type, limit)


class JsonBody(Generic[Model]):
    """A JSON object."""

    media_type = "application/json"

    def __init__(self, model: type[Model], description: str, examples: Mapping[str, object]) -> None:
        self.model = model
        self.description = description
        self.examples = examples

    async def read(self, request: Request, limit: int) -> Model:
        body = await _read(request, self.media_type, min(limit, JSON_LIMIT))
        try:
            return self.model.model_validate_json(body)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            named = f"field {where!r} of the body" if where else "the body"
            raise InvalidRequest(f"{named}: {fault['msg']}") from error


def is_upload(request: Request) -> bool:
    """Whether a request brings much, or doesn't say how much."""
    announced = request.headers.get("content-length", "")
    return int(announced) > UPLOAD if announced.isdecimal() else "transfer-encoding" in request.headers


async def _read(request: Request, media_type: str, limit: int) -> bytes:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != media_type:
        raise InvalidRequest(f"the body must be {media_type}; say so in the header Content-Type")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise InvalidRequest("the body must not be compressed; leave the header Content-Encoding out")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise TooLarge(f"the body may have {limit} bytes, this one has {announced}")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise TooLarge(f"the body may have {limit} bytes")
    return bytes(body)
