import io

from router.core.clock import Clock
from router.observe.logs import Logs
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.observe.spans import Spans
from tests.observe import scenes

CLOCK = Clock(wall=lambda: scenes.NOW, monotonic=lambda: 0.0)


def count(metrics: Metrics, name: str, labels: dict[str, str]) -> float | None:
    return metrics.registry.get_sample_value(f"video_router_{name}", labels)


def test_one_event_reaches_metrics_and_logs():
    metrics, stream = Metrics(scenes.catalog_of()), io.StringIO()
    observer = Observer(metrics, Logs(stream, CLOCK), Spans(None, CLOCK))
    for event in scenes.rescue():
        observer(event)
    assert count(metrics, "jobs_accepted_total", {"model": "sora-2"}) == 1
    assert len(stream.getvalue().splitlines()) == len(scenes.rescue())
    assert count(metrics, "observer_errors_total", {"sink": "logs"}) == 0


def test_a_log_that_cannot_be_written_is_counted_and_stops_nothing():
    metrics, stream = Metrics(scenes.catalog_of()), io.StringIO()
    stream.close()
    observer = Observer(metrics, Logs(stream, CLOCK), Spans(None, CLOCK))
    for event in scenes.delivery():
        observer(event)
    assert count(metrics, "observer_errors_total", {"sink": "logs"}) == len(scenes.delivery())
    assert count(metrics, "jobs_in_flight", {"provider": "none"}) == 0
