from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanKind, StatusCode, format_span_id, format_trace_id

from providers.canonical import Reason
from router.core.clock import Clock
from router.core.events import AttemptEnded, Event
from router.core.ranking import DecisionReason
from router.core.trail import Download, PollNote, Said, Trail
from router.observe.spans import Spans
from router.observe.traceparent import parse_traceparent, sampled_trace_id, traceparent_of
from tests.observe import scenes

CLOCK = Clock(wall=lambda: scenes.NOW + 99, monotonic=lambda: 0.0)
CANARY = "canary-4711"


class Recording:
    def __init__(self, sampler: Sampler | None = None) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = Spans(provider, CLOCK)

    def observe(self, events: list[Event]) -> tuple[ReadableSpan, ...]:
        for event in events:
            self.spans.listeners.hear(event)
        return self.exporter.get_finished_spans()


@pytest.fixture
def recording() -> Iterator[Recording]:
    recording = Recording()
    yield recording
    recording.spans.close()


def parent_of(span: ReadableSpan) -> tuple[str, str] | None:
    return None if span.parent is None else (format_trace_id(span.parent.trace_id), format_span_id(span.parent.span_id))


@pytest.mark.parametrize(
    "sampler", [ParentBased(TraceIdRatioBased(0.5)), ParentBasedTraceIdRatio(0.5), TraceIdRatioBased(0.5), ALWAYS_OFF]
)
def test_a_trace_is_kept_or_not_as_its_header_says(sampler: Sampler):
    recording = Recording(sampler)
    headers = []
    for _ in range(60):
        with recording.spans.request_span("POST /v1/videos", {}) as request:
            request.answered(200)
        headers.append(request.trace_parent)
    kept = [traceparent_of(NonRecordingSpan(span.context)) for span in recording.exporter.get_finished_spans()]
    assert kept == [header for header in headers if sampled_trace_id(header)]
    assert len(set(map(parse_traceparent, headers))) == len(headers)
    assert not kept if sampler is ALWAYS_OFF else 5 < len(kept) < 55
    recording.spans.close()


def test_a_job_whose_trace_is_not_kept_costs_no_span():
    recording = Recording(ParentBased(TraceIdRatioBased(0.5)))
    unkept = scenes.TRACE_PARENT.removesuffix("01") + "00"
    events = scenes.delivery()
    jobs = [replace(event, job=replace(event.job, trace_parent=unkept)) for event in events if hasattr(event, "job")]
    assert recording.observe(jobs) == ()
    assert len(recording.observe(events)) == 1
    recording.spans.close()


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


def test_asking_how_far_a_video_is_begins_no_trace_and_continues_its_callers(recording: Recording):
    for headers in ({}, {"traceparent": scenes.TRACE_PARENT}):
        with recording.spans.request_span("GET /v1/videos/{video_id}", headers) as request:
            request.answered(200)
    (span,) = recording.exporter.get_finished_spans()
    assert parent_of(span) == (scenes.TRACE, scenes.PARENT_SPAN)


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


def test_a_request_names_the_job_that_it_is_about(recording: Recording):
    with recording.spans.request_span("DELETE /v1/videos/{video_id}", {}) as request:
        request.about("video_1")
    (span,) = recording.exporter.get_finished_spans()
    assert (span.attributes or {})["video_router.job"] == "video_1"


def test_sending_a_video_is_told_in_its_jobs_trace_and_linked_to_the_request(recording: Recording):
    job = scenes.job_of()
    with recording.spans.request_span("GET content", {}) as request, request.content(job, "video") as content:
        content.answered(200)
        content.sent(4711)
    sent, server = recording.exporter.get_finished_spans()
    assert (sent.name, parent_of(sent)) == ("content", (scenes.TRACE, scenes.PARENT_SPAN))
    assert [link.context.span_id for link in sent.links] == [server.get_span_context().span_id]
    assert server.get_span_context().trace_id != sent.get_span_context().trace_id
    assert dict(sent.attributes or {}) == {
        "video_router.job": job.id,
        "video_router.variant": "video",
        "http.response.status_code": 200,
        "video_router.content_bytes": 4711,
    }


def test_sending_the_video_of_a_job_without_a_trace_is_told_below_the_request(recording: Recording):
    job = replace(scenes.job_of(), trace_parent=None)
    with recording.spans.request_span("GET content", {}) as request, request.content(job, "video"):
        pass
    sent, server = recording.exporter.get_finished_spans()
    assert sent.parent == server.get_span_context()
    assert not sent.links


def test_a_download_that_breaks_is_an_error_and_one_that_cannot_be_had_is_none(recording: Recording):
    with recording.spans.request_span("GET content", {}) as request:
        with request.content(scenes.job_of(), "video") as content:
            content.broke(ConnectionResetError(CANARY))
        with suppress(LookupError), request.content(scenes.job_of(), "video") as content:
            content.answered(416)
            raise LookupError(CANARY)
        with pytest.raises(LookupError), request.content(scenes.job_of(), "video") as content:
            raise LookupError(CANARY)
    broken, refused, failed, _ = recording.exporter.get_finished_spans()
    assert [(span.attributes or {}).get("error.type") for span in (broken, refused, failed)] == [
        *("ConnectionResetError", None, "LookupError")
    ]
    assert CANARY not in broken.to_json() + refused.to_json() + failed.to_json()


