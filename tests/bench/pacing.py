"""Jobs of known durations, polled in virtual time by the router's own pacing: how many polls, and how late."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from math import ceil, erf, floor, log, sqrt
from random import Random
from typing import Final, NamedTuple

from providers.canonical import Running
from router.core.catalog import Polling
from router.core.durations import Durations
from router.core.pace import BIN, Pace
from router.core.pacing import POLL_DUE
from router.core.reporting import DurationClass
from router.engine.watch import Watch

_P95_DEVIATIONS: Final = 1.6448536269514722
_JOBS_OF_A_SCHEDULE: Final = 50
_NEVER_S: Final = 1e6
_EVERY_S: Final = 10.0
_HINTS_JUDGED: Final = 20
_HINTS_MIN: Final = 5
# Nobody gives these jobs up.
POLLING: Final = Polling(stall_s=_NEVER_S, deadline_s=_NEVER_S)


@dataclass(frozen=True, slots=True)
class Model:
    """Lognormal durations by their fifth and ninety-fifth percentile; `optimum` is what is known to be reachable.

    That is the least product of polls and mean lag for whoever knows the distribution.
    """

    p5_s: float
    p95_s: float
    kind: DurationClass
    optimum: float

    def __str__(self) -> str:
        return f"{self.p5_s:g}-{self.p95_s:g} s"

    @property
    def _mean(self) -> float:
        return (log(self.p5_s) + log(self.p95_s)) / 2.0

    @property
    def _deviation(self) -> float:
        return log(self.p95_s / self.p5_s) / 2.0 / _P95_DEVIATIONS

    def drawn_s(self, rng: Random) -> float:
        """How long one job takes."""
        return rng.lognormvariate(self._mean, self._deviation)

    def known(self) -> Pace:
        """The pace of one who knows the distribution."""
        lowest = floor((self._mean - 5.0 * self._deviation) / BIN)
        highest = ceil((self._mean + 5.0 * self._deviation) / BIN)
        below = [
            0.5 * (1.0 + erf((place * BIN - self._mean) / self._deviation / sqrt(2.0)))
            for place in range(lowest, highest + 1)
        ]
        return Pace(lowest, [after - before for before, after in pairwise(below)], 1.0 - below[-1])


MODELS: Final = (
    Model(60.0, 180.0, DurationClass.SHORT, 34.0),
    Model(180.0, 300.0, DurationClass.LONG, 38.0),
    Model(540.0, 660.0, DurationClass.HD, 42.0),
    Model(60.0, 600.0, DurationClass.SHORT, 112.0),
)


class Progress(StrEnum):
    """How an upstream tells how far it is. `sprints`: 90 % within a second, and there it stays."""

    NONE = "none"
    TRUE = "true"
    IN_STEPS = "in steps of 10"
    QUEUED = "true, after a queue"
    STUCK = "stuck at 99"
    SPRINTS = "sprints to 90"
    JUMPS = "jumps about"

    def told(self, age_s: float, duration_s: float) -> int | None:
        """What is shown at an age."""
        share = age_s / duration_s
        match self:
            case Progress.NONE:
                return None
            case Progress.TRUE:
                return int(100 * share)
            case Progress.IN_STEPS:
                return 10 * int(10 * share)
            case Progress.QUEUED:
                return max(0, int(100 * (share - 0.4) / 0.6))
            case Progress.STUCK:
                return min(99, int(5 * age_s))
            case Progress.SPRINTS:
                return min(90, int(90 * age_s))
            case Progress.JUMPS:
                return (37 * int(age_s / 7)) % 96


class Seen(NamedTuple):
    """What one job cost, and how late its end was seen."""

    polls: int
    lag_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What many jobs came to."""

    jobs: int
    polls: float
    lag_s: float
    lag_p95_s: float

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "Figures":
        """Sum up."""
        lags = sorted(each.lag_s for each in seen)
        count = len(seen)
        return cls(count, sum(each.polls for each in seen) / count, sum(lags) / count, lags[int(0.95 * count)])

    @classmethod
    def mean(cls, found: "Sequence[Figures]") -> "Figures":
        """Return the mean of several that have as many jobs each."""
        count = len(found)
        return cls(
            sum(each.jobs for each in found),
            sum(each.polls for each in found) / count,
            sum(each.lag_s for each in found) / count,
            sum(each.lag_p95_s for each in found) / count,
        )

    @property
    def product(self) -> float:
        """Polls times mean lag: nearly the same wherever on its curve a way to poll is."""
        return self.polls * self.lag_s


