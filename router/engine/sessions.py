"""The client's pools of connections, none of which knows a key, a cookie, a proxy or a redirect."""

from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Final

from aiohttp import (
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

from router.engine.guard import guarded_socket

_CONNECTIONS_MAX: Final = 1000
_CONNECTIONS_PER_HOST_MAX: Final = 100
_PIECE_BYTES: Final = 1 << 18
_USER_AGENT: Final = f"video-router/{version('video-router')}"


class Mark:
    """What happened to one exchange: whether it is `queued` for a connection, and what `left` and what `broke` off.

    One that `carries_body` has left with the body's first byte.
    """

    __slots__ = ("broke", "carries_body", "left", "queued")

    def __init__(self) -> None:
        self.queued = False
        self.carries_body = False
        self.left = False
        self.broke = False


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
        # On a connection that was closed meanwhile the first write fails before anything is handed over.
        transport = writer.transport
        self._mark.left = transport is not None and not transport.is_closing()
        body = bytes(self._value)[:content_length]
        for start in range(0, len(body), _PIECE_BYTES):
            await writer.write(body[start : start + _PIECE_BYTES])


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

    A request given a Mark as its `trace_request_ctx` gets it marked when its headers leave; one with a body has to
    have a MarkedBody with the same Mark.
    """

    submit: ClientSession
    api: ClientSession
    own: Downloads
    callers: Downloads

    @classmethod
    def opened(cls, resolver: AbstractResolver | None) -> "Sessions":
        """Open all of them; needs a running loop."""
        # A POST on a kept connection that the upstream closed meanwhile would be ambiguous; a handshake costs nothing
        # beside a video.
        submit = TCPConnector(force_close=True, limit=_CONNECTIONS_MAX, resolver=resolver)
        api = TCPConnector(limit=_CONNECTIONS_MAX, limit_per_host=_CONNECTIONS_PER_HOST_MAX, resolver=resolver)
        # Callers who read slowly hold connections for as long as they like; that must not keep the engine from finding
        # out whether a video is whole, or it would buy another one.
        return cls(_session(submit), _session(api), Downloads.opened(resolver), Downloads.opened(resolver))

    async def close(self) -> None:
        """Close every connection; exchanges under way end as unanswered."""
        downloads = (self.own.trusted, self.own.guarded, self.callers.trusted, self.callers.guarded)
        for session in (self.submit, self.api, *downloads):
            await session.close()


def _session(connector: TCPConnector) -> ClientSession:
    tracing = TraceConfig()
    tracing.on_connection_queued_start.append(_mark_queued)
    tracing.on_connection_queued_end.append(_mark_served)
    tracing.on_request_headers_sent.append(_mark_left)
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
        trace_configs=[tracing],
        trust_env=False,
    )


async def _mark_queued(_: ClientSession, context: SimpleNamespace, __: TraceConnectionQueuedStartParams) -> None:
    context.trace_request_ctx.queued = True


async def _mark_served(_: ClientSession, context: SimpleNamespace, __: TraceConnectionQueuedEndParams) -> None:
    context.trace_request_ctx.queued = False


async def _mark_left(_: ClientSession, context: SimpleNamespace, __: TraceRequestHeadersSentParams) -> None:
    # Called just before the first byte is written, so a request that left is never taken for one that did not.
    mark = context.trace_request_ctx
    mark.left = mark.left or not mark.carries_body
