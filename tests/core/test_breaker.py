"""The gate: each way in which a circuit breaker round an await goes wrong, as a sentence that ours keeps."""

from random import Random

import pytest

from router.core.breaker import JITTER, Gate, Permit
from router.core.catalog import BreakerSettings
from router.core.events import BreakerKind, BreakerState
from router.core.window import OUTCOMES_MAX, ROW_WINDOWS
from tests.builders import ManualTime

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
SETTINGS = BreakerSettings(window_s=60.0, volume_min=5, failure_share=0.5, reset_s=30.0, reset_s_max=600.0)


class Bench:
    """A gate on manual time, and the moves it told of."""

    def __init__(self, settings: BreakerSettings = SETTINGS, seed: int = 1) -> None:
        self.time = ManualTime()
        self.moves: list[tuple[BreakerState, BreakerState]] = []
        self.gate = Gate(
            BreakerKind.SUBMIT,
            settings,
            self.time.clock,
            Random(seed),
            lambda _, old, new: self.moves.append((old, new)),
        )

    def acquire(self) -> Permit:
        permit = self.gate.try_acquire()
        assert permit is not None
        return permit

    def trip(self) -> None:
        for _ in range(SETTINGS.volume_min):
            self.acquire().failure()
        assert self.gate.state is OPEN

    def wait_until_due(self) -> float:
        wait_s = self.gate.peek()
        assert wait_s is not None
        self.time.advance(wait_s)
        return wait_s

    def probe(self) -> Permit:
        self.wait_until_due()
        return self.acquire()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_new_gate_admits(bench: Bench) -> None:
    assert bench.gate.state is CLOSED
    assert bench.gate.peek() is None
    assert not bench.acquire().trial


def test_a_gate_that_only_meets_failures_trips_at_its_minimum_volume(bench: Bench) -> None:
    for _ in range(4):
        bench.acquire().failure()
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN
    assert bench.gate.try_acquire() is None


def test_a_provider_that_fails_every_other_time_trips_although_it_never_fails_twice_in_a_row(bench: Bench) -> None:
    for _ in range(3):
        bench.acquire().success()
        bench.acquire().failure()
    assert bench.gate.state is OPEN


def test_failures_below_the_share_never_trip(bench: Bench) -> None:
    for _ in range(50):
        bench.acquire().success()
        bench.acquire().success()
        bench.acquire().failure()
    assert bench.gate.state is CLOSED


def test_a_success_does_not_wipe_out_the_failures_before_it(bench: Bench) -> None:
    for _ in range(4):
        bench.acquire().failure()
    bench.acquire().success()
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN


def test_failures_older_than_the_window_are_forgotten(bench: Bench) -> None:
    for _ in range(4):
        bench.acquire().failure()
    bench.acquire().success()
    bench.time.advance(SETTINGS.window_s)
    for _ in range(4):
        bench.acquire().failure()
    assert bench.gate.state is CLOSED


def test_failures_in_a_row_count_however_thinly_they_come_but_not_for_ever(bench: Bench) -> None:
    for _ in range(4):
        bench.acquire().failure()
        bench.time.advance(SETTINGS.window_s)
    bench.acquire().success()
    for _ in range(4):
        bench.acquire().failure()
        bench.time.advance(SETTINGS.window_s)
    bench.time.advance(ROW_WINDOWS * SETTINGS.window_s)
    for _ in range(4):
        bench.acquire().failure()
        bench.time.advance(SETTINGS.window_s)
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN


def test_a_row_of_failures_among_many_jobs_may_be_chance_but_not_a_long_one() -> None:
    bench = Bench(BreakerSettings(window_s=60.0, volume_min=5, failure_share=0.5))
    for _ in range(20):
        bench.acquire().success()
    for _ in range(9):
        bench.acquire().failure()
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN


def test_the_window_holds_a_bounded_number_of_outcomes() -> None:
    bench = Bench(BreakerSettings(window_s=1e9, volume_min=5))
    for _ in range(3 * OUTCOMES_MAX):
        bench.acquire().success()
    for number in range(OUTCOMES_MAX // 2 - 1):
        bench.acquire().failure()
        if number % 9 == 8:
            bench.acquire().success()
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN


def test_a_cancellation_is_neither_a_failure_nor_a_success(bench: Bench) -> None:
    for _ in range(4):
        bench.acquire().failure()
    for _ in range(20):
        bench.acquire().neutral()
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN


def test_fifty_at_once_get_one_half_open_trial_between_them(bench: Bench) -> None:
    bench.trip()
    bench.wait_until_due()
    permits = [permit for _ in range(50) if (permit := bench.gate.try_acquire())]
    assert len(permits) == 1
    assert permits[0].trial


def test_a_trial_that_succeeds_closes_and_one_that_fails_opens_again(bench: Bench) -> None:
    bench.trip()
    bench.probe().failure()
    assert bench.gate.state is OPEN
    bench.probe().success()
    assert bench.gate.state is CLOSED
    assert bench.moves == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]


def test_a_cancelled_trial_frees_its_slot_and_moves_nothing(bench: Bench) -> None:
    bench.trip()
    first = bench.probe()
    assert bench.gate.try_acquire() is None
    first.neutral()
    assert bench.gate.state is HALF_OPEN
    assert bench.gate.peek() == 0.0
    assert bench.acquire().trial


def test_stale_failures_do_not_postpone_the_end_of_an_ejection(bench: Bench) -> None:
    stale = [bench.acquire() for _ in range(3)]
    bench.trip()
    before = bench.gate.peek()
    for permit in stale:
        permit.failure()
    assert bench.gate.peek() == before
    assert bench.moves == [(CLOSED, OPEN)]


