"""Who may repeat a create by himself: whoever sent a key, and nobody where a second one could buy twice."""

import asyncio
from typing import Any

import openai
import pytest
from aiohttp import ClientResponse
from openai import AsyncOpenAI

from router.core.eligibility import ProviderStanding
from router.core.order import UnavailableError, UnconfirmedError
from tests.http.doors import MemoryEngine, Opened, an_open_door

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
UNCONFIRMED = UnconfirmedError("nobody knows", 5.0)
KEY = {"Idempotency-Key": "k-1"}


class Impatient(AsyncOpenAI):
    """The official SDK with its own two retries, which does not wait between them."""

    async def _sleep_for_retry(self, **_: Any) -> None:
        await asyncio.sleep(0)


async def created(opened: Opened, **headers: str) -> ClientResponse:
    async with opened.session.post(f"{opened.url}/v1/videos", json={"prompt": "x"}, headers=headers) as response:
        await response.read()
        return response


async def sdk_requests(engine: MemoryEngine, headers: dict[str, str]) -> int:
    """How often the official SDK sends a create that fails."""
    async with an_open_door(engine) as opened, Impatient(base_url=f"{opened.url}/v1", api_key="any") as client:
        with pytest.raises(openai.InternalServerError):
            await client.videos.create(prompt="x", extra_headers=headers)
        return len(opened.seen)


@pytest.mark.parametrize("refusal", [UNCONFIRMED, RuntimeError("a defect")])
async def test_a_create_that_may_have_been_stored_is_not_to_be_repeated_without_a_key(refusal: Exception) -> None:
    async with an_open_door(MemoryEngine(refusal=refusal)) as opened:
        assert (await created(opened)).headers["x-should-retry"] == "false"
    assert await sdk_requests(MemoryEngine(refusal=refusal), {}) == 1


@pytest.mark.parametrize("refusal", [UNCONFIRMED, RuntimeError("a defect"), UnavailableError("shutting down", 1.0)])
async def test_a_create_with_a_key_may_be_repeated_whatever_became_of_it(refusal: Exception) -> None:
    async with an_open_door(MemoryEngine(refusal=refusal)) as opened:
        assert (await created(opened, **KEY)).headers["x-should-retry"] == "true"
    assert await sdk_requests(MemoryEngine(refusal=refusal), KEY) == 3


async def test_an_unconfirmed_create_says_what_to_do_before_it_is_sent_again() -> None:
    async with an_open_door(MemoryEngine(refusal=UNCONFIRMED)) as opened:
        response = await created(opened)
        error = (await response.json())["error"]
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert (error["code"], error["type"]) == ("create_unconfirmed", "server_error")
        again = (await (await created(opened, **KEY)).json())["error"]
        assert "send it again with the same Idempotency-Key" in again["message"]


async def test_where_nothing_was_stored_the_sdk_may_try_again_as_it_likes() -> None:
    out = MemoryEngine(standings={"relay-b": ProviderStanding(barred="is ejected after 5 failures")})
    for engine in (MemoryEngine(refusal=UnavailableError("shutting down", 1.0)), out):
        async with an_open_door(engine) as opened:
            response = await created(opened)
            assert response.status == 503
            assert "x-should-retry" not in response.headers
        assert await sdk_requests(engine, {}) == 3


async def test_a_request_that_is_wrong_is_not_repeated_with_a_key_either() -> None:
    async with (
        an_open_door() as opened,
        opened.session.post(f"{opened.url}/v1/videos", json={}, headers=KEY) as response,
    ):
        assert (response.status, response.headers["x-should-retry"]) == (400, "false")


async def test_what_buys_nothing_may_be_repeated_when_it_broke() -> None:
    class Broken(MemoryEngine):
        def quote(self, *_: Any) -> Any:
            raise RuntimeError("a defect")

    async with (
        an_open_door(Broken()) as opened,
        opened.session.post(f"{opened.url}/v1/videos/quote", json={"prompt": "x"}) as response,
    ):
        assert (response.status, response.headers.get("x-should-retry")) == (500, None)
