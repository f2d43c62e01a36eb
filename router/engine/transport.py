"""The only client: every exchange with an upstream, and the answer to the question whether it left."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self, assert_never

from aiohttp import ClientResponse, ClientSession, ClientTimeout
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from providers.adapter import HttpRequest, HttpResponse
from router.core.catalog import Provider
from router.core.clock import Clock
from router.core.events import Emit, ExchangeEnded, ExchangeResult, Operation
from router.engine.account import Account
from router.engine.address import body_of, own_headers, own_url
from router.engine.answer import ANSWER_BYTES_MAX, is_compressed, lower_headers, read_capped, read_chunks
from router.engine.entropy import Entropy
from router.engine.exchange import ContentError, ContentStream, NoAnswer, NotSent, Outcome
from router.engine.fault import cause_of, is_ours
from router.engine.guard import RefusedLinkError, is_exempt, parse_link, why_refused
from router.engine.sessions import MARK, Downloads, Mark, MarkedBody, Sessions
from router.engine.time_limit import TimeLimit

REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONDITIONAL: Final = frozenset({"range", "if-range"})
_PASSED_ON: Final = frozenset(
    {"content-type", "content-length", "content-range", "accept-ranges", "etag", "last-modified"}
)


@dataclass(frozen=True, slots=True)
class _Target:
    session: ClientSession
    url: URL = field(repr=False)
    headers: CIMultiDict[str] = field(repr=False)


class AiohttpTransport:
    """Sends with each provider's account; use it as an async context manager, or `start` and `close` it.

    Every exchange is emitted as one ExchangeEnded, a download with its redirects as one too; cancelled ones are not.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        providers: Mapping[str, Provider],
        clock: Clock,
        emit: Emit,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._accounts = accounts
        self._providers = providers
        self._clock = clock
        self._emit = emit
        self._resolver = resolver
        self._opened: Sessions | None = None
        self._entropy = Entropy()

    def use(self, accounts: Mapping[str, Account], providers: Mapping[str, Provider]) -> None:
        """Send with other accounts from now on; exchanges under way end with the one that they began with."""
        self._accounts, self._providers = accounts, providers

    async def start(self) -> None:
        """Open the sessions; needs the running loop."""
        self._opened = Sessions.opened(self._resolver)

    async def close(self) -> None:
        """Close every connection; exchanges under way end as unanswered."""
        if self._opened is not None:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(
        self, provider: str, operation: Operation, request: HttpRequest, lag_s: float | None = None
    ) -> Outcome:
        """Run one exchange within the provider's timeouts; never raises for anything the network does.

        Redirects are not followed: a 3xx is an answer like any other. `lag_s` is passed on into the event.
        """
        started = self._clock.monotonic()
        sessions = self._sessions()
        try:
            target = self._target(provider, operation, request, sessions.own)
        except RefusedLinkError as refused:
            outcome: Outcome = NotSent(str(refused))
        else:
            mark = Mark()
            outcome = await self._attempt(provider, operation, request, target, mark)
            if mark.kept is not None and isinstance(outcome, NotSent):
                # The kept connection was found closed before anything left, which says nothing of the upstream.
                anew = _Target(sessions.submit(0.0), target.url, target.headers)
                outcome = await self._attempt(provider, operation, request, anew, Mark())
        self._ended(provider, operation, started, outcome, lag_s)
        return outcome

    def open(
        self, provider: str, request: HttpRequest, headers: Mapping[str, str], *, for_caller: bool = False
    ) -> AbstractAsyncContextManager[ContentStream]:
        """Open a download of any status; `headers` may add Range and If-Range. Raises ContentError.

        Up to three redirects are followed, each checked anew, none with the key. Those `for_caller` have connections
        apart from all others.
        """
        return self._open(provider, request, headers, for_caller)

    async def _attempt(
        self, provider: str, operation: Operation, request: HttpRequest, target: _Target, mark: Mark
    ) -> Outcome:
        limits = self._providers[provider].timeouts
        token = MARK.set(mark)
        try:
            body = body_of(request, target.headers, self._entropy)
            with TimeLimit(limits.submit_s if operation is Operation.SUBMIT else limits.poll_s):
                response = await target.session.request(
                    request.method,
                    target.url,
                    data=None if body is None else MarkedBody(body, mark),
                    headers=target.headers,
                    allow_redirects=False,
                    timeout=_connected_within(limits.connect_s),
                    trace_request_ctx=mark,
                )
                try:
                    answer = await read_capped(response)
                finally:
                    # A whole answer has given its connection back by itself.
                    if response.connection is not None:
                        response.close()
        except Exception as error:  # noqa: BLE001 - whatever failed, what counts is whether the request had left
            cause = cause_of(error)
            return NoAnswer(cause) if mark.left else NotSent(cause)
        finally:
            mark.over = True
            MARK.reset(token)
        if not mark.left:
            return NotSent("something came before anything was sent, so it was no answer")
        if answer is None:
            return NoAnswer(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        hook = self._providers[provider].hook
        return HttpResponse(response.status, lower_headers(response), hook.unsaid(answer) if hook else answer)

    @asynccontextmanager
    async def _open(
        self, provider: str, request: HttpRequest, headers: Mapping[str, str], for_caller: bool
    ) -> AsyncIterator[ContentStream]:
        started = self._clock.monotonic()
        mark = Mark()
        response = await self._answer(provider, request, headers, mark, for_caller)
        if isinstance(response, ContentError):
            missed = NoAnswer(str(response)) if mark.left else NotSent(str(response))
            self._ended(provider, Operation.DOWNLOAD, started, missed)
            raise response
        passed_on = {name: value for name, value in lower_headers(response).items() if name in _PASSED_ON}
        try:
            async with aclosing(read_chunks(response, mark)) as chunks:
                yield ContentStream(response.status, passed_on, chunks)
        finally:
            response.close()
            outcome = NoAnswer("broken off") if mark.broke else HttpResponse(response.status, {}, b"")
            self._ended(provider, Operation.DOWNLOAD, started, outcome)

    async def _answer(
        self, provider: str, request: HttpRequest, headers: Mapping[str, str], mark: Mark, for_caller: bool
    ) -> ClientResponse | ContentError:
        """The last answer of a chain of redirects, or why there is none."""
        conditional = {name: value for name, value in headers.items() if name.lower() in _CONDITIONAL}
        limits = self._providers[provider].timeouts
        timeout = ClientTimeout(connect=limits.connect_s, sock_read=limits.download_idle_s)
        try:
            downloads = self._sessions().callers if for_caller else self._sessions().own
            target = self._target(provider, Operation.DOWNLOAD, request, downloads)
            target.headers.update(conditional)
            for _ in range(REDIRECTS_MAX + 1):
                response = await target.session.request(
                    request.method,
                    target.url,
                    headers=target.headers,
                    allow_redirects=False,
                    auto_decompress=False,
                    timeout=timeout,
                    trace_request_ctx=mark,
                )
                location = response.headers.get("Location") if response.status in _REDIRECTS else None
                if location is None and not is_compressed(response):
                    return response
                response.close()
                if location is None:
                    return ContentError("the answer came compressed")
                link = parse_link(location, target.url)
                target = self._link(provider, link, {"Accept": "*/*", **conditional}, downloads)
        except Exception as error:  # noqa: BLE001 - whatever failed, what counts is whose fault it is
            return ContentError(cause_of(error), ours=mark.queued or is_ours(error))
        return ContentError(f"redirected more than {REDIRECTS_MAX} times")

    def _target(self, provider: str, operation: Operation, request: HttpRequest, downloads: Downloads) -> _Target:
        if request.absolute:
            return self._link(provider, parse_link(request.path), {"Accept": "*/*", **request.headers}, downloads)
        account, sessions = self._accounts[provider], self._sessions()
        match operation:
            case Operation.SUBMIT:
                kept_s = self._providers[provider].timeouts.submit_keepalive_s
                session, accept = sessions.submit(kept_s), "application/json"
            case Operation.POLL:
                session, accept = sessions.api, "application/json"
            case Operation.DOWNLOAD:
                session, accept = downloads.trusted, "*/*"
            case _:
                assert_never(operation)
        return _Target(session, own_url(account, request), own_headers(account, request, accept))

    def _link(self, provider: str, url: URL, headers: Mapping[str, str], downloads: Downloads) -> _Target:
        """The target of a link that an upstream named; raises RefusedLinkError."""
        asset_hosts = self._providers[provider].asset_hosts
        if (reason := why_refused(url, asset_hosts)) is not None:
            raise RefusedLinkError(reason)
        session = downloads.trusted if is_exempt(url, asset_hosts) else downloads.guarded
        return _Target(session, url, CIMultiDict(headers))

    def _sessions(self) -> Sessions:
        if self._opened is None:
            raise RuntimeError("start the transport before sending")
        return self._opened

    def _ended(
        self, provider: str, operation: Operation, started: float, outcome: Outcome, lag_s: float | None = None
    ) -> None:
        duration_s = self._clock.monotonic() - started
        status: int | None = None
        match outcome:
            case HttpResponse(status):
                result = ExchangeResult.OK if outcome.ok else ExchangeResult.ERROR
            case NotSent():
                result = ExchangeResult.NOT_SENT
            case NoAnswer():
                result = ExchangeResult.NO_ANSWER
            case _:
                assert_never(outcome)
        self._emit(ExchangeEnded(provider, operation, result, duration_s, status, lag_s))


@lru_cache(maxsize=256)
def _connected_within(connect_s: float) -> ClientTimeout:
    return ClientTimeout(connect=connect_s)
