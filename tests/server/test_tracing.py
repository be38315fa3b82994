"""Spans go to an OpenTelemetry collector where one is configured; otherwise no exporter is loaded."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.eventually import eventually
from tests.server.test_sync_door import update
from tests.server_process import SyncServer
from webhost_sync.device.wire import write_request

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """A tiny receiver of OTLP over HTTP; its address, and what came."""
    spans: list[Span] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_requests_and_commits_are_spans_under_the_caller_s_trace(
    database_url: str, tmp_path: Path
) -> None:
    with collector() as (address, spans):
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        server = SyncServer(database_url, tmp_path, settings)
        await server.start()
        try:
            key = await server.key_for("acme", "read", "write")
            headers = {
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/octet-stream",
                "traceparent": f"00-{TRACE}-{PARENT}-01",
            }
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
                body = write_request(b"\0", update("a"))
                answer = await client.post("/api/documents/depot/sync", content=body, headers=headers)
            assert answer.status_code == 200
            await eventually(lambda: {"commit", "POST /api/documents/{name}/sync"} <= {s.name for s in spans})
        finally:
            server.kill()
    [request] = [span for span in spans if span.name == "POST /api/documents/{name}/sync"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert {each.key for each in request.attributes} >= {
        "http.route",
        "http.response.status_code",
        "request_id",
    }
    assert key not in str(spans)


def test_without_configuration_nothing_is_traced_and_no_exporter_loaded() -> None:
    program = (
        "import sys; import webhost_sync.cli.main; from webhost_sync.telemetry.tracing import tracing_of;"
        "tracing_of({}); print(any(name.startswith('opentelemetry.exporter') for name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
