"""What a delivered video is expected to cost and to take, if an offering is asked first."""

from typing import Final, NamedTuple

from router.core.evidence import Evidence, Load
from router.core.routing_settings import RoutingSettings

_MINUTE_S: Final = 60.0
_RISK_FALLS: Final = 0.1


class Score(NamedTuple):
    """Money in micro-USD, not rounded: sums are compared, never booked.

    `paid_attempts` is how many quotes a delivered video is expected to cost, failed attempts that are billed included;
    `risk_microusd` is what failing on the way is worth, `wait_microusd` the price of `wait_s`, and
    `total_microusd` all of it: the lower, the better.
    """

    paid_attempts: float
    cost_microusd: float
    risk_microusd: float
    wait_s: float
    wait_microusd: float
    total_microusd: float

    @property
    def besides_microusd(self) -> float:
        """What does not depend on the quote."""
        return self.risk_microusd + self.wait_microusd


def score(
    quote_microusd: int, evidence: Evidence, load: Load, busy: float, attempts_left: int, settings: RoutingSettings
) -> Score:
    """Judge an offering by its success bound; `busy` is the share of its provider's places that are taken.

    Trying offerings by cost / probability of success, the lowest first, is the cheapest way to the first success
    (Smith 1956, least-cost testing sequence); here the cost of an attempt includes its share of failures that are
    billed, the time it takes and the risk that none is left.
    """
    return _scored(quote_microusd, evidence, evidence.success_low, load, busy, attempts_left, settings)


def optimistic_score(
    quote_microusd: int, evidence: Evidence, load: Load, busy: float, attempts_left: int, settings: RoutingSettings
) -> Score:
    """Judge an offering by how good it may be at best."""
    return _scored(quote_microusd, evidence, evidence.success_high, load, busy, attempts_left, settings)


def _scored(
    quote_microusd: int,
    evidence: Evidence,
    success: float,
    load: Load,
    busy: float,
    attempts_left: int,
    settings: RoutingSettings,
) -> Score:
    failures = (1.0 - success) / success
    paid_attempts = 1.0 + failures * evidence.billed_share
    cost = quote_microusd * paid_attempts
    risk = failures * settings.undelivered_microusd * _RISK_FALLS ** (max(1, attempts_left) - 1)
    # What runs there longer than videos used to take is the first sign that they take longer now.
    delivery_s = max(evidence.delivery_s, load.age_s) * (1.0 + busy)
    wait_s = delivery_s + failures * evidence.failure_s
    wait = wait_s / _MINUTE_S * settings.microusd_per_minute
    return Score(paid_attempts, cost, risk, wait_s, wait, cost + risk + wait)
