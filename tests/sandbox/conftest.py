"""A virtual clock, and buyers for every dialect."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import pytest

from providers.sandbox import Sandbox
from tests.sandbox.buyer import Buyer

OpenFor: TypeAlias = Callable[..., Any]


@dataclass(slots=True)
class VirtualClock:
    """Epoch seconds that pass only when told to."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest.fixture
async def open_for(clock: VirtualClock, session: aiohttp.ClientSession) -> AsyncIterator[OpenFor]:
    """Start a sandbox on the virtual clock, unscaled, and hand back a buyer for it."""
    async with AsyncExitStack() as stack:

        async def start(dialect: str, **options: Any) -> Buyer:
            options = {"clock": clock, "time_scale": 1.0} | options
            return Buyer(session, await stack.enter_async_context(Sandbox.start(dialect, **options)))

        yield start
