"""The gate against a model of it that is short enough to be read as its definition."""

from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from router.core.breaker import JITTER, Gate, Permit, PermitEnd
from router.core.catalog import BreakerSettings
from router.core.events import BreakerKind, BreakerState
from router.core.window import ROW_AMONG_MANY, ROW_WINDOWS
from tests.builders import ManualTime

LIMITS = BreakerSettings(window_s=60.0, volume_min=3, failure_share=0.5, reset_s=10.0, reset_s_max=60.0)


class Model:
    """What a gate is meant to do, without pybreaker. The length of an ejection is taken from the gate."""

    def __init__(self) -> None:
        self.now = 0.0
        self.state = BreakerState.CLOSED
        self.epoch = 0
        self.outcomes: list[tuple[float, bool]] = []
        self.row: list[float] = []
        self.due_at = 0.0
        self.trial: tuple[Permit, float] | None = None

    def move(self, state: BreakerState, due_in_s: float | None = None) -> None:
        self.state, self.epoch, self.outcomes, self.row, self.trial = state, self.epoch + 1, [], [], None
        self.due_at = self.now + (due_in_s or 0.0)

    def admits(self) -> bool:
        if self.state is BreakerState.HALF_OPEN:
            return self.trial is None or self.now - self.trial[1] >= LIMITS.reset_s_max
        return self.state is BreakerState.CLOSED or self.now >= self.due_at

    def end(self, permit: Permit, epoch: int, trial: bool, end: PermitEnd) -> BreakerState:
        """Return the state that has to follow."""
        if self.trial is not None and self.trial[0] is permit:
            self.trial = None
        if epoch != self.epoch or end is PermitEnd.NEUTRAL or (self.state is not BreakerState.CLOSED and not trial):
            return self.state
        failed = end is PermitEnd.FAILURE
        if trial:
            return BreakerState.OPEN if failed else BreakerState.CLOSED
        self.outcomes = [each for each in self.outcomes if each[0] > self.now - LIMITS.window_s] + [(self.now, failed)]
        failures, volume = sum(each[1] for each in self.outcomes), len(self.outcomes)
        self.row = [*self.row, self.now] if failed else []
        many = volume >= LIMITS.volume_min
        needed = LIMITS.volume_min * (ROW_AMONG_MANY if many else 1)
        lately = [at for at in self.row[-needed:] if at > self.now - ROW_WINDOWS * LIMITS.window_s]
        tripped = len(lately) >= needed or (failed and many and failures >= LIMITS.failure_share * volume)
        return BreakerState.OPEN if tripped else BreakerState.CLOSED


class GateMachine(RuleBasedStateMachine):
    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.time = ManualTime()
        self.moves: list[tuple[BreakerState, BreakerState]] = []
        self.gate = Gate(
            BreakerKind.SUBMIT, LIMITS, self.time.clock, Random(7), lambda _, *move: self.moves.append(move)
        )
        self.model = Model()
        self.ended: set[int] = set()
        self.told = BreakerState.CLOSED

    @rule(target=permits)
    def acquire(self) -> tuple[Permit, int, bool] | None:
        admitted, was_open = self.model.admits(), self.model.state is BreakerState.OPEN
        peeked = self.gate.peek()
        permit = self.gate.try_acquire()
        assert (permit is not None) == admitted == (peeked is None or peeked == 0.0)
        if permit is None:
            return None
        if admitted and was_open:
            self.model.move(BreakerState.HALF_OPEN)
        trial = self.model.state is BreakerState.HALF_OPEN
        if trial:
            self.model.trial = (permit, self.model.now)
        assert permit.trial is trial
        return permit, self.model.epoch, trial

    @rule(target=permits)
    def observe(self) -> tuple[Permit, int, bool]:
        return self.gate.observe(), self.model.epoch, False

    @rule(held=permits, end=st.sampled_from(PermitEnd))
    def end(self, held: tuple[Permit, int, bool] | None, end: PermitEnd) -> None:
        if held is None:
            return
        permit, epoch, trial = held
        expected = self.model.state
        if id(permit) not in self.ended:
            self.ended.add(id(permit))
            expected = self.model.end(permit, epoch, trial, end)
        getattr(permit, end.value)()
        assert self.gate.state is expected
        self.follow(expected)

    @rule()
    def trip_now(self) -> None:
        self.gate.trip_now()
        self.follow(BreakerState.OPEN)

    @rule(seconds=st.sampled_from([0.5, 5.0, 12.0, 30.0, 59.5, 60.0, 240.0]))
    def wait(self, seconds: float) -> None:
        self.time.advance(seconds)
        self.model.now += seconds

    def follow(self, state: BreakerState) -> None:
        if state is not self.model.state:
            wait_s = self.gate.peek()
            assert state is not BreakerState.OPEN or (wait_s is not None and self.sound(wait_s))
            self.model.move(state, wait_s)

    @staticmethod
    def sound(wait_s: float) -> bool:
        return LIMITS.reset_s * (1 - JITTER) - 1e-6 <= wait_s <= LIMITS.reset_s_max + 1e-6

    @invariant()
    def the_gate_is_where_the_model_is(self) -> None:
        assert self.gate.state is self.model.state

    @invariant()
    def the_moves_told_of_make_an_unbroken_chain(self) -> None:
        for old, new in self.moves:
            assert old is self.told
            assert new is not old
            self.told = new
        self.moves.clear()
        assert self.told is self.gate.state


TestGate = GateMachine.TestCase
TestGate.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
