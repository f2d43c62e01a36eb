"""A failed video as its caller retrieves it, and unknown words as the log tells them, through the whole router."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession

from tests.rig import Rig, a_rig

PROMPT = "a paper boat on a river, seen by a very small grey heron"


async def error_of(rig: Rig, video_id: str) -> dict[str, Any]:
    async with ClientSession() as session, session.get(f"{rig.router.url}/v1/videos/{video_id}") as response:
        error: dict[str, Any] = (await response.json())["error"]
        return error


def lines(rig: Rig, event: str) -> list[dict[str, Any]]:
    return [line for line in map(orjson.loads, rig.log.getvalue().splitlines()) if line["event"] == event]


async def test_a_failed_video_tells_its_attempts_and_what_each_cost(tmp_path: Path) -> None:
    billed = {"shenma": {"charge_rule": {"failed": "billed"}, "alias": "second-choice"}}
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=billed) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "insufficient_balance"}])
        await rig.sandboxes["shenma"].set_faults([{"fault": "fail_at_95"}])
        video = await rig.made()
        error = await error_of(rig, video.id)
        assert (video.status, error["code"]) == ("failed", "generate.internal")
        assert (error["stage"], error["reason"]) == ("generate", "internal")
        assert error["attempts"] == [
            {"provider": "jizhiai", "stage": "submit", "reason": "balance", "charged": False},
            {"provider": "second-choice", "stage": "generate", "reason": "internal", "charged": True},
        ]
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=billed) as again:
        assert await error_of(again, video.id) == error


async def test_what_a_late_attempt_cost_is_told_once_it_is_known(tmp_path: Path) -> None:
    slow = {"jizhiai": {"polling": {**SLOW, "deadline_s": 0.3, "stall_s": 0.2}}}
    policy = {"max_attempts": 1, "min_attempt_s": 0.05}
    async with a_rig(tmp_path, "jizhiai", providers=slow, time_scale=60.0, policy=policy) as rig:
        video = await rig.made(prompt=PROMPT)
        first = (await error_of(rig, video.id))["attempts"]
        assert [attempt["charged"] for attempt in first] == [None]
        async with asyncio.timeout(20):
            while (later := (await error_of(rig, video.id))["attempts"])[0]["charged"] is None:
                await asyncio.sleep(0.05)
        assert later == [{**first[0], "charged": True}]


SLOW = {"first_after_s": 0.02, "interval_s_min": 0.02, "interval_s_max": 0.1, "late_interval_s": 0.2, "late_s_max": 60}


async def test_unknown_words_are_logged_without_the_prompt_that_they_quote(tmp_path: Path) -> None:
    words = f'the flux capacitor is sad about "{PROMPT}" and {PROMPT[:28]} (request id: 2026112207134567890)'
    async with a_rig(tmp_path, "jizhiai") as rig, ClientSession() as session:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "fail_with", "words": words, "code": "quokka"}])
        videos = [await rig.made(prompt=PROMPT) for _ in range(2)]
        assert {video.status for video in videos} == {"failed"}
        # The upstream's answers have one of several shapes, with the code and without.
        line, *others = lines(rig, "unknown_error")
        assert (line["level"], line["provider"], line["stage"], line["reason"]) == (
            *("warning", "jizhiai", "generate", "internal"),
        )
        assert {each["sample"] for each in others} <= {line["sample"]}
        assert line["sample"] == "the flux capacitor is sad about … and … (request id: …)"
        assert not [window for window in windows(PROMPT) if window in rig.log.getvalue()]
        async with session.get(f"{rig.router.admin_url}/metrics") as response:
            counted = 'video_router_unknown_errors_total{provider="jizhiai",stage="generate"} 2.0'
            assert counted in (await response.text()).splitlines()


def windows(prompt: str) -> list[str]:
    return [prompt[start : start + 16] for start in range(len(prompt) - 15)]


async def test_hidden_providers_leave_no_trace_in_what_callers_get(tmp_path: Path) -> None:
    hidden = {"server": {"poll_after_ms": 20, "show_providers": False}}
    async with a_rig(tmp_path, "jizhiai", "shenma", **hidden) as rig, ClientSession() as session:
        for name, sandbox in rig.sandboxes.items():
            said = f"parameters of {name} at {sandbox.base_url} are invalid"
            body = {"code": 400, "error": {"code": "invalid_request", "message": said}, "message": said}
            await sandbox.set_faults([{"fault": "answer", "http_status": 400, "body": body}])
        video = await rig.made()
        async with session.get(f"{rig.router.url}/v1/videos/{video.id}") as response:
            answers = [await response.text()]
        assert [attempt["provider"] for attempt in orjson.loads(answers[0])["error"]["attempts"]] == [
            *("provider-1", "provider-2")
        ]
        for path, request in (
            ("/v1/videos/quote", {"prompt": "x"}),
            ("/v1/videos", {"prompt": "x", "seconds": 25}),
            ("/v1/videos", {"prompt": "x", "routing": {"only": ["jizhiai"]}}),
        ):
            async with session.post(rig.router.url + path, json=request) as response:
                answers.append(await response.text())
        for answer in answers:
            for told in (
                "jizhiai",
                "shenma",
                *(sandbox.base_url.partition("//")[2] for sandbox in rig.sandboxes.values()),
            ):
                assert told not in answer.lower()
