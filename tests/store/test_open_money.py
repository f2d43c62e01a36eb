"""Which attempts' money is open, as an operator reads it from the file of a router that runs."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from providers.canonical import Failure, Reason, Stage
from router.core.job import AttemptState, JobState
from router.engine.store import Store, StoreUnavailableError, StoreVersionError
from router.engine.store.file import connect
from router.engine.store.open_money import _query, read_open_money
from tests.builders import EPOCH, PORTRAIT
from tests.store.lives import delivered, given_up, lost, refused, running, started, the_job


async def test_uncertain_money_is_read_oldest_first_and_what_is_under_way_only_when_asked(
    store: Store, path: Path
) -> None:
    jobs = [await store.add_job(the_job(number)) for number in range(1, 7)]
    await delivered(store, *await running(store, jobs[0]))
    await refused(store, *await running(store, jobs[1]))
    await lost(store, *await started(store, jobs[2], submitted_at=EPOCH + 5, quote_microusd=120_000))
    await given_up(store, *await running(store, jobs[3], submitted_at=EPOCH + 3))
    await running(store, jobs[4])
    await started(store, jobs[5], submitted_at=EPOCH + 9)
    found = read_open_money(path)
    assert [(each.id, each.state, each.quote_microusd, each.remote_id) for each in found] == [
        ("video_4-1", AttemptState.LATE, 100_000, "remote-video_4-1"),
        ("video_3-1", AttemptState.UNKNOWN, 120_000, None),
    ]
    unknown = found[1]
    assert (unknown.stage, unknown.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)
    assert (unknown.job_id, unknown.job_state, unknown.job_failure) == ("video_3", JobState.FAILED, Reason.AMBIGUOUS)
    assert (unknown.upstream_model, unknown.seconds, unknown.size) == ("clip-v1", 10, PORTRAIT)
    every = [each.state for each in read_open_money(path, every=True)]
    assert every == [AttemptState.RUNNING, AttemptState.LATE, AttemptState.UNKNOWN, AttemptState.SUBMITTING]


async def test_an_attempt_that_its_job_went_on_without_is_read_while_the_job_lives(store: Store, path: Path) -> None:
    job, attempt = await started(store, await store.add_job(the_job()))
    unknown = attempt.moved(AttemptState.UNKNOWN, stage=Stage.SUBMIT, reason=Reason.AMBIGUOUS)
    await store.settle(attempt, unknown, None, None, None)
    await started(store, job.with_attempt(unknown), 2)
    (found,) = read_open_money(path)
    assert (found.id, found.job_state, found.job_failure) == ("video_1-1", JobState.IN_PROGRESS, None)


async def test_one_whose_job_was_cancelled_says_so(store: Store, path: Path) -> None:
    job, attempt = await running(store, await store.add_job(the_job()))
    late, failure = attempt.moved(AttemptState.LATE), Failure(Stage.ROUTE, Reason.CANCELLED)
    over = replace(job.moved(JobState.FAILED, ended_at=EPOCH + 9, failure=failure)).with_attempt(late)
    await store.settle(attempt, late, None, job, over)
    (found,) = read_open_money(path)
    assert (found.stage, found.job_failure) == (None, Reason.CANCELLED)


def test_uncertain_money_is_read_through_indexes_however_much_there_ever_was(path: Path) -> None:
    with closing(connect(path, 1.0)) as connection:
        query = _query(every=False).compile(dialect=sqlite.dialect())
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    read = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert len(read) == 3
    assert "SCAN attempts USING INDEX ix_attempts_uncertain" in read
    assert all("INDEX" in step for step in read)


def test_a_file_that_cannot_be_read_or_is_of_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="router's database file"):
        read_open_money(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreVersionError, match="revision 'none'"):
        read_open_money(tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("no database at all, by any means" * 100)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        read_open_money(tmp_path / "text.db")
