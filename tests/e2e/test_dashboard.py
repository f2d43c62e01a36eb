"""The dashboard against the real thing: a router in trouble, scraped by a real Prometheus."""

import asyncio
import time
from pathlib import Path

from tests.e2e.test_failover import FAILOVER
from tests.grafana.queries import panel_queries
from tests.prometheus import Prometheus, numbers, prometheus
from tests.rig import Rig, a_rig

TROUBLE = [
    {"fault": "link_404", "times": 1},
    {"fault": "cut_after_accept", "times": 1, "match": {"prompt_contains": "lost"}},
    {"fault": "output_review", "times": 1, "match": {"prompt_contains": "seen"}},
    {"fault": "poll_500", "times": 4},
]


async def one_round(rig: Rig) -> None:
    """Deliver some videos, waste one, lose one, and have one refused after it was made."""
    await rig.sandboxes["jizhiai"].set_faults(TROUBLE)
    prompts = ["plain", "lost", "seen", "plain again"]
    await asyncio.gather(*(rig.made(prompt=prompt) for prompt in prompts))


def empty_panels(server: Prometheus) -> list[str]:
    """Run every panel's query over the last half minute and name those without a number."""
    now = time.time()
    return [
        str(query)
        for query in panel_queries()
        if not numbers(server.query_range(query.filled(rate_interval="60s", whole_range="60s"), now - 30, now))
    ]


async def test_every_panel_shows_numbers_of_a_router_in_trouble(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", **FAILOVER) as rig:
        target = rig.router.admin_url.removeprefix("http://")
        with prometheus(tmp_path, [target]) as server:
            ended = "sum(video_router_jobs_finished_total)"
            await asyncio.to_thread(server.wait_for, ended)
            for jobs in (4, 8):
                await one_round(rig)
                await asyncio.to_thread(server.wait_for, ended, lambda found, jobs=jobs: found[0].last == jobs)
            assert await asyncio.to_thread(empty_panels, server) == []
            cost = await asyncio.to_thread(server.query, 'sum(video_router_cost_usd_total{kind="failed_billed"})')
            wasted = sum(row.posted_microusd for row in rig.rows() if row.cost_kind == "failed_billed")
            assert round(cost[0].last * 1_000_000) == wasted > 0
