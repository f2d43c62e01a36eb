"""What webhooks told: early ones are kept for a while, and how many ends they told is known, late ones included."""

import pytest

from router.core.clock import Clock
from router.core.hints import KEPT_MAX, KEPT_S, Hints


class Hours:
    def __init__(self) -> None:
        self.now = 1_000.0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now)


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def hints(hours: Hours) -> Hints:
    return Hints(hours.clock)


def told(hints: Hints, *names: str) -> None:
    for name in names:
        hints.came("relay", name)
        hints.ended("relay", name)


def test_a_webhook_that_comes_before_its_job_is_known_is_kept_for_a_while(hours: Hours, hints: Hints) -> None:
    hints.came("relay", "a")
    hours.now += KEPT_S - 1
    assert hints.hinted_early("relay", "a")
    assert not hints.hinted_early("relay", "b")
    assert not hints.hinted_early("other", "a")
    hours.now += 2
    assert not hints.hinted_early("relay", "a")


def test_a_flood_of_unknown_jobs_pushes_out_the_oldest(hints: Hints) -> None:
    for number in range(KEPT_MAX + 1):
        hints.came("relay", str(number))
    assert not hints.hinted_early("relay", "0")
    assert hints.hinted_early("relay", "1")
    assert hints.hinted_early("relay", str(KEPT_MAX))


def test_ends_are_announced_once_a_few_of_them_were(hints: Hints) -> None:
    told(hints, *"abcd")
    assert hints.share("relay") == 0
    told(hints, "e")
    assert hints.share("relay") == 1
    assert hints.share("other") == 0


def test_a_webhook_that_comes_right_after_the_poll_counts(hours: Hours, hints: Hints) -> None:
    told(hints, *"abcd")
    hints.ended("relay", "e")
    hours.now += 2
    hints.came("relay", "e")
    hours.now += 100
    assert hints.share("relay") == 1
    assert not hints.hinted_early("relay", "e")


def test_ends_that_are_not_announced_any_more_are_noticed_after_a_few(hours: Hours, hints: Hints) -> None:
    told(hints, *map(str, range(20)))
    for name in "abc":
        hints.ended("relay", name)
    assert hints.share("relay") == 1  # they may still be under way
    hours.now += 11
    assert hints.share("relay") == pytest.approx(0.4)


def test_a_provider_that_never_sent_any_is_not_counted(hours: Hours, hints: Hints) -> None:
    for number in range(50):
        hints.ended("silent", str(number))
    hours.now += 60
    assert hints.share("silent") == 0


def test_another_account_has_everything_to_prove(hints: Hints) -> None:
    told(hints, *"abcdef")
    hints.forget("relay")
    assert hints.share("relay") == 0
