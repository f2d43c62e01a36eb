"""How a phase is measured: the same requests to every target, in turns, round after round."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tests.bench.load import Load, drive, drive_at, poisson
from tests.bench.processes import Server
from tests.bench.upstream import Upstream

_IDLE_S_MAX: Final = 20.0
_LOOK_EVERY_S: Final = 0.02
_IDLE_SHARE: Final = 0.05
_WARM_UP_MIN: Final = 32
_SLOW_WARM_UP: Final = 4


class Measure(StrEnum):
    """A request of the API."""

    CREATE = "create"
    RETRIEVE = "retrieve"
    LIST = "list"
    QUOTE = "quote"
    METRICS = "/metrics"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Phase:
    """Requests of one kind: so many at a time, or with `per_s` so many a second whatever comes of them.

    `turns` is how often the targets take turns with a part of them; `slow_requests` are for those that need far longer.
    """

    measure: Measure
    concurrency: int
    requests: int
    per_s: float = 0.0
    slow_requests: int = 0
    turns: int = 1
    mib: int = 0

    @property
    def load(self) -> str:
        """How it is asked for, in a word."""
        return f"{self.per_s:g}/s" if self.per_s else f"c={self.concurrency}"


@dataclass(frozen=True, slots=True)
class Questions:
    """What a target is sent in a phase, to which port. `length` is how long every body has to be."""

    port: int
    requests: Sequence[bytes]
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A server and what it can be asked. `slow` ones get fewer requests; spans may wait `rest_s` for their export."""

    server: Server
    questions: Mapping[tuple[Measure, int], Questions]
    slow: bool = False
    rest_s: float = 0.0

    @property
    def name(self) -> str:
        return self.server.name

    def takes(self, phase: Phase) -> bool:
        """Whether it can do this at all."""
        return (phase.measure, phase.mib) in self.questions and not (self.slow and not phase.slow_requests)

    def requests_of(self, phase: Phase) -> int:
        """How many requests it is sent in a round."""
        return phase.slow_requests if self.slow else phase.requests


@dataclass(frozen=True, slots=True)
class Sample:
    """One phase on one target. `cpu_s` runs on until the server is idle again; `upstream` is what that one saw.

    `growth_bytes` is how much more memory was resident at the most than before.
    """

    server: str
    phase: Phase
    load: Load
    cpu_s: float
    upstream: int
    growth_bytes: int = 0

    @property
    def requests(self) -> int:
        return len(self.load.latencies_s) + self.load.errors


async def measured_rounds(
    targets: Sequence[Target], upstream: Upstream, phases: Sequence[Phase], rounds: int, *, warm_up: bool = True
) -> list[list[Sample]]:
    """Run every phase on every target in each round; who goes first alternates, so that drift hits all alike."""
    if warm_up:
        restless = [replace(target, rest_s=0.0) for target in targets]
        for phase in phases:
            await _round(restless, upstream, _warm_up(phase), 0)
    return [
        [sample for phase in phases for sample in await _round(targets, upstream, phase, number)]
        for number in range(rounds)
    ]


async def _round(targets: Sequence[Target], upstream: Upstream, phase: Phase, number: int) -> list[Sample]:
    able = [target for target in targets if target.takes(phase)]
    order = able if number % 2 == 0 else able[::-1]
    together = [target for target in order if not target.slow]
    alone = [target for target in order if target.slow]
    if phase.per_s or not together:
        return [await _sample(target, upstream, phase, number) for target in order]
    return [*await _in_turns(together, upstream, phase), *[await _sample(each, upstream, phase) for each in alone]]


async def _in_turns(targets: Sequence[Target], upstream: Upstream, phase: Phase) -> list[Sample]:
    """Give each target a part of its requests in turn; what they cost is read when all have come to rest."""
    begins = [_Begin.of(target.server) for target in targets]
    loads: list[Load | None] = [None] * len(targets)
    seen = [0] * len(targets)
    for _ in range(phase.turns):
        for place, target in enumerate(targets):
            before, load = upstream.seen.total(), loads[place]
            part = await _driven(target, phase, max(1, target.requests_of(phase) // phase.turns))
            await idle(target.server)
            loads[place] = part if load is None else load.and_then(part)
            seen[place] += upstream.seen.total() - before
    await asyncio.sleep(max(target.rest_s for target in targets))
    return [
        begin.sample(target, phase, load, upstream=seen_here)
        for begin, target, load, seen_here in zip(begins, targets, loads, seen, strict=True)
        if load is not None
    ]


async def _sample(target: Target, upstream: Upstream, phase: Phase, number: int = 0) -> Sample:
    begin, seen = _Begin.of(target.server), upstream.seen.total()
    load = await _driven(target, phase, target.requests_of(phase), number)
    await idle(target.server)
    await asyncio.sleep(target.rest_s)
    return begin.sample(target, phase, load, upstream=upstream.seen.total() - seen)


async def _driven(target: Target, phase: Phase, requests: int, number: int = 0) -> Load:
    asked = target.questions[phase.measure, phase.mib]
    if phase.per_s:
        moments = poisson(phase.per_s, requests, number)
        load, _ = await drive_at(asked.port, asked.requests, moments, asked.length)
    else:
        load, _ = await drive(asked.port, asked.requests, requests, min(phase.concurrency, requests), asked.length)
    return load


@dataclass(frozen=True, slots=True)
class _Begin:
    """What a server had used up before a phase."""

    cpu_s: float
    rss_bytes: int

    @classmethod
    def of(cls, server: Server) -> "_Begin":
        server.forget_peak()
        return cls(server.cpu_s(), server.rss_bytes())

    def sample(self, target: Target, phase: Phase, load: Load, *, upstream: int) -> Sample:
        server = target.server
        growth_bytes = max(0, server.peak_bytes() - self.rss_bytes)
        return Sample(server.name, phase, load, server.cpu_s() - self.cpu_s, upstream, growth_bytes)


async def idle(server: Server) -> None:
    """Wait until a server has finished what it does behind its answers: a create's submit belongs to its cost."""
    if server.pid is None:
        return
    give_up_at = time.monotonic() + _IDLE_S_MAX
    quiet = 0
    while quiet < 3:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{server.name} does not come to rest")
        before_s = server.cpu_s()
        await asyncio.sleep(_LOOK_EVERY_S)
        quiet = quiet + 1 if server.cpu_s() - before_s < _IDLE_SHARE * _LOOK_EVERY_S else 0


def _warm_up(phase: Phase) -> Phase:
    few, slow = max(_WARM_UP_MIN, phase.requests // 10), min(_SLOW_WARM_UP, phase.slow_requests)
    concurrency = phase.concurrency or _SLOW_WARM_UP
    return replace(
        phase, requests=min(few, phase.requests), slow_requests=slow, per_s=0.0, turns=1, concurrency=concurrency
    )
