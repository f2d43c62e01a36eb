"""What a whole job is expected to come to, against every way it may go."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.expectation import expectation
from router.core.ranking import Basis, DecisionReason
from tests.builders import EPOCH


class Seller(NamedTuple):
    """One that delivers with a probability, bills a share of its failures, and takes its time for both."""

    success: float
    quote_microusd: int
    billed_share: float
    delivery_s: float
    failure_s: float

    def record(self) -> CandidateRecord:
        failures = (1.0 - self.success) / self.success
        paid = 1.0 + failures * self.billed_share
        wait_s = self.delivery_s + failures * self.failure_s
        cost = self.quote_microusd * paid
        return CandidateRecord(
            *("alpha/clip", "alpha", "clip", 10, self.quote_microusd, 0.0, cost, paid, 0.0, 0.0, cost, wait_s),
            *(self.success, self.success, 50.0, self.delivery_s, self.delivery_s, 0, 0.0, 1.0, 1, False, False, None),
        )


def decided(sellers: list[Seller]) -> DecisionRecord:
    records = tuple(seller.record() for seller in sellers)
    return DecisionRecord(EPOCH, Basis.EXPECTED_COST, DecisionReason.BEST, "clip", 10, "720x1280", records, ())


def worked_out(sellers: list[Seller]) -> tuple[float, float, float]:
    """Go through a job by hand: probability of a video, cost and time, from here on."""
    if not sellers:
        return 0.0, 0.0, 0.0
    first, (delivered, cost, wait_s) = sellers[0], worked_out(sellers[1:])
    failed = 1.0 - first.success
    spent = first.success * first.quote_microusd + failed * (first.billed_share * first.quote_microusd + cost)
    waited = first.success * first.delivery_s + failed * (first.failure_s + wait_s)
    return first.success + failed * delivered, spent, waited


SELLERS = st.builds(
    Seller,
    st.floats(0.01, 0.999),
    st.integers(0, 5_000_000),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1_000.0),
    st.floats(0.0, 1_000.0),
)


@given(sellers=st.lists(SELLERS, min_size=1, max_size=6), attempts_max=st.integers(1, 8))
def test_a_job_is_expected_to_come_to_what_all_its_ways_come_to(sellers: list[Seller], attempts_max: int):
    assert expectation(decided(sellers), attempts_max) == pytest.approx(worked_out(sellers[:attempts_max]))


def test_nothing_is_expected_of_nobody():
    assert expectation(decided([]), 3) is None
