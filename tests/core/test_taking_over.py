"""A provider that goes on with another configuration: what it remembers, and what it must not."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import BreakerSettings, Catalog
from router.core.concurrency import Concurrency
from router.core.events import BreakerKind, BreakerMoved, BreakerState, Event, ProviderOut
from router.core.health import ProviderHealth
from router.core.permits import AttemptPermits
from tests.builders import ManualTime, a_catalog, a_provider, an_offering

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
UNREACHABLE = Failure(Stage.SUBMIT, Reason.UNREACHABLE)
RATE_LIMITED = Failure(Stage.SUBMIT, Reason.RATE_LIMITED)
KEY_REFUSED = Failure(Stage.SUBMIT, Reason.AUTH)
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL)


class Ward:
    """A provider's health on manual time, and the events it emitted."""

    def __init__(self, **changes: object) -> None:
        self.time = ManualTime()
        self.events: list[Event] = []
        self.provider = a_provider("alpha", **changes)
        self.health = ProviderHealth(self.provider, self.time.clock, Random(3), self.events.append)

    def use(self, *, retired: bool = False, renewed: bool = False, **changes: object) -> None:
        self.provider = replace(self.provider, **changes)
        self.health.use(self.provider, retired=retired, renewed=renewed)

    def start(self) -> AttemptPermits:
        permits = self.health.try_start()
        assert permits is not None
        return permits

    def fail(self, failure: Failure, times: int) -> None:
        for permits in [self.start() for _ in range(times)]:
            permits.submitted(failure)


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_the_same_settings_change_nothing(ward: Ward) -> None:
    held = ward.start()
    ward.fail(UNREACHABLE, 4)
    ward.use()
    assert ward.health.snapshot().in_flight == 1
    ward.fail(UNREACHABLE, 1)
    assert ward.health.snapshot().submit is OPEN
    held.ended()
    assert ward.health.snapshot().in_flight == 0


def test_what_is_in_flight_counts_against_a_lower_limit() -> None:
    ward = Ward(in_flight_max=10)
    held = [ward.start() for _ in range(5)]
    ward.use(in_flight_max=3)
    assert (ward.health.snapshot().in_flight, ward.health.snapshot().in_flight_limit) == (5, 3)
    for permits in held[:3]:
        assert ward.health.try_start() is None
        permits.ended()
    ward.start()


@given(steps=st.lists(st.one_of(st.integers(1, 50), st.sampled_from(["halve", "succeed", "enter"])), max_size=40))
def test_a_limit_stays_within_what_is_configured_and_the_count_is_kept(steps: list[int | str]) -> None:
    limit_max = entered = 20
    concurrency = Concurrency(limit_max)
    concurrency.count = entered
    for step in steps:
        match step:
            case int(limit_max):
                concurrency.resize(limit_max)
            case "halve":
                concurrency.halve()
            case "succeed":
                concurrency.succeeded()
            case _:
                concurrency.enter()
                entered += 1
        assert 1 <= concurrency.limit <= concurrency.limit_max == limit_max
        assert concurrency.count == entered


def test_a_limit_that_a_rate_limit_halved_is_not_given_back_by_a_reload() -> None:
    ward = Ward(in_flight_max=10)
    ward.fail(RATE_LIMITED, 1)
    ward.use(in_flight_max=20)
    assert ward.health.in_flight_limit == 5


def test_outcomes_that_were_seen_are_judged_by_the_new_settings(ward: Ward) -> None:
    ward.fail(UNREACHABLE, 3)
    ward.use(breaker=BreakerSettings(volume_min=2))
    ward.fail(UNREACHABLE, 1)
    assert ward.health.snapshot().submit is OPEN


def test_no_ejection_and_no_outage_outlasts_its_new_limit(ward: Ward) -> None:
    ward.fail(UNREACHABLE, 5)
    ward.use(breaker=BreakerSettings(reset_s=1.0, reset_s_max=2.0))
    assert 0.0 < (ward.health.standing().retry_after_s or 0.0) <= 2.0
    other = Ward()
    other.fail(KEY_REFUSED, 1)
    other.use(breaker=BreakerSettings(outage_s=5.0))
    assert other.health.snapshot().out_s == 5.0


