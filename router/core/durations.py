"""How long jobs take at an offering, as polls saw it, and so at which ages polls are worth their while."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import ceil, erf, exp, gcd, log, sqrt
from typing import Final, NamedTuple

from providers.canonical import Reason, Stage
from router.core.evidence import PRIOR_S
from router.core.job import Attempt, AttemptState
from router.core.pace import BIN, Pace, begin_s, bin_of
from router.core.progress import Course
from router.core.reporting import DurationClass

JOBS_MAX: Final = 200.0
"""How many jobs a record weighs at most: what came before them fades with each new one."""
# What is believed of somebody of whom nothing is known; half a job's worth of that doubt stays for ever.
_PRIOR_DEVIATION: Final = 0.7
_PRIOR_REACH: Final = 4.0
_EARLY_S: Final = 12.0
_EARLY_SHARE: Final = 0.05
# One that runs longer than all others may do so for long: the hazard falls as the age grows.
_TAIL_SHARE: Final = 0.1
_TAIL_FALLS: Final = 0.7
_TAIL_REACH: Final = 6.0
_PRIOR_JOBS: Final = 2.0
_PRIOR_JOBS_KEPT: Final = 0.5
_ELSEWHERE_JOBS: Final = 4.0
_FADES_AFTER_JOBS: Final = 5.0
# So many of its own, and what others take is no news any more.
_OWN_JOBS: Final = 20.0
_DEVIATION: Final = 0.4
_DEVIATION_JOBS: Final = 4.0
_BANDWIDTH: Final = 0.9
_KERNEL_REACH: Final = 2.5
_INTERQUARTILE: Final = 1.349
_STRATA: Final = (0.125, 0.375, 0.625, 0.875)
_NEWS: Final = 0.06
_UNIT_MAX: Final = 1e9
_HALVINGS_MAX: Final = 60.0
_WHOLE: Final = 100
_PROGRESS_KEPT: Final = 0.97
_PROGRESS_BELIEVED: Final = 0.9
_PROGRESS_BELIEVED_JOBS: Final = 3.0
_GIVEN_UP: Final = frozenset({Reason.STALLED, Reason.EXPIRED, Reason.CANCELLED})
_SEEN_BY_POLLS: Final = frozenset(
    {Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.QUEUE, Stage.GENERATE, Stage.OUTPUT_REVIEW}
)
_READ_S: Final = 15.0
_READ_SHARE: Final = 0.1
# Durations change more slowly than luck.
_HALF_LIVES: Final = 6.0


def _never() -> float:
    return 0.0


class Tally:
    """The share of hits among the last tries, older ones counting less."""

    __slots__ = ("_hits", "_kept", "_tries")

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._hits = self._tries = 0.0

    def add(self, *, hit: bool) -> None:
        """Take in one more try."""
        self._hits = self._hits * self._kept + hit
        self._tries = self._tries * self._kept + 1.0

    def share(self, expected: float, tries: float) -> float:
        """The share of hits, `expected` counting as so many tries."""
        return (self._hits + expected * tries) / (self._tries + tries)


class Shape(NamedTuple):
    """The share of jobs that end in each bin from `lowest` on; `never` is the share of those that did not."""

    lowest: int
    shares: Sequence[float]
    never: float


class Durations:
    """What is learned of one offering and duration class.

    An end lies somewhere between two polls, and counts there and not where it was seen: what is learned decides when
    polls are sent, and must not run after itself. A job given up while it ran counts as running until then.
    """

    __slots__ = (
        "_at",
        "_elsewhere",
        "_ends",
        "_half_life_s",
        "_jobs",
        "_kind",
        "_left",
        "_others",
        "_pace",
        "_pace_of",
        "_progress",
        "_shape",
        "_shape_of",
        "_unit",
        "hinted",
        "step",
    )

    def __init__(
        self,
        kind: DurationClass = DurationClass.SHORT,
        half_life_s: float = 21_600.0,
        elsewhere: "Durations | None" = None,
        others: "Mapping[DurationClass, Durations] | None" = None,
        hinted: Callable[[], float] = _never,
    ) -> None:
        """`elsewhere` is the same class at all offerings of the provider, `others` are all its classes.

        `hinted` tells the probability that the provider announces an end.
        """
        self._kind = kind
        self._half_life_s = half_life_s
        self._elsewhere = elsewhere
        self._others = others or {}
        self.hinted = hinted
        self._progress = Tally(_PROGRESS_KEPT)
        self.step = 0
        self._ends: dict[int, float] = {}
        self._left: dict[int, float] = {}
        self._jobs = 0.0
        self._unit = 1.0
        self._at = 0.0
        self._shape = Shape(0, (), 0.0)
        self._pace: Pace | None = None
        self._shape_of = self._pace_of = 0.0

    def use(self, half_life_s: float) -> None:
        """Let what is known fade at another speed from now on."""
        self._half_life_s = half_life_s

    @property
    def weight(self) -> float:
        """What all jobs weigh that it rests on: it grows with each of them, however much the others fade."""
        return self._jobs

    @property
    def jobs(self) -> float:
        """How many jobs it rests on, faded ones counting less."""
        return self._jobs / self._unit

    def saw_end(self, after_s: float, within_s: float, at: float) -> None:
        """Take in a job that ended within so many seconds before `after_s`; `at` is monotonic seconds."""
        unit = self._one_more(at) / len(_STRATA)
        for share in _STRATA:
            place = bin_of(after_s - share * within_s)
            self._ends[place] = self._ends.get(place, 0.0) + unit
        if self._elsewhere is not None:
            self._elsewhere.saw_end(after_s, within_s, at)

    def saw_running(self, age_s: float, at: float) -> None:
        """Take in a job that had not ended at that age, when it was asked about the last time."""
        place, unit = bin_of(age_s), self._one_more(at)
        self._left[place] = self._left.get(place, 0.0) + unit
        if self._elsewhere is not None:
            self._elsewhere.saw_running(age_s, at)

    def saw_progress(self, progress: int) -> None:
        """Notice in which steps progress is told."""
        if 0 < progress < _WHOLE:
            self.step = gcd(self.step, progress)

    def saw_course(self, course: Course, before_s: float, after_s: float) -> None:
        """Take in whether an end between two ages came when the progress of its job let it be expected."""
        if (came_true := course.came_true(before_s, after_s)) is not None:
            self._progress.add(hit=came_true)

    @property
    def believed(self) -> float:
        """The probability that an end comes when progress lets it be expected."""
        return self._progress.share(_PROGRESS_BELIEVED, _PROGRESS_BELIEVED_JOBS)

    def pace(self) -> Pace:
        """Return when polls are worth their while; worked out anew when there is news enough."""
        pace, known = self._pace, self._jobs
        if self._elsewhere is not None and known < _OWN_JOBS * self._unit:
            known += self._elsewhere.weight
        if pace is None or known - self._pace_of > _NEWS * known or known < self._pace_of:
            pace = self._pace = self._made()
            self._pace_of = known
        return pace

    def seen(self) -> Shape:
        """Return what was seen, without anything believed beforehand."""
        if self._shape_of != self._jobs:
            self._shape, self._shape_of = _smoothed(self._ends, self._left, self.jobs), self._jobs
        return self._shape

    def median_s(self) -> float | None:
        """The median of the ends that were seen."""
        return begin_s(_quantile(self._ends, 0.5)) if self._ends else None

    def _one_more(self, at: float) -> float:
        """Let what is known fade and return what a job weighs beside it now."""
        halvings = max(0.0, at - self._at) / self._half_life_s
        growth = 2.0 ** min(halvings, _HALVINGS_MAX) if self._jobs else 1.0
        if self._jobs > (JOBS_MAX - 1.0) * self._unit * growth:
            growth = self._jobs / ((JOBS_MAX - 1.0) * self._unit)
        self._unit *= growth
        self._at = max(self._at, at)
        if self._unit > _UNIT_MAX:
            self._rescale()
        self._jobs += self._unit
        return self._unit

    def _rescale(self) -> None:
        unit = self._unit
        self._ends = {place: jobs / unit for place, jobs in self._ends.items() if jobs > 0.001 * unit}
        self._left = {place: jobs / unit for place, jobs in self._left.items() if jobs > 0.001 * unit}
        self._jobs = sum(self._ends.values()) + sum(self._left.values())
        self._unit, self._pace_of, self._shape_of = 1.0, 0.0, 0.0

    def _made(self) -> Pace:
        """Blend what was seen here, what is seen elsewhere, and what is believed of everybody."""
        jobs = self.jobs
        fade = 1.0 / (1.0 + jobs / _FADES_AFTER_JOBS)
        weighed = [(self.seen(), jobs)]
        if self._elsewhere is not None:
            weighed.append((self._elsewhere.seen(), fade * min(_ELSEWHERE_JOBS, self._elsewhere.jobs)))
        prior_jobs = _PRIOR_JOBS_KEPT + fade * _PRIOR_JOBS
        weighed.append((self._prior(), prior_jobs))
        known = [(shape, weight) for shape, weight in weighed if shape.shares and weight > 0.0]
        lowest = min(shape.lowest for shape, _ in known)
        shares = [0.0] * (max(shape.lowest + len(shape.shares) for shape, _ in known) - lowest)
        for shape, weight in known:
            for place, share in enumerate(shape.shares, shape.lowest - lowest):
                shares[place] += weight * share
        return Pace(lowest, shares, sum(weight * shape.never for shape, weight in weighed))

    def _prior(self) -> Shape:
        """What is believed of the class, shifted as the provider's other classes differ from what is believed there."""
        shift, known = 0.0, _PRIOR_JOBS
        for kind, other in self._others.items():
            if kind is not self._kind and (median_s := other.median_s()) is not None:
                shift += other.jobs * log(median_s / PRIOR_S[kind])
                known += other.jobs
        shape = _prior(self._kind)
        return shape._replace(lowest=shape.lowest + round(shift / known / BIN))


