"""Figures of the rounds: medians with their spread, and what is taken in pairs from within a round."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final, TypeAlias

from tests.bench.measuring import Phase, Sample

Figure: TypeAlias = Callable[[Sample], float]


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


class Results:
    """The samples of all rounds, to be asked for figures; None where a target was not asked."""

    def __init__(self, rounds: Sequence[Sequence[Sample]]) -> None:
        self.phases: list[Phase] = list(dict.fromkeys(sample.phase for samples in rounds for sample in samples))
        self._samples: dict[tuple[Phase, str], list[Sample]] = {}
        for sample in (sample for samples in rounds for sample in samples):
            self._samples.setdefault((sample.phase, sample.server), []).append(sample)

    def targets(self, phase: Phase) -> list[str]:
        """Name who was asked."""
        return [target for asked, target in self._samples if asked == phase]

    def samples(self, phase: Phase, target: str) -> list[Sample]:
        """Return one sample of each round."""
        return self._samples.get((phase, target), [])

    def spread(self, phase: Phase, target: str, figure: Figure) -> Spread | None:
        """Summarise a figure of a target."""
        samples = self.samples(phase, target)
        return Spread.of(map(figure, samples)) if samples else None

    def ratio(self, phase: Phase, target: str, to: str, figure: Figure) -> Spread | None:
        """Summarise the ratio of one target's figure to another's within each round."""
        return self._paired(phase, target, to, lambda ours, theirs: figure(ours) / figure(theirs))

    def added(self, phase: Phase, target: str, to: str, figure: Figure) -> Spread | None:
        """Summarise by how much one target's figure is over another's within each round."""
        return self._paired(phase, target, to, lambda ours, theirs: figure(ours) - figure(theirs))

    def over_best(self, phase: Phase, peers: Sequence[str], to: str, figure: Figure) -> Spread | None:
        """Summarise how many times a target's figure the peer has whose own is the least."""
        spreads = {name: spread for name in peers if (spread := self.spread(phase, name, figure))}
        best = min(spreads, key=lambda name: spreads[name].median, default=None)
        return None if best is None else self.ratio(phase, best, to, figure)

    def complaints(self, upstream_per_request: Mapping[str, Callable[[Phase], int]]) -> list[str]:
        """Say what makes a run worthless: errors, or requests that did not reach the upstream as often as they should.

        A target that is not in the mapping passes each request on.
        """
        found = []
        for (phase, target), samples in self._samples.items():
            where = f"{target}, {phase.measure} at {phase.load}"
            requests, errors = sum(each.requests for each in samples), sum(each.load.errors for each in samples)
            expected = requests * upstream_per_request.get(target, _each)(phase)
            seen = sum(each.upstream for each in samples)
            if errors:
                found.append(f"{where}: {errors} of {requests} requests failed")
            if seen != expected:
                found.append(f"{where}: the upstream saw {seen} requests instead of {expected}")
        return found

    def document(self) -> list[dict[str, Any]]:
        """Return all figures for a JSON file."""
        return [
            {"phase": asdict(phase) | {"load": phase.load}, "targets": self._documents(phase)} for phase in self.phases
        ]

    def _documents(self, phase: Phase) -> dict[str, Any]:
        return {target: self._document(phase, target) for target in self.targets(phase)}

    def _document(self, phase: Phase, target: str) -> dict[str, Any]:
        samples = self.samples(phase, target)
        return {
            "requests": sum(each.requests for each in samples),
            "errors": sum(each.load.errors for each in samples),
            "upstream": sum(each.upstream for each in samples),
        } | {name: asdict(Spread.of(map(figure, samples))) for name, figure in FIGURES.items()}

    def _paired(self, phase: Phase, target: str, to: str, of_pair: Callable[[Sample, Sample], float]) -> Spread | None:
        ours, theirs = self.samples(phase, target), self.samples(phase, to)
        return Spread.of(map(of_pair, ours, theirs)) if ours and theirs else None


def cpu_ms(sample: Sample) -> float:
    """CPU of one request."""
    return 1e3 * sample.cpu_s / max(1, sample.requests)


def p50_ms(sample: Sample) -> float:
    """What half of the requests took at most."""
    return 1e3 * _quantile(sample.load.latencies_s, 0.50)


def p99_ms(sample: Sample) -> float:
    """What all but one in a hundred took at most."""
    return 1e3 * _quantile(sample.load.latencies_s, 0.99)


def first_byte_ms(sample: Sample) -> float:
    """When half of the bodies had begun."""
    return 1e3 * _quantile(sample.load.first_bytes_s, 0.50)


def per_s(sample: Sample) -> float:
    """Requests answered a second."""
    return len(sample.load.latencies_s) / sample.load.wall_s


def mb_per_s(sample: Sample) -> float:
    """Bytes of bodies a second."""
    return sample.load.body_bytes / 1e6 / sample.load.wall_s


def cpu_ms_per_mb(sample: Sample) -> float:
    """CPU of a million bytes."""
    return 1e3 * sample.cpu_s / max(1.0, sample.load.body_bytes / 1e6)


def growth_mib_per_stream(sample: Sample) -> float:
    """How much memory each of the streams took that ran at once."""
    streams = min(sample.phase.concurrency or 1, sample.requests)
    return sample.growth_bytes / max(1, streams) / (1 << 20)


FIGURES: Final[Mapping[str, Figure]] = {
    "cpu_ms": cpu_ms,
    "p50_ms": p50_ms,
    "p99_ms": p99_ms,
    "first_byte_ms": first_byte_ms,
    "per_s": per_s,
    "mb_per_s": mb_per_s,
    "growth_mib_per_stream": growth_mib_per_stream,
}


def _each(_phase: Phase) -> int:
    return 1


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
