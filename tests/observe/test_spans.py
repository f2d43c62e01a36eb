import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from router.core.clock import Clock
from router.core.events import AttemptEnded, Event
from router.observe.spans import Spans
from router.observe.traceparent import parse_traceparent
from router.observe.tracing import TracingError, tracer_provider
from tests.observe import scenes

CLOCK = Clock(wall=lambda: scenes.NOW + 99, monotonic=lambda: 0.0)
CANARY = "canary-4711"


class Recording:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = Spans(provider, CLOCK)

    def observe(self, events: list[Event]) -> tuple[ReadableSpan, ...]:
        for event in events:
            self.spans.observe(event)
        return self.exporter.get_finished_spans()


@pytest.fixture
def recording() -> Iterator[Recording]:
    recording = Recording()
    yield recording
    recording.spans.close()


def parent_of(span: ReadableSpan) -> tuple[str, str] | None:
    return None if span.parent is None else (format_trace_id(span.parent.trace_id), format_span_id(span.parent.span_id))


def test_a_request_continues_the_trace_of_its_caller(recording: Recording):
    with recording.spans.request_span("POST /v1/videos", {"traceparent": scenes.TRACE_PARENT}) as request:
        request.answered(200)
    (span,) = recording.exporter.get_finished_spans()
    assert span.name == "POST /v1/videos"
    assert span.kind is SpanKind.SERVER
    assert parent_of(span) == (scenes.TRACE, scenes.PARENT_SPAN)
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/videos",
        "http.response.status_code": 200,
    }
    assert parse_traceparent(request.trace_parent) == scenes.TRACE


def test_a_request_without_a_parent_begins_a_trace(recording: Recording):
    with recording.spans.request_span("GET /v1/models", {"traceparent": "rubbish", "b3": "1-2"}) as request:
        request.answered(200)
    (span,) = recording.exporter.get_finished_spans()
    assert span.parent is None
    assert parse_traceparent(request.trace_parent) == format_trace_id(span.get_span_context().trace_id)


def test_an_answer_of_the_servers_fault_is_an_error(recording: Recording):
    with recording.spans.request_span("POST /v1/videos", {}) as request:
        request.answered(503)
    (span,) = recording.exporter.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "503"
    assert span.status.status_code is StatusCode.ERROR


def test_a_request_that_raises_is_an_error_without_its_message(recording: Recording):
    with pytest.raises(ValueError, match=CANARY), recording.spans.request_span("GET /v1/models", {}):
        raise ValueError(CANARY)
    (span,) = recording.exporter.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert not span.events
    assert CANARY not in span.to_json()


def test_an_attempt_is_a_child_of_the_request_with_its_true_times(recording: Recording):
    with recording.spans.request_span("POST /v1/videos", {}) as request:
        request.answered(200)
    events = [
        replace(event, job=replace(event.job, trace_parent=request.trace_parent))
        for event in scenes.delivery("p0", cost_microusd=750_000)
        if isinstance(event, AttemptEnded)
    ]
    server, span = recording.observe(list(events))
    assert parent_of(span) == (
        format_trace_id(server.get_span_context().trace_id),
        format_span_id(server.get_span_context().span_id),
    )
    assert span.name == "video_generation sora-2"
    assert span.kind is SpanKind.CLIENT
    assert (span.start_time, span.end_time) == (int(scenes.NOW + 1) * 10**9, int(scenes.NOW + 61) * 10**9)
    attributes = dict(span.attributes or {})
    assert (
        attributes.items()
        >= {
            "gen_ai.operation.name": "video_generation",
            "gen_ai.provider.name": "p0",
            "gen_ai.request.model": "sora-2",
            "gen_ai.response.model": "sora-2-upstream",
            "gen_ai.output.type": "video",
            "gen_ai.usage.cost.amount": 0.75,
            "gen_ai.usage.cost.currency": "USD",
            "video_router.cost_kind": "delivered",
            "video_router.attempt": 1,
            "video_router.generate_s": 49.0,
        }.items()
    )
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in attributes


def test_a_failed_attempt_names_stage_and_reason(recording: Recording):
    first, second = recording.observe(scenes.rescue())
    assert (first.attributes or {})["error.type"] == "submit.overloaded"
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description is None
    assert (second.attributes or {})["video_router.attempt"] == 2


def test_a_late_attempt_has_one_span(recording: Recording):
    names = [(span.attributes or {})["video_router.state"] for span in recording.observe(scenes.late_duplicate())]
    assert names == ["late", "succeeded"]


def test_an_attempt_without_an_end_ends_now(recording: Recording):
    (event,) = [event for event in scenes.delivery() if isinstance(event, AttemptEnded)]
    (span,) = recording.observe([replace(event, attempt=replace(event.attempt, ended_at=None))])
    assert span.end_time == int(scenes.NOW + 99) * 10**9


def test_an_attempt_of_an_unsampled_request_has_no_span(recording: Recording):
    unsampled = scenes.TRACE_PARENT.removesuffix("01") + "00"
    events = [
        replace(event, job=replace(event.job, trace_parent=unsampled))
        for event in scenes.delivery()
        if isinstance(event, AttemptEnded)
    ]
    assert recording.observe(list(events)) == ()


def test_no_planted_secret_reaches_a_span(recording: Recording):
    (event,) = [event for event in scenes.billed_refusal() if isinstance(event, AttemptEnded)]
    job = replace(event.job, video=replace(event.job.video, prompt=CANARY), metadata={"note": CANARY})
    attempt = replace(event.attempt, remote_id=CANARY, content_url=f"https://x/?{CANARY}", code=CANARY)
    (span,) = recording.observe([AttemptEnded(job, attempt, event.entries)])
    assert CANARY not in span.to_json()


def test_without_an_exporter_the_context_of_the_caller_is_handed_through():
    spans = Spans(tracer_provider({}), CLOCK)
    with spans.request_span("POST /v1/videos", {"traceparent": scenes.TRACE_PARENT}) as request:
        assert request.trace_parent == scenes.TRACE_PARENT
    with spans.request_span("POST /v1/videos", {}) as request:
        assert request.trace_parent is None
    spans.observe(scenes.delivery()[2])
    spans.close()


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


def test_a_missing_exporter_package_is_named():
    with pytest.raises(TracingError, match="opentelemetry-exporter-otlp-proto-http"):
        tracer_provider({"OTEL_TRACES_EXPORTER": "otlp"})
    with pytest.raises(TracingError, match="opentelemetry-exporter-otlp-proto-grpc"):
        tracer_provider({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    with pytest.raises(TracingError, match="use http/protobuf or grpc"):
        tracer_provider({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"})


def test_an_installed_otlp_exporter_is_used(monkeypatch: pytest.MonkeyPatch):
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    module = ModuleType(name)
    built: list[SpanExporter] = []

    def exporter() -> SpanExporter:
        built.append(ConsoleSpanExporter())
        return built[-1]

    vars(module)["OTLPSpanExporter"] = exporter
    monkeypatch.setitem(sys.modules, name, module)
    for parent in ("opentelemetry.exporter", "opentelemetry.exporter.otlp", "opentelemetry.exporter.otlp.proto"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", ModuleType("http"))
    provider = tracer_provider({"OTEL_TRACES_EXPORTER": "otlp"})
    assert provider is not None
    provider.shutdown()
    assert len(built) == 1
