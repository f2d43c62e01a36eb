"""Everything that outlives a router: the time, one seed's chance, the trace, and how bad things are at the moment."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any

from router.core.clock import Clock
from tests.simulator.loop import StepLoop

_LINES_KEPT = 25


class BrokenInvariantError(AssertionError):
    """What must never happen has happened."""


@dataclass(slots=True)
class Trace:
    """What happened, in words: the last of it to read, all of it in a digest."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES_KEPT))
    listener: Any = None
    _digest: Any = field(default_factory=sha256)

    def add(self, line: str) -> None:
        self.lines.append(line)
        self._digest.update(line.encode())
        if self.listener is not None:
            self.listener(line)

    def digest(self) -> str:
        return str(self._digest.hexdigest())


class World:
    """Time, chance and the trace. `calm` ends new faults, so that everything can come to rest."""

    def __init__(self, seed: int, loop: StepLoop) -> None:
        self.seed = seed
        self.loop = loop
        self.clock: Clock = loop.clock()
        self.trace = Trace()
        self.counts: Counter[str] = Counter()
        self.calm = False
        self.broken: BrokenInvariantError | None = None
        self.stopped = asyncio.Event()
        self._seeds = Random(seed)

    def chance(self) -> Random:
        """A stream of random numbers of its own; asking in the same order gives the same ones."""
        return Random(self._seeds.getrandbits(64))

    def now(self) -> float:
        return self.clock.wall()

    def say(self, words: str) -> None:
        self.trace.add(f"{self.loop.steps:>6} {self.clock.monotonic():10.3f}s  {words}")

    def break_(self, words: str) -> None:
        """Note the first broken invariant; it ends the run."""
        if self.broken is None:
            self.say(f"BROKEN: {words}")
            self.broken = BrokenInvariantError(words)
            self.stopped.set()

    def claim(self, holds: bool, words: str) -> None:
        if not holds:
            self.break_(words)
