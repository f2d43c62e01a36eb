"""The units of writing: each runs whole inside a transaction that it neither begins nor commits."""

import sqlite3
from typing import Final

from router.core.decision_record import DecisionRecord
from router.core.idempotency import IdempotencyKey
from router.core.job import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    Attempt,
    AttemptState,
    IllegalTransitionError,
    Job,
    JobState,
)
from router.core.ledger import CLOSING_KINDS, EntryKind, LedgerEntry, cost_in_all
from router.engine.store import reads, rows, statements
from router.engine.store.errors import DeletedJobError, RemoteIdTakenError, StaleWriteError

# Upstreams forget jobs in days, and one that counts them may begin anew.
_IDS_ARE_UNIQUE_FOR_S: Final = 7 * 86_400.0
_MONEY_KNOWN = (AttemptState.SUCCEEDED, AttemptState.FAILED)


def add_job(connection: sqlite3.Connection, job: Job, key: IdempotencyKey | None) -> Job:
    """Insert the job, or return the one that its key stands for already."""
    if key is not None and (earlier := reads.job_of_key(connection, key)) is not None:
        return earlier
    connection.execute(statements.INSERT_JOB, rows.job_row(job))
    if job.video.images:
        connection.executemany(statements.INSERT_IMAGE, rows.image_rows(job))
    if key is not None:
        connection.execute(statements.INSERT_KEY, rows.key_row(key, job))
    return job


def add_started(
    connection: sqlite3.Connection,
    job: Job,
    attempt: Attempt,
    entry: LedgerEntry,
    decision: DecisionRecord | None,
    key: IdempotencyKey | None,
) -> Job:
    """Insert the job with the intent of its first submit, or return the job that its key stands for already."""
    check_start(job, attempt, entry)
    added = add_job(connection, job, key)
    if added is job:
        _insert_intent(connection, attempt, entry, decision)
    return added


def start_attempt(
    connection: sqlite3.Connection,
    job_before: Job,
    job_after: Job,
    attempt: Attempt,
    entry: LedgerEntry,
    decision: DecisionRecord | None,
) -> None:
    """Make durable the intent to submit, what it may cost and why it was chosen; DeletedJobError for a deleted job."""
    _check_intent(attempt, entry)
    try:
        move_job(connection, job_before, job_after, statements.START_JOB)
    except StaleWriteError:
        job = reads.any_job(connection, attempt.job_id)
        if job is not None and job.deleted_at is not None:
            raise DeletedJobError(f"job {attempt.job_id} was deleted") from None
        raise
    _insert_intent(connection, attempt, entry, decision)


def _insert_intent(
    connection: sqlite3.Connection, attempt: Attempt, entry: LedgerEntry, decision: DecisionRecord | None
) -> None:
    connection.execute(statements.INSERT_ATTEMPT, rows.attempt_row(attempt))
    connection.execute(statements.INSERT_ENTRY, rows.entry_row(entry))
    if decision is not None:
        connection.execute(statements.INSERT_DECISION, rows.decision_row(attempt, decision))


def move_attempt(connection: sqlite3.Connection, before: Attempt, after: Attempt) -> None:
    """Change an attempt that is still in `before.state`, and whose money stays as it is.

    RemoteIdTakenError when it is to be given an upstream job that another attempt has.
    """
    _check_money(before, after, None)
    if after.state is AttemptState.RUNNING:
        _accept(connection, before, after)
        return
    _move(connection, before, after)
    if before.remote_id is None:
        _check_remote_id(connection, after)


def _accept(connection: sqlite3.Connection, before: Attempt, after: Attempt) -> None:
    """Let an attempt run that is still in `before.state`, unless another one has its upstream job."""
    _check_transition(before, after)
    # Not all that may change: every index whose columns are named is written anew, changed or not.
    row = rows.acceptance(after)
    row["key_id"], row["key_state"] = before.id, before.state.value
    row["id"], row["provider"], row["since"] = after.id, after.provider, after.submitted_at - _IDS_ARE_UNIQUE_FOR_S
    if connection.execute(statements.ACCEPT_ATTEMPT, row).rowcount != 1:
        _check_remote_id(connection, after)
        raise StaleWriteError(f"attempt {before.id} is not {before.state} any more")


def _check_remote_id(connection: sqlite3.Connection, attempt: Attempt) -> None:
    if attempt.remote_id is None:
        return
    since = attempt.submitted_at - _IDS_ARE_UNIQUE_FOR_S
    if reads.is_taken(connection, attempt.provider, attempt.remote_id, attempt.id, since):
        raise RemoteIdTakenError(f"another attempt than {attempt.id} has this job of {attempt.provider}")


def relink_attempt(connection: sqlite3.Connection, attempt: Attempt) -> None:
    """Give a delivered video its fresh link; StaleWriteError when the attempt has not succeeded."""
    row: rows.Row = {"content_url": attempt.content_url, "content_expires_at": attempt.content_expires_at}
    row["key_id"], row["key_state"] = attempt.id, AttemptState.SUCCEEDED.value
    if connection.execute(statements.RELINK_ATTEMPT, row).rowcount != 1:
        raise StaleWriteError(f"attempt {attempt.id} has not succeeded")


def _move(connection: sqlite3.Connection, before: Attempt, after: Attempt) -> None:
    _check_transition(before, after)
    row = rows.attempt_changes(after)
    row["key_id"], row["key_state"] = before.id, before.state.value
    if connection.execute(statements.MOVE_ATTEMPT, row).rowcount != 1:
        raise StaleWriteError(f"attempt {before.id} is not {before.state} any more")


