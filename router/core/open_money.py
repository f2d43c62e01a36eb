"""One attempt whose money is open, with what a person needs to find out what became of it."""

from dataclasses import dataclass, field

from providers.canonical import Reason, Size, Stage
from router.core.job import AttemptState, JobState


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt and its job, without prompt and links. Times are wall seconds.

    `job_failure` is why its job failed, and None while it lives or has its video.
    """

    id: str
    job_id: str
    state: AttemptState
    provider: str
    offering_id: str
    upstream_model: str
    seconds: int
    size: Size
    quote_microusd: int
    submitted_at: float
    remote_id: str | None = field(repr=False)
    stage: Stage | None
    reason: Reason | None
    code: str | None
    job_state: JobState
    job_failure: Reason | None

    @property
    def uncertain(self) -> bool:
        """Whether its job went on or ended without knowing what it cost, as opposed to one that is under way."""
        return self.state in (AttemptState.UNKNOWN, AttemptState.LATE)
