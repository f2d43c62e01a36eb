"""What each caller got, and what was spent on it: exact for every caller, however many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.core.job import AttemptState
from router.core.ledger import CostKind
from router.core.report import ReportRow


@dataclass(frozen=True, slots=True)
class CallerSummary:
    """One caller's attempted jobs, added up. `wasted` is part of `posted`."""

    caller: str
    jobs: int
    delivered: int
    delivered_seconds: int
    posted_microusd: int
    wasted_microusd: int
    uncertain_microusd: int


def caller_summaries(rows: Iterable[ReportRow]) -> list[CallerSummary]:
    """Add up the attempts of each caller's jobs; who spent most comes first."""
    by_caller: dict[str, list[ReportRow]] = {}
    for row in rows:
        by_caller.setdefault(row.caller, []).append(row)
    found = [_summary(caller, of_caller) for caller, of_caller in by_caller.items()]
    return sorted(found, key=lambda each: (-each.posted_microusd, each.caller))


def _summary(caller: str, rows: Sequence[ReportRow]) -> CallerSummary:
    delivered = [row for row in rows if row.cost_kind is CostKind.DELIVERED]
    posted = sum(row.posted_microusd for row in rows)
    return CallerSummary(
        caller=caller,
        jobs=len({row.job_id for row in rows}),
        delivered=len(delivered),
        delivered_seconds=sum(row.seconds for row in delivered),
        posted_microusd=posted,
        wasted_microusd=posted - sum(row.posted_microusd for row in delivered),
        uncertain_microusd=sum(row.open_microusd for row in rows if row.state is not AttemptState.RUNNING),
    )
