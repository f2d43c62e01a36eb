"""One family's series: each label set bound once, never more of them than allowed, and money that adds up."""

import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

from router.core.money import MICROUSD_PER_USD
from router.observe.families import PREFIX, Family
from router.observe.labels import OTHER

FORMER_SETS_MAX: Final = 60
"""How many label sets that only former configurations had stay in sight; names may change for years."""

_written: Final[Callable[[float], str]] = cache(floatToGoString)


class _Counter(Counter):
    """Counts what one thread observes and any may ask for, which takes no lock."""

    def _metric_init(self) -> None:
        self._total = 0.0
        self._exemplar: Exemplar | None = None

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        self._total += amount
        if exemplar is not None:
            self._exemplar = Exemplar(exemplar, amount, time.time())

    def _child_samples(self) -> Iterable[Sample]:
        return (Sample("_total", {}, self._total, None, self._exemplar),)


class MoneyCounter(Counter):
    """Counts micro-USD and shows USD: always the exact quotient of an integer sum."""

    def _metric_init(self) -> None:
        self._microusd = 0

    def add(self, microusd: int) -> None:
        """Book an amount, 0 or more."""
        self._microusd += microusd

    def _child_samples(self) -> Iterable[Sample]:
        return (Sample("_total", {}, self._microusd / MICROUSD_PER_USD),)


class _Histogram(Histogram):
    """Finds a bucket by halves, and takes no lock either."""

    def _metric_init(self) -> None:
        self._total = 0.0
        self._counts = [0] * len(self._upper_bounds)
        self._exemplars: dict[int, Exemplar] = {}

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self._total += amount
        bucket = bisect_left(self._upper_bounds, amount)
        self._counts[bucket] += 1
        if exemplar is not None:
            self._exemplars[bucket] = Exemplar(exemplar, amount, time.time())

    def _child_samples(self) -> Iterable[Sample]:
        count, samples = 0, list[Sample]()
        for bucket, bound in enumerate(self._upper_bounds):
            count += self._counts[bucket]
            samples.append(Sample("_bucket", {"le": _written(bound)}, count, None, self._exemplars.get(bucket)))
        return (*samples, Sample("_count", {}, count), Sample("_sum", {}, self._total))


class _Summary(Summary):
    """A sum and a count, without a lock."""

    def _metric_init(self) -> None:
        self._observed, self._total = 0, 0.0

    def observe(self, amount: float) -> None:
        self._observed += 1
        self._total += amount

    def _child_samples(self) -> Iterable[Sample]:
        return (Sample("_count", {}, self._observed), Sample("_sum", {}, self._total))


def counter(family: Family, registry: CollectorRegistry) -> Counter:
    """Register a counter."""
    return _Counter(family.name, family.documentation, family.labels, namespace=PREFIX, registry=registry)


def money_counter(family: Family, registry: CollectorRegistry) -> MoneyCounter:
    """Register a counter of money."""
    return MoneyCounter(family.name, family.documentation, family.labels, namespace=PREFIX, registry=registry)


def gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    """Register a gauge."""
    return Gauge(family.name, family.documentation, family.labels, namespace=PREFIX, registry=registry)


def histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    """Register a histogram."""
    return _Histogram(
        family.name,
        family.documentation,
        family.labels,
        namespace=PREFIX,
        registry=registry,
        buckets=family.buckets,
    )


def summary(family: Family, registry: CollectorRegistry) -> Summary:
    """Register a summary, which has no quantiles: a sum and a count."""
    return _Summary(family.name, family.documentation, family.labels, namespace=PREFIX, registry=registry)


Child = TypeVar("Child", Counter, MoneyCounter, Gauge, Histogram, Summary)


class Series(Generic[Child]):
    """The children of one metric.

    When `sets_max` label sets are bound, the next unknown one keeps the labels that its family calls `kept` and is
    `other` in the rest; `folds_max` is how many such sets there can be.
    """

    def __init__(self, family: Family, parent: Child, on_fold: Callable[[str], None] | None = None) -> None:
        self._family = family
        self._parent: Child = parent
        self._on_fold = on_fold
        self._sets_max = self._folds_max = 0
        self._bound: dict[tuple[str, ...], Child] = {}
        self._folds: dict[tuple[str, ...], Child] = {}
        # The former ones come first, the longest gone before all.
        self._known: dict[tuple[str, ...], None] = {}

    def admit(self, first: Iterable[tuple[str, ...]], sets_max: int, folds_max: int = 0) -> None:
        """Bind the label sets that are known, and bound their number; the last that former catalogues brought stay."""
        known: dict[tuple[str, ...], None] = dict.fromkeys(first)
        former: list[tuple[str, ...]] = [values for values in self._known if values not in known]
        for values in former[:-FORMER_SETS_MAX]:
            self._drop(values)
        former = former[-FORMER_SETS_MAX:]
        self._known = dict.fromkeys([*former, *known])
        self._sets_max, self._folds_max = sets_max + len(former), max(folds_max, self._folds_max)
        for values in known:
            # What turned up before has its own room, and must not keep out what is known.
            if values not in self._bound:
                self._bound[values] = self._folds[values] if values in self._folds else self._child(values)
                self._folds.pop(values, None)

    def only(self, known: Collection[tuple[str, ...]]) -> None:
        """Drop every label set but these: what is not for sale any more has no price."""
        for values in [each for each in self._bound if each not in known]:
            self._drop(values)

    @property
    def lines_max(self) -> int:
        """The most lines this family can add to an exposition."""
        return (self._sets_max + self._folds_max) * self._family.lines

    def __contains__(self, values: tuple[str, ...]) -> bool:
        """Whether this label set is bound, so that it is never folded."""
        return values in self._bound

    def at(self, *values: str) -> Child:
        """Return the child of a label set, in the order of the family's labels."""
        child = self._bound.get(values)
        return self._bind(values) if child is None else child

    def _bind(self, values: tuple[str, ...]) -> Child:
        if values in self._folds:
            return self._folds[values]
        if len(self._bound) < self._sets_max:
            self._bound[values] = self._child(values)
            return self._bound[values]
        if self._on_fold is not None:
            self._on_fold(self._family.name)
        return self._folded(values)

    def _folded(self, values: tuple[str, ...]) -> Child:
        kept = self._family.kept
        few = tuple(value if name in kept else OTHER for name, value in zip(self._family.labels, values, strict=True))
        if few in self._bound:
            return self._bound[few]
        if few not in self._folds:
            self._folds[few] = self._child(few)
        return self._folds[few]

    def _child(self, values: tuple[str, ...]) -> Child:
        return self._parent.labels(*values) if values else self._parent

    def _drop(self, values: tuple[str, ...]) -> None:
        self._known.pop(values, None)
        if self._bound.pop(values, None) is not None:
            self._parent.remove(*values)
