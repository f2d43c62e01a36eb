"""The client's four pools of connections, none of which knows a key, a cookie, a proxy or a redirect."""

from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Final

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, TraceConfig, TraceRequestHeadersSentParams
from aiohttp.abc import AbstractResolver

from router.engine.guard import guarded_socket

_CONNECTIONS_MAX: Final = 1000
_CONNECTIONS_PER_HOST_MAX: Final = 100
_USER_AGENT: Final = f"video-router/{version('video-router')}"


class Mark:
    """What happened to one exchange: whether its headers `left`, and whether its answer `broke` off."""

    __slots__ = ("broke", "left")

    def __init__(self) -> None:
        self.left = False
        self.broke = False


@dataclass(frozen=True, slots=True)
class Sessions:
    """One for each use: `trusted` downloads from hosts the operator named, `guarded` from any other.

    A request given a Mark as its `trace_request_ctx` gets it marked when its headers leave.
    """

    submit: ClientSession
    api: ClientSession
    trusted: ClientSession
    guarded: ClientSession

    @classmethod
    def opened(cls, resolver: AbstractResolver | None) -> "Sessions":
        """Open all of them; needs a running loop."""
        # A POST on a kept connection that the upstream closed meanwhile would be ambiguous; a handshake costs nothing
        # beside a video.
        submit = TCPConnector(force_close=True, limit=_CONNECTIONS_MAX, resolver=resolver)
        api = TCPConnector(limit=_CONNECTIONS_MAX, limit_per_host=_CONNECTIONS_PER_HOST_MAX, resolver=resolver)
        trusted = TCPConnector(limit=_CONNECTIONS_MAX, resolver=resolver)
        guarded = TCPConnector(limit=_CONNECTIONS_MAX, resolver=resolver, socket_factory=guarded_socket)
        return cls(_session(submit), _session(api), _session(trusted), _session(guarded))

    async def close(self) -> None:
        """Close every connection; exchanges under way end as unanswered."""
        for session in (self.submit, self.api, self.trusted, self.guarded):
            await session.close()


def _session(connector: TCPConnector) -> ClientSession:
    tracing = TraceConfig()
    tracing.on_request_headers_sent.append(_mark_left)
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
        trace_configs=[tracing],
        trust_env=False,
    )


async def _mark_left(_: ClientSession, context: SimpleNamespace, __: TraceRequestHeadersSentParams) -> None:
    # Called just before the first byte is written, so a request that left is never taken for one that did not.
    context.trace_request_ctx.left = True
