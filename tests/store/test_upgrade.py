"""A file of an older router is taken over with all that is in it, and has every constraint of a new one afterwards."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from providers.canonical import Reason, Stage
from router.core.job import AttemptState
from router.core.ledger import CostKind, EntryKind
from router.engine.store import Store, StoreUnavailableError, migration
from router.engine.store.reading import read_report
from tests.builders import EPOCH
from tests.store.lives import a_decision, adjusted, delivered, running, the_job
from tests.store.test_schema import snapshot

JOB = (
    "INSERT INTO jobs (id, caller, state, model, seconds, size, request, preferences, metadata, created_at,"
    " deadline_at, ended_at, failure_stage, failure_reason) VALUES (?, 'studio', ?, 'clip', 10, '720x1280',"
    " ?, '{}', '{}', ?, ?, ?, ?, ?)"
)
ATTEMPT = (
    "INSERT INTO attempts (id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd,"
    " submitted_at, state, remote_id, stage, reason) VALUES (?, ?, ?, 'alpha/clip', 'alpha', 'clip', 10, 100000, ?, ?,"
    " ?, ?, ?)"
)
ENTRY = (
    "INSERT INTO ledger_entries (attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind)"
    " VALUES (?, ?, 'alpha', ?, ?, ?, ?)"
)
REQUEST = '{"prompt": "a wave", "watermark": null, "images": []}'


def upgraded(path: Path, revision: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(migration.SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def a_file_at(path: Path, revision: str) -> None:
    """Make a file as a router of that time made it, with a delivered job, a refused attempt and a lost one."""
    # From then on no such row is taken without the ones before it.
    upgraded(path, min(revision, "0003"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(JOB, ("video_1", "completed", REQUEST, EPOCH, EPOCH + 900, EPOCH + 60, None, None))
        connection.execute(JOB, ("video_2", "failed", REQUEST, EPOCH, EPOCH + 900, EPOCH + 9, "submit", "ambiguous"))
        ends = [("failed", None, "submit", "refused"), ("succeeded", "remote-1", None, None)]
        for number, end in enumerate(ends, 1):
            connection.execute(ATTEMPT, (f"video_1-{number}", "video_1", number, EPOCH + number, *end))
        connection.execute(ATTEMPT, ("video_2-1", "video_2", 1, EPOCH + 3, "unknown", None, "submit", "ambiguous"))
        for attempt_id, kind, amount, cost_kind in (
            ("video_1-1", "pending", 100_000, None),
            ("video_2-1", "pending", 100_000, None),
            ("video_1-1", "voided", 100_000, None),
            ("video_1-2", "pending", 100_000, None),
            ("video_1-2", "posted", 90_000, "delivered"),
        ):
            connection.execute(ENTRY, (attempt_id, attempt_id[:7], kind, amount, EPOCH + 5, cost_kind))
    upgraded(path, revision)


async def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migration.migrate

    def half(connection: sqlite3.Connection, needed: Callable[[], bool]) -> None:
        connection.set_authorizer(lambda action, name, *_: sqlite3.SQLITE_DENY if name == "decisions" else 0)
        whole(connection, needed)

    a_file_at(path, "0003")
    before = snapshot(path)
    monkeypatch.setattr(migration, "migrate", half)
    with pytest.raises(StoreUnavailableError, match=r"cannot open .*: not authorized; it must be"):
        await Store.open(path)
    assert snapshot(path) == before
    monkeypatch.undo()
    await (await Store.open(path)).close()
    assert "decisions" in snapshot(path)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004"])
async def test_an_older_routers_file_keeps_its_jobs_and_its_money(path: Path, revision: str) -> None:
    a_file_at(path, revision)
    store = await Store.open(path)
    job = await store.any_job("video_1")
    assert job is not None
    assert [(each.state, each.billed) for each in job.attempts] == [
        (AttemptState.FAILED, False),
        (AttemptState.SUCCEEDED, True),
    ]
    entries = await store.entries(job.id)
    assert [(each.attempt_id, each.kind, each.amount_microusd, each.cost_kind) for each in entries] == [
        ("video_1-1", EntryKind.PENDING, 100_000, None),
        ("video_1-1", EntryKind.VOIDED, 100_000, None),
        ("video_1-2", EntryKind.PENDING, 100_000, None),
        ("video_1-2", EntryKind.POSTED, 90_000, CostKind.DELIVERED),
    ]
    assert [each.id for each in await store.open_jobs()] == ["video_2"]
    assert await store.decisions(job.id) == ()
    await store.close()


@pytest.mark.parametrize("revision", ["0003", "0004"])
async def test_an_older_file_is_afterwards_as_a_new_one(path: Path, tmp_path: Path, revision: str) -> None:
    a_file_at(path, revision)
    await (await Store.open(path)).close()
    await (await Store.open(tmp_path / "new.db")).close()
    assert snapshot(path) == snapshot(tmp_path / "new.db")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%0003%'").fetchone() == (0,)


async def test_life_goes_on_in_an_older_file(path: Path) -> None:
    a_file_at(path, "0003")
    store = await Store.open(path)
    await adjusted(store, "video_1-2", 80_000)
    await adjusted(store, "video_1-1", 30_000)
    why = a_decision()
    await delivered(store, *await running(store, await store.add_job(the_job(3)), decision=why))
    assert await store.decisions("video_3") == (("video_3-1", why),)
    await store.close()
    first, second, third, fourth = read_report(path)
    assert (first.posted_microusd, first.cost_kind, first.stage) == (30_000, CostKind.FAILED_BILLED, Stage.SUBMIT)
    assert (second.posted_microusd, second.cost_kind) == (80_000, CostKind.DELIVERED)
    assert (third.open_microusd, third.reason, fourth.posted_microusd) == (100_000, Reason.AMBIGUOUS, 100_000)


async def test_a_file_whose_money_makes_no_sense_is_refused_as_it_was(path: Path) -> None:
    a_file_at(path, "0003")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(ENTRY, ("video_2-1", "video_1", "posted", 5, EPOCH, "delivered"))
    with pytest.raises(StoreUnavailableError, match=r"UNIQUE constraint failed: ledger_entries\.job_id"):
        await Store.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)
        assert connection.execute("SELECT count(*) FROM ledger_entries").fetchone() == (6,)
