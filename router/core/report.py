"""One attempt with its job and its money, as reports compare providers by."""

from dataclasses import dataclass

from providers.canonical import Reason, Size, Stage
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind


@dataclass(frozen=True, slots=True)
class ReportRow:
    """An attempt and what it cost. Times are wall seconds.

    `model` and `job_seconds` are what the caller asked for, `model_made` and `seconds` what was bought. Its money is in
    one of three places: `open_microusd` is pending and uncertain, `posted_microusd` was spent on `cost_kind` (which is
    None until then), or its reservation is `voided`. Adjustments are part of what was posted.
    """

    job_id: str
    caller: str
    job_state: JobState
    job_created_at: float
    job_ended_at: float | None
    model: str
    model_made: str
    size: Size
    job_seconds: int
    attempt_id: str
    number: int
    offering_id: str
    provider: str
    upstream_model: str
    seconds: int
    state: AttemptState
    submitted_at: float
    accepted_at: float | None
    ended_at: float | None
    stage: Stage | None
    reason: Reason | None
    code: str | None
    quote_microusd: int
    open_microusd: int
    posted_microusd: int
    cost_kind: CostKind | None
    voided: bool
