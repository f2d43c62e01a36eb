"""What a provider's health makes of submits, outcomes, rate limits, outages and polls."""

from random import Random

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import BreakerSettings
from router.core.concurrency import SLOW_START, SUCCESSES_PER_STEP
from router.core.eligibility import ExclusionCause
from router.core.events import BreakerKind, BreakerMoved, BreakerState, Event, ProviderOut
from router.core.health import COOL_DOWN_S, POLL_SLOWDOWN, AttemptPermits, ProviderHealth
from tests.builders import ManualTime, a_provider

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
BREAKER = BreakerSettings()

UNREACHABLE = Failure(Stage.SUBMIT, Reason.UNREACHABLE)
RATE_LIMITED = Failure(Stage.SUBMIT, Reason.RATE_LIMITED)
KEY_REFUSED = Failure(Stage.SUBMIT, Reason.AUTH)
PROMPT_REFUSED = Failure(Stage.PROMPT_REVIEW, Reason.REFUSED)
OUTPUT_REFUSED = Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED)
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL)


class Ward:
    """A provider's health on manual time, and the events it emitted."""

    def __init__(self, in_flight_max: int = 100) -> None:
        self.time = ManualTime()
        self.events: list[Event] = []
        provider = a_provider("alpha", in_flight_max=in_flight_max)
        self.health = ProviderHealth(provider, self.time.clock, Random(3), self.events.append)

    def start(self) -> AttemptPermits:
        permits = self.health.try_start()
        assert permits is not None
        return permits

    def accepted(self) -> AttemptPermits:
        permits = self.start()
        permits.submitted()
        return permits

    def fail_submits(self, failure: Failure = UNREACHABLE, times: int = BREAKER.volume_min) -> None:
        for permits in [self.start() for _ in range(times)]:
            permits.submitted(failure)

    def fail_videos(self, failure: Failure = BROKEN, times: int = BREAKER.volume_min) -> None:
        for permits in [self.accepted() for _ in range(times)]:
            permits.ended(failure)

    def states(self) -> tuple[BreakerState, BreakerState, BreakerState]:
        now = self.health.snapshot()
        return now.submit, now.poll, now.generate

    def wait_out(self) -> None:
        wait_s = self.health.standing().retry_after_s
        assert wait_s is not None
        self.time.advance(wait_s)


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_an_unknown_provider_is_taken_to_be_well(ward: Ward) -> None:
    standing = ward.health.standing()
    assert (standing.in_flight, standing.barred, standing.probing) == (0, None, False)
    assert ward.states() == (CLOSED, CLOSED, CLOSED)


def test_failed_submits_eject_with_a_sentence_and_a_time(ward: Ward) -> None:
    ward.fail_submits()
    standing = ward.health.standing()
    assert standing.barred is not None
    assert "submits failed" in standing.barred
    assert standing.barred_cause is ExclusionCause.EJECTED
    assert standing.retry_after_s is not None
    assert standing.retry_after_s > 0.0
    assert ward.health.try_start() is None
    assert ward.events == [BreakerMoved("alpha", BreakerKind.SUBMIT, CLOSED, OPEN)]


def test_failed_videos_eject_although_every_submit_went_well(ward: Ward) -> None:
    ward.fail_videos()
    assert ward.states() == (CLOSED, CLOSED, OPEN)
    barred = ward.health.standing().barred
    assert barred is not None
    assert "accepted jobs failed" in barred


def test_videos_that_fail_minutes_apart_are_still_counted_together(ward: Ward) -> None:
    for _ in range(BREAKER.volume_min):
        ward.fail_videos(times=1)
        ward.time.advance(BREAKER.window_s)
    assert ward.states()[2] is OPEN


def test_nothing_that_a_caller_is_to_blame_for_ejects_a_provider(ward: Ward) -> None:
    innocent = [PROMPT_REFUSED, Failure(Stage.IMAGE_REVIEW, Reason.REFUSED), Failure(Stage.SUBMIT, Reason.INVALID)]
    for failure in innocent:
        ward.fail_submits(failure, times=20)
    ward.fail_videos(OUTPUT_REFUSED, times=50)
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    assert ward.health.snapshot().success_share == 1.0


def test_cancelling_attempts_neither_ejects_nor_admits(ward: Ward) -> None:
    for _ in range(50):
        ward.start().abandon()
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    ward.fail_submits()
    ward.wait_out()
    ward.start().abandon()
    assert ward.states()[0] is HALF_OPEN
    assert ward.health.standing().probing


