"""Polls of many jobs answered out of one reading of their provider's list."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from random import Random
from typing import Final, TypeVar

from providers.adapter import HttpRequest, HttpResponse, PolledJob, PolledPage
from providers.canonical import Failure, ListPolling, Reason, Running, Stage, Succeeded
from providers.capabilities import ListedPolls, listed_polls_of
from providers.classification import poll_unanswered
from providers.plausibility import JOBS_OF_A_PAGE
from providers.reading import read_poll, read_polls
from router.core.catalog import Provider
from router.core.clock import Clock
from router.core.events import Emit, Operation, PollFailed
from router.core.health import ProviderHealth
from router.core.job import Attempt, AttemptState
from router.core.pacing import patience_s
from router.core.sweeping import FEW, PAGES_MAX, SWEEP_S_MAX, ListShape, gather_s, goes_on, stretch
from router.engine.answer import ANSWER_BYTES_MAX
from router.engine.exchange import Transport
from router.engine.sweep import Reading, Sweep, Waiter

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_JOBS_OF_A_PAGE_MIN: Final = 10
_CHECK_EVERY_PAGES: Final = 20
_BALANCE_MAX: Final = 20
_PAUSE_S: Final = 30.0
_PAUSE_S_MAX: Final = 600.0
_FRESH_KEPT: Final = 5_000
_ENDED_KEPT: Final = 1_000
_SEEN_KEPT: Final = 20_000
_POLLED: Final = frozenset({AttemptState.RUNNING, AttemptState.LATE})


class Listed:
    """The lists of all providers whose polling may use one; `hint` says of a job to whom it concerns that it ended."""

    def __init__(self, transport: Transport, clock: Clock, rng: Random, emit: Emit) -> None:
        self._transport, self._clock, self._rng, self._emit = transport, clock, rng, emit
        self._lists: dict[str, _ProviderList] = {}
        self.hint: Callable[[str, str], bool] = _nobody

    async def reading(self, provider: Provider, health: ProviderHealth, attempt: Attempt) -> Reading | None:
        """What its provider's list says of an attempt that is due, or None: then it has to be polled.

        That it failed is never said, and of a failed list only to those whom the provider asked to stay away.
        """
        lister = listed_polls_of(provider.adapter)
        if provider.polling.listed is ListPolling.OFF or lister is None or attempt.state not in _POLLED:
            return None
        known = self._lists.get(provider.name)
        if known is None:
            known = _ProviderList(provider, lister, self._transport, self._clock, self._rng, self._emit)
            self._lists[provider.name] = known
        elif known.provider is not provider:
            known.use(provider, lister)
        return await known.reading(attempt, health, self.hint)

    def polled(self, attempt: Attempt, reading: Reading) -> None:
        """Take in what a poll of one attempt said, to see whether the list says the same."""
        known = self._lists.get(attempt.provider)
        if known is not None:
            known.polled(attempt, reading)


class _ProviderList:
    """The list of one provider, with those who wait for it. One sweep at a time.

    It is never believed more than a poll would be: what it leaves out is polled, that a job failed is polled, and of
    a list that is not `trusted` every end. A list that is late, fails or finds little is left alone for a while.
    """

    def __init__(
        self, provider: Provider, lister: ListedPolls, transport: Transport, clock: Clock, rng: Random, emit: Emit
    ) -> None:
        self.provider = provider
        self._lister = lister
        self._transport, self._clock, self._rng, self._emit = transport, clock, rng, emit
        self._shape = ListShape()
        self._waiting: dict[str, Waiter] = {}
        self._asks: deque[float] = deque(maxlen=FEW)
        self._fresh: dict[str, tuple[PolledJob, float]] = {}
        self._seen: OrderedDict[str, tuple[Running, float]] = OrderedDict()
        self._ended: OrderedDict[str, float] = OrderedDict()
        self._limit = JOBS_OF_A_PAGE
        self._span_s = 0.0
        self._began_at = self._paused_until = clock.monotonic() - _PAUSE_S_MAX
        self._setbacks = 0
        self._balance = 0
        self._pages_unchecked = 0
        self._slowdown = 1.0
        self.task: asyncio.Task[None] | None = None

    def use(self, provider: Provider, lister: ListedPolls) -> None:
        """Go on with another configuration, which may be that of another account."""
        self.provider, self._lister, self._shape = provider, lister, ListShape()
        self._fresh.clear()
        self._seen.clear()
        self._ended.clear()

    async def reading(
        self, attempt: Attempt, health: ProviderHealth, hint: Callable[[str, str], bool]
    ) -> Reading | None:
        """As `Listed.reading`."""
        now, remote_id = self._clock.monotonic(), attempt.remote_id or ""
        fresh = self._fresh.pop(remote_id, None)
        if fresh is not None and now - fresh[1] <= self.provider.polling.interval_s_min:
            self._balance += 1
            return self._told(attempt, fresh[0])
        self._asks.append(now)
        self._slowdown = health.poll_slowdown()
        if now < self._paused_until or remote_id in self._waiting or not self._is_crowded(now):
            return None
        waiter = self._waiting[remote_id] = Waiter(attempt, asyncio.get_running_loop().create_future())
        if self.task is None:
            self.task = asyncio.create_task(self._sweep_on(health, hint))
        try:
            return await waiter.reading
        finally:
            if self._waiting.get(remote_id) is waiter:
                self._left(remote_id)

    def _left(self, remote_id: str) -> None:
        """Forget one that does not wait any more; a sweep for nobody ends."""
        del self._waiting[remote_id]
        if not self._waiting and self.task is not None:
            self.task.cancel()

    def polled(self, attempt: Attempt, reading: Reading) -> None:
        """As `Listed.polled`."""
        remote_id, now = attempt.remote_id or "", self._clock.monotonic()
        match reading:
            case Running() | Failure(stage=Stage.POLL):
                pass
            case _:
                self._has_ended(remote_id, now)

    def _is_crowded(self, now: float) -> bool:
        """Whether enough polls came due of late that it is worth to wait for others."""
        return self.task is not None or (len(self._asks) == FEW and now - self._asks[0] <= self._gather_s())

    def _gather_s(self) -> float:
        return gather_s(self.provider.polling, self._span_s, self._limit) * self._slowdown

    async def _sweep_on(self, health: ProviderHealth, hint: Callable[[str, str], bool]) -> None:
        """Sweep for as long as somebody waits."""
        try:
            while self._waiting:
                gather_s, now = self._gather_s(), self._clock.monotonic()
                await asyncio.sleep(max(self._began_at + gather_s - now, gather_s / 4))
                await self._sweep(health, hint)
        finally:
            self.task = None
            self._release(tuple(self._waiting), None)
            asyncio.get_running_loop().call_later(self.provider.polling.interval_s_min, self._forget)

    def _forget(self) -> None:
        """Keep no answers that are too old to be used."""
        if self.task is None:
            self._fresh.clear()

    async def _sweep(self, health: ProviderHealth, hint: Callable[[str, str], bool]) -> None:
        self._check_one()
        now = self._clock.monotonic()
        sweep = Sweep(dict(self._waiting), now)
        self._began_at = now
        self._fresh.clear()
        worthwhile, cursor = self._beginning(sweep)
        while worthwhile:
            sent_at, page = self._clock.monotonic(), await self._page(cursor, health)
            if cursor is not None and not sweep.pages and _leads_nowhere(page):
                self._shape.ways_in, cursor = [], None
                sent_at, page = self._clock.monotonic(), await self._page(None, health)
            health.polled(not isinstance(page, Failure))
            if isinstance(page, Failure):
                self._failed(sweep, page)
                return
            sweep.read(page)
            sweep.found += self._take(page, sent_at, hint)
            cursor = page.cursor
            worthwhile = cursor is not None and self._reads_on(sweep)
        self._release(sweep.asked, None)
        self._learn(sweep)

    def _beginning(self, sweep: Sweep) -> tuple[bool, str | None]:
        """Whether a sweep is worth its exchanges, and the cursor that it begins with."""
        if len(sweep.asked) < FEW:
            return False, None
        moments = sorted(map(self._moment, sweep.asked.values()), reverse=True)
        depths = self._shape.depths(moments, self._shape.moment(self._clock.wall()))
        pages = stretch(depths, self._limit)
        if pages is None:
            return False, None
        inside = [moment for moment, depth in zip(moments, depths, strict=True) if depth // self._limit >= pages[0]]
        way_in = self._shape.way_in(inside[0])
        self._span_s = inside[0] - inside[-1]
        return True, None if way_in is None else way_in[1]

    def _reads_on(self, sweep: Sweep) -> bool:
        """Whether to read another page; whoever should have been on those that were read is asked about alone."""
        left = {name: each for name, each in sweep.asked.items() if name in self._waiting}
        if sweep.oldest is not None:
            over = sweep.oldest + self._shape.margin_s
            passed = [name for name, each in left.items() if self._moment(each) > over]
            self._release(passed, None)
            left = {name: left[name] for name in left.keys() - passed}
            self._shape.per_s = sweep.per_s or self._shape.per_s
        moments = sorted(map(self._moment, left.values()), reverse=True)
        top = self._shape.moment(self._clock.wall()) if sweep.oldest is None else sweep.oldest
        in_time = self._clock.monotonic() - sweep.began_at < SWEEP_S_MAX
        bounded = sweep.pages < min(len(sweep.asked), PAGES_MAX)
        known = sweep.oldest is not None or self._shape.per_s is None
        return known and bounded and in_time and goes_on(self._shape.depths(moments, top), self._limit)

    async def _page(self, cursor: str | None, health: ProviderHealth) -> PolledPage | Failure:
        try:
            request: HttpRequest = self._lister.polls_request(cursor, self._limit)
        except Exception as error:  # noqa: BLE001 - the adapter may be a stranger's
            _LOG.error("an adapter failed to write a request: %s", type(error).__name__)
            return Failure(Stage.POLL, Reason.UNREADABLE)
        if (turn_s := health.poll_turn_s()) > 0.0:
            await asyncio.sleep(turn_s)
        answer = await self._transport.send(self.provider.name, Operation.POLL, request)
        if not isinstance(answer, HttpResponse):
            # One reason for no answer is that it would have been too long.
            self._limit = max(_JOBS_OF_A_PAGE_MIN, self._limit // 2)
            return poll_unanswered(answer.cause)
        self._pages_unchecked += 1
        if len(answer.body) > ANSWER_BYTES_MAX // 2:
            self._limit = max(_JOBS_OF_A_PAGE_MIN, self._limit // 2)
        elif len(answer.body) < ANSWER_BYTES_MAX // 8:
            self._limit = min(JOBS_OF_A_PAGE, 2 * self._limit)
        return read_polls(self._lister, answer)

    def _take(self, page: PolledPage, sent_at: float, hint: Callable[[str, str], bool]) -> int:
        """Answer those who wait with a page that was asked for at that moment; return how many it did."""
        found, now, late_s = 0, self._clock.monotonic(), self.provider.polling.interval_s_min
        for job in page.jobs:
            remote_id = job.remote_id
            ended_at = self._ended.get(remote_id)
            if ended_at is not None and not job.ended and sent_at - ended_at > late_s:
                self._leave_alone("shows a job as running that has ended")
            waiter = self._waiting.pop(remote_id, None)
            if waiter is not None:
                found += 1
                if job.created_at is not None and waiter.attempt.accepted_at is not None:
                    self._shape.skew_s = job.created_at - waiter.attempt.accepted_at
                waiter.tell(self._told(waiter.attempt, job))
            elif ended_at is None and len(self._fresh) < _FRESH_KEPT:
                self._fresh[remote_id] = (job, now)
                if job.ended and not hint(self.provider.name, remote_id):
                    # Somebody else's, or long over.
                    del self._fresh[remote_id]
                    _keep(self._ended, remote_id, now, _ENDED_KEPT)
        return found

    def _told(self, attempt: Attempt, job: PolledJob) -> Reading | None:
        """What an entry may say in the place of a poll."""
        reading, now = read_poll(self.provider.adapter, job.answer), self._clock.monotonic()
        match reading:
            case Running():
                unmoved_s = self._still_runs(job.remote_id, reading, now)
                # Only what was asked about alone is ever given up as stalled.
                return reading if unmoved_s < self.provider.polling.stall_s / 2 else None
            case Succeeded() if self._is_trusted and attempt.state is AttemptState.RUNNING:
                self._has_ended(job.remote_id, now)
                return reading
            case _:
                return None

    def _still_runs(self, remote_id: str, reading: Running, now: float) -> float:
        """Take note, and return for how many seconds nothing of it has changed."""
        before = self._seen.get(remote_id)
        since = now if before is None or before[0] != reading else before[1]
        _keep(self._seen, remote_id, (reading, since), _SEEN_KEPT)
        return now - since

    @property
    def _is_trusted(self) -> bool:
        return self.provider.polling.listed is ListPolling.TRUSTED

    def _has_ended(self, remote_id: str, now: float) -> None:
        self._seen.pop(remote_id, None)
        _keep(self._ended, remote_id, self._ended.get(remote_id, now), _ENDED_KEPT)

    def _check_one(self) -> None:
        """Now and then have one polled instead, to see whether the list is late."""
        if self._pages_unchecked >= _CHECK_EVERY_PAGES and self._waiting:
            self._pages_unchecked = 0
            self._release([self._rng.choice(list(self._waiting))], None)

    def _failed(self, sweep: Sweep, failure: Failure) -> None:
        """Tell of one failed exchange, once; who waited asks alone, unless the provider wants to be left alone."""
        self._emit(PollFailed(self.provider.name, failure.reason))
        wants_rest = failure.reason is Reason.RATE_LIMITED or failure.retry_after_s is not None
        self._leave_alone(f"could not be read ({failure.reason})", patience_s(failure.retry_after_s))
        if wants_rest:
            self._release(sweep.asked, failure)
            return
        waiters, loop = [self._waiting.pop(name, None) for name in sweep.asked], asyncio.get_running_loop()
        for waiter in waiters:
            if waiter is not None:
                loop.call_later(self._rng.uniform(0.0, self._gather_s()), waiter.tell, None)

    def _learn(self, sweep: Sweep) -> None:
        """Take over what a sweep showed of the list, and leave one alone that costs more than it is worth."""
        if not sweep.pages:
            return
        self._balance = min(self._balance + sweep.found - sweep.pages, _BALANCE_MAX)
        if self._balance < -_BALANCE_MAX:
            self._balance = 0
            self._leave_alone("answers fewer polls than it takes exchanges")
        self._shape.per_s = sweep.per_s or self._shape.per_s
        self._shape.found_ways(sweep.ways_in)

    def _leave_alone(self, why: str, at_least_s: float = 0.0) -> None:
        now = self._clock.monotonic()
        if now < self._paused_until:
            return
        if now - self._paused_until > _PAUSE_S_MAX:
            self._setbacks = 0
        pause_s = max(min(_PAUSE_S * 2.0**self._setbacks, _PAUSE_S_MAX), at_least_s)
        self._setbacks, self._paused_until = min(self._setbacks + 1, 16), now + pause_s
        _LOG.warning("provider %s: its list %s; jobs are polled singly for %d s", self.provider.name, why, pause_s)

    def _release(self, names: Collection[str], reading: Failure | None) -> None:
        """Let those who still wait ask alone, or take a failed poll for their own."""
        for name in names:
            waiter = self._waiting.pop(name, None)
            if waiter is not None:
                waiter.tell(reading)

    def _moment(self, waiter: Waiter) -> float:
        return self._shape.moment(waiter.attempt.accepted_at or waiter.attempt.submitted_at)


def _leads_nowhere(page: PolledPage | Failure) -> bool:
    """Whether the job behind which a list was to go on is gone."""
    return page.reason is Reason.INVALID if isinstance(page, Failure) else not page.jobs


def _keep(known: OrderedDict[str, T], name: str, value: T, most: int) -> None:
    known[name] = value
    known.move_to_end(name)
    if len(known) > most:
        known.popitem(last=False)


def _nobody(_provider: str, _remote_id: str) -> bool:
    return False
