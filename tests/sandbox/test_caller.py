"""The caller of `docker compose --profile sandbox up`, before a real router."""

from pathlib import Path

import aiohttp

from providers.sandbox.caller import Wishes, call
from tests.rig import a_rig


async def test_a_caller_follows_every_video_to_its_end_and_fetches_it(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "prompt_review", "times": 1}])
        # 25 seconds are not sold.
        products = (("sora-2", 10, "720x1280"), ("sora-2", 25, "720x1280"))
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            said: list[int] = []
            wishes = Wishes(24, 60_000, products, seed=1)
            ends = await call(session, rig.router.url, wishes, lambda so_far: said.append(so_far.total()))
        books = rig.sandboxes["jizhiai"].books()
    assert ends.total() == 24
    assert len(said) == 1
    assert ends["failed"] == 1
    assert ends["error"] > 0
    assert ends["completed"] == sum(job.fetches > 1 for job in books.accepted) > 0
