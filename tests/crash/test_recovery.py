"""A start that finds thousands of jobs running: it listens, knows each, and asks about each, soon and spread out."""

import asyncio
from io import StringIO
from pathlib import Path
from random import Random

import pytest

from router.app import Place, observer_for, running
from router.config.loading import load
from router.core.catalog import Polling
from router.engine.store import lane
from tests.crash.figures import recovery_table
from tests.crash.recovery import an_endless_upstream, recovered, store_running_jobs
from tests.process import UNHURRIED, write_configuration

JOBS = 2_000
FEW = 100


async def test_thousands_of_running_jobs_are_known_and_polled_and_none_is_bought_again(tmp_path: Path) -> None:
    recovery = await recovered(tmp_path, JOBS, watched_s=5.0)
    assert recovery.creates == 0
    assert recovery.resumed == JOBS
    # They are overdue together, and take turns.
    assert 0 < sum(recovery.polls) <= Polling().polls_per_s_max * (len(recovery.polls) + 1)
    assert recovery_table(recovery).row_count


async def test_more_jobs_than_may_wait_for_the_store_are_all_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with an_endless_upstream() as upstream:
        write_configuration(tmp_path, {"openai": upstream}, UNHURRIED, policy={"job_deadline_s": 3600})
        place = Place("127.0.0.1", 0, "127.0.0.1", 0, tmp_path / "router.db")
        await store_running_jobs(place.database, FEW, Random(1), within_s=20.0)
        settings = load(tmp_path / "router.yaml", {})
        monkeypatch.setattr(lane, "WAITING_MAX", FEW // 2)
        async with running(settings, place, observer_for(settings.catalog, StringIO())), asyncio.timeout(30):
            while len({poll.remote_id for poll in upstream.polls}) < FEW:
                await asyncio.sleep(0.05)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("router.engine")] == []
