"""What a run may ask of the engine that keeps it company."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from router.core.job import Attempt, Job

if TYPE_CHECKING:
    from router.engine.job_run import JobRun


class Desk(Protocol):
    """What a run tells the engine, which keeps it company."""

    def publish(self, job: Job) -> None:
        """Make this the job that callers see."""

    def watch_late(self, job: Job, attempt: Attempt) -> None:
        """Keep asking about an attempt that its job went on, or ended, without knowing what it cost."""

    @property
    def stopping(self) -> bool:
        """Whether nothing new may be submitted any more."""

    def welcome(self, run: "JobRun") -> None:
        """Take in a job that has just become durable."""

    def submitting(self) -> AbstractContextManager[None]:
        """Let the task that enters this come to the end of it even when the engine stops."""
