"""A scrape of a router with ten providers stays small, and is what Prometheus wants it to be."""

import asyncio
import json
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from providers.sandbox import Sandbox
from tests.e2e.load import Customer, Load
from tests.process import Served
from tests.prometheus import prometheus, require
from tests.rig import POLLING

PROVIDERS, JOBS, SERIES_MAX = 10, 150, 3000
CUSTOMERS = tuple(Customer(f"team-{number}", number) for number in range(10, 0, -1))
TROUBLE: list[dict[str, Any]] = [
    {"fault": "cut_after_accept", "share": 0.05},
    {"fault": "http_503", "share": 0.1},
    {"fault": "rate_limited", "share": 0.05},
    {"fault": "output_review", "share": 0.1},
    {"fault": "prompt_review", "share": 0.05, "at": "job"},
    {"fault": "fail_at_95", "share": 0.2},
    {"fault": "slow_download", "share": 0.05, "delay_s": 0.1},
    {"fault": "link_404", "share": 0.1},
    {"fault": "poll_500", "share": 0.1},
    {"fault": "poll_garbage", "share": 0.05},
]


def provider(sandbox: Sandbox, key_file: Path, number: int) -> dict[str, Any]:
    """One of many with two offerings; no price is like another."""
    sold = {"seconds": [10, 15], "image_inputs": ["url", "file"], "images_max": 1}
    cheap = {"model": "sora-2", "sizes": ["720x1280", "1280x720"], "price": {"per_clip": f"0.{10 + number}"}}
    dear = {"model": "sora-2-pro", "sizes": ["1024x1792", "1792x1024"], "price": {"per_clip": f"1.{10 + number}"}}
    return {
        "dialect": "shenma",
        "base_url": sandbox.base_url,
        "api_key": {"file": str(key_file)},
        "asset_hosts": [sandbox.base_url.removeprefix("http://")],
        "daily_budget_usd": "1000",
        "polling": {**POLLING, "deadline_s": 6},
        "offerings": [{**cheap, **sold}, {**dear, **sold}],
    }


async def test_a_scrape_of_ten_providers_and_twenty_offerings_is_small_and_valid(tmp_path: Path) -> None:
    promtool = require("promtool")
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.start("shenma", time_scale=600, faults=TROUBLE))
        key_file = tmp_path / "key"
        key_file.write_text(sandbox.key)
        document = {
            "callers": [each.document() for each in CUSTOMERS],
            "routing": {"policy": "weighted"},
            "policy": {"on_ambiguous": "failover", "max_duplicate_usd": "3.00", "min_attempt_s": 0.1},
            "reporting": {"baseline_provider": "provider-0"},
            "providers": {f"provider-{each}": provider(sandbox, key_file, each) for each in range(PROVIDERS)},
        }
        (tmp_path / "router.yaml").write_text(json.dumps(document))
        served = Served(tmp_path, {"shenma": sandbox}, await stack.enter_async_context(ClientSession()))
        stack.push_async_callback(served.kill)
        await served.start()
        target = served.admin_url.removeprefix("http://")
        with prometheus(tmp_path, [target]) as server:
            load = Load(served.url, CUSTOMERS, per_second=40)
            await load.run(lambda: sum(load.answers.values()) >= JOBS)
            ended = f"sum(video_router_jobs_finished_total) == {len(load.accepted)}"
            await asyncio.to_thread(server.wait_for, ended)
            assert {row.provider for row in served.rows()} == set(document["providers"])
            (series,) = await asyncio.to_thread(server.query, "max_over_time(scrape_samples_scraped[5m])")
            assert 1000 < series.last < SERIES_MAX
        async with served.http.get(f"{served.admin_url}/metrics", headers={"Accept": "text/plain"}) as response:
            text = await response.read()
        checked = subprocess.run([promtool, "check", "metrics"], input=text, check=False, capture_output=True)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
        assert await served.stop() == 0