def ended_of(events: list[Event]) -> AttemptEnded:
    (event,) = [event for event in events if isinstance(event, AttemptEnded)]
    return event


def test_an_attempt_is_a_child_of_the_request_with_its_true_times(recording: Recording):
    with recording.spans.request_span("POST /v1/videos", {}) as request:
        request.answered(200)
    event = ended_of(scenes.delivery("p0", cost_microusd=750_000))
    server, span = recording.observe([replace(event, job=replace(event.job, trace_parent=request.trace_parent))])
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
            "video_router.seconds": 8,
            "video_router.size": "720x1280",
            "video_router.generate_s": 49.0,
        }.items()
    )
    assert span.status.status_code is StatusCode.UNSET
    assert not attributes.keys() & {"error.type", "video_router.resumed", "video_router.cause"}


def test_an_attempt_tells_why_routing_chose_its_offering_and_what_it_expected(recording: Recording):
    _, start, end, _ = scenes.tried(DecisionReason.PROBE)
    (span,) = recording.observe([start, end])
    attributes = dict(span.attributes or {})
    assert attributes["video_router.route.reason"] == "probe"
    assert attributes["video_router.route.expected_cost_usd"] == pytest.approx(0.88)
    assert attributes["gen_ai.usage.cost.amount"] == 0.8


def test_submit_and_downloads_lie_below_their_attempt_with_their_own_times(recording: Recording):
    event = ended_of(scenes.delivery())
    now, broken = scenes.NOW, Download(scenes.NOW + 58, scenes.NOW + 59, Reason.UNREADABLE, "http status 404")
    trail = Trail(downloads=(broken, Download(now + 59.5, now + 60.5)), downloads_begun=2)
    event = replace(event, attempt=replace(event.attempt, accepted_at=now + 1.5), trail=trail)
    submit, failed, download, attempt = recording.observe([event])
    assert [span.name for span in (submit, failed, download)] == ["submit", "download", "download"]
    assert all(span.parent == attempt.get_span_context() for span in (submit, failed, download))
    assert [(span.start_time, span.end_time) for span in (submit, failed, download)] == [
        (round((now + begun) * 10) * 10**8, round((now + ended) * 10) * 10**8)
        for begun, ended in ((1, 1.5), (58, 59), (59.5, 60.5))
    ]
    assert (failed.attributes or {})["error.type"] == "download.unreadable"
    assert (failed.attributes or {})["video_router.cause"] == "http status 404"
    assert (attempt.attributes or {})["video_router.downloads"] == 2


def test_a_refused_submit_is_an_error_and_an_interrupted_one_has_no_end_to_tell(recording: Recording):
    (event, _) = [event for event in scenes.rescue() if isinstance(event, AttemptEnded)]
    answered = Trail(answered_at=scenes.NOW + 2)
    submit, attempt = recording.observe([replace(event, cause="http status 503", trail=answered)])
    for span in (submit, attempt):
        assert (span.attributes or {})["error.type"] == "submit.overloaded"
        assert (span.attributes or {})["video_router.cause"] == "http status 503"
    assert (submit.start_time, submit.end_time) == (int(scenes.NOW + 1) * 10**9, int(scenes.NOW + 2) * 10**9)
    recording.exporter.clear()
    (attempt,) = recording.observe([replace(ended_of(scenes.lost_answer()), trail=Trail(resumed=True))])
    assert (attempt.attributes or {})["video_router.resumed"] is True
    assert (attempt.attributes or {})["error.type"] == "submit.ambiguous"


def test_a_submit_that_was_found_after_its_answer_was_lost_says_both(recording: Recording):
    event, now = ended_of(scenes.lost_and_found()), scenes.NOW
    found = replace(event.attempt, accepted_at=now + 12)
    trail = Trail(answered_at=now + 2, found_at=now + 12)
    submit, attempt = recording.observe([replace(event, attempt=found, trail=trail)])
    assert (submit.attributes or {})["error.type"] == "submit.ambiguous"
    assert submit.end_time == int(now + 2) * 10**9
    assert "error.type" not in (attempt.attributes or {})
    assert [(told.name, told.timestamp) for told in attempt.events] == [("found", int(now + 12) * 10**9)]
    recording.exporter.clear()
    (attempt,) = recording.observe(
        [replace(event, attempt=found, trail=replace(trail, resumed=True, answered_at=None))]
    )
    assert [told.name for told in attempt.events] == ["found"]


