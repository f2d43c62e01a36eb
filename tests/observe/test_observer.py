import io
import tracemalloc
from dataclasses import replace
from typing import get_args

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from router.core.clock import Clock
from router.core.events import (
    AttemptResolved,
    Event,
    ExchangeEnded,
    JobAccepted,
    JobEnded,
    LoopLagged,
    PollFailed,
    ProviderDrained,
)
from router.core.order import Readiness
from router.observe.board import Board
from router.observe.lines import Level
from router.observe.logs import Logs
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.observe.spans import Spans
from tests.observe import scenes

CLOCK = Clock(wall=lambda: scenes.NOW, monotonic=lambda: 0.0)


def count(metrics: Metrics, name: str, labels: dict[str, str]) -> float | None:
    return metrics.registry.get_sample_value(f"video_router_{name}", labels)


def test_one_event_reaches_metrics_logs_and_the_board():
    metrics, stream = Metrics(scenes.catalog_of()), io.StringIO()
    board = Board(CLOCK, metrics.in_flight)
    observer = Observer(metrics, Logs(stream, CLOCK), Spans(None, CLOCK), board)
    for event in scenes.rescue():
        observer(event)
    assert count(metrics, "jobs_accepted_total", {"model": "sora-2"}) == 1
    assert "job_ended" in stream.getvalue()
    assert board.overview(Readiness(ready=True)).outcomes["succeeded"] == 1
    assert count(metrics, "observer_errors_total", {"sink": "logs"}) == 0


def test_every_event_is_counted_or_counted_with_another_one():
    assert set(get_args(Event)) - set(Metrics(scenes.catalog_of()).listeners) == {AttemptResolved, ProviderDrained}


def test_every_event_is_logged_but_for_those_that_every_poll_brings():
    unlogged = set(get_args(Event)) - set(Logs(io.StringIO(), CLOCK).listeners)
    assert unlogged == {ExchangeEnded, PollFailed, LoopLagged}


def test_a_log_that_cannot_be_written_is_counted_and_stops_nothing():
    metrics, stream = Metrics(scenes.catalog_of()), io.StringIO()
    stream.close()
    observer = Observer(metrics, Logs(stream, CLOCK), Spans(None, CLOCK), Board(CLOCK))
    for event in scenes.delivery():
        observer(event)
    assert count(metrics, "observer_errors_total", {"sink": "logs"}) == len(scenes.delivery())
    assert count(metrics, "jobs_in_flight", {"provider": "none"}) == 0


def test_a_restart_is_told_to_every_sink_that_remembers():
    metrics, stream = Metrics(scenes.catalog_of()), io.StringIO()
    board = Board(CLOCK, metrics.in_flight)
    observer = Observer(metrics, Logs(stream, CLOCK), Spans(None, CLOCK), board)
    *before, known = scenes.late_duplicate()
    observer.resume(event.job for event in before if isinstance(event, JobEnded))
    assert board.overview(Readiness(ready=True)).uncertain.attempts == 1
    assert count(metrics, "uncertain_usd", {"provider": "p0"}) == 0.8
    observer(known)
    assert board.overview(Readiness(ready=True)).uncertain.attempts == 0
    assert count(metrics, "uncertain_usd", {"provider": "p0"}) == 0
    assert "attempt_ended" not in stream.getvalue()


def test_a_job_in_flight_costs_little_more_than_its_place():
    unkept = scenes.TRACE_PARENT.removesuffix("01") + "00"
    spans = Spans(TracerProvider(ParentBased(ALWAYS_OFF), shutdown_on_exit=False), CLOCK)
    metrics = Metrics(scenes.catalog_of())
    board = Board(CLOCK, metrics.in_flight)
    observer = Observer(metrics, Logs(io.StringIO(), CLOCK, Level.ERROR), spans, board)
    events: list[Event] = []
    for _ in range(4_000):
        job = replace(scenes.job_of(), trace_parent=unkept)
        events += (JobAccepted(job), scenes.started(job, scenes.attempt_of(job))[1])
    tracemalloc.start()
    try:
        for event in events:
            observer(event)
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count(metrics, "jobs_in_flight", {"provider": "p0"}) == 4_000
    # Dicts have room to grow in, and 10,000 reasons are kept of however many jobs.
    assert used_bytes / 4_000 < 400
    spans.close()
