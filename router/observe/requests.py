"""Requests become metrics: what each is counted in is looked up once for each route, method and status."""

from prometheus_client import Counter, Histogram

from router.observe import labels
from router.observe.instruments import Instruments
from router.observe.labels import OTHER
from router.observe.traceparent import exemplar


class Requests:
    """Counts and times answered requests."""

    def __init__(self, to: Instruments) -> None:
        self._to = to
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(
        self, route: str, method: str, status: int, duration_s: float, trace_parent: str | None = None
    ) -> None:
        """Record an answered request; `route` is the template of the route, never a path."""
        count, duration = self._known.get((route, method, status)) or self._series(route, method, status)
        count.inc()
        duration.observe(duration_s, exemplar(trace_parent))

    def _series(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        known, code = method if method in labels.METHODS else OTHER, labels.CODE_OF.get(status, OTHER)
        found = self._to.requests.at(route, known, code), self._to.request_duration.at(route)
        if (route, method, str(status)) in self._to.requests and (route,) in self._to.request_duration:
            self._known[route, method, status] = found
        return found
