"""What was acknowledged is there after kill -9; a file that another process locks is waited for or refused."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from router.core.job import AttemptState
from router.engine.store import Store, StoreUnavailableError
from tests.store.lives import the_job

WRITER = """
import asyncio, sys
from pathlib import Path
from router.engine.store import Store
from tests.store.lives import delivered, running, the_job

async def live(store, number):
    job = await store.add_job(the_job(number))
    print("added", job.id, flush=True)
    job, attempt = await running(store, job)
    print("running", job.id, flush=True)
    if number % 2:
        await delivered(store, job, attempt)
        print("delivered", job.id, flush=True)

async def main():
    store = await Store.open(Path(sys.argv[1]))
    for first in range(0, 100_000, 8):
        await asyncio.gather(*(live(store, number) for number in range(first, first + 8)))

asyncio.run(main())
"""
LOCKER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
other.execute("ROLLBACK")
print("free", flush=True)
"""


def spawn(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


async def test_whatever_was_acknowledged_survives_kill_9(path: Path) -> None:
    with spawn(WRITER, path) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(300)]
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    store = await Store.open(path)
    # The last line may have been cut; an acknowledgement is whole lines only.
    for verb, job_id in (line.split() for line in said if line.endswith("\n")):
        job = await store.job(job_id)
        assert job is not None
        kinds = [entry.kind for entry in await store.entries(job_id)]
        if verb == "running":
            assert job.attempts[0].state in (AttemptState.RUNNING, AttemptState.SUCCEEDED)
            assert kinds[0] == "pending"
        if verb == "delivered":
            assert job.delivered is not None
            assert kinds == ["pending", "posted"]
    for job in await store.open_jobs():
        # Nothing in between: an attempt has its pending entry, and one that is not settled nothing else.
        assert len(await store.entries(job.id)) == len(job.attempts)
    await store.close()


async def test_a_file_locked_by_another_process_is_unavailable_until_it_is_free(store: Store, path: Path) -> None:
    with await asyncio.to_thread(spawn, LOCKER, path) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StoreUnavailableError, match="locked"):
            await store.add_job(the_job())
        assert await store.job("video_1") is None
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "free\n"
        await store.add_job(the_job())
        other.stdin.close()
