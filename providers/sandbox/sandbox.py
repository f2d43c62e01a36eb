"""One running fake provider, and the control listener that stays reachable whatever its faults are."""

import random
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from providers.sandbox.books import Books
from providers.sandbox.control import Controlled, add_control_routes, control_application
from providers.sandbox.exchange import Exchanges
from providers.sandbox.faults import FaultRule, parse_rules
from providers.sandbox.habits import OPENAIS_OWN, Habits
from providers.sandbox.hooks import Endpoint, HookSender
from providers.sandbox.injection import ActiveRule
from providers.sandbox.listener import Listener
from providers.sandbox.prices import DialectName, Price, PriceList, default_prices
from providers.sandbox.routes import application, wire_of
from providers.sandbox.upstream import Clock, Terms, Upstream


class Control:
    """A listener with the books and faults of several sandboxes, each under `/<name>/_sandbox/`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._sandboxes: dict[str, Controlled] = {}
        self._listener = Listener(control_application(self._sandboxes), host, port)

    @classmethod
    @asynccontextmanager
    async def start(cls, host: str = "127.0.0.1", port: int = 0) -> "AsyncIterator[Control]":
        """Listen while the context lasts; port 0 takes a free one."""
        control = cls(host, port)
        try:
            await control._listener.start()
            yield control
        finally:
            await control._listener.stop()

    def add(self, name: str, sandbox: Controlled) -> str:
        """Take a sandbox in and return its control URL; raise ValueError for a name in use."""
        if name in self._sandboxes:
            raise ValueError(f"a sandbox named {name!r} is already there; give each its own name")
        self._sandboxes[name] = sandbox
        return f"{self.url}/{name}"

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return self._listener.url


class Sandbox:
    """One fake provider on its own port. Make it with `async with Sandbox.start(...)`."""

    def __init__(self, name: str, dialect: DialectName, exchanges: Exchanges, listener: Listener) -> None:
        self.name = name
        self.dialect = dialect
        self.upstream = exchanges.upstream
        self._exchanges = exchanges
        self.control_url = ""
        self._listener = listener

    @classmethod
    @asynccontextmanager
    async def start(  # noqa: PLR0913 - every knob of an upstream, each with its default
        cls,
        dialect: str,
        *,
        name: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        control: Control | None = None,
        key: str | None = None,
        time_scale: float = 60.0,
        seed: int = 0,
        clock: Clock = time.time,
        prices: Sequence[Price] | None = None,
        refund_failures: bool = True,
        refund_refusals: bool = True,
        max_jobs: int = 20_000,
        habits: Habits = OPENAIS_OWN,
        faults: Iterable[FaultRule | Mapping[str, Any]] = (),
    ) -> "AsyncIterator[Sandbox]":
        """Serve `dialect` while the context lasts, with a control listener of its own unless one is given.

        Raises ValueError for an unknown dialect or terms that make no sense, OSError when a port is taken.
        """
        speaks = DialectName(dialect)
        sold = default_prices(speaks) if prices is None else PriceList(tuple(prices))
        terms = Terms(sold, time_scale, refund_failures, refund_refusals, max_jobs, habits)
        name = name or str(speaks)
        upstream = Upstream(terms, key or f"sk-sandbox-{name}", random.Random(seed), clock)  # noqa: S311 - repeatable
        async with AsyncExitStack() as stack:
            if control is None:
                control = await stack.enter_async_context(Control.start(host))
            exchanges = Exchanges(upstream, wire_of(speaks))
            app = application(speaks, exchanges)
            listener = Listener(app, host, port)
            stack.push_async_callback(listener.stop)
            sandbox = cls(name, speaks, exchanges, listener)
            add_control_routes(app, lambda _: sandbox)
            upstream.base_url = listener.url
            sandbox.control_url = control.add(name, sandbox)
            await listener.start()
            stack.callback(sandbox.close_waits)
            stack.push_async_callback(exchanges.hooks.stop)
            await sandbox.set_faults(faults)
            yield sandbox

    @property
    def base_url(self) -> str:
        """Where the provider listens, without a path: `http://127.0.0.1:PORT`."""
        return self._listener.url

    @property
    def key(self) -> str:
        """The one bearer key it takes."""
        return self.upstream.key

    @property
    def hooks(self) -> HookSender:
        """What sends its webhooks, and counts the answers."""
        return self._exchanges.hooks

    def send_webhooks(self, url: str, secret: str) -> None:
        """Tell this endpoint from now on how jobs end; raise ValueError for one on another machine."""
        self.hooks.endpoint = Endpoint(url, secret)

    def books(self) -> Books:
        """The books as they stand now."""
        return self.upstream.books()

    def faults(self) -> tuple[ActiveRule, ...]:
        """The rules in force and how often each has struck."""
        return tuple(self.upstream.injection.active)

    async def set_faults(
        self, faults: Iterable[FaultRule | Mapping[str, Any]], during: web.Request | None = None
    ) -> None:
        """Put these rules in force instead of the old ones; raise FaultError when they cannot be used.

        `during` is the request that asks for it, whose connection is left open.
        """
        self.upstream.injection.replace(parse_rules(faults))
        if self.upstream.injection.refuses_connect:
            await self._listener.refuse(but=during)
        else:
            await self._listener.open()

    async def clear_faults(self) -> None:
        """End all faults; what a job has met already stays with it."""
        await self.set_faults(())

    def close_waits(self) -> None:
        """End every late answer and slow download at once, as stopping does."""
        self._exchanges.closing.set()
