"""Webhooks of the sandbox, as whoever receives them sees them."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from providers.sandbox import Sandbox
from providers.sandbox.hooks import STORM, Endpoint
from tests.sandbox.buyer import Buyer

# 60-180 s of a real job become 60-180 ms.
TIME_SCALE = 1000.0
SECRET = "whsec_" + base64.b64encode(b"a key that nobody else has").decode()


@dataclass
class Ear:
    """Everything that was posted to it."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def documents(self) -> list[Any]:
        return [orjson.loads(body) for _, body in self.heard]

    async def until(self, many: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < many:
                await asyncio.sleep(0.01)

    async def take(self, request: web.Request) -> web.Response:
        self.heard.append(({key.lower(): value for key, value in request.headers.items()}, await request.read()))
        self.paths.append(request.path)
        return web.Response(status=202)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()
    app = web.Application()
    app.router.add_post("/{path:.*}", ear.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    ear.url = f"http://{host}:{port}/hooks/relay/a-token"
    yield ear
    await runner.cleanup()


@asynccontextmanager
async def a_buyer(dialect: str, *faults: dict[str, Any]) -> AsyncIterator[Buyer]:
    async with (
        aiohttp.ClientSession() as session,
        Sandbox.start(dialect, time_scale=TIME_SCALE, faults=faults) as sandbox,
    ):
        yield Buyer(session, sandbox)


async def test_a_task_is_told_of_at_every_change_as_its_poll_shows_it(ear: Ear) -> None:
    async with a_buyer("shenma") as buyer:
        job_id = await buyer.buy(buyer.order(notify_hook=ear.url))
        await ear.until(3)
        assert [each["status"] for each in ear.documents] == ["NOT_START", "IN_PROGRESS", "SUCCESS"]
        assert {each["task_id"] for each in ear.documents} == {job_id}
        assert set(ear.paths) == {"/hooks/relay/a-token"}
        assert ear.documents[2] == (await buyer.poll(job_id)).document
        assert buyer.sandbox.hooks.answers == {202: 3}


async def test_an_end_is_told_in_a_signed_event(ear: Ear) -> None:
    async with a_buyer("openai") as buyer:
        buyer.sandbox.send_webhooks(ear.url, SECRET)
        job_id = await buyer.buy()
        await ear.until(1)
        ((headers, body),) = ear.heard
        assert (ear.documents[0]["type"], ear.documents[0]["data"]) == ("video.completed", {"id": job_id})
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(base64.b64decode(SECRET[6:]), signed, "sha256")
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


async def test_a_failure_is_an_event_of_its_own(ear: Ear) -> None:
    async with a_buyer("openai", {"fault": "fail_at_95"}) as buyer:
        buyer.sandbox.send_webhooks(ear.url, SECRET)
        await buyer.buy()
        await ear.until(1)
        assert ear.documents[0]["type"] == "video.failed"


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("hook_duplicate", ["NOT_START"] * 2 + ["IN_PROGRESS"] * 2 + ["SUCCESS"] * 2),
        ("hook_out_of_order", ["SUCCESS", "IN_PROGRESS", "NOT_START"]),
        ("hook_forged", ["SUCCESS", "NOT_START", "IN_PROGRESS", "SUCCESS"]),
        ("hook_late", ["NOT_START", "IN_PROGRESS", "SUCCESS"]),
    ],
)
async def test_webhooks_go_wrong_as_they_are_told_to(ear: Ear, fault: str, statuses: list[str]) -> None:
    delay = {"delay_s": 0.01} if fault == "hook_late" else {}
    async with a_buyer("shenma", {"fault": fault, **delay}) as buyer:
        await buyer.buy(buyer.order(notify_hook=ear.url))
        await ear.until(len(statuses))
        told = [each["status"] for each in ear.documents]
        if fault == "hook_late":
            told, statuses = told[-1:], statuses[-1:]
        assert told == statuses
        assert ("/hooks/relay/aforged" in ear.paths) == (fault == "hook_forged")


async def test_a_storm_says_of_one_job_that_it_is_done_before_it_is(ear: Ear) -> None:
    async with a_buyer("openai", {"fault": "hook_storm"}) as buyer:
        buyer.sandbox.send_webhooks(ear.url, SECRET)
        job_id = await buyer.buy()
        await ear.until(STORM + 1)
        assert {each["data"]["id"] for each in ear.documents} == {job_id}
        assert len({headers["webhook-id"] for headers, _ in ear.heard}) == STORM + 1


async def test_nothing_is_sent_where_nobody_asked_or_to_another_machine(ear: Ear) -> None:
    async with a_buyer("shenma", {"fault": "hook_never", "match": {"prompt_contains": "quiet"}}) as buyer:
        await buyer.buy()
        await buyer.buy(buyer.order(notify_hook="http://192.0.2.1/hook"))
        await buyer.buy(buyer.order(notify_hook=ear.url, prompt="a quiet river"))
        await buyer.buy(buyer.order(notify_hook=ear.url))
        await ear.until(3)
        await asyncio.sleep(0.05)
        assert len({each["task_id"] for each in ear.documents}) == 1
    with pytest.raises(ValueError, match="this machine only"):
        Endpoint("https://example.com/hook")
