"""When whom to wake: one task and a few lists for all that wait, instead of a task and a timer for each."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, floor, inf
from typing import Final, Generic, Protocol, TypeVar

TICK_S: Final = 0.01
_WOKEN_AT_ONCE: Final = 100
_ROUNDING: Final = 1e-6


class Sleeper(Protocol):
    """`due_at` belongs to the timetable, which it is asleep in while that is finite."""

    due_at: float


S = TypeVar("S", bound=Sleeper)


class Timetable(Generic[S]):
    """Wakes sleepers up to TICK_S late and never early, with how late they are woken; `run` has to be under way.

    One that is due again, or taken out, before its moment leaves its place behind, which nobody minds.
    """

    def __init__(self, wake: Callable[[S, float], None]) -> None:
        self._wake = wake
        self._at: dict[int, list[S]] = {}
        self._ticks: list[int] = []
        self._nap: asyncio.Future[None] | None = None

    def put(self, sleeper: S, delay_s: float) -> None:
        """Wake it after `delay_s`, and not before, whatever was said of it earlier."""
        sleeper.due_at = asyncio.get_running_loop().time() + max(0.0, delay_s)
        tick = _tick_of(sleeper.due_at)
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
        asleep = sleeper.due_at < inf
        sleeper.due_at = inf
        return asleep

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
        woken = 0
        for sleeper in self._at.pop(tick):
            if sleeper.due_at < inf and _tick_of(sleeper.due_at) == tick:
                late_s, sleeper.due_at = now - sleeper.due_at, inf
                self._wake(sleeper, max(0.0, late_s))
                woken += 1
                if woken % _WOKEN_AT_ONCE == 0:
                    await asyncio.sleep(0)

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


def _tick_of(at: float) -> int:
    return ceil(at / TICK_S - _ROUNDING)
