"""No line of any logger, at any level, holds a credential; and lines are cheap when nobody wants them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.eventually import eventually
from tests.live_server import live_server
from webhost_sync.config import Settings
from webhost_sync.logs import configure_logging
from webhost_sync.redaction import REDACTED, Redactor

KEY = "whs_live_" + "0123456789abcdef" * 4
SIGNER = URLSafeTimedSerializer("a signing secret of the tests")
TOKEN = SIGNER.dumps({"tenant": "acme", "documents": ["tables/*"]})
COMPRESSED = SIGNER.dumps({"documents": ["tables/vehicles"] * 50})
TRACE = 5
ORDINARY = [
    "webhost_sync.sync.transport.AsgiTransport is done",
    "the token has expired; get a new one",
    "basic checks passed, authorization failed",
    "room loaded at http://127.0.0.1:8000/sync/@acme seq=7",
    "key whs_live_01234567 revoked",
    "postgresql://127.0.0.1:5432/postgres",
]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Give every logger back what it had: its level, handlers and filters."""
    names = [None, *logging.root.manager.loggerDict]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level, logger.handlers[:], logger.filters[:]) for logger in loggers]
    yield
    structlog.reset_defaults()
    for logger, level, handlers, filters in before:
        logger.setLevel(level)
        logger.handlers, logger.filters = handlers, filters


def output(settings: Settings | None = None) -> io.StringIO:
    """Configure logging, and return what is written from now on."""
    stream = io.StringIO()
    configure_logging(settings or Settings(log_level="debug"), stream)
    return stream


def assert_no_credential(text: str, *credentials: str) -> None:
    """Not even a piece of one, long enough to help."""
    for credential in credentials or (KEY, TOKEN, COMPRESSED):
        for start in range(len(credential) - 24):
            piece = credential[start : start + 24]
            assert piece not in text, f"{piece} of {credential} in {text}"


@pytest.mark.parametrize("credential", [KEY, TOKEN, COMPRESSED], ids=["key", "token", "compressed"])
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "/sync/room?token={}&x=1",
        "/sync/room?apiKey={}",
        "/login?next=%2Fsync%3Ftoken%3D{}",
        "Authorization: Bearer {}",
        "{{'authorization': 'Bearer {}'}}",
        "[(b'authorization', b'Bearer {}'), (b'host', b'test')]",
        'bad body "{{\\"token\\": \\"{}\\"}}"',
        "cookie: a=b; webhost={}",
        "LookupError('{}')",
    ],
)
def test_a_credential_is_recognised_wherever_it_stands(form: str, credential: str) -> None:
    redacted = Redactor().text(form.format(credential))
    assert REDACTED in redacted
    assert_no_credential(redacted, credential)


