"""A store makes and migrates its own file, and touches nobody else's."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from router.core.job import Attempt
from router.engine.store import (
    Store,
    StoreUnavailableError,
    StoreVersionError,
    creation,
    migration,
    queries,
    rows,
    statements,
)
from router.engine.store.file import connect, revision_of
from router.engine.store.revision import REVISION
from router.engine.store.schema import WRITTEN as SCHEMA_TEXT
from router.engine.store.schema import attempts, jobs, ledger_entries, metadata, script
from router.engine.store.triggers import TRIGGERS
from tests.store.lives import the_attempt, the_job


def schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        # Constraints may stand in another order, and an added column on the line of the one before it.
        return {name: sorted(filter(None, map(str.strip, re.split("[,\n]", sql)))) for name, sql in found}


def snapshot(path: Path) -> dict[str, str]:
    return {name: sql for name, sql in schema(path).items() if name != "alembic_version"}


def migrate(path: Path) -> None:
    """Bring a file through all migrations, as only an older one is."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migration.migrate(connection, lambda: True)


def test_a_new_file_is_as_all_migrations_would_leave_it(path: Path, tmp_path: Path) -> None:
    connect(path, 1.0).close()
    migrate(tmp_path / "migrated.db")
    assert schema(path) == schema(tmp_path / "migrated.db")
    assert revision(path) == revision(tmp_path / "migrated.db") == REVISION


def revision(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as connection:
        return revision_of(connection)


def test_what_is_kept_as_text_is_what_the_schema_says() -> None:
    assert SCHEMA_TEXT.read_text() == script(), "run python -m router.engine.store.schema"
    assert queries.WRITTEN.read_text() == queries.module(), "run python -m router.engine.store.queries"


def test_a_store_that_opens_a_file_of_its_own_time_loads_no_sqlalchemy(path: Path) -> None:
    opening = "import sys, pathlib, router.engine.store.file as file; file.connect(pathlib.Path(sys.argv[1]), 10.0)"
    loaded = f"{opening}; print(sorted({{'sqlalchemy', 'alembic'}} & set(sys.modules)))"
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", loaded, str(path)], capture_output=True, text=True, check=True)
        assert said.stdout == "[]\n"


def test_the_migrations_end_where_the_schema_is(path: Path, tmp_path: Path) -> None:
    migrate(path)
    engine = create_engine(f"sqlite:///{tmp_path / 'created.db'}")
    metadata.create_all(engine)
    assert snapshot(path) == snapshot(tmp_path / "created.db")
    engine.dispose()
    migrated = create_engine(f"sqlite:///{path}")
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    migrated.dispose()


def test_the_newest_migration_is_the_one_the_code_is_written_for() -> None:
    assert migration.scripts().get_heads() == [REVISION]


def test_rows_and_columns_agree() -> None:
    assert (*attempts.c.keys(), "billed") == tuple(field.name for field in fields(Attempt))
    assert tuple(rows.job_changes(the_job())) == queries.JOB_MUTABLE
    assert tuple(rows.attempt_changes(the_attempt(the_job()))) == queries.ATTEMPT_MUTABLE
    assert tuple(rows.acceptance(the_attempt(the_job()))) == queries.ATTEMPT_ACCEPTED


@pytest.mark.parametrize("statement", [statements.ATTEMPTS, statements.OPEN_JOBS, statements.UNCERTAIN_JOBS])
def test_attempts_and_their_money_are_found_through_indexes(path: Path, statement: str) -> None:
    with closing(connect(path, 1.0)) as connection:
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", {"job_id": "video_1"})]
    read = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert [step for step in read if " INDEX " not in step and " PRIMARY KEY " not in step] == []
    assert [step for step in read if step.startswith("SCAN")] == [
        step for step in read if step == "SCAN uncertain USING INDEX ix_attempts_uncertain"
    ]
    assert any(step.startswith("SEARCH ledger_entries USING INDEX uq_ledger_entries_closing") for step in read)


@pytest.mark.parametrize(
    "statement", [statements.ENTRIES, statements.ENTRIES_OF_ATTEMPT, statements.REMOTE_ID, statements.DECISIONS]
)
def test_entries_and_remote_ids_are_found_through_indexes(path: Path, statement: str) -> None:
    asked = dict.fromkeys(("id", "job_id", "provider", "remote_id", "since"), "x")
    with closing(connect(path, 1.0)) as connection:
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", asked)]
    read = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
    assert read
    assert all(step.startswith("SEARCH") and " INDEX " in step for step in read)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_no_trigger_reads_a_table_from_end_to_end(path: Path, trigger: str) -> None:
    _, _, condition = TRIGGERS[trigger].partition(" BEGIN ")[0].partition(" WHEN ")
    asked = re.sub(r"\b(NEW|OLD)\.(\w+)", r":\2", condition)
    parameters = dict.fromkeys([*jobs.c.keys(), *attempts.c.keys(), *ledger_entries.c.keys()])
    with closing(connect(path, 1.0)) as connection:
        found = connection.execute(f"EXPLAIN QUERY PLAN SELECT {asked}", parameters) if asked else ()
        plan = [step[3] for step in found]
    read = [step for step in plan if step.startswith(("SCAN", "SEARCH")) and step != "SCAN CONSTANT ROW"]
    assert len(read) == condition.count(" FROM ")
    assert all(step.startswith("SEARCH") and " INDEX " in step for step in read)


def test_a_file_is_durable_and_checks_its_references(path: Path) -> None:
    with closing(connect(path, 1.0)) as connection:
        told = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
    assert told == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 1000}


