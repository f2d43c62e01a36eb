"""A success share forgets old outcomes, and does not jump to conclusions."""

import pytest

from router.core.record import HALF_LIFE_S, PRIOR, Record
from tests.builders import ManualTime


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def record(time: ManualTime) -> Record:
    return Record(time.clock)


def test_a_provider_of_which_nothing_is_known_has_a_full_share(record: Record) -> None:
    assert record.share() == 1.0


def test_successes_alone_keep_the_share_full(record: Record) -> None:
    for _ in range(1000):
        record.add(succeeded=True)
    assert record.share() == pytest.approx(1.0)


def test_the_share_approaches_what_was_seen_as_more_is_seen(record: Record) -> None:
    shares = []
    for _ in range(100):
        record.add(succeeded=True)
        record.add(succeeded=False)
        shares.append(record.share())
    assert shares == sorted(shares, reverse=True)
    assert 0.5 < shares[-1] < 0.52


def test_old_failures_weigh_less_and_less(record: Record, time: ManualTime) -> None:
    for _ in range(5):
        record.add(succeeded=False)
    shares = []
    for _ in range(6):
        shares.append(record.share())
        time.advance(HALF_LIFE_S)
    assert shares == sorted(set(shares))
    assert shares[-1] > 0.95


def test_an_outcome_forgets_only_the_time_since_the_one_before_it(record: Record, time: ManualTime) -> None:
    for _ in range(2):
        time.advance(HALF_LIFE_S)
        record.add(succeeded=False)
    assert record.share() == pytest.approx(PRIOR / (PRIOR + 1.5))
