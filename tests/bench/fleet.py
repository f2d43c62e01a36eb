"""The servers that are measured side by side, started when the first part asks for them."""

import asyncio
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import litellm
from tests.bench.load import drive
from tests.bench.measuring import Target
from tests.bench.processes import Server
from tests.bench.servers import passthrough, router
from tests.bench.targets import (
    FROM_OWN_STATE,
    FROM_UPSTREAM,
    THROUGH_LITELLM,
    direct_target,
    litellm_target,
    passthrough_target,
    router_target,
)
from tests.bench.upstream import VIDEO_MIB, Collector, Upstream

_SETTLES_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Started:
    """How long it took from the start of a process to its first answer, and its memory right after that."""

    start_s: float
    rss_mib: float


class Fleet:
    """The router, the pass-through, and LiteLLM where it is installed, before one upstream; `close` ends them."""

    def __init__(self, folder: Path, core: int | None, *, quick: bool) -> None:
        self.upstream = Upstream()
        self.collector = Collector()
        self.peers = litellm.installed() and not quick
        self.started: dict[str, Started] = {}
        self._folder = folder
        self._core = core
        self._quick = quick
        self._stack = ExitStack()
        self._targets: list[Target] = []
        self._listening: tuple[int, int] | None = None

    async def targets(self) -> list[Target]:
        """Return everybody who is measured, the upstream itself first."""
        if not self._targets:
            self._targets = await self._start()
        return self._targets

    def close(self) -> None:
        """End all servers."""
        self._targets = []
        self._stack.close()

    async def start_router(self, stack: ExitStack, folder: Path) -> Server:
        """Start one more, of which nobody knows."""
        upstream, collector = await self._ports()
        return await self._entered(stack, router(folder, self._core, upstream, collector), FROM_OWN_STATE)

    async def start_passthrough(self, stack: ExitStack, folder: Path) -> Server:
        """Start one more, of which nobody knows."""
        upstream, _ = await self._ports()
        return await self._entered(stack, passthrough(folder, self._core, upstream), FROM_UPSTREAM)

    async def _start(self) -> list[Target]:
        upstream, _ = await self._ports()
        own = await self.start_router(self._stack, self._folder)
        bare = await self.start_passthrough(self._stack, self._folder)
        peers = [
            await self._entered(self._stack, litellm.litellm(name, self._folder, self._core, upstream), THROUGH_LITELLM)
            for name in (litellm.LAUNCHES if self.peers else ())
        ]
        return [
            direct_target(upstream),
            await (router_target(own, VIDEO_MIB[:1], 0.0) if self._quick else router_target(own)),
            passthrough_target(bare),
            *(litellm_target(peer) for peer in peers),
        ]

    async def _entered(self, stack: ExitStack, starting: AbstractContextManager[Server], first: bytes) -> Server:
        """Start a server and note what that took."""
        began = time.monotonic()
        server = stack.enter_context(starting)
        load, _ = await drive(server.port, [first], 1, 1)
        if load.errors:
            raise RuntimeError(f"{server.name} does not answer")
        start_s = time.monotonic() - began
        await asyncio.sleep(_SETTLES_S)
        self.started[server.name] = Started(start_s, server.rss_mib())
        return server

    async def _ports(self) -> tuple[int, int]:
        if self._listening is None:
            self._listening = await self.upstream.listen(), await self.collector.listen()
        return self._listening
