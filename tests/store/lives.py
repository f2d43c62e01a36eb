"""Steps in the life of a job, as the engine takes them."""

from collections.abc import Coroutine
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from providers.canonical import Failure, Reason, Stage
from router.core.decision_record import DecisionRecord, record_of
from router.core.eligibility import ProviderStanding
from router.core.evidence import TrackRecords
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, LedgerEntry, adjustment, cost_in_all, pending, posted, voided, with_money
from router.core.routing import Situation, decide
from router.engine.store import Store
from tests.builders import EPOCH, ManualTime, a_catalog, a_job, a_video, an_attempt, an_offering

T = TypeVar("T")


def the_job(number: int = 1, **changes: Any) -> Job:
    return a_job(id=f"video_{number}", **changes)


def the_attempt(job: Job, number: int = 1, **changes: Any) -> Attempt:
    return an_attempt(number, id=f"{job.id}-{number}", job_id=job.id, **changes)


def a_decision(offerings: int = 2, **changes: Any) -> DecisionRecord:
    """Decide on a video between so many providers, of whom nothing is known."""
    names = [f"provider-{number}" for number in range(offerings)]
    catalog = a_catalog(*map(an_offering, names))
    records = TrackRecords(ManualTime().clock, 3600.0)
    situation = Situation({name: ProviderStanding() for name in names}, records, EPOCH)
    decision = decide(a_video(), catalog, situation, Random(1))
    return replace(record_of(decision, a_video(), EPOCH, decision.first), **changes)


async def started(
    store: Store, job: Job, number: int = 1, decision: DecisionRecord | None = None, **changes: Any
) -> tuple[Job, Attempt]:
    attempt = the_attempt(job, number, **changes)
    after = job.moved(JobState.IN_PROGRESS).with_attempt(attempt)
    await store.start_attempt(job, after, attempt, pending(attempt, EPOCH), decision)
    return after, attempt


async def running(store: Store, job: Job, number: int = 1, **changes: Any) -> tuple[Job, Attempt]:
    job, attempt = await started(store, job, number, **changes)
    accepted = attempt.moved(AttemptState.RUNNING, remote_id=f"remote-{attempt.id}", accepted_at=EPOCH + 1)
    await store.move_attempt(attempt, accepted)
    return job.with_attempt(accepted), accepted


async def delivered(store: Store, job: Job, attempt: Attempt, cost_microusd: int | None = None) -> Job:
    done = attempt.moved(AttemptState.SUCCEEDED, ended_at=EPOCH + 60, content_url="https://cdn.example/v.mp4?sig=1")
    done = replace(done, content_type="video/mp4", content_bytes=1234)
    after = job.moved(JobState.COMPLETED, ended_at=EPOCH + 60, progress=100).with_attempt(done)
    entry = posted(done, CostKind.DELIVERED, EPOCH + 60, cost_microusd)
    await store.settle(attempt, done, entry, job, after)
    return after.with_attempt(with_money(done, entry))


async def refused(store: Store, job: Job, attempt: Attempt) -> Job:
    failure = Failure(Stage.PROMPT_REVIEW, Reason.REFUSED, "not this", "moderation_blocked")
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH + 9, stage=failure.stage, reason=failure.reason)
    after = job.moved(JobState.FAILED, ended_at=EPOCH + 9, failure=failure).with_attempt(failed)
    entry = voided(failed, EPOCH + 9)
    await store.settle(attempt, failed, entry, job, after)
    return after.with_attempt(with_money(failed, entry))


async def lost(store: Store, job: Job, attempt: Attempt) -> Job:
    failure = Failure(Stage.SUBMIT, Reason.AMBIGUOUS, "no answer", "submit_unknown")
    unknown = attempt.moved(AttemptState.UNKNOWN, ended_at=EPOCH + 9, stage=failure.stage, reason=failure.reason)
    after = job.moved(JobState.FAILED, ended_at=EPOCH + 9, failure=failure).with_attempt(unknown)
    await store.settle(attempt, unknown, None, job, after)
    return after


async def given_up(store: Store, job: Job, attempt: Attempt) -> tuple[Job, Attempt]:
    late = attempt.moved(AttemptState.LATE, ended_at=EPOCH + 9, stage=Stage.GENERATE, reason=Reason.STALLED)
    failure = Failure(Stage.GENERATE, Reason.STALLED)
    after = job.moved(JobState.FAILED, ended_at=EPOCH + 9, failure=failure).with_attempt(late)
    await store.settle(attempt, late, None, job, after)
    return after, late


async def adjusted(store: Store, attempt_id: str, to_microusd: int, note: str = "the invoice says so") -> LedgerEntry:
    job = await store.any_job(attempt_id.rpartition("-")[0])
    assert job is not None
    attempt = next(each for each in job.attempts if each.id == attempt_id)
    entries = await store.entries(job.id)
    entry = adjustment(attempt, entries, to_microusd, note, EPOCH + 999)
    await store.adjust(entry, cost_in_all(attempt_id, entries) or 0)
    return entry


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that must not wait for anything, without a loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise AssertionError("it waited")
