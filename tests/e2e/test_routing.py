"""A caller's own routing through the whole router: groups, wishes in body and headers, and why it went as it went."""

from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import ClientSession

from tests.rig import PRICES, Rig, a_rig

GROUPS = {"model_groups": {"standard": ["sora-2", "veo-3"]}}
VEO = {
    "offerings": [
        {
            "model": "veo-3",
            "upstream_model": "sora-2",
            "name": "veo-3",
            "sizes": ["720x1280"],
            "seconds": [10, 15],
            "price": PRICES["shenma"],
        }
    ]
}


async def quoted(rig: Rig, **body: Any) -> dict[str, Any]:
    plain = {"prompt": "a paper boat on a river", "model": "standard", "seconds": 10, "size": "720x1280"}
    url = f"{rig.router.url}/v1/videos/quote"
    async with ClientSession() as session, session.post(url, json={**plain, **body}) as response:
        quote: dict[str, Any] = await response.json()
        assert response.status == 200, quote
        return quote


async def routing_of(rig: Rig, video_id: str, *include: str) -> list[dict[str, Any]]:
    video = await rig.client.videos.retrieve(video_id, extra_query={"include": ["routing", *include]})
    routing: list[dict[str, Any]] = video.to_dict()["routing"]  # type: ignore[assignment]
    return routing


async def test_a_group_fails_over_to_another_model_and_the_job_tells_why_also_after_a_restart(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", providers={"shenma": VEO}, **GROUPS) as rig:
        quote = await quoted(rig)
        assert quote["order"] == ["jizhiai/sora-2", "shenma/veo-3"]
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "fail_at_95"}])
        video = await rig.made(model="standard")
        assert (video.status, video.model) == ("completed", "standard")
        assert video.to_dict()["delivered"] == {"model": "veo-3", "seconds": "10"}
        told = await routing_of(rig, video.id)
        assert [(each["attempt"], each["chosen"]) for each in told] == [(1, "jizhiai/sora-2"), (2, "shenma/veo-3")]
        first, second = told
        assert first["order"] == quote["order"]
        # What a quote said is what was decided by, up to the one job that was in flight by then.
        for term in ("quote_microusd", "success_low", "paid_attempts", "expected_microusd", "share"):
            assert [each[term] for each in first["candidates"]] == [each[term] for each in quote["candidates"]]
        assert [(each["offering"], each["cause"]) for each in second["excluded"]] == [("jizhiai/sora-2", "tried")]
        await rig.client.videos.delete(video.id)
    async with a_rig(tmp_path, "jizhiai", "shenma", providers={"shenma": VEO}, **GROUPS) as again:
        assert await routing_of(again, video.id, "deleted") == told


async def test_wishes_are_kept_whether_the_body_says_them_or_headers_do(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", providers={"shenma": VEO}, **GROUPS) as rig:
        in_body = await rig.made(model="standard", extra_body={"routing": {"order": ["shenma"]}})
        headers = {"x-router-order": "shenma", "x-router-allow-fallbacks": "false", "x-router-models": "veo-3"}
        in_headers = await rig.made(model="sora-2", extra_headers=headers)
        for video in (in_body, in_headers):
            assert video.status == "completed"
            assert video.to_dict()["delivered"] == {"model": "veo-3", "seconds": "10"}
            (decision,) = await routing_of(rig, video.id)
            assert (decision["chosen"], decision["reason"]) == ("shenma/veo-3", "ordered")
        assert not rig.sandboxes["jizhiai"].books().accepted


async def test_a_drained_and_an_ejected_provider_are_a_503_that_names_both(tmp_path: Path) -> None:
    providers = {"jizhiai": {"drained": True}, "shenma": VEO}
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=providers, **GROUPS) as rig:
        await rig.sandboxes["shenma"].set_faults([{"fault": "insufficient_balance"}])
        assert (await rig.made(model="standard")).status == "failed"
        with pytest.raises(openai.InternalServerError) as down:
            await rig.client.videos.create(prompt="x", model="standard", seconds="10")  # type: ignore[arg-type]
        assert (down.value.status_code, down.value.code) == (503, "no_provider_available")
        assert int(down.value.response.headers["retry-after"]) > 0
        assert "jizhiai/sora-2: is being drained by the operator" in down.value.message
        assert "shenma/veo-3: is out for another" in down.value.message
