"""What became of a job, as plain values that may leave the router: nothing of its prompt, its images or its links."""

from dataclasses import dataclass

from providers.canonical import ImageKind, Reason, Size, Stage
from router.core.job import AttemptState, JobState
from router.core.preferences import NO_PREFERENCES, RoutingPreferences


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """One attempt and its money. Times are wall seconds; `ended_at` is when its job had done with it.

    Money that nobody vouches for yet is `open_microusd`, and no part of `posted_microusd`; adjustments are.
    """

    number: int
    offering_id: str
    provider: str
    seconds: int
    quote_microusd: int
    submitted_at: float
    state: AttemptState
    accepted_at: float | None = None
    ended_at: float | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    posted_microusd: int = 0
    open_microusd: int = 0

    @property
    def delivered(self) -> bool:
        """Whether it ended with a video."""
        return self.state is AttemptState.SUCCEEDED


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """One job as its caller ordered it, and how it ended. `images` are the kinds of its input images.

    `stage` and `reason` are those of a job that failed; one that its caller deleted before it ended is `cancelled`.
    """

    id: str
    caller: str
    model: str
    size: Size
    seconds: int
    created_at: float
    state: JobState
    images: tuple[ImageKind, ...] = ()
    watermark: bool | None = None
    preferences: RoutingPreferences = NO_PREFERENCES
    ended_at: float | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    attempts: tuple[RecordedAttempt, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether its caller has his answer."""
        return self.state in (JobState.COMPLETED, JobState.FAILED)

    @property
    def cancelled(self) -> bool:
        """Whether its caller did not want it any more."""
        return self.reason is Reason.CANCELLED and self.stage is Stage.ROUTE

    @property
    def winner(self) -> RecordedAttempt | None:
        """The attempt whose video the caller got; one whose video came too late only cost."""
        if self.state is not JobState.COMPLETED:
            return None
        made = [attempt for attempt in self.attempts if attempt.delivered]
        return next((attempt for attempt in made if attempt.ended_at == self.ended_at), made[-1] if made else None)

    @property
    def posted_microusd(self) -> int:
        """What it certainly cost."""
        return sum(attempt.posted_microusd for attempt in self.attempts)

    @property
    def open_microusd(self) -> int:
        """What it may have cost besides."""
        return sum(attempt.open_microusd for attempt in self.attempts)
