"""When a breaker ejects, probes and admits: pybreaker as a synchronous state machine behind a gate of permits.

Nothing is ever awaited inside the breaker. Whoever wants to act acquires a permit first and reports its end later, so
cancellation is no failure, a half-open breaker lets one through instead of everybody, and outcomes of before a change
of state are told by their epoch and ignored.
"""

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from random import Random
from typing import Final, TypeAlias, assert_never

from pybreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker

from router.core.catalog import BreakerSettings
from router.core.clock import Clock
from router.core.events import BreakerKind, BreakerState
from router.core.window import Window

JITTER: Final = 0.2
_DOUBLINGS_MAX: Final = 16

_STATES: Final = {
    STATE_CLOSED: BreakerState.CLOSED,
    STATE_OPEN: BreakerState.OPEN,
    STATE_HALF_OPEN: BreakerState.HALF_OPEN,
}

OnMove: TypeAlias = Callable[[BreakerKind, BreakerState, BreakerState], None]


class PermitEnd(StrEnum):
    """What became of a permit: `neutral` says nothing of the provider, for example because we gave up ourselves."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


class Permit:
    """Leave to act once. It ends in exactly one way; whatever is reported after the first end is ignored."""

    __slots__ = ("_open", "_report", "epoch", "trial")

    def __init__(self, report: Callable[["Permit", PermitEnd], None], epoch: int, *, trial: bool) -> None:
        self._report = report
        self._open = True
        self.epoch = epoch
        self.trial = trial

    def success(self) -> None:
        """Report that the provider did its part."""
        self._end(PermitEnd.SUCCESS)

    def failure(self) -> None:
        """Report a failure that counts against the provider."""
        self._end(PermitEnd.FAILURE)

    def neutral(self) -> None:
        """Give the permit back without a word about the provider; a trial's slot is free again."""
        self._end(PermitEnd.NEUTRAL)

    def _end(self, end: PermitEnd) -> None:
        if self._open:
            self._open = False
            self._report(self, end)


