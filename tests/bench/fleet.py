"""The servers that are measured side by side, started when the first part asks for them."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.bench import litellm
from tests.bench.measuring import Target
from tests.bench.processes import Server
from tests.bench.servers import passthrough, router
from tests.bench.targets import direct_target, litellm_target, passthrough_target, router_target
from tests.bench.upstream import VIDEO_MIB, Collector, Upstream


class Fleet:
    """The router, the pass-through, and LiteLLM where it is installed, before one upstream; `close` ends them."""

    def __init__(self, folder: Path, core: int | None, *, quick: bool) -> None:
        self.upstream = Upstream()
        self.collector = Collector()
        self.peers = litellm.installed() and not quick
        self.rss_mib_at_start: dict[str, float] = {}
        self._folder = folder
        self._core = core
        self._quick = quick
        self._stack = ExitStack()
        self._targets: list[Target] = []

    async def targets(self) -> list[Target]:
        """Return everybody who is measured, the upstream itself first."""
        if not self._targets:
            self._targets = await self._start()
        return self._targets

    @property
    def servers(self) -> list[Server]:
        """Everybody who runs."""
        return [target.server for target in self._targets if target.server.pid is not None]

    def rss_mib(self) -> dict[str, float]:
        """Say how much memory each has now."""
        return {server.name: round(server.rss_mib(), 1) for server in self.servers}

    def close(self) -> None:
        """End all servers."""
        self._targets = []
        self._stack.close()

    async def _start(self) -> list[Target]:
        upstream, collector = await self.upstream.listen(), await self.collector.listen()
        enter: Callable[..., Server] = self._stack.enter_context
        own = enter(router(self._folder, self._core, upstream, collector))
        bare = enter(passthrough(self._folder, self._core, upstream))
        peers = [enter(litellm.litellm(name, self._folder, self._core, upstream)) for name in self._launches()]
        self.rss_mib_at_start = {server.name: round(server.rss_mib(), 1) for server in (own, bare, *peers)}
        return [
            direct_target(upstream),
            await (router_target(own, VIDEO_MIB[:1], 0.0) if self._quick else router_target(own)),
            passthrough_target(bare),
            *(litellm_target(peer) for peer in peers),
        ]

    def _launches(self) -> list[str]:
        return list(litellm.LAUNCHES) if self.peers else []
