"""Many jobs at a provider whose list answers their polls, over real sockets, and lists that are wrong in every way."""

import asyncio
from pathlib import Path
from typing import Any

from tests.rig import Rig, a_rig, assert_books_agree

# 60-180 s of a real job become 1.5-4.5 s: so long that all are under way together, however slowly they are created, and
# each is asked about a few times.
TIME_SCALE = 40.0
POLLING = {
    # Half of it is how long polls are gathered for one reading of the list.
    "first_after_s": 0.5,
    "interval_s_min": 0.5,
    "interval_s_max": 0.8,
    "polls_per_s_max": 1000,
    "stall_s": 20,
    "deadline_s": 30,
    "download_s_max": 5,
}


def provider(listed: str) -> dict[str, Any]:
    """Describe one that takes everything at once, however slowly."""
    patient = {"connect_s": 10, "submit_s": 20, "poll_s": 10, "download_idle_s": 10}
    return {"openai": {"in_flight_max": 1000, "timeouts": patient, "polling": {**POLLING, "listed": listed}}}


async def made(rig: Rig, jobs: int) -> dict[str, str]:
    """Have so many videos made at the same time; return how each ended."""
    asked = (rig.client.videos.create(prompt=f"boat {n}", model="sora-2", seconds="8") for n in range(jobs))
    videos = await asyncio.gather(*asked)
    ended = [await rig.ended(video.id, 40.0) for video in videos]
    return {video.id: video.status for video in ended}


def asked(rig: Rig) -> tuple[int, int]:
    """Return how often the list was read, and how often a job was polled by itself."""
    requests = rig.sandboxes["openai"].upstream.requests
    return requests["list"], requests["poll"]


async def test_dozens_of_jobs_are_polled_by_the_page(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "openai", providers=provider("trusted"), time_scale=TIME_SCALE) as rig:
        ended = await made(rig, 40)
        lists, polls = asked(rig)
        assert set(ended.values()) == {"completed"}
        assert lists > 1
        assert lists + polls < 2 * len(ended)
        assert_books_agree(rig)


async def test_whatever_is_wrong_with_a_list_every_job_ends_as_it_did(tmp_path: Path) -> None:
    faults = ("late", "missing", "disordered", "endless", "500", "garbage", "cut")
    async with a_rig(tmp_path, "openai", providers=provider("trusted"), time_scale=TIME_SCALE) as rig:
        sandbox = rig.sandboxes["openai"]
        wrong: list[dict[str, Any]] = [{"fault": f"list_{name}", "share": 0.2} for name in faults]
        await sandbox.set_faults([{"fault": "fail_at_95", "share": 0.2}, *wrong])
        ended = await made(rig, 24)
        jobs = sandbox.upstream.live_jobs()
        failed = sum(job.fate.failed_stage is not None for job in jobs)
        # A failed one is not bought again, for nobody else sells it.
        assert (len(jobs), list(ended.values()).count("failed")) == (len(ended), failed)
        assert asked(rig)[0] >= 1
        assert_books_agree(rig)