@dataclass(slots=True)
class Jobs:
    """An upstream whose jobs the router polls, one after the other, and what it has learned of them.

    It tells progress as `told` says, and hints at an end within `hint_s` after it, except for those that are `lost`.
    """

    model: Model
    rng: Random
    told: Progress = Progress.NONE
    hint_s: tuple[float, float] | None = None
    lost: float = 0.0
    begun: int = 0
    hints: deque[bool] = field(default_factory=lambda: deque(maxlen=_HINTS_JUDGED))
    durations: Durations = field(init=False)

    def __post_init__(self) -> None:
        self.durations = Durations(self.model.kind, hinted=self._hinted)

    def polled(self, jobs: int) -> list[Seen]:
        """Poll so many more jobs, and learn from what the polls see."""
        return [self._one(self.model.drawn_s(self.rng)) for _ in range(jobs)]

    def known(self, jobs: int) -> Figures:
        """Poll by what is known and learn nothing more; some jobs share each schedule, which depends on none."""
        seen = list[Seen]()
        for _ in range(jobs // _JOBS_OF_A_SCHEDULE):
            ends = [self.model.drawn_s(self.rng) for _ in range(_JOBS_OF_A_SCHEDULE)]
            seen += found(_schedule(self.durations, max(ends), self.rng), ends)
        return Figures.of(seen)

    def _one(self, duration_s: float) -> Seen:
        """Poll one job by the router's watch."""
        since, polls, hint_at = self.begun * _EVERY_S, 0, _NEVER_S
        self.begun += 1
        if self.hint_s is not None:
            lost = self.rng.random() < self.lost
            self.hints.append(not lost)
            hint_at = _NEVER_S if lost else duration_s + self.rng.uniform(*self.hint_s)
        watch = Watch(POLLING, since, 0.0, self.durations)
        age_s = watch.first_poll_after_s(self.rng)
        while True:
            if hint_at <= age_s:
                age_s, hint_at = hint_at, _NEVER_S
                watch.hinted(since + age_s)
            polls += 1
            if age_s >= duration_s:
                watch.ended(since + age_s)
                return Seen(polls, age_s - duration_s)
            watch.saw(Running(queued=False, progress=self.told.told(age_s, duration_s)), since + age_s)
            age_s += watch.next_poll_after_s(since + age_s, 1.0, self.rng)

    def _hinted(self) -> float:
        return sum(self.hints) / len(self.hints) if len(self.hints) >= _HINTS_MIN else 0.0


def every(interval_s: float, model: Model, jobs: int, rng: Random) -> Figures:
    """Poll in fixed intervals."""
    seen = []
    for _ in range(jobs):
        duration_s = model.drawn_s(rng)
        polls = ceil(duration_s / interval_s)
        seen.append(Seen(polls, polls * interval_s - duration_s))
    return Figures.of(seen)


def optimal(model: Model, jobs: int, rng: Random) -> Figures:
    """Poll as one does who knows the distribution, and has no bounds."""
    pace = model.known()
    polls = [pace.age_s(number * POLL_DUE) for number in range(1, ceil(pace.due(_NEVER_S) / POLL_DUE))]
    return Figures.of(list(found(polls, [model.drawn_s(rng) for _ in range(jobs)])))


def found(polls: Sequence[float], ends: Sequence[float]) -> Iterator[Seen]:
    """What polls at these ages see of jobs that end then."""
    for end_s in ends:
        place = bisect_left(polls, end_s)
        yield Seen(place + 1, polls[place] - end_s)


def _schedule(durations: Durations, until_s: float, rng: Random) -> list[float]:
    """When a job is polled that tells nothing until it has ended."""
    watch = Watch(POLLING, 0.0, 0.0, durations)
    polls = [watch.first_poll_after_s(rng)]
    while polls[-1] < until_s:
        watch.saw(Running(queued=False), polls[-1])
        polls.append(polls[-1] + watch.next_poll_after_s(polls[-1], 1.0, rng))
    return polls
