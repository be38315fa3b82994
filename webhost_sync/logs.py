"""All log lines of the process: one pipeline for structlog and the standard library's loggers.

In: events with fields (ours) and log records (uvicorn, asyncio, SQLAlchemy, Alembic). Out: one line an
event on stderr, text for people or JSON for machines. Every line has passed `Redactor` before it is
written. Nothing is rendered, or even copied, below the chosen level.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from typing import TextIO

import structlog
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from structlog.typing import EventDict, Processor, WrappedLogger

from webhost_sync.config import Settings
from webhost_sync.redaction import Redactor
from webhost_sync.sampling import Sampler

# Chatty below these levels, whatever we want to hear from ourselves.
QUIET_LIBRARIES = {
    "sqlalchemy": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "websockets": logging.WARNING,
    "alembic.runtime.migration": logging.WARNING,
    "asyncio": logging.INFO,
}


OWN_LEVELS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "alembic")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every logger's lines through the redacting pipeline to `stream` (default: stderr).

    Handlers that the root or uvicorn's loggers had before are removed: they would not redact.
    Calling it again replaces the former settings.
    """
    target = sys.stderr if stream is None else stream
    handler = RedactingHandler(target)
    handler.setFormatter(_formatter(settings, coloured=target.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    for name in OWN_LEVELS:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    set_level(settings.log_level)
    access = logging.getLogger("uvicorn.access")
    access.filters = [WithoutQuery()]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            _Sampling(Sampler(settings.log_burst)),
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=Logger,
        # Safe with a second call of this function: a cached logger holds nothing that depends on settings.
        cache_logger_on_first_use=True,
    )


def set_level(level: str) -> None:
    """Log this and all that is worse, from now on; libraries that are chatty stay a step behind."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(number)
    for name in OWN_LEVELS:
        logging.getLogger(name).setLevel(number)
    for name, quiet_level in QUIET_LIBRARIES.items():
        logging.getLogger(name).setLevel(max(number, quiet_level))


class Logger(structlog.stdlib.BoundLogger):
    """structlog's logger over the standard library's, with a `debug` that costs almost nothing when off."""

    def debug(self, event: str | None = None, *args: object, **fields: object) -> object:
        return super().debug(event, *args, **fields) if self._logger.isEnabledFor(logging.DEBUG) else None


class RedactingHandler(logging.StreamHandler[TextIO]):
    """Writes formatted lines; says without any argument of the record when one can't be formatted."""

    def handleError(self, record: logging.LogRecord) -> None:
        # The base class would print the arguments as they are, past the redaction.
        kind = sys.exc_info()[0]
        reason = "unknown" if kind is None else kind.__name__
        self.stream.write(
            f"a log line of {record.name} in {record.pathname}:{record.lineno} failed: {reason}\n"
        )


class WithoutQuery(logging.Filter):
    """Cuts the query, where tokens are, from uvicorn's access lines before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.partition("?")[0] if isinstance(argument, str) else argument
                for argument in record.args
            )
        return True


def _formatter(settings: Settings, *, coloured: bool) -> structlog.stdlib.ProcessorFormatter:
    renderer: Processor
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        # Plain tracebacks: the pretty ones show local variables, and those hold tokens. Strings as
        # literals: a line break in a client's text must not make a line of its own.
        renderer = structlog.dev.ConsoleRenderer(
            colors=coloured,
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
            repr_native_str=True,
        )
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _Redaction(Redactor(_secrets(settings))),
            renderer,
        ]
    )


class _Redaction:
    """The last processor before the renderer: from here on there is only redacted plain data."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {
            self._redactor.text(str(name)): self._redactor.value(name, value) for name, value in event.items()
        }


class _Sampling:
    """Leaves out most lines of an event that comes again and again."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        left_out = self._sampler.take(method, str(event.get("event")), time.monotonic())
        if left_out is None:
            raise structlog.DropEvent
        return {**event, "left_out": left_out} if left_out else event


def _secrets(settings: Settings) -> Iterator[str]:
    """Every secret in the settings, word for word: the signing secrets and the URLs' passwords."""
    for signing in (settings.token_signing_secret, settings.secret_key_base, settings.metrics_token):
        if signing is not None:
            yield from map(str.strip, signing.get_secret_value().split(","))
    for url in (settings.database_url, settings.migration_database_url, settings.redis_url):
        if url is not None:
            yield from _passwords(url)


def _passwords(url: SecretStr) -> Iterator[str]:
    """The URL's password as it is written there and as it is sent.

    One that equals the user or the database hides nothing, and redacting it would blot out
    "postgres" in every line of a development machine.
    """
    text = url.get_secret_value()
    try:
        parsed = make_url(text)
    except ArgumentError:
        return  # not a URL; whoever opens it will complain, and the patterns still apply
    if parsed.password is None or parsed.password in (parsed.username, parsed.database):
        return
    yield str(parsed.password)
    yield text.partition("://")[2].rpartition("@")[0].partition(":")[2]
