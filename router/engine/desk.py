"""What a run may ask of the engine that keeps it company."""

import asyncio
from typing import Protocol

from router.core.job import Attempt, Job
from router.engine.attempt_run import AttemptRun


class Desk(Protocol):
    """What a run tells the engine, which keeps it company."""

    def publish(self, job: Job) -> None:
        """Make this the job that callers see."""

    def watch_late(self, job: Job, attempt: Attempt) -> None:
        """Keep asking about an attempt that its job went on, or ended, without knowing what it cost."""

    def submitting(self, submit: asyncio.Task[AttemptRun | None]) -> None:
        """Let a submit that has begun come to its end even when the run is cancelled."""
