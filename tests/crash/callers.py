"""Callers with idempotency keys, who ask again after a crash for what got no answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import ClientError

from tests.process import Served


@dataclass(slots=True)
class Callers:
    """What was ordered under which key, and the jobs that were promised for it.

    What is doomed was asked to be deleted, what is deleted was confirmed to be.
    """

    served: Served
    rng: Random
    orders: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    promised: dict[str, str] = field(default_factory=dict)
    doomed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    refused: int = 0
    replayed: int = 0

    @property
    def unanswered(self) -> list[str]:
        return [key for key in self.orders if key not in self.promised]

    def order(self, prompt: str) -> str:
        """Think of a video, and return its key."""
        seconds = self.rng.choices(("10", "15"), (3, 1))[0]
        self.orders[prompt] = {"prompt": prompt, "model": "sora-2", "seconds": seconds, "size": "720x1280"}
        return prompt

    async def ask(self, key: str, after_s: float = 0.0) -> None:
        """Ask for it; AssertionError when the answer is neither its one job nor a request to come again."""
        await asyncio.sleep(after_s)
        headers, url = {"Idempotency-Key": f'"{key}"'}, f"{self.served.url}/v1/videos"
        try:
            async with self.served.http.post(url, json=self.orders[key], headers=headers) as response:
                answer = await response.json()
        except (ClientError, OSError):
            return
        if response.status == 503:
            self.refused += 1
            return
        assert response.status == 200, answer
        self.replayed += "Idempotent-Replayed" in response.headers
        promised = self.promised.setdefault(key, answer["id"])
        assert promised == answer["id"], f"{key!r} was promised as {promised}, and is now {answer['id']}"

    async def look(self, key: str, after_s: float = 0.0) -> None:
        """Look at a promised job; AssertionError when the router does not know it, or still knows a deleted one."""
        await asyncio.sleep(after_s)
        gone = key in self.deleted
        try:
            async with self.served.http.get(self._url(key)) as response:
                answer = await response.json()
        except (ClientError, OSError):
            return
        expected = (404,) if gone else (200, 503, *([404] if key in self.doomed else []))
        assert response.status in expected, f"{self.promised[key]}: {answer}"

    async def delete(self, key: str, after_s: float = 0.0) -> None:
        """Delete a job, live or not; AssertionError when that is refused."""
        await asyncio.sleep(after_s)
        self.doomed.add(key)
        try:
            async with self.served.http.delete(self._url(key)) as response:
                answer = await response.json()
        except (ClientError, OSError):
            return
        assert response.status in (200, 404, 503), answer
        if response.status == 200:
            self.deleted.add(key)

    def _url(self, key: str) -> str:
        return f"{self.served.url}/v1/videos/{self.promised[key]}"
