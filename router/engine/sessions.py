"""The client's pools of connections, none of which knows a key, a cookie, a proxy or a redirect."""

import select
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, ClassVar, Final
from weakref import WeakSet

from aiohttp import (
    ClientConnectionError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    Payload,
    TCPConnector,
    TraceConfig,
    TraceConnectionQueuedEndParams,
    TraceConnectionQueuedStartParams,
    TraceRequestHeadersSentParams,
)
from aiohttp.abc import AbstractResolver, AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from router.engine.guard import guarded_socket

_CONNECTIONS_MAX: Final = 1000
_CONNECTIONS_PER_HOST_MAX: Final = 100
_PIECE_BYTES: Final = 1 << 18
_SPOILT: Final = "the kept connection was closed, or brought what nobody had asked for"
_USER_AGENT: Final = f"video-router/{version('video-router')}"


class Mark:
    """What happened to one exchange: whether it is `queued` for a connection, and what `left` and what `broke` off.

    One that `carries_body` has left with the body's first byte, and never does once it is `over`. `kept` is its
    connection if an earlier one had it.
    """

    __slots__ = ("broke", "carries_body", "kept", "left", "over", "queued")

    def __init__(self) -> None:
        self.queued = False
        self.carries_body = False
        self.kept: ResponseHandler | None = None
        self.left = False
        self.over = False
        self.broke = False


MARK: Final[ContextVar[Mark]] = ContextVar("mark")
"""The one of the exchange under way, for sessions that take no `trace_request_ctx`."""


class MarkedBody(Payload):
    """A body that marks its exchange as left when the first byte is about to be written, which the headers wait for."""

    def __init__(self, body: bytes, mark: Mark) -> None:
        super().__init__(body)
        self._size = len(body)
        self._mark = mark
        mark.carries_body = True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text, which the client library may ask for."""
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write all of it."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write as much of it, in pieces, each when there is room for it."""
        if self._mark.over:
            raise ClientConnectionError("the exchange is over")
        if self._mark.kept is not None:
            _check_kept(self._mark.kept)
        # On a connection that was closed meanwhile the first write fails before anything is handed over.
        transport = writer.transport
        self._mark.left = transport is not None and not transport.is_closing()
        body = bytes(self._value)[:content_length]
        for start in range(0, len(body), _PIECE_BYTES):
            await writer.write(body[start : start + _PIECE_BYTES])


def _check_kept(kept: ResponseHandler) -> None:
    """Raise if anything came on the idle connection, be it its end; the event loop may not have been told of it yet."""
    if not kept.should_close and kept.transport is not None:
        arrived = select.poll()
        arrived.register(kept.transport.get_extra_info("socket").fileno(), select.POLLIN)
        if not arrived.poll(0):
            return
    if kept.transport is not None:
        # Or half an answer that nobody had asked for would be waited for.
        kept.transport.abort()
    raise ClientConnectionError(_SPOILT)


class _MarkedRequest(ClientRequest):
    """A request that marks the exchange under way, for less than the client library's tracing costs."""

    _used: ClassVar[WeakSet[ResponseHandler]] = WeakSet()

    def send(self, conn: Connection) -> Coroutine[Any, Any, ClientResponse]:
        """Send on a connection; one without a body is marked as left just before its first byte is written."""
        mark, protocol = MARK.get(), conn.protocol
        if protocol is not None and protocol in self._used:
            mark.kept = protocol
            if mark.carries_body and protocol.should_close:
                raise ClientConnectionError(_SPOILT)
        elif protocol is not None:
            self._used.add(protocol)
        if not mark.carries_body:
            mark.left = True
        return super().send(conn)


@dataclass(frozen=True, slots=True)
class Downloads:
    """`trusted` ones come from hosts the operator named, `guarded` ones from any other."""

    trusted: ClientSession
    guarded: ClientSession

    @classmethod
    def opened(cls, resolver: AbstractResolver | None) -> "Downloads":
        """Open both; needs a running loop."""
        trusted = TCPConnector(limit=_CONNECTIONS_MAX, resolver=resolver)
        guarded = TCPConnector(limit=_CONNECTIONS_MAX, resolver=resolver, socket_factory=guarded_socket)
        return cls(_session(trusted), _session(guarded))


@dataclass(frozen=True, slots=True)
class Sessions:
    """One for each use: the engine reads finished videos through `own`, callers through `callers`.

    A download given a Mark as its `trace_request_ctx` gets it marked when its headers leave, all others the MARK; one
    with a body has to have a MarkedBody with the same Mark.
    """

    api: ClientSession
    own: Downloads
    callers: Downloads
    _resolver: AbstractResolver | None
    _submits: dict[float, ClientSession] = field(default_factory=dict)

    @classmethod
    def opened(cls, resolver: AbstractResolver | None) -> "Sessions":
        """Open all of them; needs a running loop."""
        api = TCPConnector(limit=_CONNECTIONS_MAX, limit_per_host=_CONNECTIONS_PER_HOST_MAX, resolver=resolver)
        # Callers who read slowly hold connections for as long as they like; that must not keep the engine from finding
        # out whether a video is whole, or it would buy another one.
        own, callers = Downloads.opened(resolver), Downloads.opened(resolver)
        return cls(_session(api, _MarkedRequest), own, callers, resolver)

    def submit(self, keepalive_s: float) -> ClientSession:
        """The one for submits on connections that were idle for no longer than that; for 0, all have one of their own.

        A POST on a kept connection that the upstream closes meanwhile is ambiguous, and may be a video bought for
        nobody. Upstreams close what was idle for some seconds, not what was used in the last one.
        """
        if keepalive_s not in self._submits:
            kept = {"keepalive_timeout": keepalive_s} if keepalive_s else {"force_close": True}
            connector = TCPConnector(limit=_CONNECTIONS_MAX, resolver=self._resolver, **kept)
            self._submits[keepalive_s] = _session(connector, _MarkedRequest)
        return self._submits[keepalive_s]

    async def close(self) -> None:
        """Close every connection; exchanges under way end as unanswered."""
        downloads = (self.own.trusted, self.own.guarded, self.callers.trusted, self.callers.guarded)
        for session in (*self._submits.values(), self.api, *downloads):
            await session.close()


def _session(connector: TCPConnector, marked: type[ClientRequest] | None = None) -> ClientSession:
    """A session; without requests that mark their exchanges themselves, tracing marks them."""
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
        request_class=marked or ClientRequest,
        trace_configs=[] if marked else [_tracing()],
        trust_env=False,
    )


def _tracing() -> TraceConfig:
    tracing = TraceConfig()
    tracing.on_connection_queued_start.append(_mark_queued)
    tracing.on_connection_queued_end.append(_mark_served)
    tracing.on_request_headers_sent.append(_mark_left)
    return tracing


async def _mark_queued(_: ClientSession, context: SimpleNamespace, __: TraceConnectionQueuedStartParams) -> None:
    context.trace_request_ctx.queued = True


async def _mark_served(_: ClientSession, context: SimpleNamespace, __: TraceConnectionQueuedEndParams) -> None:
    context.trace_request_ctx.queued = False


async def _mark_left(_: ClientSession, context: SimpleNamespace, __: TraceRequestHeadersSentParams) -> None:
    # Called just before the first byte is written, so a request that left is never taken for one that did not.
    mark = context.trace_request_ctx
    mark.left = mark.left or not mark.carries_body
