"""A listening socket that can be closed and reopened on the same port while its application lives on."""

import asyncio
import socket
from contextlib import suppress

from aiohttp import web

SHUTDOWN_S = 0.5
SETTLE_S = 0.02


class Listener:
    """Serves one application on one port. While closed the port stays bound, so a connect is refused, not lost."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        self._host = host
        self._socket = _bound_socket(host, port)
        self._site: web.SockSite | None = None
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"

    async def start(self) -> None:
        """Set the application up and listen."""
        await self._runner.setup()
        await self.open()

    async def open(self) -> None:
        """Listen, unless it does already."""
        if self._site is None:
            self._site = web.SockSite(self._runner, self._socket)
            await self._site.start()

    async def refuse(self, but: web.Request | None = None) -> None:
        """Close the listening socket and every connection but that of the request being answered."""
        if self._site is None:
            return
        await self._site.stop()
        self._site = None
        self._socket = _bound_socket(self._host, self.port)
        spared = but.transport if but is not None else None
        server = self._runner.server
        for connection in list(server.connections) if server is not None else ():
            if connection.transport is not None and connection.transport is not spared:
                connection.transport.abort()
        # The caller must see its idle connections close before it tries one: a lost answer is not a refused connect.
        await asyncio.sleep(SETTLE_S)

    async def stop(self) -> None:
        """Close everything."""
        await self._runner.cleanup()
        with suppress(OSError):
            self._socket.close()


def _bound_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from None
    bound.setblocking(False)
    return bound
