"""What is asked for at a scrape, because nothing happens when it changes: limits, outages, what of a day is used."""

from typing import Protocol

from router.core.health import ProviderHealth
from router.core.money import MICROUSD_PER_USD


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
