"""What the ledger says of a storm, in the shape of the metrics that have to say the same."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from providers.canonical import Reason
from router.core.report import ReportRow

Counts = Counter[tuple[str, ...]]
Series = tuple[dict[str, str], float]

_UNCERTAIN_ENDS = {"delivered": "adopted", "duplicate": "duplicate", "failed_billed": "failed_billed"}
_OUTCOMES = {
    **dict.fromkeys(("refused", "invalid", "unsupported"), "rejected"),
    "cancelled": "cancelled",
    "expired": "expired",
    "ambiguous": "unknown",
}


def counted(series: Iterable[Series], *labels: str) -> Counts:
    """Add a family's values up by some of its labels."""
    sums: Counts = Counter()
    for named, value in series:
        assert value == int(value)
        sums[tuple(named[label] for label in labels)] += int(value)
    return sums


def microusd(series: Iterable[Series], *labels: str) -> Counts:
    return counted(((named, round(value * 1e6)) for named, value in series), *labels)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as its row in the file says."""

    id: str
    caller: str
    state: str
    model: str
    seconds: int
    created_at: float
    ended_at: float
    stage: str | None
    reason: str | None

    @property
    def outcome(self) -> str:
        return "succeeded" if self.state == "completed" else _OUTCOMES.get(str(self.reason), "failed")

    @property
    def duration_class(self) -> str:
        if self.model == "sora-2-pro":
            return "hd"
        return "long" if self.seconds > 12 else "short"


@dataclass(frozen=True, slots=True)
class Ledger:
    """All jobs, and all attempts with their money, each job's in order."""

    jobs: Mapping[str, JobRow]
    rows: tuple[ReportRow, ...]
    delivered_number: Mapping[str, int]

    def delivered(self) -> list[ReportRow]:
        return [row for row in self.rows if row.cost_kind == "delivered"]

    def left(self, row: ReportRow) -> tuple[str, str, str]:
        """Return how an attempt left its job, at which stage and why; what is uncertain then may have ended since."""
        if self._overtaken(row):
            return "late", "none", "none"
        late = row.reason in (Reason.STALLED, Reason.EXPIRED)
        return "late" if late else str(row.state), str(row.stage or "none"), str(row.reason or "none")

    def _overtaken(self, row: ReportRow) -> bool:
        """Whether it was under way when an earlier attempt of its job delivered after all."""
        if row.ended_at is not None and row.ended_at < self.jobs[row.job_id].ended_at:
            return False
        return row.number > self.delivered_number.get(row.job_id, row.number)


def ledger_of(database: Path, rows: Sequence[ReportRow]) -> Ledger:
    columns = "id, caller, state, model, seconds, created_at, ended_at, failure_stage, failure_reason"
    connection = sqlite3.connect(database)
    try:
        jobs = [JobRow(*row) for row in connection.execute(f"SELECT {columns} FROM jobs")]  # noqa: S608 - all ours
    finally:
        connection.close()
    delivered = {row.job_id: row.number for row in rows if row.cost_kind == "delivered"}
    return Ledger({job.id: job for job in jobs}, tuple(rows), delivered)


def attempts(ledger: Ledger) -> Counts:
    """By provider, model, outcome, stage and reason."""
    return Counter((row.provider, row.model, *ledger.left(row)) for row in ledger.rows)


def failed_attempts(ledger: Ledger) -> Counts:
    """By provider and stage; one that was overtaken did not fail."""
    left = [(row.provider, ledger.left(row)) for row in ledger.rows]
    failed = [(provider, stage) for provider, (outcome, stage, _) in left if outcome != "succeeded"]
    return Counter((provider, stage) for provider, stage in failed if stage != "none")


def failovers(ledger: Ledger) -> Counts:
    """By the provider that was left, the next one, and the stage that the first one failed in."""
    pairs = zip(ledger.rows, ledger.rows[1:], strict=False)
    return Counter(
        (before.provider, after.provider, ledger.left(before)[1])
        for before, after in pairs
        if before.job_id == after.job_id
    )


