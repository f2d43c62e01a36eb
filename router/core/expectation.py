"""What a job is expected to cost and to take as a whole, whoever of its candidates will deliver it."""

from typing import NamedTuple

from router.core.decision_record import DecisionRecord


class Expectation(NamedTuple):
    """By the success bounds of its candidates: the probability of a video, and cost and time until it or the last."""

    delivered: float
    cost_microusd: float
    wait_s: float


def expectation(decision: DecisionRecord, attempts_max: int) -> Expectation | None:
    """Follow the order of the candidates, each asked when all before it failed; None without any."""
    if not decision.candidates:
        return None
    failed, cost_microusd, wait_s = 1.0, 0.0, 0.0
    for each in decision.candidates[:attempts_max]:
        # A record's cost and wait are those of a delivered video; one attempt has its share of both.
        tried = failed * each.success_low
        cost_microusd += tried * each.expected_microusd
        wait_s += tried * each.wait_s
        failed *= 1.0 - each.success_low
    return Expectation(1.0 - failed, cost_microusd, wait_s)
