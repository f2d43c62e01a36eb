"""What is taken note of before a submit leaves: the attempt, its pending entry, its share of the day's budgets."""

from collections.abc import Iterable, Iterator

from router.core.budget import Booking
from router.core.events import AttemptStarted
from router.core.job import Attempt, Job, attempt_id_of
from router.core.ledger import LedgerEntry, pending
from router.core.ranking import DecisionReason
from router.core.routing import Candidate, Decision


def next_attempt_id(job: Job) -> str:
    """Name the attempt that a job would begin now."""
    return attempt_id_of(job.id, len(job.attempts) + 1)


def intent(job: Job, candidate: Candidate, at: float) -> tuple[Attempt, LedgerEntry]:
    """Return a job's next attempt, its price frozen, and the money reserved for it; `at` is wall seconds."""
    number, offering = len(job.attempts) + 1, candidate.offering
    attempt = Attempt(
        id=attempt_id_of(job.id, number),
        job_id=job.id,
        number=number,
        offering_id=offering.id,
        provider=offering.provider,
        upstream_model=offering.upstream_model,
        seconds=candidate.video.seconds,
        quote_microusd=candidate.quote_microusd,
        submitted_at=at,
    )
    return attempt, pending(attempt, at)


def booking(job: Job, attempt: Attempt) -> Booking:
    """Return what the attempt takes of its provider's and its caller's day."""
    return Booking(attempt.id, attempt.provider, job.caller, attempt.submitted_at, attempt.quote_microusd)


def open_bookings(jobs: Iterable[Job], since: float) -> Iterator[Booking]:
    """Return what jobs take of the days since `since`, in wall seconds, by attempts whose cost nobody knows yet."""
    for job in jobs:
        yield from (booking(job, each) for each in job.attempts if each.billed is None and each.submitted_at >= since)


def started(job: Job, attempt: Attempt, candidate: Candidate, decision: Decision) -> AttemptStarted:
    """Tell that the attempt leaves now, and why it goes where it goes."""
    reason = decision.reason if candidate is decision.candidates[0] else DecisionReason.FALLBACK
    return AttemptStarted(
        job,
        attempt,
        candidate.share,
        attempt.submitted_at,
        len(decision.candidates),
        decision.excluded,
        reason,
        candidate.score.cost_microusd,
    )