@given(
    st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=3),
    st.text(alphabet=" ?&=:'\"/,\n", max_size=3),
    st.binary(min_size=32, max_size=32),
)
def test_no_token_and_no_key_survives(claims: dict[str, str], around: str, key: bytes) -> None:
    for credential in (SIGNER.dumps({"tenant": "acme", **claims}), f"whs_test_{key.hex()}"):
        assert_no_credential(Redactor().text(f"before{around}{credential}{around}after"), credential)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_signed_token_is_redacted_whether_its_payload_is_compressed_or_not() -> None:
    serializer = URLSafeSerializer("a secret of this test")
    for payload in ({"a": 1}, {"a": "b" * 1000}):
        token = serializer.dumps(payload)
        assert isinstance(token, str)
        assert token not in Redactor().text(f"came with {token} and went")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["a", "-", ".", "eyJ-", "eyJ.", "a://:", "token", "token='", "Bearer ", "whs_live_"]
)
def test_long_text_from_a_client_takes_no_more_than_linear_time(unit: str) -> None:
    Redactor(["a secret"]).text(unit * (1_000_000 // len(unit)))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_passwords_of_the_settings_never_appear(log_format: Literal["text", "json"]) -> None:
    settings = Settings(
        log_format=log_format,
        database_url=SecretStr("postgresql://app:p%40ss/w:rd1@db:5432/sync"),
        redis_url=SecretStr("redis://:redis-password@cache"),
        token_signing_secret=SecretStr("first-secret, second-secret"),
    )
    stream = output(settings)
    log = structlog.get_logger("test")
    for secret in ("p%40ss/w:rd1", "p@ss/w:rd1", "redis-password", "first-secret", "second-secret"):
        log.info(
            f"it says {secret}", detail=f"<{secret}>", nested={"list": [secret]}, error=LookupError(secret)
        )
        logging.getLogger("alembic").warning("context %s", secret)
        assert secret not in stream.getvalue()
    log.info("connecting", url="postgresql://other:other-password@elsewhere/db")
    assert "other-password" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 11


def test_a_password_that_equals_the_user_does_not_blot_out_the_word() -> None:
    stream = output(Settings(database_url=SecretStr("postgresql://postgres:postgres@localhost/postgres")))
    structlog.get_logger("test").info("postgres is ready")
    assert "postgres is ready" in stream.getvalue()


def test_a_short_password_is_redacted_as_a_word_only() -> None:
    redactor = Redactor(["dev"])
    assert redactor.text("login dev of a device") == f"login {REDACTED} of a device"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_field_cannot_begin_a_line_of_its_own(log_format: Literal["text", "json"]) -> None:
    stream = output(Settings(log_format=log_format))
    structlog.get_logger("test").info("room loaded", room="depot\n2026-01-01 [error] all is lost\x1b[31m")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_exceptions_are_redacted_with_their_causes_and_without_locals(
    log_format: Literal["text", "json"],
) -> None:
    stream = output(Settings(log_format=log_format))
    local_variable = "value-of-a-local"
    try:
        try:
            raise LookupError(f"token={TOKEN}")
        except LookupError as cause:
            raise ValueError(f"bad {KEY} {len(local_variable)}") from cause
    except ValueError:
        structlog.get_logger("ours").exception("failed", token="opaque", headers={"authorization": "opaque"})
        logging.getLogger("theirs").exception("failed for %s", KEY)
    assert_no_credential(stream.getvalue())
    assert "opaque" not in stream.getvalue()
    assert local_variable not in stream.getvalue()
    assert stream.getvalue().count("LookupError: ") == 2


def test_a_line_that_cannot_be_formatted_does_not_show_its_arguments() -> None:
    stream = output()
    logging.getLogger("theirs").info("too few places %s", KEY, TOKEN)
    assert_no_credential(stream.getvalue())
    assert "TypeError" in stream.getvalue()


def test_json_lines_hold_the_fields_and_both_kinds_of_loggers() -> None:
    stream = output(Settings(log_format="json"))
    structlog.get_logger("ours").info("room loaded", tenant="acme", seq=7, ok=True, ratio=0.5, nothing=None)
    logging.getLogger("sqlalchemy").warning("slow: %s", 3)
    ours, theirs = map(json.loads, stream.getvalue().splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "room loaded", "level": "info", "logger": "ours",
        "tenant": "acme", "seq": 7, "ok": True, "ratio": 0.5, "nothing": None,
    }  # fmt: skip
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("slow: 3", "warning", "sqlalchemy")


class Unprintable:
    def __repr__(self) -> str:
        raise AssertionError("rendered")


def test_a_line_below_the_level_is_not_rendered() -> None:
    stream = output(Settings(log_level="info"))
    structlog.get_logger("test").debug("costly", value=Unprintable())
    logging.getLogger("uvicorn.error").debug("costly %s", Unprintable())
    assert stream.getvalue() == ""


def test_colours_are_for_terminals() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    configure_logging(Settings(), terminal)
    structlog.get_logger("test").info("hello")
    assert "\x1b[" in terminal.getvalue()
    plain = output()
    structlog.get_logger("test").info("hello")
    assert "\x1b[" not in plain.getvalue()


async def sync(websocket: WebSocket) -> None:
    if websocket.url.path == "/refused":
        await websocket.close()
        return
    await websocket.accept()
    if await websocket.receive_text() == "fail":
        raise LookupError(str(websocket.url), websocket.headers.raw)
    await websocket.close()


async def page(request: Request) -> PlainTextResponse:
    if request.url.path == "/fails":
        raise LookupError(str(request.url), request.headers.raw)
    return PlainTextResponse("ok")


SOCKETS = [WebSocketRoute(path, sync) for path in ("/sync/room", "/refused")]
APP = Starlette(routes=[*SOCKETS, Route("/page", page), Route("/fails", page)])


@pytest.mark.parametrize("level", [TRACE, logging.DEBUG, logging.INFO])
async def test_a_live_server_logs_paths_but_no_credential(level: int) -> None:
    stream = output()
    for name in ("uvicorn.error", "uvicorn.asgi", "uvicorn.access", None):
        logging.getLogger(name).setLevel(level)
    for credential in (KEY, TOKEN, "opaque-without-any-form"):
        await visit(f"?token={credential}&apiKey={credential}", {"Authorization": f"Bearer {credential}"})
    text = stream.getvalue()
    assert_no_credential(text, KEY, TOKEN)
    assert "opaque-without-any-form" not in text
    assert '"WebSocket /sync/room" [accepted]' in text
    assert '"WebSocket /refused" 403' in text
    assert '"GET /page HTTP/1.1" 200' in text
    assert text.count("Exception in ASGI application") == 6


async def visit(query: str, headers: dict[str, str]) -> None:
    """Do what a client can do with its credentials in the query and the headers."""
    async with live_server(APP) as live:
        for message in ("bye", "fail", query):
            async with connect(f"{live.ws_url}/sync/room{query}", additional_headers=headers) as client:
                await client.send(message)
                await client.wait_closed()
        with suppress(InvalidStatus):
            await connect(f"{live.ws_url}/refused{query}", additional_headers=headers)
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            for path in ("/page", "/fails"):
                await client.get(f"{live.url}{path}{query}")


async def test_access_lines_have_no_query_whoever_handles_them(caplog: pytest.LogCaptureFixture) -> None:
    output()
    logging.getLogger().addHandler(caplog.handler)
    async with live_server(APP) as live:
        async with connect(f"{live.ws_url}/sync/room?opaque") as client:
            await client.send("bye")
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"{live.url}/page?opaque")
        await eventually(lambda: "/page HTTP" in caplog.text)
    server_lines = [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn.")]
    assert not any("opaque" in line for line in server_lines)


async def test_errors_of_the_event_loop_come_through_the_same_pipeline() -> None:
    stream = output()
    asyncio.get_running_loop().call_exception_handler({"message": f"lost {KEY}", "token": TOKEN})
    assert "lost [redacted]" in stream.getvalue()
    assert_no_credential(stream.getvalue())
