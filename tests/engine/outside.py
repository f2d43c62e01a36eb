"""A transport with one provider, its clock and its events, and canaries that must never come out of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from aiohttp.abc import AbstractResolver

from providers.adapter import Adapter
from router.core.catalog import Provider, Timeouts
from router.core.clock import Clock
from router.core.events import Event
from router.core.hook import Hook
from router.core.secret import Secret
from router.engine.account import Account
from router.engine.transport import AiohttpTransport

KEY = "sk-canary-of-the-key"
SIGNATURE = "canary-of-the-signature"
CLOCK = Clock(time.time, time.monotonic)
FAST = Timeouts(connect_s=0.3, submit_s=0.5, poll_s=0.5, download_idle_s=0.3)


@dataclass
class Outside:
    transport: AiohttpTransport
    events: list[Event] = field(default_factory=list)


@asynccontextmanager
async def outside(
    base_url: str,
    *,
    header: str = "Authorization",
    prefix: str = "Bearer ",
    query: dict[str, str] | None = None,
    timeouts: Timeouts = FAST,
    asset_hosts: frozenset[str] = frozenset(),
    resolver: AbstractResolver | None = None,
    hook: Hook | None = None,
) -> AsyncIterator[Outside]:
    account = Account(base_url, Secret(KEY), header, prefix, query or {})
    provider = Provider("relay", "any", cast("Adapter", None), timeouts=timeouts, asset_hosts=asset_hosts, hook=hook)
    events: list[Event] = []
    transport = AiohttpTransport({"relay": account}, {"relay": provider}, CLOCK, events.append, resolver)
    # Every fault ends by the transport's own limits; this one only keeps a missing limit from hanging the run.
    async with asyncio.timeout(20), transport:
        yield Outside(transport, events)