def test_a_slow_success_from_before_the_trip_does_not_close_an_open_circuit(bench: Bench) -> None:
    slow = bench.acquire()
    bench.trip()
    slow.success()
    assert bench.gate.state is OPEN


def test_a_success_from_before_the_trip_does_not_pass_for_the_trial(bench: Bench) -> None:
    slow = bench.acquire()
    bench.trip()
    trial = bench.probe()
    slow.success()
    assert bench.gate.state is HALF_OPEN
    trial.failure()
    assert bench.gate.state is OPEN


def test_failures_from_before_a_recovery_do_not_count_after_it(bench: Bench) -> None:
    stale = [bench.acquire() for _ in range(20)]
    bench.trip()
    bench.probe().success()
    for permit in stale:
        permit.failure()
    assert bench.gate.state is CLOSED


def test_a_recovery_begins_with_an_empty_window(bench: Bench) -> None:
    bench.trip()
    bench.probe().success()
    for _ in range(4):
        bench.acquire().failure()
    assert bench.gate.state is CLOSED
    bench.acquire().failure()
    assert bench.gate.state is OPEN


@pytest.mark.parametrize("first", ["success", "failure", "neutral"])
def test_only_the_first_end_of_a_permit_counts(bench: Bench, first: str) -> None:
    for _ in range(4):
        bench.acquire().failure()
    permit = bench.acquire()
    getattr(permit, first)()
    state = bench.gate.state
    for _ in range(10):
        permit.failure()
        permit.success()
    assert bench.gate.state is state


def test_a_probe_comes_due_without_anybody_calling_and_looking_changes_nothing(bench: Bench) -> None:
    bench.trip()
    wait_s = bench.wait_until_due()
    assert wait_s > 0.0
    assert [bench.gate.peek() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bench.gate.state is OPEN
    assert bench.moves == [(CLOSED, OPEN)]
    bench.acquire()
    assert bench.gate.state is HALF_OPEN


def test_an_ejection_is_measured_on_the_given_clock_only(bench: Bench) -> None:
    bench.trip()
    wait_s = bench.gate.peek()
    assert wait_s is not None
    bench.time.advance(wait_s - 0.001)
    assert bench.gate.try_acquire() is None
    bench.time.advance(0.002)
    assert bench.gate.try_acquire() is not None


def test_each_trip_in_a_row_doubles_the_ejection_up_to_its_limit(bench: Bench) -> None:
    bench.trip()
    waits = []
    for _ in range(10):
        waits.append(bench.wait_until_due())
        bench.acquire().failure()
    for number, wait_s in enumerate(waits):
        middle_s = min(30.0 * 2**number, 600.0 / (1 + JITTER))
        assert middle_s * (1 - JITTER) <= wait_s <= middle_s * (1 + JITTER)
    assert max(waits) <= SETTINGS.reset_s_max


def test_two_replicas_do_not_probe_in_step() -> None:
    benches = [Bench(seed=seed) for seed in range(8)]
    for bench in benches:
        bench.trip()
    assert len({bench.gate.peek() for bench in benches}) == len(benches)


def test_an_ejection_after_long_health_is_short_again(bench: Bench) -> None:
    bench.trip()
    for _ in range(3):
        bench.probe().failure()
    bench.probe().success()
    bench.time.advance(10 * SETTINGS.reset_s_max)
    bench.trip()
    assert bench.wait_until_due() <= 30.0 * (1 + JITTER)


def test_an_ejection_soon_after_a_recovery_is_longer_than_the_one_before(bench: Bench) -> None:
    bench.trip()
    bench.probe().success()
    bench.trip()
    assert bench.wait_until_due() >= 60.0 * (1 - JITTER)


def test_a_trial_nobody_ends_does_not_eject_for_ever(bench: Bench) -> None:
    bench.trip()
    lost = bench.probe()
    bench.time.advance(SETTINGS.reset_s_max)
    second = bench.acquire()
    assert second.trial
    lost.neutral()
    assert bench.gate.try_acquire() is None
    second.success()
    assert bench.gate.state is CLOSED
    lost.failure()
    assert bench.gate.state is CLOSED


def test_an_observer_passes_every_state_and_counts_only_while_closed(bench: Bench) -> None:
    for _ in range(5):
        bench.gate.observe().failure()
    assert bench.gate.state is OPEN
    bench.gate.observe().success()
    assert bench.gate.state is OPEN
    bench.probe()
    bench.gate.observe().success()
    bench.gate.observe().failure()
    assert bench.gate.state is HALF_OPEN


def test_tripping_by_hand_opens_once(bench: Bench) -> None:
    bench.gate.trip_now()
    before = bench.gate.peek()
    bench.time.advance(1.0)
    bench.gate.trip_now()
    assert bench.gate.peek() == pytest.approx((before or 0.0) - 1.0)
    assert bench.moves == [(CLOSED, OPEN)]


def test_a_listener_sees_the_new_state_and_one_that_raises_leaves_the_gate_whole() -> None:
    time, seen = ManualTime(), []

    def listen(kind: BreakerKind, old: BreakerState, new: BreakerState) -> None:
        seen.append((kind, old, new, gate.state))
        raise RuntimeError("a broken listener")

    gate = Gate(BreakerKind.POLL, BreakerSettings(volume_min=1), time.clock, Random(1), listen)
    permit, stale = gate.try_acquire(), gate.try_acquire()
    assert permit is not None
    assert stale is not None
    with pytest.raises(RuntimeError):
        permit.failure()
    stale.success()
    assert seen == [(BreakerKind.POLL, CLOSED, OPEN, OPEN)]
    assert gate.try_acquire() is None