def test_after_an_ejection_the_next_job_is_the_only_trial(ward: Ward) -> None:
    ward.fail_submits()
    ward.wait_out()
    assert ward.health.standing().probing
    assert ward.states()[0] is OPEN
    trial = ward.start()
    assert ward.states()[0] is HALF_OPEN
    standing = ward.health.standing()
    assert standing.barred is not None
    assert "trial" in standing.barred
    assert not standing.probing
    assert ward.health.try_start() is None
    trial.submitted()
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    assert ward.health.try_start() is not None


def test_the_trial_of_the_generation_breaker_lasts_until_its_video_is_there(ward: Ward) -> None:
    ward.fail_videos()
    ward.wait_out()
    trial = ward.accepted()
    assert ward.states() == (CLOSED, CLOSED, HALF_OPEN)
    assert ward.health.try_start() is None
    ward.time.advance(120.0)
    trial.ended()
    assert ward.states() == (CLOSED, CLOSED, CLOSED)


def test_starting_is_all_or_nothing(ward: Ward) -> None:
    jobs = [ward.accepted() for _ in range(BREAKER.volume_min)]
    ward.fail_submits()
    ward.wait_out()
    for permits in jobs:
        permits.ended(BROKEN)
    assert ward.states() == (OPEN, CLOSED, OPEN)
    assert ward.health.try_start() is None
    assert ward.states() == (OPEN, CLOSED, OPEN)
    assert ward.health.standing().in_flight == 0


def test_every_attempt_is_in_flight_once_however_often_its_end_is_reported(ward: Ward) -> None:
    first, second = ward.start(), ward.start()
    assert ward.health.standing().in_flight == 2
    for _ in range(3):
        first.submitted(UNREACHABLE)
        first.ended(UNREACHABLE)
        first.abandon()
    assert ward.health.standing().in_flight == 1
    for _ in range(3):
        second.ended()
        second.submitted()
        second.ended(BROKEN)
    assert ward.health.standing().in_flight == 0
    assert ward.health.snapshot().success_share < 1.0


def test_a_failed_submit_is_one_failure_also_when_it_ends_the_attempt(ward: Ward) -> None:
    twice, once = Ward(), Ward()
    for permits in (twice.start(), twice.start()):
        permits.submitted(UNREACHABLE)
        permits.ended(UNREACHABLE)
    for permits in (once.start(), once.start()):
        permits.ended(UNREACHABLE)
    assert twice.health.snapshot() == once.health.snapshot()


def test_a_provider_that_is_full_starts_nothing_more() -> None:
    ward = Ward(in_flight_max=2)
    first = ward.accepted()
    ward.accepted()
    assert ward.health.try_start() is None
    first.ended()
    assert ward.health.try_start() is not None


def test_a_resumed_attempt_passes_every_gate_and_is_in_flight() -> None:
    ward = Ward(in_flight_max=1)
    ward.health.resume()
    resumed = ward.health.resume()
    assert ward.health.standing().in_flight == 2
    assert ward.health.try_start() is None
    resumed.ended()
    assert ward.health.standing().in_flight == 1


def test_resumed_attempts_that_fail_count_against_their_provider(ward: Ward) -> None:
    for permits in [ward.health.resume() for _ in range(BREAKER.volume_min)]:
        permits.ended(BROKEN)
    assert ward.states()[2] is OPEN


def test_attempts_taken_up_before_an_ejection_do_not_count_after_it_however_late_their_permits_are_made(
    ward: Ward,
) -> None:
    held = [ward.health.take_up() for _ in range(2 * BREAKER.volume_min)]
    assert ward.health.standing().in_flight == len(held)
    ward.fail_videos()
    ward.wait_out()
    ward.accepted().ended()
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    for each in held:
        ward.health.permits(each).ended(BROKEN)
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    assert ward.health.standing().in_flight == 0


def test_a_resumed_video_does_not_end_an_ejection(ward: Ward) -> None:
    ward.fail_videos()
    ward.health.resume().ended()
    assert ward.states()[2] is OPEN


def test_submits_that_our_own_restart_interrupted_are_not_the_providers_fault(ward: Ward) -> None:
    for permits in [ward.health.resume() for _ in range(20)]:
        permits.ended(Failure(Stage.SUBMIT, Reason.AMBIGUOUS))
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    assert ward.health.snapshot().success_share == 1.0


def test_a_rate_limit_cools_down_for_as_long_as_was_asked(ward: Ward) -> None:
    ward.fail_submits(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=40.0), times=1)
    standing = ward.health.standing()
    assert standing.barred_cause is ExclusionCause.COOLING
    assert standing.barred is not None
    assert "rate limit" in standing.barred
    assert standing.retry_after_s is not None
    assert 40.0 <= standing.retry_after_s <= 48.0
    assert ward.states() == (CLOSED, CLOSED, CLOSED)
    ward.wait_out()
    assert ward.health.standing().barred is None


