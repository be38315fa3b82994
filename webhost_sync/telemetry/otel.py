"""Spans by OpenTelemetry, sent over OTLP/HTTP as its variables say. Imported only where it is configured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from webhost_sync import __version__


class OpenTelemetry:
    """A `webhost_sync.telemetry.tracing.Tracing`. `OTEL_SERVICE_NAME` is webhost-sync where it is not set."""

    def __init__(self) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME", "webhost-sync")
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("webhost_sync", __version__)

    def span(
        self, name: str, attributes: Mapping[str, str | int], headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Any]:
        parent = None if headers is None else extract(headers)
        return self._tracer.start_as_current_span(name, context=parent, attributes=dict(attributes))

    def close(self) -> None:
        self._provider.shutdown()
