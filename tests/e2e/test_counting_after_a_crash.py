"""A router that was killed under load: the next one counts what happens from then on, and knows what is still open."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from router.core.budget import day_start
from router.core.job import AttemptState
from router.core.report import ReportRow
from tests.e2e import accounts
from tests.e2e.accounts import Counts, counted, ledger_of, microusd
from tests.e2e.load import Load
from tests.e2e.storm import CUSTOMERS, TIME_SCALE, Account, a_router, account_of, series_in
from tests.process import Served

JOBS = 200
UNDER_WAY = (AttemptState.SUBMITTING, AttemptState.RUNNING)


async def killed_under_load(served: Served) -> None:
    load = Load(served.url, CUSTOMERS, 40.0)
    loading = asyncio.create_task(load.run(lambda: False))
    while len(load.accepted) < JOBS:
        await asyncio.sleep(0.02)
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading
    await served.kill()


async def quiet(served: Served) -> Account:
    """Wait for the end of all jobs, and take all accounts."""
    async with asyncio.timeout(60):
        while series_in((account := await account_of(served)).samples, "jobs_in_flight"):
            await asyncio.sleep(0.1)
    return account


def posted_since(database: Path, at: float) -> Counts:
    sums: Counts = Counter()
    connection = sqlite3.connect(database)
    try:
        query = "SELECT provider, cost_kind, amount_microusd FROM ledger_entries WHERE kind = 'posted' AND at >= ?"
        for provider, kind, amount_microusd in connection.execute(query, (at,)):
            sums[provider, kind] += amount_microusd
    finally:
        connection.close()
    return sums


def undecided(rows: Sequence[ReportRow]) -> set[str]:
    """Lost submits that were left when their job had neither gone on without them nor ended: that is still to come."""
    last = {row.job_id: row for row in rows}
    return {row.attempt_id for row in last.values() if row.state is AttemptState.UNKNOWN and row.job_ended_at is None}


async def test_metrics_after_a_crash_are_what_the_ledger_has_from_then_on(tmp_path: Path) -> None:
    async with a_router(tmp_path / "router", TIME_SCALE / 3, stormy=True) as (served, _):
        await killed_under_load(served)
        rows, killed_at = served.rows(), time.time()
        before = {row.attempt_id: row.state for row in rows}
        assert AttemptState.RUNNING in before.values()
        await served.start()
        account = await quiet(served)
        ledger = ledger_of(served.database, account.rows)

        def seen(name: str, *labels: str) -> Counts:
            return counted(series_in(account.samples, name), *labels)

        def seen_microusd(name: str, *labels: str) -> Counts:
            return microusd(series_in(account.samples, name), *labels)

        assert seen_microusd("cost_usd_total", "provider", "kind") == posted_since(served.database, killed_at)
        jobs = [job for job in ledger.jobs.values() if job.ended_at >= killed_at]
        assert seen("jobs_finished_total", "outcome") == Counter((job.outcome,) for job in jobs)
        left = [row for row in ledger.rows if before.get(row.attempt_id, AttemptState.RUNNING) in UNDER_WAY]
        ends = Counter((row.provider, *ledger.left(row)) for row in left)
        assert seen("attempts_total", "provider", "outcome", "stage", "reason") == ends
        lost = accounts.ambiguous(ledger, [*left, *(row for row in ledger.rows if row.attempt_id in undecided(rows))])
        assert seen("ambiguous_submits_total", "provider", "resolution") == lost
        assert seen_microusd("uncertain_usd", "provider") == accounts.still_uncertain(ledger)
        used = accounts.used_today(ledger, day_start(account.at))
        limits = seen_microusd("daily_budget_usd", "scope", "name")
        assert seen_microusd("daily_budget_used_usd", "scope", "name") == {key: used[key] for key in limits}
