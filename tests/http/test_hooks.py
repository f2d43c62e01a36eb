"""Where providers' webhooks come to: who sent one is proven, and all that it can do is to name a job to poll."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web

from providers import openai, shenma
from router.core.catalog import Catalog
from router.core.events import Event, WebhookTaken
from router.core.hook import Hook, hook_by_address
from router.core.secret import Secret
from router.http import hooks as hooks_module
from router.http.hooks import BODY_BYTES_MAX, HOOKS_PER_S_MAX, Hooks
from router.http.server import public_server
from tests.builders import EPOCH, ManualTime, a_catalog, a_provider, an_offering
from tests.http.doors import MemoryEngine, a_door

KEY = b"a key of twenty-four byte"
SIGNING = "whsec_" + base64.b64encode(KEY).decode()
RELAY = hook_by_address("https://router.example.com", "relay", Secret("a secret of many characters, all random"))
TOKEN = RELAY.secret.reveal()
DONE = orjson.dumps({"type": "video.completed", "data": {"id": "video_1"}})
TASK = orjson.dumps({"task_id": "task_1", "status": "SUCCESS"})


@dataclass(frozen=True)
class Heard:
    status: int
    body: bytes
    content_type: str
    retry_after: str | None

    @property
    def error(self) -> Any:
        return orjson.loads(self.body)["error"]


@dataclass
class Ear:
    """A front door whose webhooks are listened to; `known` are the jobs that an engine would poll."""

    url: str = ""
    known: set[tuple[str, str]] = field(default_factory=lambda: {("main", "video_1"), ("relay", "task_1")})
    hinted: list[tuple[str, str]] = field(default_factory=list)
    came: list[tuple[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    time: ManualTime = field(default_factory=ManualTime)
    session: ClientSession = field(init=False)

    def hint(self, provider: str, remote_id: str) -> bool:
        self.hinted.append((provider, remote_id))
        return (provider, remote_id) in self.known

    @property
    def results(self) -> list[str]:
        return [str(event.result) for event in self.events if isinstance(event, WebhookTaken)]

    async def send(self, path: str, body: bytes, **headers: str) -> Heard:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(f"{self.url}/hooks/{path}", data=body, headers=given) as answer:
            after = answer.headers.get("Retry-After")
            return Heard(answer.status, await answer.read(), answer.content_type, after)

    async def sign(self, body: bytes = DONE, key: bytes = KEY, name: str = "evt_1", **changes: str) -> Heard:
        return await self.send("main", body, **{**signed(body, key, name), **changes})


def signed(body: bytes, key: bytes = KEY, name: str = "evt_1", at: float = EPOCH) -> dict[str, str]:
    digest = hmac.digest(key, f"{name}.{int(at)}.".encode() + body, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook_id": name, "webhook_timestamp": str(int(at)), "webhook_signature": signature}


def a_shop() -> Catalog:
    """One provider that signs, one that is told an address, and one that sends nothing."""
    main = a_provider("main", adapter=openai, hook=Hook(Secret(SIGNING)))
    relay = a_provider("relay", adapter=shenma, hook=RELAY)
    return a_catalog(an_offering("main"), an_offering("relay"), an_offering("silent"), main=main, relay=relay)


@asynccontextmanager
async def listening(catalog: Catalog | None = None) -> AsyncIterator[Ear]:
    ear, shop = Ear(), catalog or a_shop()
    engine = MemoryEngine()
    hooks = Hooks(lambda: shop, ear.hint, lambda *name: ear.came.append(name), ear.time.clock, ear.events.append)
    runner = web.ServerRunner(public_server(a_door(engine), hooks), shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ear.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ClientSession() as ear.session:
            yield ear
    finally:
        await runner.cleanup()


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with listening() as ear:
        yield ear


async def test_a_signed_webhook_brings_a_poll(ear: Ear) -> None:
    answer = await ear.sign()
    assert (answer.status, ear.hinted, ear.came, ear.results) == (
        202,
        [("main", "video_1")],
        [("main", "video_1")],
        ["hinted"],
    )


async def test_one_that_comes_to_the_address_of_its_create_brings_a_poll(ear: Ear) -> None:
    answer = await ear.send(f"relay/{TOKEN}", TASK)
    assert (answer.status, ear.hinted, ear.results) == (202, [("relay", "task_1")], ["hinted"])


async def test_nobody_can_tell_from_the_answer_which_jobs_there_are(ear: Ear) -> None:
    other = orjson.dumps({"type": "video.completed", "data": {"id": "video_of_nobody"}})
    goes_on = orjson.dumps({"task_id": "task_1", "status": "IN_PROGRESS"})
    answers = [
        await ear.sign(),
        await ear.sign(other, name="evt_2"),
        await ear.sign(b"no event at all", name="evt_3"),
        await ear.send(f"relay/{TOKEN}", goes_on),
    ]
    assert set(answers) == {Heard(202, b"", "application/octet-stream", None)}
    assert ear.results == ["hinted", "early", "no_end", "no_end"]
    assert ear.came == [("main", "video_1"), ("main", "video_of_nobody")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook_id": "evt_1"},
        signed(DONE, b"somebody else's key of twenty-"),
        signed(DONE) | {"webhook_id": "evt_2"},
        signed(TASK),
        signed(DONE, at=EPOCH - 301),
        signed(DONE, at=EPOCH + 301),
        signed(DONE) | {"webhook_timestamp": "now"},
        signed(DONE) | {"webhook_timestamp": "1" * 400},
        signed(DONE) | {"webhook_timestamp": "²"},
        signed(DONE) | {"webhook_signature": ""},
        signed(DONE) | {"webhook_signature": "v1"},
        signed(DONE) | {"webhook_signature": "v1,not base64 at all"},
        signed(DONE) | {"webhook_signature": "v1,ünïcode"},
        signed(DONE) | {"webhook_signature": signed(DONE)["webhook_signature"].replace("v1", "v2")},
        signed(DONE) | {"webhook_signature": "v1,AAAA " * 40 + signed(DONE)["webhook_signature"]},
        {**signed(DONE, name=""), "webhook_id": ""},
        signed(DONE, name="x" * 300),
    ],
)
async def test_what_is_not_rightly_signed_is_turned_away_in_openais_envelope(ear: Ear, headers: dict[str, str]) -> None:
    answer = await ear.send("main", DONE, **headers)
    error = answer.error
    assert (answer.status, error["code"], error["type"]) == (401, "invalid_webhook_signature", "invalid_request_error")
    assert (ear.hinted, ear.came, ear.results) == ([], [], ["unproven"])
    assert "video_1" not in str(ear.events)


async def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced(ear: Ear) -> None:
    other = signed(DONE, b"the key of the next secret, or last")["webhook_signature"]
    both = f"{other} v1a,x {signed(DONE)['webhook_signature']}"
    assert (await ear.sign(webhook_signature=both)).status == 202
    assert ear.results == ["hinted"]


async def test_a_webhook_that_is_sent_again_counts_once(ear: Ear) -> None:
    assert [(await ear.sign()).status for _ in range(3)] == [202] * 3
    assert ear.results == ["hinted", "duplicate", "duplicate"]
    assert ear.hinted == [("main", "video_1")]


async def test_only_so_many_ids_are_remembered(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks_module, "_SEEN_MAX", 2)
    for name in ("evt_1", "evt_2", "evt_3", "evt_3", "evt_1"):
        await ear.sign(name=name)
    assert ear.results == ["hinted", "hinted", "hinted", "duplicate", "hinted"]


@pytest.mark.parametrize(
    "path",
    [
        "nobody",
        "nobody/token",
        "silent",
        "silent/token",
        "relay",
        "relay/",
        f"relay/{TOKEN[:-1]}",
        f"relay/{TOKEN}x",
        "relay/%00%ff%f0",
        f"main/{TOKEN}",
        f"silent/{TOKEN}",
    ],
)
async def test_an_address_that_no_provider_has_is_not_there_whichever_it_is(ear: Ear, path: str) -> None:
    answer = await ear.send(path, TASK, **signed(TASK))
    assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert (ear.hinted, ear.came) == ([], [])
    assert TOKEN not in str(ear.events)


async def test_a_caller_is_still_asked_for_his_key_everywhere_else() -> None:
    async with listening() as ear, ear.session.get(f"{ear.url}/hooks", headers={"Host": "example.com"}) as answer:
        assert answer.status == 403


async def test_a_body_that_is_too_large_is_not_read(ear: Ear) -> None:
    large = b" " * (BODY_BYTES_MAX + 1)
    assert (await ear.sign(large)).status == 413
    assert (await ear.send(f"relay/{TOKEN}", large)).status == 413
    assert ear.results == ["unreadable", "unreadable"]

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b" " * 1024

    async with ear.session.post(f"{ear.url}/hooks/relay/{TOKEN}", data=in_pieces()) as answer:
        assert answer.status == 413


async def test_a_flood_is_answered_with_wait_and_brings_no_more_than_its_share(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks_module, "HOOKS_AT_ONCE_MAX", 3.0)
    answers = [await ear.send(f"relay/{TOKEN}", TASK) for _ in range(6)]
    assert [answer.status for answer in answers] == [202] * 3 + [429] * 3
    assert answers[5].error["code"] == "too_many_webhooks"
    assert [(await ear.sign(name=f"evt_{number}")).status for number in range(4)] == [202] * 3 + [429]
    ear.time.advance(1 / HOOKS_PER_S_MAX)
    # One that was too many is not remembered as taken.
    assert (await ear.sign(name="evt_3")).status == 202
    assert (len(ear.hinted), ear.results.count("throttled")) == (7, 4)


async def test_forged_ones_use_up_nobodys_share(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks_module, "HOOKS_AT_ONCE_MAX", 1.0)
    for _ in range(5):
        assert (await ear.send("relay/guessed", TASK)).status == 404
        assert (await ear.sign(key=b"somebody else's key of twenty-")).status == 401
    assert ((await ear.send(f"relay/{TOKEN}", TASK)).status, (await ear.sign()).status) == (202, 202)


async def test_other_providers_are_not_concerned_and_a_token_proves_nothing_of_the_others(ear: Ear) -> None:
    assert (await ear.send(f"relay/{TOKEN}", TASK)).status == 202
    assert (await ear.sign()).status == 202
    assert ear.hinted == [("relay", "task_1"), ("main", "video_1")]


async def test_another_configuration_is_asked_at_once() -> None:
    shop = [a_shop()]
    hooks = Hooks(lambda: shop[0], lambda *_: True, lambda *_: None, ManualTime().clock, lambda _: None)
    assert hooks.catalog() is shop[0]
    renewed = replace(RELAY, secret=Secret("another"))
    shop[0] = a_catalog(an_offering("relay"), relay=a_provider("relay", adapter=shenma, hook=renewed))
    assert hooks.catalog().providers["relay"].hook is renewed


async def test_a_strangers_adapter_that_breaks_breaks_nothing() -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(shenma, name)

        def read_webhook(self, headers: Any, body: bytes) -> str:
            raise RuntimeError(body)

    relay = a_provider("relay", adapter=Broken(), hook=RELAY)
    async with listening(a_catalog(an_offering("relay"), relay=relay)) as ear:
        assert (await ear.send(f"relay/{TOKEN}", TASK)).status == 202
        assert ear.results == ["no_end"]


async def test_a_body_that_trickles_holds_up_nobody(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks_module, "_BODY_S_MAX", 0.1)
    monkeypatch.setattr(hooks_module, "_BODIES_AT_ONCE_MAX", 1)
    waiting = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await waiting.wait()

    async def slow() -> int:
        async with ear.session.post(f"{ear.url}/hooks/relay/{TOKEN}", data=slowly()) as answer:
            return answer.status

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.03)
    crowded = await ear.send(f"relay/{TOKEN}", TASK)
    assert (crowded.status, crowded.retry_after) == (503, "5")
    async with asyncio.timeout(5):
        while "unreadable" not in ear.results[1:]:
            await asyncio.sleep(0.02)
    waiting.set()
    assert await task == 408
    assert (await ear.send(f"relay/{TOKEN}", TASK)).status == 202


async def test_what_breaks_names_neither_its_words_nor_what_serves_it(
    ear: Ear, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("a link nobody may see")

    monkeypatch.setattr(hooks_module, "read_webhook", broken)
    async with ear.session.post(f"{ear.url}/hooks/relay/{TOKEN}", data=TASK) as answer:
        assert (answer.status, answer.headers["Server"]) == (500, "video-router")
        assert (await answer.json())["error"]["code"] == "internal_error"
    assert "RuntimeError" in caplog.text
    assert "a link nobody may see" not in caplog.text