class LearnedDurations:
    """What is learned of all offerings and duration classes. Kept in memory only, and taken in again at a start."""

    def __init__(self, half_life_s: float, hinted: Callable[[str], float]) -> None:
        self._half_life_s = _HALF_LIVES * half_life_s
        self._hinted = hinted
        self._of: dict[tuple[str, DurationClass], Durations] = {}
        self._providers: dict[str, dict[DurationClass, Durations]] = {}

    def use(self, half_life_s: float, offerings: frozenset[str]) -> None:
        """Go on with another half-life; forget offerings that are sold no more."""
        self._half_life_s = _HALF_LIVES * half_life_s
        self._of = {key: durations for key, durations in self._of.items() if key[0] in offerings}
        for durations in (*self._of.values(), *(each for kinds in self._providers.values() for each in kinds.values())):
            durations.use(self._half_life_s)

    def of(self, offering_id: str, provider: str, kind: DurationClass) -> Durations:
        """Return what is known of an offering and class; it goes on learning."""
        key = (offering_id, kind)
        return self._of.get(key) or self._of.setdefault(key, self._new(provider, kind))

    def restore(self, attempt: Attempt, kind: DurationClass, since: float) -> None:
        """Take in an accepted attempt of before the start; `since` is what monotonic seconds are ahead of wall seconds.

        The store knows when its job had done with it: a little after a poll had seen its end.
        """
        if attempt.accepted_at is None or attempt.ended_at is None:
            return
        age_s, at = max(0.0, attempt.ended_at - attempt.submitted_at), attempt.ended_at + since
        durations = self.of(attempt.offering_id, attempt.provider, kind)
        if attempt.reason in _GIVEN_UP:
            durations.saw_running(age_s, at)
        elif attempt.stage is None if attempt.state is AttemptState.SUCCEEDED else attempt.stage in _SEEN_BY_POLLS:
            durations.saw_end(age_s, min(_READ_S, _READ_SHARE * age_s), at)

    def _new(self, provider: str, kind: DurationClass) -> Durations:
        kinds = self._providers.setdefault(provider, {})
        if kind not in kinds:
            kinds[kind] = Durations(kind, self._half_life_s, others=kinds)
        return Durations(kind, self._half_life_s, kinds[kind], kinds, partial(self._hinted, provider))


