"""Figures of the rounds: medians with their spread, ratios of paired samples, and what a run has to get right."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from tests.bench.measuring import Measure, Phase, Sample

ROUTER: Final = "router"
PASSTHROUGH: Final = "pass-through"


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of all rounds, and the least and the most of any."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Summarise one value of each round."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[0], ordered[-1])

    def over(self, divisor: float) -> "Spread":
        """Return it in a unit so many times as large."""
        return Spread(self.median / divisor, self.least / divisor, self.most / divisor)


@dataclass(frozen=True, slots=True)
class Figures:
    """One server in one phase. `requests` and `upstream` are sums over the rounds, the latter what the upstream saw."""

    requests: int
    errors: int
    upstream: int
    cpu_ms: Spread
    p50_ms: Spread
    p99_ms: Spread
    mb_per_s: Spread


@dataclass(frozen=True, slots=True)
class Row:
    """Both servers in one phase, and the ratios of the router to the pass-through within each round."""

    phase: Phase
    router: Figures
    passthrough: Figures
    cpu_ratio: Spread
    mb_per_s_ratio: Spread


def rows_of(rounds: Sequence[Sequence[Sample]]) -> list[Row]:
    """Summarise all rounds, phase by phase."""
    phases = list(dict.fromkeys(sample.phase for sample in rounds[0]))
    return [_row(phase, rounds) for phase in phases]


def complaints(rows: Iterable[Row]) -> list[str]:
    """Say what makes a run worthless: errors, or requests that did not reach the upstream as often as they should."""
    found = []
    for row in rows:
        for name, figures in ((ROUTER, row.router), (PASSTHROUGH, row.passthrough)):
            where = f"{name}, {row.phase.measure} at {row.phase.concurrency}"
            own_state = name == ROUTER and row.phase.measure is Measure.RETRIEVE
            expected = 0 if own_state else figures.requests
            if figures.errors:
                found.append(f"{where}: {figures.errors} of {figures.requests} requests failed")
            if figures.upstream != expected:
                found.append(f"{where}: the upstream saw {figures.upstream} requests instead of {expected}")
    return found


def document(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the rows for a JSON file."""
    return [asdict(row) for row in rows]


def _row(phase: Phase, rounds: Sequence[Sequence[Sample]]) -> Row:
    router, passthrough = (_samples(name, phase, rounds) for name in (ROUTER, PASSTHROUGH))
    pairs = list(zip(router, passthrough, strict=True))
    return Row(
        phase,
        _figures(router),
        _figures(passthrough),
        Spread.of(ours.cpu_s / theirs.cpu_s for ours, theirs in pairs),
        Spread.of(_mb_per_s(ours) / _mb_per_s(theirs) for ours, theirs in pairs),
    )


def _samples(server: str, phase: Phase, rounds: Sequence[Sequence[Sample]]) -> list[Sample]:
    return [sample for samples in rounds for sample in samples if (sample.server, sample.phase) == (server, phase)]


def _figures(samples: Sequence[Sample]) -> Figures:
    return Figures(
        requests=sum(sample.phase.requests for sample in samples),
        errors=sum(sample.load.errors for sample in samples),
        upstream=sum(sample.upstream for sample in samples),
        cpu_ms=Spread.of(1e3 * sample.cpu_s / sample.phase.requests for sample in samples),
        p50_ms=Spread.of(1e3 * _quantile(sample, 0.50) for sample in samples),
        p99_ms=Spread.of(1e3 * _quantile(sample, 0.99) for sample in samples),
        mb_per_s=Spread.of(_mb_per_s(sample) for sample in samples),
    )


def _quantile(sample: Sample, share: float) -> float:
    ordered = sorted(sample.load.latencies_s)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _mb_per_s(sample: Sample) -> float:
    return sample.load.body_bytes / 1e6 / sample.load.wall_s
