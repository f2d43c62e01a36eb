"""The one listener of the engine: metrics, logs and spans all read the same event."""

from router.core.events import Event
from router.observe.logs import Logs
from router.observe.metrics import Metrics
from router.observe.spans import Spans


class Observer:
    """Hands an event to each of its sinks. What fails there is counted and never reaches the engine."""

    def __init__(self, metrics: Metrics, logs: Logs, spans: Spans) -> None:
        self.metrics = metrics
        self.logs = logs
        self.spans = spans
        self._sinks = (("metrics", metrics.observe), ("logs", logs.observe), ("spans", spans.observe))

    def __call__(self, event: Event) -> None:
        """Record one event of the engine."""
        for name, observe in self._sinks:
            try:
                observe(event)
            except Exception:  # noqa: BLE001 - a full disk or a broken pipe must not end a paid job
                self.metrics.observer_failed(name)
