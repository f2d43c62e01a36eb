"""Jobs and attempts: their states, and the only table that says which may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from providers.canonical import Failure, Reason, Stage, VideoRequest
from router.core.direct_init import with_direct_init
from router.core.preferences import NO_PREFERENCES, RoutingPreferences


class JobState(StrEnum):
    """How far a job is; the last two are terminal."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


class AttemptState(StrEnum):
    """How far an attempt is.

    `unknown`: the submit was sent and its answer lost, so it may be running and billed, until it is found upstream or
    an operator says what became of it. `late`: its job went on without it, and it is polled slowly until its money is
    known.
    """

    SUBMITTING = "submitting"
    RUNNING = "running"
    LATE = "late"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


JOB_TRANSITIONS: Final[Mapping[JobState, frozenset[JobState]]] = MappingProxyType(
    {
        JobState.QUEUED: frozenset({JobState.IN_PROGRESS, JobState.FAILED}),
        JobState.IN_PROGRESS: frozenset({JobState.COMPLETED, JobState.FAILED}),
        JobState.COMPLETED: frozenset(),
        JobState.FAILED: frozenset(),
    }
)

ATTEMPT_TRANSITIONS: Final[Mapping[AttemptState, frozenset[AttemptState]]] = MappingProxyType(
    {
        AttemptState.SUBMITTING: frozenset({AttemptState.RUNNING, AttemptState.FAILED, AttemptState.UNKNOWN}),
        AttemptState.RUNNING: frozenset({AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.LATE}),
        AttemptState.LATE: frozenset({AttemptState.SUCCEEDED, AttemptState.FAILED}),
        AttemptState.UNKNOWN: frozenset({AttemptState.LATE, AttemptState.FAILED}),
        AttemptState.SUCCEEDED: frozenset(),
        AttemptState.FAILED: frozenset(),
    }
)


WITHDRAWN: Final = "withdrawn"
"""Code of a submit that was taken back before it left, for its provider was removed or replaced meanwhile."""
INTERRUPTED: Final = "interrupted"
"""Code of a submit during which the router itself stopped."""
CUT_SHORT: Final = "cut_short"
"""Code of an attempt whose job had less time for it than videos there usually take."""


class IllegalTransitionError(Exception):
    """A state was asked to follow one it must not follow: a defect of the router, never of a caller."""


def new_job_id(at: float, entropy: bytes) -> str:
    """Name a new job. Ids of one moment begin alike, so that a database writes them side by side."""
    return f"video_{int(at * 1000):012x}{entropy.hex()}"


def attempt_id_of(job_id: str, number: int) -> str:
    """Name a job's attempt."""
    return f"{job_id}-{number}"


def job_id_of(attempt_id: str) -> str:
    """Return the id of the job that an attempt's id begins with."""
    return attempt_id.rpartition("-")[0]


@with_direct_init
@dataclass(frozen=True, slots=True)
class Attempt:
    """One submission of a job to one offering; `quote_microusd` is frozen when it is routed. Times are wall seconds.

    `billed` is what the ledger entries say that closed and corrected its money, and None while that is open.
    """

    id: str
    job_id: str
    number: int
    offering_id: str
    provider: str
    upstream_model: str
    seconds: int
    quote_microusd: int
    submitted_at: float
    state: AttemptState = AttemptState.SUBMITTING
    remote_id: str | None = field(default=None, repr=False)
    accepted_at: float | None = None
    ended_at: float | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    code: str | None = None
    content_url: str | None = field(default=None, repr=False)
    content_type: str | None = None
    content_bytes: int | None = None
    content_expires_at: float | None = None
    billed: bool | None = None

    @property
    def asked(self) -> bool:
        """Whether its provider was asked, or may have been; one that was withdrawn uses up nothing of its job."""
        return (self.stage, self.reason, self.code) != (Stage.SUBMIT, Reason.UNREACHABLE, WITHDRAWN)

    @property
    def blameless(self) -> bool:
        """Whether its end was this side's doing, so that it says nothing of its provider.

        It was withdrawn, its job's deadline came too soon, or the router stopped during its submit.
        """
        hasty = self.reason is Reason.EXPIRED and self.code == CUT_SHORT
        stopped = self.reason is Reason.AMBIGUOUS and self.code == INTERRUPTED
        return hasty or stopped or not self.asked

    @property
    def uncertain(self) -> bool:
        """Whether its job goes on, or ended, without anybody knowing what the attempt cost."""
        return self.state in (AttemptState.UNKNOWN, AttemptState.LATE)

    def moved(self, state: AttemptState, **changes: object) -> "Attempt":
        """Return this attempt in `state`; raise IllegalTransitionError when the table has no such step."""
        if state not in ATTEMPT_TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"attempt {self.id}: {self.state} -> {state}")
        return replace(self, state=state, **changes)  # type: ignore[arg-type]


@with_direct_init
@dataclass(frozen=True, slots=True)
class Job:
    """A caller's accepted request. `progress` lives in memory only: a poll writes nothing.

    One that was deleted before it ended is cancelled: it buys nothing more, and ends as soon as it can.
    """

    id: str
    caller: str
    video: VideoRequest
    created_at: float
    deadline_at: float
    state: JobState = JobState.QUEUED
    preferences: RoutingPreferences = NO_PREFERENCES
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    trace_parent: str | None = None
    attempts: tuple[Attempt, ...] = ()
    progress: int = 0
    ended_at: float | None = None
    failure: Failure | None = None
    deleted_at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will change for the caller any more."""
        return not JOB_TRANSITIONS[self.state]

    @property
    def asked(self) -> tuple[Attempt, ...]:
        """The attempts that count: those whose provider was asked, or may have been."""
        return tuple(attempt for attempt in self.attempts if attempt.asked)

    @property
    def at_work(self) -> Attempt | None:
        """The attempt that is being submitted or runs for the job; None between two attempts."""
        for attempt in self.attempts:
            if attempt.state is AttemptState.RUNNING or attempt.state is AttemptState.SUBMITTING:
                return attempt
        return None

    @property
    def delivered(self) -> Attempt | None:
        """The attempt whose video the caller gets; a duplicate that turned up later was never read."""
        if self.state is not JobState.COMPLETED:
            return None
        for attempt in self.attempts:
            if attempt.content_type is not None:
                return attempt
        return None

    def moved(self, state: JobState, **changes: object) -> "Job":
        """Return this job in `state`; raise IllegalTransitionError when the table has no such step."""
        if state is not self.state and state not in JOB_TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"job {self.id}: {self.state} -> {state}")
        return replace(self, state=state, **changes)  # type: ignore[arg-type]

    def with_attempt(self, attempt: Attempt) -> "Job":
        """Return this job with `attempt` added, or put in the place of its earlier self."""
        if attempt.number > len(self.attempts):
            return replace(self, attempts=(*self.attempts, attempt))
        others = tuple(other for other in self.attempts if other.id != attempt.id)
        return replace(self, attempts=tuple(sorted((*others, attempt), key=lambda each: each.number)))
