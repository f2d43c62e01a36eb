"""What each provider delivered, how fast, where it failed, and what a delivered second really cost."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.core.job import AttemptState
from router.core.ledger import CostKind
from router.core.quantile import nearest_rank
from router.core.report import ReportRow


@dataclass(frozen=True, slots=True)
class ProviderSummary:
    """One provider's attempts, added up: of one model, or of all (None).

    Waste is money posted for no video (`failed_billed`) or for one too many (`duplicate`). `uncertain_since` is when
    the oldest attempt of uncertain money was submitted, in wall seconds.
    """

    provider: str
    model: str | None
    attempts: int
    delivered: int
    failures: tuple[tuple[str, int], ...]
    p50_s: float | None
    p90_s: float | None
    delivered_seconds: int
    delivered_microusd: int
    wasted_microusd: int
    failed_billed_microusd: int
    duplicate_microusd: int
    uncertain_microusd: int
    uncertain_since: float | None

    @property
    def judged(self) -> int:
        """Attempts that delivered or failed; not those that run, were overtaken, or whose job was cancelled."""
        return self.delivered + sum(count for _, count in self.failures)

    @property
    def delivered_share(self) -> float | None:
        """Share of the judged attempts that gave a caller a video; None before there is one."""
        return self.delivered / self.judged if self.judged else None

    @property
    def microusd_per_delivered_second(self) -> float | None:
        """Everything posted, waste included, over the seconds that callers got; None where they got none."""
        posted = self.delivered_microusd + self.wasted_microusd
        return posted / self.delivered_seconds if self.delivered_seconds else None


def summaries(rows: Iterable[ReportRow], *, by_model: bool = False) -> list[ProviderSummary]:
    """Add up the attempts of each provider, or of each provider's models, in the order of their names."""
    grouped: dict[tuple[str, str], list[ReportRow]] = {}
    for row in rows:
        grouped.setdefault((row.provider, row.model_made if by_model else ""), []).append(row)
    return [_summary(provider, model or None, grouped[provider, model]) for provider, model in sorted(grouped)]


def _summary(provider: str, model: str | None, rows: Sequence[ReportRow]) -> ProviderSummary:
    delivered = [row for row in rows if row.cost_kind is CostKind.DELIVERED]
    failures = Counter(f"{row.stage}.{row.reason}" for row in rows if row.stage is not None)
    waits = sorted(row.ended_at - row.submitted_at for row in delivered if row.ended_at is not None)
    uncertain = [row for row in rows if row.open_microusd and row.state is not AttemptState.RUNNING]
    return ProviderSummary(
        provider=provider,
        model=model,
        attempts=len(rows),
        delivered=len(delivered),
        failures=tuple(failures.most_common()),
        p50_s=nearest_rank(waits, 0.5),
        p90_s=nearest_rank(waits, 0.9),
        delivered_seconds=sum(row.seconds for row in delivered),
        delivered_microusd=_posted(rows, CostKind.DELIVERED),
        wasted_microusd=_posted(rows, CostKind.FAILED_BILLED) + _posted(rows, CostKind.DUPLICATE),
        failed_billed_microusd=_posted(rows, CostKind.FAILED_BILLED),
        duplicate_microusd=_posted(rows, CostKind.DUPLICATE),
        uncertain_microusd=sum(row.open_microusd for row in uncertain),
        uncertain_since=min((row.submitted_at for row in uncertain), default=None),
    )


def _posted(rows: Sequence[ReportRow], kind: CostKind) -> int:
    return sum(row.posted_microusd for row in rows if row.cost_kind is kind)
