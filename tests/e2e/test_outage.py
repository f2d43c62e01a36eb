"""A refused key or an empty balance: the provider is out at once, and whoever is on duty is told everywhere."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tests.rig import Rig, a_rig

BREAKER = {"outage_s": 1.0, "reset_s": 0.1, "reset_s_max": 0.2}


async def scraped(rig: Rig, session: ClientSession) -> dict[str, float]:
    async with session.get(f"{rig.router.admin_url}/metrics", headers={"Accept": "text/plain"}) as response:
        lines = [line.rpartition(" ") for line in (await response.text()).splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}


async def taken_out(rig: Rig) -> dict[str, Any]:
    """Wait for the line that says it."""
    while True:
        for line in map(orjson.loads, rig.log.getvalue().splitlines()):
            if line["event"] == "provider_out":
                return dict(line)
        await asyncio.sleep(0.01)


async def of_jizhiai(rig: Rig, session: ClientSession) -> dict[str, Any]:
    async with session.get(f"{rig.router.admin_url}/readyz") as response:
        detail: dict[str, Any] = (await response.json())["providers"]["jizhiai"]
        return detail


@pytest.mark.parametrize(
    ("fault", "reason", "why"),
    [
        ("bad_key", "auth", "its key was refused"),
        ("insufficient_balance", "balance", "its balance is used up"),
    ],
)
async def test_an_outage_shows_in_log_metrics_and_readiness_until_it_is_over(
    fault: str, reason: str, why: str, tmp_path: Path
) -> None:
    changes = {"jizhiai": {"breaker": BREAKER}}
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=changes) as rig, ClientSession() as session:
        gauge = f'video_router_provider_outage{{provider="jizhiai",reason="{reason}"}}'
        assert (await scraped(rig, session))[gauge] == 0
        await rig.sandboxes["jizhiai"].set_faults([{"fault": fault}])
        video = await rig.client.videos.create(prompt="a boat", model="sora-2", seconds="10", size="720x1280")  # type: ignore[arg-type]
        line = await asyncio.wait_for(taken_out(rig), 5)
        told, metrics = await of_jizhiai(rig, session), await scraped(rig, session)
        assert (line["level"], line["provider"], line["reason"], line["for_s"]) == ("error", "jizhiai", reason, 1.0)
        assert (told["out_reason"], told["submit"]) == (reason, "open")
        assert 0 < told["out_s"] <= 1.0
        assert why in told["barred"]
        assert metrics[gauge] == 1
        assert metrics[f'video_router_provider_out_total{{provider="jizhiai",reason="{reason}"}}'] == 1
        assert (await rig.ended(video.id)).status == "completed"
        await rig.sandboxes["jizhiai"].clear_faults()
        async with asyncio.timeout(10):
            while (await scraped(rig, session))[gauge] == 1:
                await asyncio.sleep(0.05)
        assert (await of_jizhiai(rig, session))["out_reason"] is None
        assert (await rig.made()).status == "completed"
        assert max(rig.rows(), key=lambda row: row.submitted_at).provider == "jizhiai"
        assert (await of_jizhiai(rig, session))["submit"] == "closed"