def ambiguous(ledger: Ledger, rows: Iterable[ReportRow] | None = None) -> Counts:
    """By provider and resolution, of all attempts or of these: held when it is its job's last attempt."""
    last = {row.job_id: row.number for row in ledger.rows}
    return Counter(
        (row.provider, "held" if row.number == last[row.job_id] else "failed_over")
        for row in (ledger.rows if rows is None else rows)
        if ledger.left(row)[0] == "unknown"
    )


def uncertain_settled(ledger: Ledger) -> Counts:
    """By provider and resolution."""
    settled = [row for row in ledger.rows if ledger.left(row)[0] in ("late", "unknown") and not row.open_microusd]
    return Counter((row.provider, _UNCERTAIN_ENDS.get(str(row.cost_kind), "voided")) for row in settled)


def cost(ledger: Ledger) -> Counts:
    """By provider, model and kind."""
    sums: Counts = Counter()
    for row in ledger.rows:
        if row.cost_kind is not None:
            sums[row.provider, row.model, str(row.cost_kind)] += row.posted_microusd
    return +sums


def caller_cost(ledger: Ledger) -> Counts:
    sums: Counts = Counter()
    for row in ledger.rows:
        sums[(ledger.jobs[row.job_id].caller,)] += row.posted_microusd
    return +sums


def still_uncertain(ledger: Ledger) -> Counts:
    sums: Counts = Counter()
    for row in ledger.rows:
        sums[(row.provider,)] += row.open_microusd
    return +sums


def of_delivered(ledger: Ledger, figure: str) -> Counts:
    """Add a figure of the delivered attempts up, by provider and model."""
    sums: Counts = Counter()
    for row in ledger.delivered():
        sums[row.provider, row.model] += getattr(row, figure)
    return sums


def baseline(ledger: Ledger, prices: Mapping[tuple[str, int], int]) -> tuple[Counts, Counts]:
    """What delivered videos would have cost by `prices` (model and seconds), and how many those do not name."""
    sums, missing = Counter(), Counter()
    for row in ledger.delivered():
        price = prices.get((row.model, row.job_seconds))
        missing[(row.model,)] += price is None
        sums[row.provider, row.model] += row.quote_microusd if price is None else price
    return sums, +missing


def used_today(ledger: Ledger, day_start: float) -> Counts:
    """What a day's attempts cost and may still cost, by scope and name."""
    sums: Counts = Counter()
    for row in ledger.rows:
        if row.submitted_at >= day_start:
            for key in (("provider", row.provider), ("caller", ledger.jobs[row.job_id].caller)):
                sums[key] += row.posted_microusd + row.open_microusd
    return sums


def finished(ledger: Ledger) -> Counts:
    """Jobs by model, provider, outcome, stage and reason."""
    providers = {row.job_id: row.provider for row in ledger.rows}
    providers |= {row.job_id: row.provider for row in ledger.delivered()}
    return Counter(
        (job.model, providers.get(job.id, "none"), job.outcome, job.stage or "none", job.reason or "none")
        for job in ledger.jobs.values()
    )


def on_time(ledger: Ledger, limits_s: Mapping[str, float]) -> Counts:
    """Jobs by duration class, and whether there was a video in time."""
    return Counter(
        (job.duration_class, str(met(job, limits_s)).lower())
        for job in ledger.jobs.values()
        if job.outcome not in ("rejected", "cancelled")
    )


def met(job: JobRow, limits_s: Mapping[str, float]) -> bool:
    return job.outcome == "succeeded" and job.ended_at - job.created_at <= limits_s[job.duration_class]


def delivered_jobs(ledger: Ledger) -> Counts:
    """By provider and duration class."""
    return Counter((row.provider, ledger.jobs[row.job_id].duration_class) for row in ledger.delivered())
