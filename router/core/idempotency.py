"""A caller's promise that two creates are one."""

from dataclasses import dataclass
from typing import Final

from router.core.job import Job

KEPT_S: Final = 86_400.0
"""How long a key stands for its job at least, counted from the latest moment at which that job may end."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Scoped to its caller; `fingerprint` is the SHA-256 of what was asked, so that reuse for another body shows."""

    caller: str
    key: str
    fingerprint: str


class IdempotencyConflictError(Exception):
    """The key was used before, for a request with another body, which made `job`."""

    def __init__(self, job: Job | None = None) -> None:
        super().__init__("this idempotency key was used before with another request; use a new key for a new request")
        self.job = job


def kept_until(job: Job) -> float:
    """Return the earliest moment, in wall seconds, at which a job's key may be forgotten."""
    return job.deadline_at + KEPT_S
