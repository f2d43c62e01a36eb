"""An operator's order, put to a listener that has nothing but its path."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
from aiohttp import ClientSession, web

T = TypeVar("T")


@asynccontextmanager
async def ordered(
    path: str,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    key: web.AppKey[T],
    obeyed: T,
    **request: Any,
) -> AsyncIterator[tuple[int, Any]]:
    """POST `request` to `path`, which `obeyed` does something about, and return the status and the document."""
    app = web.Application()
    app[key] = obeyed
    app.add_routes([web.post(path, handler)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        async with ClientSession() as session, session.post(url, **request) as response:
            yield response.status, orjson.loads(await response.read())
    finally:
        await runner.cleanup()