def _smoothed(ends: Mapping[int, float], left: Mapping[int, float], jobs: float) -> Shape:
    """Share the jobs out to the bins, those given up to all later ones, and smooth what comes of it."""
    if not ends:
        return Shape(0, (), 1.0)
    bandwidth = _BANDWIDTH * _deviation(ends, jobs) / max(1.0, jobs) ** 0.2 / BIN
    kernel = _kernel(max(1, round(2.0 * bandwidth)))
    reach = len(kernel) // 2
    lowest = min(ends) - reach
    shares = [0.0] * (max(ends) + reach - lowest + 1)
    running, alive = sum(ends.values()) + sum(left.values()), 1.0
    for place in sorted({*ends, *left}):
        ended = ends.get(place, 0.0)
        if ended:
            share = alive * min(1.0, ended / running)
            alive -= share
            for into, part in enumerate(kernel, place - reach - lowest):
                shares[into] += part * share
        running = max(1e-12, running - ended - left.get(place, 0.0))
    return Shape(lowest, shares, max(0.0, alive))


def _deviation(ends: Mapping[int, float], jobs: float) -> float:
    """The standard deviation of the logarithms, by the quartiles: a few early failures must not blur the rest."""
    seen = (_quantile(ends, 0.75) - _quantile(ends, 0.25)) * BIN / _INTERQUARTILE
    squares = _DEVIATION_JOBS * _DEVIATION**2 + jobs * max(BIN, seen) ** 2
    return sqrt(squares / (_DEVIATION_JOBS + jobs))