class Gate:
    """One breaker. Closed admits all, open none until its reset time is over, half-open one trial at a time.

    Each trip in a row doubles the reset time up to `reset_s_max`, with jitter; every `reset_s_max` closed without a
    trip takes one doubling back. A trial that has not ended after `reset_s_max` no longer holds the slot. `epoch`
    numbers the times between two changes of state.

    `state` is as last moved to: an open breaker whose probe is due stays open until somebody takes the probe.
    """

    def __init__(
        self, kind: BreakerKind, settings: BreakerSettings, clock: Clock, rng: Random, on_move: OnMove
    ) -> None:
        self.kind = kind
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._on_move = on_move
        self._window = Window(settings, clock)
        # fail_max 1: the window's counter stays 0 until its volume and share are met.
        self._breaker = CircuitBreaker(fail_max=1, state_storage=self._window, throw_new_error_on_trip=False, name=kind)
        self.epoch = 0
        self._doublings = 0
        self._reset_s = settings.reset_s
        self._since = clock.monotonic()
        self._trial: Permit | None = None
        self._trial_since = 0.0
        # One for all permits.
        self._report = self._ended
        self.state = BreakerState.CLOSED

    def peek(self) -> float | None:
        """Say what `try_acquire` would do, without doing it.

        None: it admits. 0: it would hand out the one trial. Else: the seconds for which it will refuse; a guess while a
        trial is under way.
        """
        match self.state:
            case BreakerState.CLOSED:
                return None
            case BreakerState.OPEN:
                return max(0.0, self._since + self._reset_s - self._clock.monotonic())
            case BreakerState.HALF_OPEN:
                if self._trial is None:
                    return 0.0
                given_up_in_s = self._trial_since + self._settings.reset_s_max - self._clock.monotonic()
                return max(0.0, min(self._settings.reset_s, given_up_in_s))
            case state:
                assert_never(state)

    def probe_due_s(self) -> float:
        """Return for how long the trial has been waiting for somebody to take it; 0 while none is due."""
        if self.peek() != 0.0:
            return 0.0
        ejected_s = self._reset_s if self.state is BreakerState.OPEN else 0.0
        return max(0.0, self._clock.monotonic() - self._since - ejected_s)

    def try_acquire(self) -> Permit | None:
        """Return a permit, or None while ejected. The first permit after the reset time is the half-open trial."""
        wait_s = self.peek()
        if wait_s is None:
            return self.observe()
        if wait_s > 0.0:
            return None
        if self.state is BreakerState.OPEN:
            self._step(self._breaker.half_open)
        self._trial, self._trial_since = Permit(self._report, self.epoch, trial=True), self._clock.monotonic()
        return self._trial

    def observe(self, epoch: int | None = None) -> Permit:
        """Return a permit for something already under way, now or since an `epoch`, whatever the state.

        It counts only while closed.
        """
        return Permit(self._report, self.epoch if epoch is None else epoch, trial=False)

    def went_well(self) -> None:
        """Take in a success while closed, for which nobody needed a permit."""
        # Pybreaker does no more with it, either, than to tell its storage.
        self._window.reset_counter()

    def trip_now(self) -> None:
        """Open at once, without waiting for the window; no effect when already open."""
        self._step(self._breaker.open)

    def use(self, settings: BreakerSettings) -> None:
        """Take over other settings; the state and what was seen stay, and no ejection outlasts the new limit."""
        self._settings = settings
        self._window.use(settings)
        self._reset_s = min(self._reset_s, settings.reset_s_max)

    def renew(self) -> None:
        """Forget what was seen, and ignore what is still out: it was about another account. A trial is due at once."""
        self.epoch += 1
        self._trial = None
        self._doublings = 0
        self._reset_s = 0.0
        self._window.clear()

    def close(self) -> None:
        """Admit all again, with nothing remembered."""
        self.renew()
        self._step(self._breaker.close)

    def _ended(self, permit: Permit, end: PermitEnd) -> None:
        if permit is self._trial:
            self._trial = None
        stale = permit.epoch != self.epoch
        if stale or not (permit.trial or self.state is BreakerState.CLOSED):
            return
        match end:
            case PermitEnd.SUCCESS if self.state is BreakerState.CLOSED:
                self.went_well()
            case PermitEnd.SUCCESS:
                self._step(lambda: self._breaker.call(_succeed))
            case PermitEnd.FAILURE:
                self._step(lambda: self._breaker.call(_fail))
            case PermitEnd.NEUTRAL:
                pass
            case _:
                assert_never(end)

    def _step(self, step: Callable[[], object]) -> None:
        """Let pybreaker take a step; tell of a move only afterwards, when all of the state is the new one."""
        old = self.state
        with suppress(_CountedFailureError):
            step()
        new = _STATES[self._window.state]
        if new is not old:
            self.state = new
            self._moved(old, new)
            self._on_move(self.kind, old, new)

    def _moved(self, old: BreakerState, new: BreakerState) -> None:
        now = self._clock.monotonic()
        if new is BreakerState.OPEN:
            healthy_s = now - self._since if old is BreakerState.CLOSED else 0.0
            self._doublings = max(0, self._doublings - int(healthy_s / self._settings.reset_s_max))
            # Jitter keeps replicas from probing in step, also at the limit, which stays a limit.
            reset_s = min(self._settings.reset_s * 2.0**self._doublings, self._settings.reset_s_max / (1 + JITTER))
            self._reset_s = reset_s * self._rng.uniform(1 - JITTER, 1 + JITTER)
            self._doublings = min(self._doublings + 1, _DOUBLINGS_MAX)
        self.epoch += 1
        self._trial = None
        self._since = now


class _CountedFailureError(Exception):
    """Thrown through pybreaker because that is how it is told of a failure."""


def _succeed() -> None:
    return None


def _fail() -> None:
    raise _CountedFailureError
