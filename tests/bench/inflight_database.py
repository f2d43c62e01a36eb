"""A database with many jobs under way: what a router that was killed leaves to its next start."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from providers.canonical import Size, VideoRequest
from router.core.decision_record import DecisionRecord
from router.core.job import Attempt, AttemptState, Job, JobState, attempt_id_of
from router.core.ledger import pending
from router.core.ranking import Basis, DecisionReason
from router.engine.store import rows, statements
from router.engine.store.file import connect

PROMPT_CHARS: Final = 940
"""How long a prompt is in a body of 1,024 bytes."""
SECONDS: Final = 8
SIZE: Final = Size(720, 1280)
_AGE_S: Final = 120.0
_DEADLINE_S: Final = 86_400.0
_ROWS_AT_ONCE: Final = 2_000
_BUSY_TIMEOUT_S: Final = 5.0


def remote_id_of(provider: str, number: int) -> str:
    """Name an upstream job so that the upstream can tell at whom it is polled."""
    return f"{provider}_{number:032x}"


def job_id_of(number: int) -> str:
    """Name a job as the router does."""
    return f"video_{number:032x}"


def fill(database: Path, jobs: int, models: Mapping[str, str], caller: str, now: float) -> None:
    """Write so many jobs, each with an attempt that runs since a while at one of the providers, and their model there.

    The rows are the store's own; only their ids, prompts and providers differ.
    """
    with closing(connect(database, _BUSY_TIMEOUT_S)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for first in range(0, jobs, _ROWS_AT_ONCE):
            _insert(connection, range(first, min(jobs, first + _ROWS_AT_ONCE)), list(models.items()), caller, now)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(
    connection: sqlite3.Connection,
    numbers: range,
    models: Sequence[tuple[str, str]],
    caller: str,
    now: float,
) -> None:
    made = [_job(number, *models[number % len(models)], caller, now - _AGE_S) for number in numbers]
    running = [attempt for job in made for attempt in job.attempts]
    connection.executemany(statements.INSERT_JOB, [rows.job_row(job) for job in made])
    connection.executemany(statements.INSERT_ATTEMPT, [rows.attempt_row(attempt) for attempt in running])
    entries = [rows.entry_row(pending(attempt, attempt.submitted_at)) for attempt in running]
    connection.executemany(statements.INSERT_ENTRY, entries)
    connection.executemany(statements.INSERT_DECISION, [rows.decision_row(each, _decision(each)) for each in running])


def _job(number: int, provider: str, model: str, caller: str, at: float) -> Job:
    prompt = f"Scene {number}: a paper boat drifts down a narrow river at dawn. ".ljust(PROMPT_CHARS, "x")
    video = VideoRequest(prompt, model, SECONDS, SIZE)
    job_id, moment = job_id_of(number), at + number * 1e-3
    attempt = Attempt(
        id=attempt_id_of(job_id, 1),
        job_id=job_id,
        number=1,
        offering_id=f"{provider}/{model}",
        provider=provider,
        upstream_model=model,
        seconds=SECONDS,
        quote_microusd=800_000,
        submitted_at=moment,
    )
    running = attempt.moved(AttemptState.RUNNING, remote_id=remote_id_of(provider, number), accepted_at=moment)
    job = Job(job_id, caller, video, moment, moment + _DEADLINE_S, JobState.IN_PROGRESS)
    return replace(job, attempts=(running,))


def _decision(attempt: Attempt) -> DecisionRecord:
    return DecisionRecord(
        attempt.submitted_at,
        Basis.EXPECTED_COST,
        DecisionReason.BEST,
        attempt.upstream_model,
        attempt.seconds,
        str(SIZE),
        (),
        (),
        attempt.offering_id,
    )