def test_stores_opened_at_once_make_their_files_one_after_the_other(path: Path, tmp_path: Path) -> None:
    paths = [path, path, tmp_path / "second.db", tmp_path / "third.db"]
    with ThreadPoolExecutor(4) as pool:
        for connection in pool.map(lambda each: connect(each, 10.0), paths):
            connection.close()
    assert all("jobs" in schema(each) for each in paths)


def test_routers_that_open_one_new_file_at_once_make_it_once(path: Path) -> None:
    script = "import sys, pathlib, router.engine.store.file as file; file.connect(pathlib.Path(sys.argv[1]), 10.0)"
    routers = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(3)]
    assert [router.wait() for router in routers] == [0, 0, 0]
    assert "jobs" in schema(path)


def test_a_file_that_cannot_be_made_whole_stays_empty(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = creation.create

    def half(connection: sqlite3.Connection, is_new: Callable[[], bool]) -> None:
        connection.set_authorizer(lambda action, name, *_: sqlite3.SQLITE_DENY if name == "attempts" else 0)
        whole(connection, is_new)

    monkeypatch.setattr(creation, "create", half)
    with pytest.raises(StoreUnavailableError, match=r"cannot open .*: not authorized; it must be"):
        connect(path, 1.0)
    assert schema(path) == {}
    monkeypatch.undo()
    connect(path, 1.0).close()
    assert "attempts" in schema(path)


async def test_a_newer_routers_file_is_refused_untouched(path: Path) -> None:
    await (await Store.open(path)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match=r"newer router.*'9999'.*knows up to '0005'"):
        await Store.open(path)
    assert path.read_bytes() == before


async def test_a_strangers_database_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match="something else"):
        await Store.open(path)
    assert path.read_bytes() == before


async def test_what_is_not_a_database_is_refused(path: Path, tmp_path: Path) -> None:
    path.write_text("this is a poem, not a database\n" * 100)
    with pytest.raises(StoreUnavailableError, match=r"router\.db.*not a database"):
        await Store.open(path)
    with pytest.raises(StoreUnavailableError, match="cannot open"):
        await Store.open(tmp_path / "no such folder" / "router.db")


async def test_a_path_may_hold_anything_a_path_may_hold(tmp_path: Path) -> None:
    path: Any = tmp_path / "50% of # a?b" / "r.db"
    path.parent.mkdir()
    store = await Store.open(path)
    await store.add_job(the_job())
    assert await store.job("video_1") is not None
    await store.close()
