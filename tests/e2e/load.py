"""Callers who keep a router busy: all sorts of videos at a steady pace, each followed to its end."""

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession

PROMPT, METADATA, QUERY, KEY = CANARIES = ("plum-canary", "fig-canary", "quince-canary", "medlar-canary")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
# In the prompts of jobs that a sandbox calls done, at an absurd cost, when it is asked; and in those of all others.
DEAR, PLAIN = "dear", "plain"
_LOOK_AGAIN_S = 0.4


@dataclass(frozen=True, slots=True)
class Customer:
    """A caller of the router's; every `each`-th create is its own, the first that fits counts."""

    name: str
    each: int = 1
    daily_budget_usd: str | None = None

    @property
    def key(self) -> str:
        return f"vr-{KEY}-{self.name}"

    def document(self) -> dict[str, str]:
        budget = {} if self.daily_budget_usd is None else {"daily_budget_usd": self.daily_budget_usd}
        return {"name": self.name, "key_sha256": hashlib.sha256(self.key.encode()).hexdigest(), **budget}


def trace_id(number: int) -> str:
    return f"{number + 1:032x}"


def prompt_of(number: int) -> str:
    return f"{PROMPT} {DEAR if number % 40 == 5 else PLAIN} {number}"


def body_of(number: int) -> dict[str, Any]:
    """Mostly ten seconds in either orientation, a third with a link and a third with an image; some long, some hd.

    Every fourth is to be made where it is expected to be cheapest, whatever the router's policy.
    """
    body: dict[str, Any] = {"prompt": prompt_of(number), "metadata": {"note": METADATA}}
    body |= {"model": "sora-2", "seconds": "10", "size": "1280x720" if number % 2 else "720x1280"}
    if number % 3 == 1:
        body["images"] = [f"https://pictures.example.com/{number}.png?token={QUERY}"]
    if number % 3 == 2:
        body["images"] = [DATA_URL]
    if number % 10 == 4:
        body["seconds"] = "15"
    if number % 4 == 0:
        body["routing"] = {"sort": "expected_cost"}
    if number % 50 == 3:
        body |= {"model": "sora-2-pro", "seconds": "15", "size": "1024x1792"}
    return body


@dataclass(slots=True)
class Load:
    """What callers asked of one router and what they got. `videos` are the accepted jobs' ends by their number."""

    url: str
    customers: Sequence[Customer]
    per_second: float
    patience_s: float = 120.0
    answers: Counter[int] = field(default_factory=Counter)
    accepted: dict[int, str] = field(default_factory=dict)
    videos: dict[int, dict[str, Any]] = field(default_factory=dict)

    async def run(self, over: Callable[[], bool]) -> None:
        """Ask for videos until `over`, then wait for the last of them."""
        number = 0
        async with ClientSession() as http, asyncio.TaskGroup() as jobs:
            while not over():
                jobs.create_task(self._one(http, number))
                number += 1
                await asyncio.sleep(1 / self.per_second)

    async def _one(self, http: ClientSession, number: int) -> None:
        customer = next(each for each in self.customers if number % each.each == 0)
        headers = {"Authorization": f"Bearer {customer.key}"}
        trace = {"traceparent": f"00-{trace_id(number)}-{number + 1:016x}-01"}
        async with http.post(f"{self.url}/v1/videos", json=body_of(number), headers={**headers, **trace}) as response:
            self.answers[response.status] += 1
            if response.status != 200:
                return
            self.accepted[number] = (await response.json())["id"]
        self.videos[number] = await self._ended(http, self.accepted[number], headers)

    async def _ended(self, http: ClientSession, video_id: str, headers: dict[str, str]) -> dict[str, Any]:
        async with asyncio.timeout(self.patience_s):
            while True:
                await asyncio.sleep(_LOOK_AGAIN_S)
                async with http.get(f"{self.url}/v1/videos/{video_id}", headers=headers) as response:
                    video: dict[str, Any] = await response.json()
                    assert response.status == 200, video
                    if video["status"] in ("completed", "failed"):
                        return video
