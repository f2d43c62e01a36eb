"""A report reads what the router wrote, while it runs and afterwards, and changes nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from providers.canonical import Reason, Stage
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind, voided
from router.engine.store import Store, StoreUnavailableError, StoreVersionError
from router.engine.store.reading import read_report
from tests.builders import EPOCH, PORTRAIT
from tests.store.lives import a_decision, delivered, lost, refused, running, started, the_job


async def test_a_file_in_use_is_read_attempt_by_attempt(store: Store, path: Path) -> None:
    job, attempt = await started(store, await store.add_job(the_job(1)))
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH + 1, stage=Stage.SUBMIT, reason=Reason.OVERLOADED)
    after = job.with_attempt(failed)
    await store.settle(attempt, failed, voided(failed, EPOCH + 1), job, after)
    await delivered(store, *await running(store, after, 2, provider="beta", seconds=12), cost_microusd=90_000)
    await lost(store, *await started(store, await store.add_job(the_job(2))))
    await running(store, await store.add_job(the_job(3)))
    await store.add_job(the_job(4))
    first, second, third, fourth = read_report(path)
    assert (first.job_id, first.number, first.state) == ("video_1", 1, AttemptState.FAILED)
    assert (first.stage, first.reason, first.voided) == (Stage.SUBMIT, Reason.OVERLOADED, True)
    assert (first.open_microusd, first.posted_microusd, first.cost_kind) == (0, 0, None)
    assert (second.provider, second.job_state, second.model) == ("beta", JobState.COMPLETED, "clip")
    assert (second.size, second.job_seconds, second.seconds) == (PORTRAIT, 10, 12)
    assert (second.open_microusd, second.posted_microusd, second.cost_kind) == (0, 90_000, CostKind.DELIVERED)
    assert (second.accepted_at, second.ended_at, second.voided) == (EPOCH + 1, EPOCH + 60, False)
    assert (third.state, third.open_microusd, third.posted_microusd) == (AttemptState.UNKNOWN, 100_000, 0)
    assert (fourth.state, fourth.open_microusd, fourth.job_ended_at) == (AttemptState.RUNNING, 100_000, None)


async def test_a_report_begins_where_it_is_told_to(store: Store, path: Path) -> None:
    for number in (1, 2, 3):
        await started(store, await store.add_job(the_job(number)), submitted_at=EPOCH + number)
    assert [row.job_id for row in read_report(path, EPOCH + 2)] == ["video_2", "video_3"]


async def test_what_a_group_or_a_fallback_came_to_is_told_beside_what_was_asked(store: Store, path: Path) -> None:
    made, *others = a_decision().candidates
    decision = a_decision(candidates=(made._replace(model="film"), *others))
    for number, kept in enumerate((decision, None), 1):
        await started(store, await store.add_job(the_job(number)), decision=kept, offering_id=made.offering)
    assert [(row.model, row.model_made) for row in read_report(path)] == [("clip", "film"), ("clip", "clip")]


async def test_deleted_jobs_are_still_paid_for(store: Store, path: Path) -> None:
    job = await refused(store, *await started(store, await store.add_job(the_job())))
    await store.delete_job(job.id, EPOCH)
    assert [row.job_id for row in read_report(path)] == [job.id]


async def test_the_file_of_a_stopped_router_is_read_and_left_as_it_was(path: Path) -> None:
    store = await Store.open(path)
    await started(store, await store.add_job(the_job()))
    await store.close()
    before = path.read_bytes()
    assert len(read_report(path)) == 1
    assert path.read_bytes() == before


async def test_a_report_goes_on_while_the_router_writes_and_the_router_while_it_reads(store: Store, path: Path) -> None:
    await started(store, await store.add_job(the_job(1)))
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert len(read_report(path)) == 1
        writer.execute("ROLLBACK")


def test_a_file_that_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"router\.db"):
        read_report(path)
    assert not path.exists()


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    with pytest.raises(StoreVersionError, match="'9999'"):
        read_report(path)


def test_what_is_not_a_database_is_refused(path: Path) -> None:
    path.write_text("poem " * 1000)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        read_report(path)