def test_a_removed_provider_starts_nothing_and_takes_its_jobs_ends(ward: Ward) -> None:
    held = ward.start()
    held.submitted()
    ward.use(retired=True)
    assert ward.health.try_start() is None
    assert ward.health.snapshot().barred == "was removed from the configuration"
    assert ward.health.in_flight_limit == 0
    held.ended()
    assert ward.health.snapshot().in_flight == 0
    ward.use()
    assert ward.health.snapshot().barred is None
    assert ward.health.in_flight_limit > 0
    ward.start()


def test_nobody_has_to_worry_about_a_removed_provider_any_more(ward: Ward) -> None:
    held = [ward.start() for _ in range(3)]
    ward.fail(KEY_REFUSED, 1)
    ward.use(retired=True)
    assert ward.events[-1] == BreakerMoved("alpha", BreakerKind.SUBMIT, OPEN, CLOSED)
    said = len(ward.events)
    for permits in held:
        permits.submitted(KEY_REFUSED)
    for _ in range(20):
        ward.health.polled(ok=False)
    ward.use(retired=True)
    assert (ward.health.outage, len(ward.events)) == (None, said)
    assert set(ward.health.breakers().values()) == {CLOSED}
    assert ward.health.poll_slowdown() == 1.0


@pytest.mark.parametrize("failure", [KEY_REFUSED, UNREACHABLE, RATE_LIMITED])
def test_another_account_is_on_trial_at_once(failure: Failure, ward: Ward) -> None:
    ward.fail(failure, 5)
    assert ward.health.try_start() is None
    ward.use(renewed=True)
    now = ward.health.snapshot()
    assert (now.barred, now.out_s, now.out_reason, now.cooling_s, now.success_share) == (None, 0.0, None, 0.0, 1.0)
    trial = ward.start()
    if failure is not RATE_LIMITED:
        assert ward.health.try_start() is None
    trial.submitted()
    assert ward.health.snapshot().submit is CLOSED
    # One that was ejected begins slowly.
    assert ward.health.in_flight_limit == (100 if failure is RATE_LIMITED else 4)


def test_a_trial_of_the_old_account_does_not_keep_the_new_one_waiting(ward: Ward) -> None:
    ward.fail(UNREACHABLE, 5)
    ward.time.advance(ward.health.standing().retry_after_s or 0.0)
    old = ward.start()
    ward.use(renewed=True)
    new = ward.start()
    old.submitted(UNREACHABLE)
    assert ward.health.snapshot().submit is HALF_OPEN
    new.submitted()
    assert ward.health.snapshot().submit is CLOSED


@pytest.mark.parametrize("failure", [KEY_REFUSED, UNREACHABLE, RATE_LIMITED])
def test_what_the_old_account_is_answered_says_nothing_of_the_new_one(failure: Failure, ward: Ward) -> None:
    held = [ward.start() for _ in range(20)]
    ward.use(renewed=True)
    for permits in held:
        permits.submitted(failure)
    now = ward.health.snapshot()
    assert (now.barred, now.in_flight, now.in_flight_limit, now.success_share) == (None, 0, 100, 1.0)
    assert not any(isinstance(event, ProviderOut) for event in ward.events)


def test_videos_of_the_old_account_leave_their_places_and_no_mark(ward: Ward) -> None:
    held = [ward.start() for _ in range(20)]
    for permits in held:
        permits.submitted()
    ward.use(renewed=True)
    for permits in held:
        permits.ended(BROKEN)
    assert (ward.health.snapshot().generate, ward.health.snapshot().in_flight) == (CLOSED, 0)


def test_polls_slowed_down_by_the_old_account_are_tried_at_the_usual_pace_again(ward: Ward) -> None:
    for _ in range(5):
        ward.health.polled(ok=False)
    assert not ward.health.poll_admitted()
    ward.use(renewed=True)
    assert ward.health.poll_admitted()


def test_a_catalogue_keeps_whom_it_does_not_name_and_sells_nothing_of_theirs() -> None:
    former = a_catalog(an_offering("alpha"), an_offering("beta"))
    new = a_catalog(an_offering("beta", model="other"), beta=a_provider("beta", in_flight_max=7))
    kept = new.keeping(former)
    assert list(kept.providers) == ["beta", "alpha"]
    assert kept.providers["beta"].in_flight_max == 7
    assert (kept.sellers, kept.models, kept.offerings) == ({"beta"}, ("other",), new.offerings)
    assert Catalog.of((), ()).keeping(kept).sellers == frozenset()
    assert former.keeping(kept).providers.keys() == former.providers.keys()