def settle(
    connection: sqlite3.Connection,
    before: Attempt,
    after: Attempt,
    entry: LedgerEntry | None,
    job_before: Job | None,
    job_after: Job | None,
) -> None:
    """End an attempt: its outcome, what it cost, and what becomes of its job."""
    _check_money(before, after, entry)
    if entry is not None:
        _close(connection, before, entry)
    _move(connection, before, after)
    if job_before is not None and job_after is not None:
        move_job(connection, job_before, job_after)


def _close(connection: sqlite3.Connection, before: Attempt, entry: LedgerEntry) -> None:
    """Write the entry that closes an attempt's money; it comes first, for no attempt ends without it."""
    _check_entry(before, entry)
    row = rows.entry_row(entry)
    row["key_id"], row["key_state"] = before.id, before.state.value
    if connection.execute(statements.INSERT_CLOSING_ENTRY, row).rowcount != 1:
        raise StaleWriteError(f"attempt {before.id} is not {before.state} any more")


def adjust(connection: sqlite3.Connection, entry: LedgerEntry, expected_microusd: int) -> None:
    """Correct an attempt's closed money, which comes to `expected_microusd` until then."""
    if entry.kind is not EntryKind.ADJUSTED:
        raise IllegalTransitionError(f"attempt {entry.attempt_id}: a {entry.kind} entry adjusts nothing")
    booked = cost_in_all(entry.attempt_id, reads.entries_of(connection, entry.attempt_id))
    if booked != expected_microusd:
        raise StaleWriteError(f"attempt {entry.attempt_id} is not booked at {expected_microusd} micro-USD any more")
    connection.execute(statements.INSERT_ENTRY, rows.entry_row(entry))


def adopt(
    connection: sqlite3.Connection,
    overtaken: tuple[Attempt, Attempt],
    late: tuple[Attempt, Attempt],
    entry: LedgerEntry,
    job: tuple[Job, Job],
) -> None:
    """Complete a job with a late attempt, and make the one that is running late in its turn."""
    settle(connection, *overtaken, None, None, None)
    settle(connection, *late, entry, *job)


def move_job(connection: sqlite3.Connection, before: Job, after: Job, swap: str = statements.MOVE_JOB) -> None:
    """Change a job that is still in `before.state`; its input images go when it ends: nobody submits them again."""
    legal = after.state is before.state or after.state in JOB_TRANSITIONS[before.state]
    if after.id != before.id or not legal:
        raise IllegalTransitionError(f"job {before.id}: {before.state} -> {after.state} of {after.id}")
    row = rows.job_changes(after)
    row["key_id"], row["key_state"] = before.id, before.state.value
    if connection.execute(swap, row).rowcount != 1:
        raise StaleWriteError(f"job {before.id} is not {before.state} any more")
    if after.ended and rows.has_image_files(after):
        connection.execute(statements.DELETE_IMAGES, {"job_id": after.id})


def hide_job(connection: sqlite3.Connection, job_id: str, at: float) -> bool:
    """Take a job out of its caller's sight; its rows and its money stay."""
    return connection.execute(statements.HIDE_JOB, {"key_id": job_id, "deleted_at": at}).rowcount == 1


def prune_keys(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Forget at most `limit` keys of jobs whose deadline was before `before`; return how many."""
    return connection.execute(statements.DELETE_KEYS, {"before": before, "limit": limit}).rowcount


def touch(connection: sqlite3.Connection) -> None:
    """Write without changing anything."""
    connection.execute(statements.TOUCH)


def check_start(job: Job, attempt: Attempt, entry: LedgerEntry) -> None:
    """Raise IllegalTransitionError unless this is how a job in progress begins."""
    if job.state is not JobState.IN_PROGRESS or attempt.job_id != job.id or attempt.number != 1:
        raise IllegalTransitionError(
            f"job {job.id}: begins {job.state} with attempt {attempt.number} of {attempt.job_id}"
        )
    _check_intent(attempt, entry)


def _check_transition(before: Attempt, after: Attempt) -> None:
    if after.id != before.id or after.state not in ATTEMPT_TRANSITIONS[before.state]:
        raise IllegalTransitionError(f"attempt {before.id}: {before.state} -> {after.state} of {after.id}")


def _check_intent(attempt: Attempt, entry: LedgerEntry) -> None:
    if attempt.state is not AttemptState.SUBMITTING or entry.kind is not EntryKind.PENDING:
        raise IllegalTransitionError(f"attempt {attempt.id}: begins as {attempt.state} with a {entry.kind} entry")
    _check_entry(attempt, entry)


def _check_money(before: Attempt, after: Attempt, entry: LedgerEntry | None) -> None:
    if (entry is not None and entry.kind in CLOSING_KINDS) != (after.state in _MONEY_KNOWN):
        raise IllegalTransitionError(
            f"attempt {before.id}: {after.state} with {entry.kind if entry else 'no'} entry; an attempt's money is"
            " closed when it has succeeded or failed, and only then"
        )


def _check_entry(attempt: Attempt, entry: LedgerEntry) -> None:
    if (entry.attempt_id, entry.job_id, entry.provider) != (attempt.id, attempt.job_id, attempt.provider):
        raise IllegalTransitionError(f"attempt {attempt.id}: an entry of attempt {entry.attempt_id}")
