"""The same money told by three: the router's ledger, its metrics, and the upstreams' own books."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

from providers.sandbox.books import Books

# The providers of config/demo.yaml are named after the upstreams they stand for.
PROVIDER_PREFIX = "sandbox-"


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt of a job, as `video-router report --json` tells it."""

    provider: str
    state: str
    seconds: int
    stage: str | None
    reason: str | None
    posted_microusd: int
    uncertain_microusd: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of the report."""

    id: str
    duration_s: float | None
    route: Sequence[Step]


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One provider of the report."""

    provider: str
    attempts: int
    delivered_microusd: int
    wasted_microusd: int
    uncertain_microusd: int


@dataclass(frozen=True, slots=True)
class Report:
    """The router's ledger, added up."""

    providers: Sequence[ProviderRow]
    jobs: Sequence[JobRow]

    @classmethod
    def parse(cls, text: str) -> "Report":
        """Read the JSON of `video-router report --json`; raises ValueError."""
        return _REPORT.validate_json(text)


_REPORT = TypeAdapter(Report)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one source says about one provider."""

    attempts: int
    posted_microusd: int
    uncertain_microusd: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One provider by its three accounts; what an upstream billed may include what the router calls uncertain."""

    provider: str
    ledger: Figures
    metrics: Figures
    billed_microusd: int

    @property
    def agrees(self) -> bool:
        """Whether ledger and metrics are equal, and the books lie within what the ledger leaves uncertain."""
        posted, uncertain = self.ledger.posted_microusd, self.ledger.uncertain_microusd
        return self.ledger == self.metrics and posted <= self.billed_microusd <= posted + uncertain


def compare(report: Report, exposition: str, books: Mapping[str, Books]) -> list[Comparison]:
    """Put the three accounts of every upstream side by side; an upstream never asked must have billed nothing."""
    rows = {row.provider: row for row in report.providers}
    comparisons = []
    for upstream, its_books in sorted(books.items()):
        provider = PROVIDER_PREFIX + upstream
        ledger = _of_ledger(rows.get(provider))
        metrics = _of_metrics(exposition, provider)
        comparisons.append(Comparison(provider, ledger, metrics, its_books.totals.net_microusd))
    return comparisons


def _of_ledger(row: ProviderRow | None) -> Figures:
    if row is None:
        return Figures(0, 0, 0)
    return Figures(row.attempts, row.delivered_microusd + row.wasted_microusd, row.uncertain_microusd)


def _of_metrics(exposition: str, provider: str) -> Figures:
    sums: Counter[str] = Counter()
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.labels.get("provider") == provider:
                sums[sample.name] += sample.value  # type: ignore[assignment]
    usd = {name: round(sums[f"video_router_{name}"] * 1_000_000) for name in ("cost_usd_total", "uncertain_usd")}
    return Figures(round(sums["video_router_attempts_total"]), usd["cost_usd_total"], usd["uncertain_usd"])
