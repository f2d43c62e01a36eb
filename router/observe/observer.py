"""The one listener of the engine: metrics, logs, spans and the board all read the same event."""

from collections.abc import Iterable
from typing import get_args

from router.core.events import Event
from router.core.job import Job
from router.observe.board import Board
from router.observe.logs import Logs
from router.observe.metrics import Metrics
from router.observe.spans import Spans


class Observer:
    """Hands an event to those of its sinks that hear it. What fails there is counted and never reaches the engine."""

    def __init__(self, metrics: Metrics, logs: Logs, spans: Spans, board: Board) -> None:
        self.metrics = metrics
        self.logs = logs
        self.spans = spans
        self.board = board
        logs.writer.on_failure = lambda: metrics.observer_failed("logs")
        sinks = (
            ("metrics", metrics.listeners),
            ("logs", logs.listeners),
            ("spans", spans.listeners),
            ("board", board.listeners),
        )
        self._listeners = {
            kind: tuple((name, listeners[kind]) for name, listeners in sinks if kind in listeners)
            for kind in get_args(Event)
        }

    def __call__(self, event: Event) -> None:
        """Record one event of the engine."""
        for name, listener in self._listeners[type(event)]:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a full disk or a broken pipe must not end a paid job
                self.metrics.observer_failed(name)

    def resume(self, jobs: Iterable[Job]) -> None:
        """Take over, at start, the jobs that live on and those with an attempt whose money is not known."""
        found = tuple(jobs)
        self.metrics.resume(found)
        self.logs.resume(found)
        self.board.resume(found)
