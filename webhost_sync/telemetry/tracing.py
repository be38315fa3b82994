"""Spans of what the server does, for OpenTelemetry where it is configured; otherwise nothing happens.

Configured is: `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. Everything else
is as OpenTelemetry's own variables say. Its SDK and exporter (extra `otel`) are imported by us only then.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

Attributes = Mapping[str, str | int]
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing(Protocol):
    """Spans are children of the one that is open; `headers` may name a parent at another service."""

    def span(
        self, name: str, attributes: Attributes, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Any]: ...

    def close(self) -> None:
        """Send what waits to be sent."""
        ...


class NoTracing:
    """Where nothing is configured."""

    def span(
        self, name: str, attributes: Attributes, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Any]:
        return nullcontext()

    def close(self) -> None:
        return None


class OtelMissing(Exception):
    """OpenTelemetry is configured, and not installed: pip install 'webhost-sync[otel]'"""


def tracing_of(environment: Mapping[str, str]) -> Tracing:
    """Raises: OtelMissing."""
    if not any(environment.get(name) for name in ENDPOINTS):
        return NoTracing()
    try:
        module = importlib.import_module("webhost_sync.telemetry.otel")
    except ImportError as error:
        raise OtelMissing(str(OtelMissing.__doc__)) from error
    found: Tracing = module.OpenTelemetry()
    return found