def _quantile(bins: Mapping[int, float], share: float) -> int:
    """The bin that holds the quantile."""
    wanted, seen, number = share * sum(bins.values()), 0.0, 0
    for number in sorted(bins):
        seen += bins[number]
        if seen >= wanted:
            break
    return number


@cache
def _kernel(halves: int) -> tuple[float, ...]:
    """A normal distribution over the bins around the middle one; its deviation is so many half bins."""
    reach, scale = ceil(_KERNEL_REACH * halves / 2.0), sqrt(2.0) * halves / 2.0
    parts = [erf((place + 0.5) / scale) - erf((place - 0.5) / scale) for place in range(-reach, reach + 1)]
    return tuple(part / sum(parts) for part in parts)


@cache
def _prior(kind: DurationClass) -> Shape:
    """Videos that take about as long as is believed of the class, a few refusals before and a few stragglers after."""
    middle, early, reach = bin_of(PRIOR_S[kind]), bin_of(_EARLY_S), ceil(_PRIOR_REACH * _PRIOR_DEVIATION / BIN)
    usual = 1.0 - _EARLY_SHARE - _TAIL_SHARE
    shares = tuple(
        usual * _normal(place - middle) + _EARLY_SHARE * _normal(place - early) + _TAIL_SHARE * _tail(place - middle)
        for place in range(early - reach, middle + ceil(_TAIL_REACH / BIN))
    )
    return Shape(early - reach, shares, max(0.0, 1.0 - sum(shares)))


def _normal(place: int) -> float:
    """The share of what is believed that is in a bin so far from its middle."""
    scale = sqrt(2.0) * _PRIOR_DEVIATION / BIN
    return 0.5 * (erf((place + 0.5) / scale) - erf((place - 0.5) / scale))


def _tail(place: int) -> float:
    """The same of those that take long."""
    falls = _TAIL_FALLS * BIN
    return exp(-falls * place) - exp(-falls * (place + 1)) if place >= 0 else 0.0
