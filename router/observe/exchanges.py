"""Exchanges become metrics: the most frequent events of all, so what each is counted in is looked up once."""

from prometheus_client import Counter, Histogram

from router.core.events import ExchangeEnded
from router.observe.instruments import Instruments
from router.observe.labels import SoldNames


class Exchanges:
    """Counts exchanges, and times those with the catalogue's providers."""

    def __init__(self, to: Instruments) -> None:
        self._to = to

    def use(self, names: SoldNames) -> None:
        """Take over a catalogue's names, whose series there are by now."""
        self._names = names
        self._known: dict[tuple[str, str, str], tuple[Counter, Histogram | None]] = {}

    def ended(self, event: ExchangeEnded) -> None:
        """Record one exchange."""
        key = (event.provider, event.operation, event.result)
        count, duration = self._known.get(key) or self._series(*key)
        count.inc()
        if duration is None:
            return
        duration.observe(max(0.0, event.duration_s))
        if event.lag_s is not None:
            self._to.poll_lag.observe(max(0.0, event.lag_s))

    def _series(self, name: str, operation: str, result: str) -> tuple[Counter, Histogram | None]:
        provider = self._names.provider(name)
        timed = provider in self._names.providers
        count = self._to.exchanges.at(provider, operation, result)
        found = (count, self._to.exchange_duration.at(provider, operation) if timed else None)
        if timed:
            self._known[name, operation, result] = found
        return found
