"""A router that finds 10,000 jobs running: how soon it listens, knows them all, and asks about each."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from aiohttp import ClientSession, TCPConnector, web

from router.core.job import AttemptState, JobState
from router.core.ledger import pending
from router.engine.store import Store
from router.http.callers import ANONYMOUS
from tests.builders import a_job, a_video, an_attempt
from tests.process import Served, write_configuration

JOBS: Final = 10_000
ASKED_AT_ONCE: Final = 32
# The defaults of an upstream that takes minutes.
POLLING: Final = {"first_after_s": 20, "interval_s_min": 2, "interval_s_max": 15}


@dataclass(frozen=True, slots=True)
class Polled:
    """When a job was asked about, on the monotonic clock."""

    remote_id: str
    at: float


@dataclass(slots=True)
class EndlessUpstream:
    """Answers every poll with a job that is under way, and takes no creates."""

    polls: list[Polled]
    creates: int = 0
    base_url: str = ""
    dialect: str = "openai"
    key: str = "sk-endless"

    async def poll(self, request: web.Request) -> web.Response:
        remote_id = request.match_info["id"]
        self.polls.append(Polled(remote_id, time.monotonic()))
        document = {"id": remote_id, "object": "video", "status": "in_progress", "progress": 50, "model": "sora-2"}
        return web.json_response(document)

    async def create(self, request: web.Request) -> web.Response:
        self.creates += 1
        return web.json_response({"error": {"message": "nothing is sold here"}}, status=400)


@asynccontextmanager
async def an_endless_upstream() -> AsyncIterator[EndlessUpstream]:
    """Listen until the block is left."""
    upstream = EndlessUpstream([])
    app = web.Application()
    app.router.add_get("/v1/videos/{id}", upstream.poll)
    app.router.add_post("/v1/videos", upstream.create)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        upstream.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield upstream
    finally:
        await runner.cleanup()


async def store_running_jobs(database: Path, count: int, rng: Random, within_s: float = 600.0) -> list[str]:
    """Write jobs whose videos were accepted not long ago, in as few commits as the store makes of them."""
    store, now, ids = await Store.open(database), time.time(), []

    async def one(number: int) -> None:
        at = now - rng.uniform(0.0, within_s)
        video = a_video(prompt=f"scene {number}", model="sora-2", seconds=8)
        job = a_job(id=f"video_{number:032x}", caller=ANONYMOUS, video=video, created_at=at, deadline_at=at + 7200)
        ids.append(job.id)
        await store.add_job(job)
        attempt = an_attempt(
            id=f"{job.id}-1",
            job_id=job.id,
            offering_id="openai/sora-2",
            provider="openai",
            upstream_model="sora-2",
            seconds=8,
            quote_microusd=800_000,
            submitted_at=at,
        )
        started = job.moved(JobState.IN_PROGRESS).with_attempt(attempt)
        await store.start_attempt(job, started, attempt, pending(attempt, at))
        running = attempt.moved(AttemptState.RUNNING, remote_id=f"up_{number}", accepted_at=at)
        await store.move_attempt(attempt, replace(running))

    for first in range(0, count, 1000):
        await asyncio.gather(*(one(number) for number in range(first, min(count, first + 1000))))
    await store.close()
    return ids


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds since the process was started, its imports included; `polls` by second since the first one."""

    jobs: int
    resumed: int
    listening_s: float
    answered_s: float
    first_poll_s: float
    all_polled_s: float
    polled: int
    polls: tuple[int, ...]
    creates: int


async def recovered(folder: Path, jobs: int, *, watched_s: float, seed: int = 1) -> Recovery:
    """Start a router before so many running jobs, ask it for each of them, and watch the polls arrive."""
    async with an_endless_upstream() as upstream, ClientSession(connector=TCPConnector(limit=ASKED_AT_ONCE)) as http:
        polling = {**POLLING, "stall_s": 3600, "deadline_s": 3600}
        changes: dict[str, Any] = {"polling": polling, "timeouts": {}, "in_flight_max": 4 * jobs}
        sections = {"server": {"jobs_live_max": 4 * jobs}, "policy": {"job_deadline_s": 7200}}
        write_configuration(folder, {"openai": upstream}, changes, **sections)
        served = Served(folder, {}, http)
        ids = await store_running_jobs(served.database, jobs, Random(seed))
        began_at = time.monotonic()
        try:
            await served.start()
            listening_s = time.monotonic() - began_at
            await asyncio.gather(*(_known(served, video_id) for video_id in ids))
            answered_s = time.monotonic() - began_at
            await asyncio.sleep(max(0.0, watched_s - answered_s))
            resumed = served.said("resumed") or {}
        finally:
            await served.kill()
    firsts: dict[str, float] = {}
    for poll in upstream.polls:
        firsts.setdefault(poll.remote_id, poll.at - began_at)
    assert firsts, "nothing was polled"
    first_poll_s = min(firsts.values())
    seconds = Counter(int(poll.at - began_at - first_poll_s) for poll in upstream.polls)
    return Recovery(
        jobs=jobs,
        resumed=resumed.get("running", 0),
        listening_s=listening_s,
        answered_s=answered_s,
        first_poll_s=first_poll_s,
        all_polled_s=max(firsts.values()),
        polled=len(firsts),
        polls=tuple(seconds[second] for second in range(max(seconds) + 1)),
        creates=upstream.creates,
    )


async def _known(served: Served, video_id: str) -> None:
    assert (await served.video(video_id))["status"] == "in_progress"
