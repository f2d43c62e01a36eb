"""Tracing as the environment asks for it: to real collectors over both protocols, and to some that do not answer."""

import asyncio
import io
import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from router.core.events import AttemptEnded, Event
from router.observe.exporter_logs import ExporterCalm
from router.observe.spans import LAST_SPANS, Spans
from router.observe.stdlib_logs import configure
from router.observe.tracing import TracingError, tracer_provider
from tests.observe import scenes
from tests.observe.collector import Collector, a_collector, a_grpc_collector, plain
from tests.observe.test_spans import CANARY, CLOCK

OTLP = {"OTEL_TRACES_EXPORTER": "otlp"}
GRPC = {**OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


def spans_as(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, **variables: str) -> Spans:
    """What the process would construct with these variables; the SDK reads some of them by itself."""
    for name, value in {**environment, **variables}.items():
        monkeypatch.setenv(name, value)
    return Spans(tracer_provider({**environment, **variables}), CLOCK)


def sensitive() -> list[Event]:
    """An attempt whose prompt, ids, link and code must not leave the house."""
    events: list[Event] = []
    for event in scenes.billed_refusal():
        if isinstance(event, AttemptEnded):
            job = replace(event.job, video=replace(event.job.video, prompt=CANARY), metadata={"note": CANARY})
            attempt = replace(event.attempt, remote_id=CANARY, content_url=f"https://x/?{CANARY}", code=CANARY)
            events.append(replace(event, job=job, attempt=attempt, cause=f"see https://x/?{CANARY}"))
    return events


async def sent(spans: Spans, collector: Collector, events: list[Event]) -> None:
    for event in events:
        spans.listeners.hear(event)
    await asyncio.to_thread(spans.close)
    assert collector.requests


async def test_a_collector_is_sent_protobuf_with_the_headers_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    async with a_collector() as collector:
        spans = spans_as(
            OTLP,
            monkeypatch,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS="x-tenant=studio",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging",
        )
        await sent(spans, collector, scenes.rescue())
    first, second = collector.spans("video_generation")
    assert (first.trace_id.hex(), second.trace_id.hex()) == (scenes.TRACE, scenes.TRACE)
    assert (collector.headers[0]["x-tenant"], collector.headers[0]["content-type"]) == (
        *("studio", "application/x-protobuf"),
    )
    resource = plain(collector.requests[0].resource_spans[0].resource.attributes)
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("video-router", "staging")


async def test_a_collector_may_listen_for_grpc(monkeypatch: pytest.MonkeyPatch):
    async with a_grpc_collector() as collector:
        spans = spans_as(
            GRPC, monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=studio"
        )
        await sent(spans, collector, [*scenes.delivery(), *sensitive()])
    assert collector.headers[0]["x-tenant"] == "studio"
    assert {span.trace_id.hex() for span in collector.spans("video_generation")} == {scenes.TRACE}
    assert CANARY.encode() not in b"".join(collector.bodies)


async def test_no_planted_secret_reaches_a_collector(monkeypatch: pytest.MonkeyPatch):
    async with a_collector() as collector:
        spans = spans_as(OTLP, monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        await sent(spans, collector, sensitive())
    assert collector.spans("video_generation")
    assert CANARY.encode() not in b"".join(collector.bodies)


def test_the_console_gets_a_line_for_each_span_and_no_secret(monkeypatch: pytest.MonkeyPatch):
    out = io.StringIO()
    monkeypatch.setattr(ConsoleSpanExporter.__init__, "__defaults__", (None, out, lambda span: ""))
    spans = spans_as({"OTEL_TRACES_EXPORTER": "console"}, monkeypatch)
    for event in sensitive():
        spans.listeners.hear(event)
    spans.close()
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["name"] == "video_generation sora-2"
    assert CANARY not in line


@contextmanager
def a_silent_collector() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def a_dead_port() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """The process's log as the router configures it, until the block is left."""
    root, stream = logging.getLogger(), io.StringIO()
    before = (list(root.handlers), root.level, logging.raiseExceptions)
    hooks = (sys.excepthook, sys.unraisablehook)
    try:
        configure(stream)
        yield stream
    finally:
        root.handlers[:], root.level, logging.raiseExceptions = before
        sys.excepthook, sys.unraisablehook = hooks
        logging.captureWarnings(capture=False)


@contextmanager
def last_spans() -> Iterator[list[threading.Thread]]:
    """The threads that still send spans when the block is left; they are waited for, so that no test hears of them."""
    left: list[threading.Thread] = []
    yield left
    left += [thread for thread in threading.enumerate() if thread.name == LAST_SPANS]
    for thread in left:
        thread.join(20)


@pytest.mark.parametrize("environment", [OTLP, GRPC], ids=["http", "grpc"])
def test_a_collector_that_is_down_is_told_of_without_its_address_and_not_with_every_batch(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    address = a_dead_port()
    with logged() as stream, last_spans():
        spans = spans_as(
            environment,
            monkeypatch,
            OTEL_EXPORTER_OTLP_ENDPOINT=address,
            OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{CANARY}",
            OTEL_EXPORTER_OTLP_TIMEOUT="1",
            OTEL_BSP_MAX_QUEUE_SIZE="16",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="8",
        )
        for _ in range(100):
            for event in scenes.delivery():
                spans.listeners.hear(event)
        spans.close(0.1)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines
    assert {(line["level"], line["logger"].partition(".")[0]) for line in lines} == {("warning", "opentelemetry")}
    assert len(lines) <= 4
    assert not [line for line in lines if CANARY in str(line) or address.rpartition(":")[2] in str(line)]


def test_a_stop_does_not_wait_for_a_collector_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    with a_silent_collector() as url, logged() as stream:
        with last_spans() as left:
            spans = spans_as(OTLP, monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_TIMEOUT="1")
            spans.listeners.hear(scenes.delivery()[2])
            spans.close(0.1)
        assert len(left) == 1
    assert "opentelemetry" in stream.getvalue()


def record(message: str, *args: object, at: float = 0.0, name: str = "opentelemetry.exporter.x") -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, args, None)
    made.created = at
    return made


def test_an_exporter_says_the_same_once_a_minute_and_never_in_words_of_others():
    calm = ExporterCalm()
    first = record("Failed %s batch code: %s, reason: %s", "spans", 503, f"see {CANARY}")
    assert calm(first)
    assert (first.getMessage(), first.levelno) == ("Failed spans batch code: 503, reason: ...", logging.WARNING)
    assert not calm(record("Failed %s batch code: %s, reason: %s", "spans", 504, CANARY, at=59.0))
    assert calm(record("Failed %s batch code: %s, reason: %s", "spans", 504, CANARY, at=60.0))
    assert calm(record("something else"))
    error = record("Transient error %s", ConnectionError(CANARY))
    error.exc_info = (ConnectionError, ConnectionError(CANARY), None)
    assert calm(error)
    assert error.getMessage() == "Transient error ConnectionError (ConnectionError)"
    ours = record("told %s", CANARY, name="router.engine")
    assert calm(ours)
    assert calm(ours)
    assert ours.getMessage() == f"told {CANARY}"


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}],
)
def test_nothing_is_set_up_unless_the_environment_asks_for_it(environment: dict[str, str]):
    assert tracer_provider(environment) is None