@pytest.mark.parametrize("nonsense", [None, 0.0, -5.0, float("nan")])
def test_a_rate_limit_without_a_usable_time_cools_down_for_a_default(ward: Ward, nonsense: float | None) -> None:
    ward.fail_submits(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=nonsense), times=1)
    assert COOL_DOWN_S <= (ward.health.standing().retry_after_s or 0.0) <= 1.2 * COOL_DOWN_S


def test_a_shorter_cool_down_never_cuts_a_longer_one_short(ward: Ward) -> None:
    wishes = (40.0, 1.0)
    for permits, wish in zip([ward.start(), ward.start()], wishes, strict=True):
        permits.submitted(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=wish))
    assert (ward.health.standing().retry_after_s or 0.0) >= 40.0


def test_whoever_limits_again_and_again_is_asked_half_as_often_each_time_until_he_takes_a_job() -> None:
    ward, waits = Ward(), list[float]()
    for _ in range(9):
        ward.fail_submits(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=1.0), times=1)
        waits.append(ward.health.standing().retry_after_s or 0.0)
        ward.wait_out()
    asked = [1.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert all(floor <= wait <= 1.2 * floor for floor, wait in zip(asked, waits, strict=True))
    taken = ward.start()
    taken.submitted()
    # And soon he has as many as before.
    assert ward.health.standing().in_flight_max == 1 + SLOW_START + 1
    taken.ended()
    ward.fail_submits(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=1.0), times=1)
    assert (ward.health.standing().retry_after_s or 0.0) <= 1.2


def test_an_absurd_retry_after_is_not_believed(ward: Ward) -> None:
    ward.fail_submits(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=1e12), times=1)
    assert (ward.health.standing().retry_after_s or 0.0) <= 1.2 * BREAKER.outage_s


def test_rate_limits_never_eject_but_halve_the_concurrency_down_to_one() -> None:
    ward = Ward(in_flight_max=10)
    limits = []
    for _ in range(6):
        ward.fail_submits(RATE_LIMITED, times=1)
        limits.append(ward.health.standing().in_flight_max)
        ward.wait_out()
    assert limits == [5, 2, 1, 1, 1, 1]
    assert ward.states() == (CLOSED, CLOSED, CLOSED)


def test_submits_that_meet_the_same_rate_limit_halve_the_concurrency_once() -> None:
    ward = Ward(in_flight_max=16)
    ward.fail_submits(RATE_LIMITED, times=8)
    assert ward.health.standing().in_flight_max == 8


def test_successful_submits_win_the_concurrency_back_one_by_one() -> None:
    ward = Ward(in_flight_max=4)
    ward.fail_submits(RATE_LIMITED, times=1)
    ward.wait_out()
    limits = []
    for _ in range(4 * SUCCESSES_PER_STEP):
        ward.accepted().ended()
        limits.append(ward.health.standing().in_flight_max)
    assert limits[SUCCESSES_PER_STEP - 2 : SUCCESSES_PER_STEP] == [2, 3]
    assert limits[-1] == 4


@pytest.mark.parametrize(
    ("reason", "words"), [(Reason.AUTH, "key was refused"), (Reason.BALANCE, "balance is used up")]
)
def test_a_refused_account_takes_the_provider_out_at_once_and_alerts_once(
    ward: Ward, reason: Reason, words: str
) -> None:
    ward.fail_submits(Failure(Stage.SUBMIT, reason), times=3)
    standing, snapshot = ward.health.standing(), ward.health.snapshot()
    assert standing.barred is not None
    assert words in standing.barred
    assert standing.retry_after_s == snapshot.out_s == BREAKER.outage_s
    assert snapshot.out_reason is reason
    assert [event for event in ward.events if isinstance(event, ProviderOut)] == [
        ProviderOut("alpha", reason.value, BREAKER.outage_s)
    ]


def test_after_an_outage_one_trial_goes_first_and_may_end_in_the_next_outage(ward: Ward) -> None:
    ward.fail_submits(KEY_REFUSED, times=1)
    ward.wait_out()
    assert ward.health.standing().probing
    trial = ward.start()
    assert ward.health.try_start() is None
    trial.submitted(KEY_REFUSED)
    assert ward.health.snapshot().out_reason is Reason.AUTH
    assert sum(isinstance(event, ProviderOut) for event in ward.events) == 2
    ward.wait_out()
    ward.accepted()
    assert ward.health.standing().barred is None
    assert ward.health.snapshot().out_reason is None


def test_failed_polls_slow_polling_down_and_keep_no_job_away(ward: Ward) -> None:
    for _ in range(BREAKER.volume_min):
        assert ward.health.poll_slowdown() == 1.0
        ward.health.polled(ok=False)
    assert not ward.health.poll_admitted()
    assert ward.health.poll_slowdown() == POLL_SLOWDOWN
    assert ward.states() == (CLOSED, OPEN, CLOSED)
    assert ward.health.standing().barred is None
    assert ward.health.try_start() is not None


