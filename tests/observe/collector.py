"""A collector of traces in this process, over HTTP and over gRPC: the protocol's own messages and nothing else."""

import gzip
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(slots=True)
class Collector:
    """Whatever was sent to `url`."""

    url: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        self.requests.append(ExportTraceServiceRequest.FromString(body))
        self.bodies.append(body)
        self.headers.append(headers)

    def spans(self, name: str = "") -> list[Span]:
        """All spans whose names begin so, in the order of their beginnings."""
        found = (span for span in self._all() if span.name.startswith(name))
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def _all(self) -> Iterator[Span]:
        for request in self.requests:
            for of_resource in request.resource_spans:
                for of_scope in of_resource.scope_spans:
                    yield from of_scope.spans


def plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as a dictionary of Python's own values."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value") for each in attributes}


@asynccontextmanager
async def a_collector() -> AsyncIterator[Collector]:
    """Listen for OTLP over HTTP on a free port of this machine."""
    collector = Collector()

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body.startswith(b"\x1f\x8b"):
            body = gzip.decompress(body)
        collector.take(body, {name.lower(): value for name, value in request.headers.items()})
        return web.Response(body=ExportTraceServiceResponse().SerializeToString(), content_type=request.content_type)

    app = web.Application()
    app.add_routes([web.post("/v1/traces", receive)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_grpc_collector() -> AsyncIterator[Collector]:
    """Listen for OTLP over gRPC on a free port of this machine."""
    collector = Collector()

    class Service(TraceServiceServicer):
        async def Export(  # type: ignore[override] # noqa: N802
            self, request: ExportTraceServiceRequest, context: grpc.aio.ServicerContext
        ) -> ExportTraceServiceResponse:
            headers = {str(name): str(value) for name, value in context.invocation_metadata() or ()}
            collector.take(request.SerializeToString(), headers)
            return ExportTraceServiceResponse()

    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(Service(), server)
    collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(0)
