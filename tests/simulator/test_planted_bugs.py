"""The simulator finds what it is there for: each bug that is planted here breaks an invariant within 50 seeds."""

import asyncio
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.budget import Budgets
from router.core.job import AttemptState
from router.core.lookup import Matched
from router.engine import attempt_run, job_run, live_job, search
from router.engine.late_watch import LateWatch
from router.engine.store import Store, rows, statements, writes
from tests.simulator import simulation
from tests.simulator.simulation import Report, simulate

_SEEDS = 50


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def first_broken() -> Report:
    """The first seed that breaks an invariant."""
    for seed in range(_SEEDS):
        report = simulate(seed)
        if report.broken is not None:
            return report
    pytest.fail(f"the planted bug was not found in {_SEEDS} seeds")


def test_a_submit_without_an_answer_that_is_taken_for_unsent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_run, "unanswered", lambda cause: Failure(Stage.SUBMIT, Reason.UNREACHABLE, cause))

    assert re.search("voided|bought", first_broken().broken or "")


def without_compare_and_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved_anyway(connection: Any, before: Any, after: Any) -> None:
        row = {**rows.attempt_changes(after), "key_id": before.id}
        connection.execute(statements.MOVE_ATTEMPT.replace(":key_state", "attempts.state"), row)

    def closed_anyway(connection: Any, before: Any, entry: Any) -> None:
        connection.execute(statements.INSERT_ENTRY, rows.entry_row(entry))

    monkeypatch.setattr(writes, "_move", moved_anyway)
    monkeypatch.setattr(writes, "_close", closed_anyway)


def without_constraints(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = simulation.a_database()
    for (trigger,) in bare.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        bare.execute(f"DROP TRIGGER {trigger}")
    for (index,) in bare.execute("SELECT name FROM sqlite_master WHERE name LIKE 'uq_ledger_entries_%'").fetchall():
        bare.execute(f"DROP INDEX {index}")
    monkeypatch.setattr(simulation, "_template", lambda: bare)


def test_a_settle_without_the_compare_and_swap_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    without_compare_and_swap(monkeypatch)

    # The database's own constraints refuse what would be booked twice; who was right, nobody is told then.
    assert "kept silent of" in (first_broken().broken or "")


def test_a_settle_without_constraints_either_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    without_compare_and_swap(monkeypatch)
    without_constraints(monkeypatch)

    assert "after its money was closed" in (first_broken().broken or "")


def test_a_submit_that_leaves_before_its_intent_is_durable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    start, add = Store.start_attempt, Store.add_started

    async def started_later(store: Store, *intent: Any) -> None:
        asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(start(store, *intent)))

    async def added_later(store: Store, job: Any, *intent: Any) -> Any:
        asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(add(store, job, *intent)))
        return job

    monkeypatch.setattr(Store, "start_attempt", started_later)
    monkeypatch.setattr(Store, "add_started", added_later)

    assert "no durable intent" in (first_broken().broken or "")


def test_a_submit_that_a_restart_sends_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    resume = job_run.JobRun._resume

    async def sent_again(run: job_run.JobRun) -> float | None:
        attempt = run.job.at_work
        if attempt is not None and attempt.state is AttemptState.SUBMITTING:
            await run._attempt_run(attempt, None, resumed=True).submit(run.job.video)
        return await resume(run)

    monkeypatch.setattr(job_run.JobRun, "_resume", sent_again)

    assert "a second time" in (first_broken().broken or "")


def test_a_late_success_that_is_dropped_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dropped(watch: LateWatch, *done: Any) -> None:
        return None

    monkeypatch.setattr(LateWatch, "_settle_success", dropped)

    assert "is late" in (first_broken().broken or "")


def test_a_daily_budget_that_a_restart_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budgets, "restore", lambda budgets, bookings: None)

    assert re.search("the budget is|of the day of .* are used", first_broken().broken or "")


def test_a_key_that_stands_for_two_jobs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    add = writes.add_job
    monkeypatch.setattr(writes, "add_job", lambda connection, job, key: add(connection, job, None))

    assert re.search("one idempotency key|was acknowledged, now", first_broken().broken or "")


def test_a_duplicate_without_its_bound_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = live_job.goes_on
    monkeypatch.setattr(
        live_job, "goes_on", lambda failure, **terms: go_on(failure, **{**terms, "uncertain_microusd": 0})
    )

    assert "uncertain" in (first_broken().broken or "")


def test_a_lookup_that_takes_the_first_listed_job_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(sought: Any, listed: Any, claimed: Any, *more: Any) -> Any:
        free = [job for job in listed if job.remote_id not in claimed]
        return Matched(free[0].remote_id) if free else search.Unclear()

    monkeypatch.setattr(search, "match", taken)

    assert "not bought for it" in (first_broken().broken or "")
