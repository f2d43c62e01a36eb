"""What is asked for at a scrape, because nothing happens when it changes: limits, outages, days, what is believed.

A scrape has a thread of its own: whatever is asked here changes nothing.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple, Protocol

from router.core.catalog import Catalog
from router.core.evidence import NO_LOAD, Evidence, TrackRecords
from router.core.exploration import ExplorationBudget
from router.core.health import ProviderHealth
from router.core.money import MICROUSD_PER_USD
from router.core.objective import score
from router.core.reporting import DurationClass, class_of
from router.core.routing_settings import RoutingSettings

# What a delivered video costs does not depend on them.
_ANY_SETTINGS: Final = RoutingSettings()


class Budget(Protocol):
    """What may be spent a day; both figures may be asked for from any thread."""

    @property
    def scope(self) -> str:
        """Whether it is a provider's or a caller's."""

    @property
    def name(self) -> str:
        """Whose it is."""

    @property
    def limit_microusd(self) -> int:
        """The most that may be spent."""

    @property
    def used_microusd(self) -> int:
        """What is spent or reserved."""


def is_out(health: ProviderHealth, reason: str) -> float:
    """1 while a provider is out for this reason."""
    return float(health.outage == reason)


def in_flight_limit(health: ProviderHealth) -> float:
    """How many jobs a provider gets at once now."""
    return float(health.in_flight_limit)


def used_usd(budget: Budget) -> float:
    """What of a budget is spent or reserved."""
    return budget.used_microusd / MICROUSD_PER_USD


def is_drained(health: ProviderHealth) -> float:
    """1 while a provider gets nothing more."""
    return float(health.drained)


def exploration_usd(exploration: ExplorationBudget) -> float:
    """What a day's trials may be expected to cost more."""
    return exploration.limit_microusd / MICROUSD_PER_USD


def explored_usd(exploration: ExplorationBudget) -> float:
    """What today's trials were expected to cost more."""
    return exploration.used_today_microusd / MICROUSD_PER_USD


class Offer(NamedTuple):
    """The lowest price of a second that an offering has in a duration class."""

    offering_id: str
    provider: str
    duration_class: DurationClass
    quote_microusd: int
    seconds: int

    @property
    def microusd_per_second(self) -> float:
        """What a second of it costs by the price list."""
        return self.quote_microusd / self.seconds


def cheapest(catalog: Catalog) -> Mapping[tuple[str, str, str], Offer]:
    """Find the lowest prices by provider, model and duration class."""
    found: dict[tuple[str, str, str], Offer] = {}
    for model, offer in _offers(catalog):
        key = (offer.provider, model, str(offer.duration_class))
        if key not in found or offer.microusd_per_second < found[key].microusd_per_second:
            found[key] = offer
    return found


def _offers(catalog: Catalog) -> Iterator[tuple[str, Offer]]:
    for each in catalog.offerings:
        for size, seconds in product(each.sizes, each.seconds):
            quote_microusd = each.price.quote_microusd(size, seconds)
            yield each.model, Offer(each.id, each.provider, class_of(size, seconds), quote_microusd, seconds)


def expected_usd_per_second(records: TrackRecords, offer: Offer) -> float:
    """What a delivered second of it is expected to cost, as routing reckons."""
    expected = score(offer.quote_microusd, _evidence(records, offer), NO_LOAD, 0.0, 1, _ANY_SETTINGS)
    return expected.cost_microusd / offer.seconds / MICROUSD_PER_USD


def success_bound(records: TrackRecords, offer: Offer) -> float:
    """The probability of success that routing counts on."""
    return _evidence(records, offer).success_low


def _evidence(records: TrackRecords, offer: Offer) -> Evidence:
    return records.peek(offer.offering_id, offer.provider, offer.duration_class)
