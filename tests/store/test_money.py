"""Posted once or voided once, never both, and only with the attempt's end; whoever writes."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.job import AttemptState, IllegalTransitionError, JobState
from router.core.ledger import CostKind, pending, posted, voided, with_money
from router.engine.store import RefusedWriteError, StaleWriteError, Store
from router.engine.store.triggers import TRIGGERS
from tests.builders import EPOCH
from tests.store.lives import (
    a_decision,
    adjusted,
    delivered,
    given_up,
    lost,
    refused,
    running,
    started,
    the_attempt,
    the_job,
)


async def test_a_delivered_video_is_posted_at_the_cost_its_provider_told(store: Store) -> None:
    job = await delivered(store, *await running(store, await store.add_job(the_job())), cost_microusd=77)
    entries = await store.entries(job.id)
    assert [(entry.kind, entry.amount_microusd, entry.cost_kind) for entry in entries] == [
        ("pending", 100_000, None),
        ("posted", 77, CostKind.DELIVERED),
    ]


async def test_a_refused_submit_is_voided(store: Store) -> None:
    job = await refused(store, *await started(store, await store.add_job(the_job())))
    assert [entry.kind for entry in await store.entries(job.id)] == ["pending", "voided"]


async def test_a_lost_submit_stays_pending(store: Store) -> None:
    job = await lost(store, *await started(store, await store.add_job(the_job())))
    assert [entry.kind for entry in await store.entries(job.id)] == ["pending"]


async def test_a_late_attempt_is_settled_without_its_job(store: Store) -> None:
    job, late = await given_up(store, *await running(store, await store.add_job(the_job())))
    done = late.moved(AttemptState.SUCCEEDED, ended_at=EPOCH + 99)
    entry = posted(done, CostKind.DUPLICATE, EPOCH + 99)
    await store.settle(late, done, entry, None, None)
    assert await store.job(job.id) == job.with_attempt(with_money(done, entry))
    assert await store.open_jobs() == []


async def test_an_attempt_comes_back_with_what_the_ledger_says_of_its_money(store: Store) -> None:
    job, first = await started(store, await store.add_job(the_job()))
    failed = first.moved(AttemptState.FAILED, ended_at=EPOCH + 1)
    await store.settle(first, failed, voided(failed, EPOCH + 1), job, job.with_attempt(failed))
    job, late = await given_up(store, *await running(store, job.with_attempt(failed), 2))
    assert [attempt.billed for attempt in (await store.open_jobs())[0].attempts] == [False, None]
    ended = late.moved(AttemptState.FAILED, ended_at=EPOCH + 99)
    await store.settle(late, ended, posted(ended, CostKind.FAILED_BILLED, EPOCH + 99), None, None)
    loaded = await store.job(job.id)
    assert loaded is not None
    assert [attempt.billed for attempt in loaded.attempts] == [False, True]


async def test_a_correction_says_whether_an_attempt_was_billed_after_all(store: Store) -> None:
    await delivered(store, *await running(store, await store.add_job(the_job(1))))
    await refused(store, *await started(store, await store.add_job(the_job(2))))
    told: list[bool | None] = []
    for attempt_id, to in (("video_1-1", 0), ("video_1-1", 5), ("video_2-1", 7), ("video_2-1", 0)):
        await adjusted(store, attempt_id, to)
        loaded = await store.job(attempt_id[:7])
        assert loaded is not None
        told.append(loaded.attempts[0].billed)
    assert told == [False, True, True, False]


async def test_an_attempt_is_settled_once(store: Store) -> None:
    job, attempt = await running(store, await store.add_job(the_job()))
    ended = await delivered(store, job, attempt)
    with pytest.raises(StaleWriteError, match="not running"):
        await delivered(store, job, attempt)
    with pytest.raises(StaleWriteError):
        await refused(store, job, attempt)
    assert await store.job(job.id) == ended
    assert len(await store.entries(job.id)) == 2


async def test_a_settlement_that_finds_its_job_elsewhere_writes_nothing(store: Store) -> None:
    job, attempt = await running(store, await store.add_job(the_job()))
    failure = Failure(Stage.ROUTE, Reason.EXPIRED)
    expired = job.moved(JobState.FAILED, ended_at=EPOCH, failure=failure)
    await store.end_job(job, expired)
    with pytest.raises(StaleWriteError, match="job video_1"):
        await delivered(store, job, attempt)
    assert await store.job(job.id) == expired
    assert [entry.kind for entry in await store.entries(job.id)] == ["pending"]


async def test_only_one_of_two_runs_can_start_a_jobs_first_attempt(store: Store) -> None:
    job = await store.add_job(the_job())
    await started(store, job)
    with pytest.raises(StaleWriteError):
        await started(store, job, number=2)


async def test_only_one_of_two_runs_can_start_a_jobs_next_attempt(store: Store) -> None:
    job, attempt = await started(store, await store.add_job(the_job()))
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH)
    await store.settle(attempt, failed, voided(failed, EPOCH), job, job.with_attempt(failed))
    await started(store, job, number=2)
    with pytest.raises(RefusedWriteError, match="UNIQUE"):
        await started(store, job, number=2)
    assert len(await store.entries(job.id)) == 3


async def test_an_ended_job_starts_no_attempt(store: Store) -> None:
    job = await refused(store, *await started(store, await store.add_job(the_job())))
    attempt = the_attempt(job, 2)
    revived = replace(job, state=JobState.IN_PROGRESS, ended_at=None, failure=None)
    with pytest.raises(IllegalTransitionError):
        await store.start_attempt(job, revived, attempt, pending(attempt, EPOCH))
    with pytest.raises(StaleWriteError):
        await store.start_attempt(revived, revived, attempt, pending(attempt, EPOCH))


@pytest.mark.parametrize("state", [AttemptState.SUBMITTING, AttemptState.LATE, AttemptState.SUCCEEDED])
async def test_an_illegal_step_is_not_written(store: Store, state: AttemptState) -> None:
    job, attempt = await started(store, await store.add_job(the_job()))
    with pytest.raises(IllegalTransitionError):
        await store.move_attempt(attempt, replace(attempt, state=state, remote_id="r"))
    assert await store.job(job.id) == job


async def test_an_attempt_ends_with_its_money_known_or_not_at_all(store: Store) -> None:
    _, attempt = await started(store, await store.add_job(the_job()))
    failed, unknown = attempt.moved(AttemptState.FAILED), attempt.moved(AttemptState.UNKNOWN)
    with pytest.raises(IllegalTransitionError, match="no entry"):
        await store.settle(attempt, failed, None, None, None)
    with pytest.raises(IllegalTransitionError, match="voided entry"):
        await store.settle(attempt, unknown, voided(unknown, EPOCH), None, None)


async def test_moving_an_attempt_cannot_leave_its_money_behind(store: Store) -> None:
    _, attempt = await started(store, await store.add_job(the_job()))
    with pytest.raises(IllegalTransitionError, match="money"):
        await store.move_attempt(attempt, attempt.moved(AttemptState.FAILED))


async def test_an_entry_belongs_to_the_attempt_it_is_written_with(store: Store) -> None:
    _, attempt = await started(store, await store.add_job(the_job(1)))
    _, other = await started(store, await store.add_job(the_job(2)))
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH)
    with pytest.raises(IllegalTransitionError, match="entry of attempt"):
        await store.settle(attempt, failed, voided(other, EPOCH), None, None)


ENTRY = "INSERT INTO ledger_entries (attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind) VALUES "
ADJUSTED = ENTRY.replace("cost_kind)", "cost_kind, note)")
ATTEMPT = (
    "INSERT INTO attempts (id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd,"
    " submitted_at, state) VALUES ('{id}', '{job}', {number}, 'alpha/clip', 'alpha', 'clip', 10, 5, 1, 'submitting')"
)
UNRESERVED = ATTEMPT.format(id="video_2-2", job="video_2", number=2)
FORBIDDEN = {
    "a second pending entry": ENTRY + "('video_1-1', 'video_1', 'alpha', 'pending', 5, 1, NULL)",
    "a second posted entry": ENTRY + "('video_1-1', 'video_1', 'alpha', 'posted', 5, 1, 'duplicate')",
    "a voided entry beside the posted one": ENTRY + "('video_1-1', 'video_1', 'alpha', 'voided', 5, 1, NULL)",
    "an entry of no attempt": ENTRY + "('nobody', 'video_1', 'alpha', 'pending', 5, 1, NULL)",
    "an entry of no job": ENTRY + "('video_2-1', 'nobody', 'alpha', 'voided', 5, 1, NULL)",
    "a negative amount": ENTRY + "('video_2-1', 'video_2', 'alpha', 'voided', -1, 1, NULL)",
    "a posted entry that says not for what": ENTRY + "('video_2-1', 'video_2', 'alpha', 'posted', 5, 1, NULL)",
    "a voided entry that bought something": ENTRY + "('video_2-1', 'video_2', 'alpha', 'voided', 5, 1, 'delivered')",
    "an entry called uncertain": ENTRY + "('video_2-1', 'video_2', 'alpha', 'posted', 5, 1, 'uncertain')",
    "an adjustment without a reason": ENTRY + "('video_1-1', 'video_1', 'alpha', 'adjusted', 5, 1, 'delivered')",
    "an adjustment by nothing": ADJUSTED + "('video_1-1', 'video_1', 'alpha', 'adjusted', 0, 1, 'delivered', 'why')",
    "an adjustment below nothing": ADJUSTED
    + "('video_1-1', 'video_1', 'alpha', 'adjusted', -100001, 1, 'delivered', 'why')",
    "an adjustment of another kind": ADJUSTED
    + "('video_1-1', 'video_1', 'alpha', 'adjusted', 5, 1, 'duplicate', 'why')",
    "an adjustment of open money": ADJUSTED
    + "('video_2-1', 'video_2', 'alpha', 'adjusted', 5, 1, 'failed_billed', 'why')",
    "a note on what is no adjustment": ADJUSTED + "('video_2-1', 'video_2', 'alpha', 'voided', 100000, 1, NULL, 'why')",
    "an entry of another provider": ENTRY + "('video_2-1', 'video_2', 'beta', 'voided', 100000, 1, NULL)",
    "an entry of another job": ENTRY + "('video_2-1', 'video_1', 'alpha', 'voided', 100000, 1, NULL)",
    "less released than reserved": ENTRY + "('video_2-1', 'video_2', 'alpha', 'voided', 5, 1, NULL)",
    "an end without money": "UPDATE attempts SET state = 'failed' WHERE id = 'video_2-1'",
    "a success without money": "UPDATE attempts SET state = 'succeeded', remote_id = 'r' WHERE id = 'video_2-1'",
    "a second life": "UPDATE attempts SET state = 'late' WHERE id = 'video_1-1'",
    "another end": "UPDATE attempts SET state = 'failed' WHERE id = 'video_1-1'",
    "another price": "UPDATE attempts SET quote_microusd = 5 WHERE id = 'video_2-1'",
    "another provider": "UPDATE attempts SET provider = 'beta'",
    "another remote job": "UPDATE attempts SET remote_id = 'other' WHERE id = 'video_1-1'",
    "an attempt after a gap": ATTEMPT.format(id="video_2-4", job="video_2", number=4),
    "a release of what was not reserved": ENTRY + "('video_2-2', 'video_2', 'alpha', 'voided', 5, 1, NULL)",
    "an attempt for a job that is over": ATTEMPT.format(id="video_1-2", job="video_1", number=2),
    "another request": "UPDATE jobs SET seconds = 99",
    "another caller": "UPDATE jobs SET caller = 'thief'",
    "a job that is over and goes on": "UPDATE jobs SET state = 'in_progress', ended_at = NULL WHERE id = 'video_1'",
    "a job completed for nothing": "UPDATE jobs SET state = 'completed', ended_at = 1 WHERE id = 'video_2'",
    "another kind": ENTRY + "('video_2-1', 'video_2', 'alpha', 'gift', 5, 1, NULL)",
    "a changed entry": "UPDATE ledger_entries SET amount_microusd = 0",
    "a deleted entry": "DELETE FROM ledger_entries",
    "a changed decision": "UPDATE decisions SET document = '[]'",
    "a decision of no attempt": "INSERT INTO decisions VALUES ('nobody', 1, '[]')",
    "a second decision": "INSERT INTO decisions VALUES ('video_2-1', 1, '[]')",
    "a deleted attempt": "DELETE FROM attempts",
    "a deleted job": "DELETE FROM jobs",
    "an unheard-of attempt state": "UPDATE attempts SET state = 'paused'",
    "a running attempt without a remote id": "UPDATE attempts SET state = 'running' WHERE id = 'video_2-1'",
    "a negative quote": "UPDATE attempts SET quote_microusd = -1",
    "an unheard-of job state": "UPDATE jobs SET state = 'paused'",
    "an ended job without an end": "UPDATE jobs SET ended_at = NULL WHERE id = 'video_1'",
    "a failed job without a reason": "UPDATE jobs SET state = 'failed', ended_at = 1 WHERE id = 'video_2'",
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_the_database_itself_refuses(store: Store, path: Path, what: str) -> None:
    await delivered(store, *await running(store, await store.add_job(the_job(1))))
    await started(store, await store.add_job(the_job(2)), decision=a_decision())
    with closing(sqlite3.connect(path)) as stranger:
        stranger.execute("PRAGMA foreign_keys = ON")
        stranger.execute(UNRESERVED)
        with pytest.raises(sqlite3.IntegrityError):
            stranger.execute(FORBIDDEN[what])


@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_every_trigger_refuses_what_nothing_else_does(store: Store, path: Path, trigger: str) -> None:
    await delivered(store, *await running(store, await store.add_job(the_job(1))))
    await started(store, await store.add_job(the_job(2)), decision=a_decision())
    let_through = []
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("PRAGMA foreign_keys = ON")
        stranger.execute(UNRESERVED)
        stranger.execute(f"DROP TRIGGER {trigger}")
        for what, statement in FORBIDDEN.items():
            stranger.execute("BEGIN")
            with suppress(sqlite3.IntegrityError):
                stranger.execute(statement)
                let_through.append(what)
            stranger.execute("ROLLBACK")
    assert let_through != []