def test_polls_are_events_of_the_attempt_and_no_spans(recording: Recording):
    notes = (
        PollNote(scenes.NOW + 5, Said.RUNNING, 50, polls=7),
        PollNote(scenes.NOW + 9, Said.SILENT, reason=Reason.UNREACHABLE, polls=2),
        PollNote(scenes.NOW + 50, Said.FAILED, reason=Reason.REFUSED),
    )
    event = replace(ended_of(scenes.billed_refusal()), trail=Trail(notes=notes, polls=10, polls_failed=2), progress=50)
    (span,) = recording.observe([event])
    assert [(told.name, told.timestamp, dict(told.attributes or {})) for told in span.events] == [
        (
            "poll",
            int(scenes.NOW + 5) * 10**9,
            {"video_router.polls": 7, "video_router.status": "running", "video_router.progress": 50},
        ),
        ("poll_failed", int(scenes.NOW + 9) * 10**9, {"video_router.polls": 2, "video_router.reason": "unreachable"}),
        (
            "poll",
            int(scenes.NOW + 50) * 10**9,
            {"video_router.polls": 1, "video_router.status": "failed", "video_router.reason": "refused"},
        ),
    ]
    attributes = span.attributes or {}
    assert (attributes["video_router.polls"], attributes["video_router.polls_failed"]) == (10, 2)
    assert attributes["video_router.progress"] == 50


def test_a_failed_attempt_names_stage_and_reason_and_the_next_links_to_it(recording: Recording):
    first, second = recording.observe(scenes.rescue())
    assert (first.attributes or {})["error.type"] == "submit.overloaded"
    assert (first.attributes or {})["gen_ai.usage.cost.amount"] == 0
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description is None
    assert not first.links
    assert (second.attributes or {})["video_router.attempt"] == 2
    assert [link.context.span_id for link in second.links] == [first.get_span_context().span_id]
    assert second.links[0].context.trace_id == first.get_span_context().trace_id


def test_a_late_attempts_money_is_told_below_its_span_also_after_a_restart(recording: Recording):
    *earlier, known = scenes.late_duplicate()
    late, succeeded = recording.observe(earlier)
    assert [(span.attributes or {})["video_router.state"] for span in (late, succeeded)] == ["late", "succeeded"]
    assert "gen_ai.usage.cost.amount" not in (late.attributes or {})
    after = Recording()
    (settled,) = after.observe([known])
    assert (settled.name, settled.start_time) == ("settled", settled.end_time)
    assert parent_of(settled) == (scenes.TRACE, format_span_id(late.get_span_context().span_id))
    attributes = settled.attributes or {}
    assert (attributes["gen_ai.usage.cost.amount"], attributes["video_router.cost_kind"]) == (0.8, "duplicate")
    after.spans.close()


def test_an_attempt_without_an_end_ends_now(recording: Recording):
    event = ended_of(scenes.delivery())
    (span,) = recording.observe([replace(event, attempt=replace(event.attempt, ended_at=None))])
    assert span.end_time == int(scenes.NOW + 99) * 10**9


def test_attempts_of_a_job_without_a_trace_are_told_all_the_same(recording: Recording):
    events = [
        replace(event, job=replace(event.job, trace_parent=None))
        for event in scenes.late_duplicate()
        if isinstance(event, AttemptEnded)
    ]
    assert [span.parent for span in recording.observe(list(events))] == [None, None, None]


def test_nothing_of_an_unsampled_request_is_written(recording: Recording):
    unsampled = scenes.TRACE_PARENT.removesuffix("01") + "00"
    events = [
        replace(event, job=replace(event.job, trace_parent=unsampled))
        for event in scenes.late_duplicate()
        if isinstance(event, AttemptEnded)
    ]
    with recording.spans.request_span("GET content", {"traceparent": unsampled}) as request:
        assert request.trace_parent is not None
        assert request.trace_parent.endswith("-00")
        with request.content(events[0].job, "video"):
            pass
    assert recording.observe(list(events)) == ()


def test_no_planted_secret_reaches_a_span(recording: Recording):
    event = ended_of(scenes.billed_refusal())
    job = replace(event.job, video=replace(event.job.video, prompt=CANARY), metadata={"note": CANARY})
    attempt = replace(event.attempt, remote_id=CANARY, content_url=f"https://x/?{CANARY}", code=CANARY)
    cause = f"http://x/?{CANARY} authorization: {CANARY}"
    trail = Trail(downloads=(Download(scenes.NOW, scenes.NOW, Reason.UNREADABLE, cause),))
    spans = recording.observe([replace(event, job=job, attempt=attempt, cause=cause, trail=trail)])
    assert len(spans) == 2
    assert CANARY not in "".join(span.to_json() for span in spans)


def test_without_an_exporter_the_context_of_the_caller_is_handed_through():
    spans = Spans(None, CLOCK)
    with spans.request_span("POST /v1/videos", {"traceparent": scenes.TRACE_PARENT}) as request:
        assert request.trace_parent == scenes.TRACE_PARENT
    with spans.request_span("POST /v1/videos", {}) as request, request.content(scenes.job_of(), "video") as content:
        request.about("video_1")
        content.sent(1)
        assert request.trace_parent is None
    spans.listeners.hear(scenes.delivery()[2])
    spans.close()
