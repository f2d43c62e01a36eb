"""Whether a provider takes jobs now, how well it does them, and what it is told about how they went."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from random import Random
from types import MappingProxyType
from typing import Final, assert_never

from providers.canonical import Failure, Reason
from router.core.breaker import Gate, Permit
from router.core.catalog import BreakerSettings, Provider
from router.core.clock import Clock
from router.core.concurrency import Concurrency
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.events import BreakerKind, BreakerMoved, BreakerState, Emit, ProviderDrained, ProviderOut
from router.core.pacing import PollRate
from router.core.permits import AttemptPermits, Held, Reports
from router.core.policy import BreakerEffect, NextStep, consequences
from router.core.record import Record

COOL_DOWN_S: Final = 10.0
COOL_DOWN_S_MAX: Final = 300.0
"""How long one that limits again and again is left alone, unless it asked for more."""
_STORM: Final = 3
POLL_SLOWDOWN: Final = 4.0
_DOUBLINGS_MAX: Final = 16
# Jobs end minutes after their submit, and fewer of them than were submitted: their window has to be wider.
GENERATE_WINDOWS: Final = 10


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """A provider's health for people to read. Seconds are from now on; 0 and None mean that it is not so."""

    provider: str
    submit: BreakerState
    poll: BreakerState
    generate: BreakerState
    in_flight: int
    in_flight_limit: int
    success_share: float
    drained: bool
    barred: str | None
    cooling_s: float
    out_s: float
    out_reason: Reason | None