def test_the_sampler_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    provider = tracer_provider({"OTEL_TRACES_EXPORTER": "console"})
    assert provider is not None
    provider.shutdown()
    assert "0.25" in provider.sampler.get_description()
    assert provider.sampler.get_description().startswith("ParentBased")
    assert provider.resource.attributes["service.name"] == "video-router"


def test_an_unknown_exporter_is_refused_with_the_known_ones():
    with pytest.raises(TracingError, match="use none, console or otlp"):
        tracer_provider({"OTEL_TRACES_EXPORTER": "zipkin"})


@pytest.mark.parametrize(
    ("environment", "what_to_do"), [(OTLP, r"pip install 'video-router\[otlp\]'"), (GRPC, "pip install .*-proto-grpc")]
)
def test_a_missing_exporter_package_is_named(
    environment: dict[str, str], what_to_do: str, monkeypatch: pytest.MonkeyPatch
):
    for protocol in ("http", "grpc"):
        monkeypatch.setitem(sys.modules, f"opentelemetry.exporter.otlp.proto.{protocol}.trace_exporter", None)
    with pytest.raises(TracingError, match=what_to_do):
        tracer_provider(environment)


def test_an_unknown_protocol_is_refused_with_the_known_ones():
    with pytest.raises(TracingError, match="use http/protobuf or grpc"):
        tracer_provider({**OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"})


def test_what_an_exporter_cannot_use_is_said_without_quoting_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", CANARY)
    with pytest.raises(TracingError, match="variable cannot be used") as raised:
        tracer_provider(GRPC)
    assert CANARY not in str(raised.value)


def test_a_service_may_be_named_by_its_resource(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=videos-eu")
    provider = tracer_provider({"OTEL_TRACES_EXPORTER": "console"})
    assert provider is not None
    provider.shutdown()
    assert provider.resource.attributes["service.name"] == "videos-eu"
