"""Time that passes as fast as there is something to do, and processes that wait in it."""

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import TypeAlias

from router.core.clock import Clock

Steps: TypeAlias = Generator[float, None, None]
"""A process: what it yields are the seconds until it goes on, unless it is woken before."""


class Process:
    """Something that waits again and again. It may be woken at any time, and then looks for itself what is new."""

    __slots__ = ("_steps", "_time", "_turn")

    def __init__(self, time: "VirtualTime", steps: Steps) -> None:
        self._time = time
        self._steps = steps
        self._turn = 0

    def wake(self) -> None:
        """Go on at this moment, after whoever is at it."""
        self._wait(0.0)

    def _wait(self, wait_s: float) -> None:
        self._turn += 1
        turn = self._turn
        self._time.after(wait_s, lambda: self._go_on(turn))

    def _go_on(self, turn: int) -> None:
        if turn != self._turn:
            return
        wait_s = next(self._steps, None)
        if wait_s is not None:
            self._wait(wait_s)


class VirtualTime:
    """Seconds since a start, which is at `wall_s` of the world's clocks; what is due at once goes in its order."""

    def __init__(self, wall_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.clock = Clock(wall=lambda: wall_s + self.now_s, monotonic=lambda: self.now_s)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, wait_s: float, act: Callable[[], None]) -> None:
        """Do something in so many seconds."""
        self._count += 1
        heappush(self._due, (self.now_s + max(0.0, wait_s), self._count, act))

    def spawn(self, steps: Steps) -> Process:
        """Begin a process at this moment."""
        process = Process(self, steps)
        process.wake()
        return process

    def run(self) -> None:
        """Let time pass until nothing is left to do."""
        while self._due:
            self.now_s, _, act = heappop(self._due)
            act()