class ProviderHealth:
    """One provider's three breakers, its rate limit, its outages and its record; each replica judges for itself."""

    def __init__(self, provider: Provider, clock: Clock, rng: Random, emit: Emit) -> None:
        self.provider = provider
        self._clock = clock
        self._rng = rng
        self._emit = emit
        settings = provider.breaker
        self._submit = self._gate(BreakerKind.SUBMIT, settings)
        self._poll = self._gate(BreakerKind.POLL, settings)
        self._generate = self._gate(BreakerKind.GENERATE, _slow(settings))
        self._concurrency = Concurrency(provider.in_flight_max)
        self._record = Record(clock)
        self._poll_rate = PollRate(provider.polling.polls_per_s_max)
        self._cooling_until = self._out_until = clock.monotonic()
        self._limited_in_a_row = 0
        self._limit_before = provider.in_flight_max
        self._out_reason: Reason | None = None
        self._retired = False
        self._well = ProviderStanding()
        self._drained = False
        self._recoveries = 0
        self._accounts_had = 1
        self._reports = self._reports_of_account()
        self._held = Held(self._generate.epoch, self._reports)

    def use(self, provider: Provider, *, retired: bool = False, renewed: bool = False) -> None:
        """Take over another configuration; what is in flight stays counted.

        One that was `retired` from the configuration starts nothing, and nobody is to worry about it any more. With an
        account that was `renewed` outages, cool-downs and ejections are over, one job is the trial, and what was seen
        of the old one counts no more.
        """
        leaves, self._retired = retired and not self._retired, retired
        self.provider = provider
        settings = provider.breaker
        self._submit.use(settings)
        self._poll.use(settings)
        self._generate.use(_slow(settings))
        self._concurrency.resize(provider.in_flight_max)
        self._poll_rate.use(provider.polling.polls_per_s_max)
        self._out_until = min(self._out_until, self._clock.monotonic() + settings.outage_s)
        if renewed or leaves:
            self._renew()
        if leaves:
            for gate in self._gates:
                gate.close()
            self._concurrency.restore()

    def drain(self, *, on: bool) -> None:
        """Give it no more jobs until an operator takes that back, whatever the configuration says; both end here."""
        news, self._drained = on != self._drained, on
        if news:
            self._emit(ProviderDrained(self.provider.name, on))

    @property
    def drained(self) -> bool:
        """Whether it finishes what it has, and gets nothing more."""
        return self._drained or self.provider.drained

    def standing(self, now: float | None = None) -> ProviderStanding:
        """Return the health as routing wants it; changes nothing that anybody could see. `now` is monotonic seconds."""
        in_flight, limit = self._concurrency.count, self._concurrency.limit
        drained, recoveries = self._drained or self.provider.drained, self._recoveries
        if self._is_well(self._clock.monotonic() if now is None else now):
            well = self._well
            as_before = well.in_flight == in_flight and well.in_flight_max == limit and well.drained == drained
            if not as_before or well.recoveries != recoveries:
                self._well = well = ProviderStanding(in_flight, limit, drained=drained, recoveries=recoveries)
            return well
        bar = self._bar()
        if bar is not None:
            return ProviderStanding(
                in_flight, limit, bar.message, bar.cause, bar.for_s, drained=drained, recoveries=recoveries
            )
        probing = 0.0 in (self._submit.peek(), self._generate.peek())
        due_s = max(self._submit.probe_due_s(), self._generate.probe_due_s()) if probing else 0.0
        return ProviderStanding(
            in_flight, limit, probing=probing, probe_due_s=due_s, drained=drained, recoveries=recoveries
        )

    def _is_well(self, now: float) -> bool:
        """Whether it takes jobs without any reservation."""
        return (
            now >= self._out_until
            and now >= self._cooling_until
            and self._submit.state is BreakerState.CLOSED
            and self._generate.state is BreakerState.CLOSED
        )

    def try_start(self) -> AttemptPermits | None:
        """Return the permits of a new attempt and count it in flight, or None when the provider takes no job now."""
        if self._retired or self.drained or self._concurrency.full:
            return None
        if self._is_well(self._clock.monotonic()):
            return self._hold(self._submit.observe(), self._generate.observe())
        if self._bar() is not None:
            return None
        submit = self._submit.try_acquire()
        if submit is None:
            return None
        generate = self._generate.try_acquire()
        if generate is None:
            submit.neutral()
            return None
        return self._hold(submit, generate)

    def resume(self) -> AttemptPermits:
        """Return the permits of an attempt that is under way already: it passes no gate, and is in flight."""
        return self.permits(self.take_up())

    def take_up(self) -> Held:
        """Count an attempt in flight that is under way already; return what its `permits` are made of later."""
        self._concurrency.enter()
        if self._held.epoch != self._generate.epoch or self._held.reports is not self._reports:
            self._held = Held(self._generate.epoch, self._reports)
        return self._held

    def permits(self, held: Held) -> AttemptPermits:
        """Return the permits of an attempt that is in flight, as they were when it was taken up."""
        return AttemptPermits(None, self._generate.observe(held.epoch), held.reports)

    def polled(self, ok: bool) -> None:
        """Report a poll or a download; failures in their breaker slow polling down and do nothing else."""
        if self._retired:
            return
        if ok and self._poll.state is BreakerState.CLOSED:
            self._poll.went_well()
            return
        permit = self._poll.try_acquire()
        if permit is not None and ok:
            permit.success()
        elif permit is not None:
            permit.failure()

    def poll_admitted(self) -> bool:
        """Whether polls go at their usual pace, or the next one is the probe that may restore it."""
        return not self._poll.peek()

    def poll_slowdown(self) -> float:
        """The factor by which polls are to be slowed down now, 1.0 when they are not."""
        return 1.0 if self.poll_admitted() else POLL_SLOWDOWN

    def poll_turn_s(self) -> float:
        """Take the next turn to ask it how far its jobs are, one by one or all together; return the seconds until then.

        Whoever sends such a request takes a turn first, so that it never gets more of them than it is configured to.
        """
        return self._poll_rate.turn_s(self._clock.monotonic())

    @property
    def outage(self) -> Reason | None:
        """Why the provider is out because its account was refused, None when it is not; any thread may ask."""
        return self._out_reason if self._clock.monotonic() < self._out_until else None

    @property
    def in_flight_limit(self) -> int:
        """The most jobs the provider gets at once now, none once it was retired; any thread may ask."""
        return 0 if self._retired else self._concurrency.limit

    def breakers(self) -> Mapping[BreakerKind, BreakerState]:
        """Return the state of each breaker."""
        return {gate.kind: gate.state for gate in self._gates}

    def snapshot(self) -> HealthSnapshot:
        """Return everything there is to know at this moment; changes nothing."""
        now, bar = self._clock.monotonic(), self._bar()
        out_s = max(0.0, self._out_until - now)
        return HealthSnapshot(
            provider=self.provider.name,
            submit=self._submit.state,
            poll=self._poll.state,
            generate=self._generate.state,
            in_flight=self._concurrency.count,
            in_flight_limit=self._concurrency.limit,
            success_share=round(self._record.share(), 3),
            drained=self.drained,
            barred=_RETIRED if self._retired else bar.message if bar else None,
            cooling_s=max(0.0, self._cooling_until - now),
            out_s=out_s,
            out_reason=self._out_reason if out_s else None,
        )

    @property
    def _gates(self) -> tuple[Gate, ...]:
        return self._submit, self._poll, self._generate

    def _gate(self, kind: BreakerKind, settings: BreakerSettings) -> Gate:
        return Gate(kind, settings, self._clock, self._rng, self._moved)

    def _moved(self, kind: BreakerKind, old: BreakerState, new: BreakerState) -> None:
        if (old, new) == (BreakerState.HALF_OPEN, BreakerState.CLOSED) and kind is not BreakerKind.POLL:
            self._concurrency.start_slowly(kind)
            self._recoveries += 1
        self._emit(BreakerMoved(self.provider.name, kind, old, new))

    def _hold(self, submit: Permit | None, generate: Permit) -> AttemptPermits:
        self._concurrency.enter()
        return AttemptPermits(submit, generate, self._reports)

    def _reports_of_account(self) -> Reports:
        submit_ended, video_ended = self._of_account(self._submit_ended), self._of_account(self._video_ended)
        return Reports(submit_ended, video_ended, self._concurrency.leave)

    def _of_account(self, report: Callable[[Permit, Failure | None], None]) -> Callable[[Permit, Failure | None], None]:
        """Let what an attempt reports count while the account is the one that it began with."""
        number = self._accounts_had

        def reported(permit: Permit, failure: Failure | None) -> None:
            if number == self._accounts_had:
                report(permit, failure)
            else:
                permit.neutral()

        return reported

    def _renew(self) -> None:
        self._accounts_had += 1
        self._reports = self._reports_of_account()
        for gate in self._gates:
            gate.renew()
        self._concurrency.restore()
        self._record = Record(self._clock)
        self._cooling_until = self._out_until = self._clock.monotonic()
        self._limited_in_a_row = 0
        self._out_reason = None

    def _submit_ended(self, permit: Permit, failure: Failure | None) -> None:
        if failure is None:
            permit.success()
            if self._limited_in_a_row >= _STORM:
                # It refused whatever came, which says nothing of how many jobs it can take.
                self._concurrency.start_slowly(BreakerKind.SUBMIT, self._limit_before)
            self._limited_in_a_row = 0
            self._concurrency.succeeded()
        else:
            self._failed(permit, failure)

    def _video_ended(self, permit: Permit, failure: Failure | None) -> None:
        if failure is None:
            permit.success()
            self._record.add(succeeded=True)
            self._concurrency.succeeded(BreakerKind.GENERATE)
        elif consequences(failure).next_step is NextStep.KEEP_POLLING:
            permit.neutral()
        else:
            self._failed(permit, failure)

    def _failed(self, permit: Permit, failure: Failure) -> None:
        """Do to the provider what the policy table says of such a failure."""
        match consequences(failure).breaker:
            case BreakerEffect.NEUTRAL:
                permit.neutral()
            case BreakerEffect.COUNTS:
                permit.failure()
                self._record.add(succeeded=False)
            case BreakerEffect.COOLS_DOWN:
                permit.neutral()
                self._cool_down(failure.retry_after_s)
            case BreakerEffect.OPENS:
                permit.neutral()
                self._record.add(succeeded=False)
                self._take_out(failure.reason)
            case effect:
                assert_never(effect)

    def _cool_down(self, retry_after_s: float | None) -> None:
        """Wait as long as was asked for; of the submits that meet one rate limit together, only the first halves.

        Whoever limits again and again while nothing is accepted in between is asked half as often each time, however
        soon he wants to be.
        """
        now = self._clock.monotonic()
        if now >= self._cooling_until:
            if not self._limited_in_a_row:
                self._limit_before = self._concurrency.limit
            self._concurrency.halve()
            self._limited_in_a_row += 1
        asked_s = retry_after_s if retry_after_s is not None and retry_after_s > 0.0 else COOL_DOWN_S
        if self._limited_in_a_row > 1:
            doublings = min(self._limited_in_a_row - 2, _DOUBLINGS_MAX)
            asked_s = max(asked_s, min(COOL_DOWN_S * 2.0**doublings, COOL_DOWN_S_MAX))
        # The jitter goes up only, for what was asked for is a floor; an absurd wish is cut to an outage's length.
        wait_s = min(asked_s, self.provider.breaker.outage_s) * self._rng.uniform(1.0, 1.2)
        self._cooling_until = max(self._cooling_until, now + wait_s)

    def _take_out(self, reason: Reason) -> None:
        """Eject at once and for long. The submit breaker opens with it, so that afterwards one trial goes first."""
        now, outage_s = self._clock.monotonic(), self.provider.breaker.outage_s
        news = now >= self._out_until
        self._out_until, self._out_reason = now + outage_s, reason
        self._submit.trip_now()
        if news:
            self._emit(ProviderOut(self.provider.name, reason.value, outage_s))

    def _bar(self) -> "_Bar | None":
        """Find what keeps jobs away the longest."""
        now = self._clock.monotonic()
        bars: list[_Bar] = []
        if (out_s := self._out_until - now) > 0.0:
            why = _WHY_OUT.get(self._out_reason, "its account was refused")
            bars.append(_Bar(out_s, ExclusionCause.EJECTED, f"is out for another {ceil(out_s)} s: {why}"))
        if (cooling_s := self._cooling_until - now) > 0.0:
            message = f"cools down for another {ceil(cooling_s)} s after a rate limit"
            bars.append(_Bar(cooling_s, ExclusionCause.COOLING, message))
        for gate, what in ((self._submit, "submits"), (self._generate, "accepted jobs")):
            if wait_s := gate.peek():
                bars.append(_Bar(wait_s, ExclusionCause.EJECTED, _why_ejected(gate, what, wait_s)))
        return max(bars, key=lambda bar: bar.for_s, default=None)


@dataclass(frozen=True, slots=True)
class _Bar:
    """One thing that keeps jobs away, and for how long as far as anyone knows."""

    for_s: float
    cause: ExclusionCause
    message: str


_RETIRED: Final = "was removed from the configuration"
_WHY_OUT: Final[Mapping[Reason | None, str]] = MappingProxyType(
    {Reason.AUTH: "its key was refused", Reason.BALANCE: "its balance is used up"}
)


def _slow(settings: BreakerSettings) -> BreakerSettings:
    return replace(settings, window_s=settings.window_s * GENERATE_WINDOWS)


def _why_ejected(gate: Gate, what: str, wait_s: float) -> str:
    if gate.state is BreakerState.HALF_OPEN:
        return f"is on probation after too many of its {what} failed, and another job is the trial"
    return f"is ejected for another {ceil(wait_s)} s, for too many of its {what} failed"
