"""When whom to wake: one task and a few lists for all that wait, instead of a task and a timer for each."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, floor, inf
from typing import Final, Generic, Protocol, TypeVar

TICK_S: Final = 0.01
_WOKEN_AT_ONCE: Final = 100
_LEFT_BEHIND_MAX: Final = 100
_ROUNDING: Final = 1e-6


class Sleeper(Protocol):
    """`due_at` belongs to the timetable, which it is asleep in while that is finite."""

    due_at: float


S = TypeVar("S", bound=Sleeper)


class Timetable(Generic[S]):
    """Wakes sleepers up to TICK_S late and never early, with how late they are woken; `run` has to be under way.

    One that is due again, or taken out, before its moment leaves its place behind. No more of those are kept than of
    others, or a few: whoever is over has to be forgotten, and the moment he was to be woken may be an hour away.
    """

    def __init__(self, wake: Callable[[S, float], None]) -> None:
        self._wake = wake
        self._at: dict[int, list[S]] = {}
        self._ticks: list[int] = []
        self._places = self._left_behind = 0
        self._nap: asyncio.Future[None] | None = None

    def put(self, sleeper: S, delay_s: float) -> None:
        """Wake it after `delay_s`, and not before, whatever was said of it earlier."""
        if sleeper.due_at < inf:
            self.take(sleeper)
        sleeper.due_at = asyncio.get_running_loop().time() + max(0.0, delay_s)
        tick = _tick_of(sleeper.due_at)
        self._places += 1
        if (waiting := self._at.get(tick)) is not None:
            waiting.append(sleeper)
            return
        self._at[tick] = [sleeper]
        heappush(self._ticks, tick)
        if self._ticks[0] == tick:
            self._stir()

    def hasten(self, sleeper: S, delay_s: float) -> None:
        """Wake it after `delay_s` at the latest; one that is awake is left alone."""
        if asyncio.get_running_loop().time() + delay_s < sleeper.due_at < inf:
            self.put(sleeper, delay_s)

    def take(self, sleeper: S) -> bool:
        """Take it out; False when it was not asleep."""
        if not sleeper.due_at < inf:
            return False
        sleeper.due_at = inf
        self._left_behind += 1
        if self._left_behind > max(_LEFT_BEHIND_MAX, self._places // 2):
            self._clear_away()
        return True

    async def run(self) -> None:
        """Wake whoever is due, for ever; a crowd is woken a few at a time, so that others come in between."""
        loop = asyncio.get_running_loop()
        while True:
            if self._ticks and self._ticks[0] <= floor(loop.time() / TICK_S + _ROUNDING):
                await self._wake_all(heappop(self._ticks))
            else:
                await self._sleep(self._ticks[0] * TICK_S - loop.time() if self._ticks else None)

    async def _wake_all(self, tick: int) -> None:
        now = asyncio.get_running_loop().time()
        woken, waiting = 0, self._at.pop(tick)
        self._places -= len(waiting)
        for sleeper in waiting:
            if _is_due(sleeper, tick):
                late_s, sleeper.due_at = now - sleeper.due_at, inf
                self._wake(sleeper, max(0.0, late_s))
                woken += 1
                if woken % _WOKEN_AT_ONCE == 0:
                    await asyncio.sleep(0)

    def _clear_away(self) -> None:
        """Forget the places that were left behind."""
        kept = {tick: [each for each in dict.fromkeys(all_) if _is_due(each, tick)] for tick, all_ in self._at.items()}
        self._at = {tick: waiting for tick, waiting in kept.items() if waiting}
        self._ticks = sorted(self._at)
        self._places, self._left_behind = sum(map(len, self._at.values())), 0

    async def _sleep(self, delay_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        nap = self._nap = loop.create_future()
        timer = None if delay_s is None else loop.call_later(delay_s, self._stir)
        try:
            await nap
        finally:
            if timer is not None:
                timer.cancel()

    def _stir(self) -> None:
        if self._nap is not None and not self._nap.done():
            self._nap.set_result(None)


def _is_due(sleeper: Sleeper, tick: int) -> bool:
    return sleeper.due_at < inf and _tick_of(sleeper.due_at) == tick


def _tick_of(at: float) -> int:
    return ceil(at / TICK_S - _ROUNDING)