def test_polling_regains_its_pace_with_the_first_good_poll_after_the_reset_time(ward: Ward) -> None:
    for _ in range(BREAKER.volume_min):
        ward.health.polled(ok=False)
    ward.health.polled(ok=True)
    assert not ward.health.poll_admitted()
    ward.time.advance(BREAKER.reset_s_max)
    assert ward.health.poll_admitted()
    ward.health.polled(ok=True)
    assert ward.states()[1] is CLOSED
    moves = [(event.old, event.new) for event in ward.events if isinstance(event, BreakerMoved)]
    assert moves == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]


def test_a_poll_failure_that_is_reported_as_an_ending_does_not_count_as_a_failed_video(ward: Ward) -> None:
    ward.fail_videos(Failure(Stage.POLL, Reason.UNREACHABLE), times=20)
    assert ward.states() == (CLOSED, CLOSED, CLOSED)


def test_attempts_that_stall_count_as_failed_videos(ward: Ward) -> None:
    ward.fail_videos(Failure(Stage.GENERATE, Reason.STALLED))
    assert ward.states()[2] is OPEN


def test_one_failure_does_not_halve_the_success_share_and_many_sink_it(ward: Ward) -> None:
    ward.fail_videos(times=1)
    assert 0.5 < ward.health.snapshot().success_share < 1.0
    for _ in range(40):
        ward.health.resume().ended(BROKEN)
    assert 0.0 < ward.health.snapshot().success_share < 0.2


def test_videos_that_succeed_raise_a_share_that_failures_lowered(ward: Ward) -> None:
    ward.fail_videos(times=3)
    before = ward.health.snapshot().success_share
    ward.accepted().ended()
    assert ward.health.snapshot().success_share > before


def test_a_refused_account_lowers_the_success_share(ward: Ward) -> None:
    ward.fail_submits(KEY_REFUSED, times=1)
    assert ward.health.snapshot().success_share < 1.0


def test_looking_at_a_provider_changes_nothing(ward: Ward) -> None:
    ward.fail_submits()
    ward.wait_out()
    before = len(ward.events)
    assert len({ward.health.standing() for _ in range(5)}) == 1
    assert len({ward.health.snapshot() for _ in range(5)}) == 1
    assert len(ward.events) == before


def test_a_provider_that_is_out_is_not_called_probing_although_a_probe_is_due(ward: Ward) -> None:
    ward.fail_submits(KEY_REFUSED, times=1)
    ward.time.advance(BREAKER.outage_s - 1.0)
    standing = ward.health.standing()
    assert standing.barred is not None
    assert not standing.probing


def test_the_longest_obstacle_is_the_one_that_is_told(ward: Ward) -> None:
    permits = ward.health.try_start()
    ward.fail_submits(Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=5.0), times=1)
    assert permits is not None
    permits.submitted(Failure(Stage.SUBMIT, Reason.BALANCE))
    standing = ward.health.standing()
    assert standing.barred_cause is ExclusionCause.EJECTED
    assert standing.retry_after_s == BREAKER.outage_s


def test_a_provider_that_recovers_begins_slowly_and_doubles_with_every_round(ward: Ward) -> None:
    ward.fail_submits()
    ward.wait_out()
    trial = ward.start()
    trial.submitted()
    trial.ended()
    assert ward.states()[0] is CLOSED
    rounds = []
    for _ in range(4):
        held = list(iter(ward.health.try_start, None))
        rounds.append(len(held))
        for permits in held:
            permits.submitted()
            permits.ended()
    assert rounds == [4, 8, 16, 32]


def test_after_videos_failed_only_videos_let_a_provider_have_more(ward: Ward) -> None:
    ward.fail_videos()
    ward.wait_out()
    trial = ward.start()
    trial.submitted()
    trial.ended()
    assert ward.states()[2] is CLOSED
    held = list(iter(ward.health.try_start, None))
    for permits in held:
        permits.submitted()
    assert ward.health.try_start() is None
    for permits in held:
        permits.ended()
    assert len(list(iter(ward.health.try_start, None))) == 2 * len(held)


def test_a_drained_provider_finishes_what_it_has_and_gets_nothing_more(ward: Ward) -> None:
    held = ward.start()
    ward.health.drain(on=True)
    assert ward.health.try_start() is None
    assert ward.health.standing().drained
    held.submitted()
    held.ended()
    assert ward.health.snapshot().in_flight == 0
    ward.health.drain(on=False)
    assert ward.health.try_start() is not None
