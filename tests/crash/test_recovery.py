"""A start that finds thousands of jobs running: it listens, knows each, and asks about each, soon and spread out."""

from pathlib import Path

from tests.crash.figures import recovery_table
from tests.crash.recovery import recovered

JOBS = 2_000


async def test_thousands_of_running_jobs_are_known_and_polled_and_none_is_bought_again(tmp_path: Path) -> None:
    recovery = await recovered(tmp_path, JOBS, watched_s=5.0)
    assert recovery.creates == 0
    assert recovery.resumed == JOBS
    # Of those that wait up to 15 s for their first poll, a third have had it after 5 s; none has had a burst of them.
    assert JOBS // 10 < recovery.polled < JOBS
    assert max(recovery.polls) < JOBS // 2
    assert recovery_table(recovery).row_count
