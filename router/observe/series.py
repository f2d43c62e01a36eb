"""One family's series: each label set bound once, never more of them than allowed, and money that adds up."""

from collections.abc import Callable, Collection, Iterable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from router.core.money import MICROUSD_PER_USD
from router.observe.families import PREFIX, Family
from router.observe.labels import OTHER

Child = TypeVar("Child", Counter, Gauge, Histogram)


def counter(family: Family, registry: CollectorRegistry) -> Counter:
    """Register a counter."""
    return Counter(family.name, family.documentation, family.labels, namespace=PREFIX, registry=registry)


def gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    """Register a gauge."""
    return Gauge(family.name, family.documentation, family.labels, namespace=PREFIX, registry=registry)


def histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    """Register a histogram."""
    return Histogram(
        family.name,
        family.documentation,
        family.labels,
        namespace=PREFIX,
        registry=registry,
        buckets=family.buckets,
    )


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
        self._known: set[tuple[str, ...]] = set()

    def admit(self, first: Iterable[tuple[str, ...]], sets_max: int, folds_max: int = 0) -> None:
        """Bind the label sets that are known, and bound their number; what a former catalogue brought stays."""
        known = dict.fromkeys(first)
        former = self._known - known.keys()
        self._known |= known.keys()
        self._sets_max, self._folds_max = sets_max + len(former), max(folds_max, self._folds_max)
        for values in known:
            self.at(*values)

    def only(self, known: Collection[tuple[str, ...]]) -> None:
        """Drop every label set but these: what is not for sale any more has no price."""
        for values in [each for each in self._bound if each not in known]:
            del self._bound[values]
            self._known.discard(values)
            self._parent.remove(*values)

    @property
    def lines_max(self) -> int:
        """The most lines this family can add to an exposition."""
        return (self._sets_max + self._folds_max) * self._family.lines

    def at(self, *values: str) -> Child:
        """Return the child of a label set, in the order of the family's labels."""
        child = self._bound.get(values)
        return self._bind(values) if child is None else child

    def _bind(self, values: tuple[str, ...]) -> Child:
        if len(self._bound) >= self._sets_max:
            if self._on_fold is not None:
                self._on_fold(self._family.name)
            kept = self._family.kept
            values = tuple(
                value if name in kept else OTHER for name, value in zip(self._family.labels, values, strict=True)
            )
        if values not in self._bound:
            self._bound[values] = self._parent.labels(*values) if values else self._parent
        return self._bound[values]


class MoneyCounters:
    """Counters in USD that always show the exact quotient of an integer sum of micro-USD."""

    def __init__(self, series: Series[Counter]) -> None:
        self.series = series
        self._sums: dict[Counter, tuple[int, float]] = {}

    def add(self, microusd: int, *values: str) -> None:
        """Book an amount, 0 or more. Adding floats would drift; what is added is the way to the exact value."""
        child = self.series.at(*values)
        total_microusd, shown = self._sums.get(child, (0, 0.0))
        total_microusd += microusd
        step = max(0.0, total_microusd / MICROUSD_PER_USD - shown)
        child.inc(step)
        self._sums[child] = total_microusd, shown + step
