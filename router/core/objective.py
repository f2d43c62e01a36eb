"""What a delivered video is expected to cost and to take, if an offering is asked first."""

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

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


Figures: TypeAlias = tuple[float, float, float, float, float, float, float, float, float, float, float, int, float]


class Estimate:
    """What is known of an offering, and what that comes to: one for all jobs that are told the same of it.

    `hope_s` and `hope_microusd` are its wait and its total as they are if it does as well as it may.
    """

    __slots__ = ("_figures", "busy", "evidence", "hope_microusd", "hope_s", "load", "score")

    def __init__(
        self, evidence: Evidence, load: Load, busy: float, score: Score, hope_s: float, hope_microusd: float
    ) -> None:
        self.evidence = evidence
        self.load = load
        self.busy = busy
        self.score = score
        self.hope_s = hope_s
        self.hope_microusd = hope_microusd
        self._figures: Figures | None = None

    @property
    def figures(self) -> Figures:
        """The score, the evidence and the load, rounded for people."""
        if self._figures is None:
            score, evidence = self.score, self.evidence
            self._figures = (
                round(score.cost_microusd, 1),
                round(score.paid_attempts, 4),
                round(score.risk_microusd, 1),
                round(score.wait_microusd, 1),
                round(score.total_microusd, 1),
                round(score.wait_s, 1),
                round(evidence.success, 4),
                round(evidence.success_low, 4),
                round(evidence.outcomes, 1),
                round(evidence.p50_s, 1),
                round(evidence.p90_s, 1),
                self.load.in_flight,
                round(self.busy, 3),
            )
        return self._figures


class Objective(NamedTuple):
    """What is the same for all offerings that are judged for one job."""

    failure_microusd: float
    microusd_per_s: float

    @staticmethod
    def of(attempts_left: int, settings: RoutingSettings) -> "Objective":
        """Say what a failure is worth to a job that has so many attempts left, the one to come counted."""
        return _objective(attempts_left, settings.undelivered_microusd, settings.microusd_per_minute)

    def judged(self, quote_microusd: int, evidence: Evidence, success_high: float, load: Load, busy: float) -> Estimate:
        """Judge an offering by its success bound; `busy` is the share of its provider's places that are taken.

        Trying offerings by cost / probability of success, the lowest first, is the cheapest way to the first success
        (Smith 1956, least-cost testing sequence); here the cost of an attempt includes its share of failures that are
        billed, the time it takes and the risk that none is left.
        """
        success_low, billed_share, failure_s = evidence.success_low, evidence.billed_share, evidence.failure_s
        failure_microusd, microusd_per_s = self
        # What runs there longer than videos used to take is the first sign that they take longer now.
        delivery_s = max(evidence.delivery_s, load.age_s) * (1.0 + busy)
        failures = (1.0 - success_low) / success_low
        paid_attempts = 1.0 + failures * billed_share
        cost, risk = quote_microusd * paid_attempts, failures * failure_microusd
        wait_s = delivery_s + failures * failure_s
        wait = wait_s * microusd_per_s
        hoped = (1.0 - success_high) / success_high
        hope_s = delivery_s + hoped * failure_s
        hope = quote_microusd * (1.0 + hoped * billed_share) + hoped * failure_microusd + hope_s * microusd_per_s
        score = Score(paid_attempts, cost, risk, wait_s, wait, cost + risk + wait)
        return Estimate(evidence, load, busy, score, hope_s, hope)


@lru_cache(maxsize=256)
def _objective(attempts_left: int, undelivered_microusd: int, microusd_per_minute: int) -> Objective:
    failure_microusd = undelivered_microusd * _RISK_FALLS ** (max(1, attempts_left) - 1)
    return Objective(failure_microusd, microusd_per_minute / _MINUTE_S)


def score(
    quote_microusd: int, evidence: Evidence, load: Load, busy: float, attempts_left: int, settings: RoutingSettings
) -> Score:
    """Judge one offering for a job that has so many attempts left."""
    objective = Objective.of(attempts_left, settings)
    return objective.judged(quote_microusd, evidence, evidence.success_high, load, busy).score
