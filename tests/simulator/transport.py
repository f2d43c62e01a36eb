"""The transport in the simulator: real adapters' requests meet fake accounts, and whatever can go wrong in between."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import unquote

from providers.adapter import HttpRequest, HttpResponse
from providers.sandbox.wire import Trouble
from router.core.events import ExchangeEnded, ExchangeResult, Operation
from router.engine.exchange import ContentError, ContentStream, NoAnswer, NotSent, Outcome
from tests.simulator.accounts import Account, Ticket, on_the_wire

if TYPE_CHECKING:
    from tests.simulator.incarnation import Incarnation

_HTML = HttpResponse(502, {"content-type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>")
_WITHOUT_ID = (b'{"status": "ok"}', b'{"success": true, "data": null}', b"{}", b"", b"OK")


@dataclass(frozen=True, slots=True)
class Weather:
    """How often a submit and a poll meet a fault."""

    submit_share: float
    poll_share: float
    content_share: float


# What a submit can meet. Those of the first kind leave open whether the upstream took the job on.
_DOUBTFUL = (
    *("lost after send", "lost after accept", "late answer", "late accept", "half an answer", "no id in the answer"),
    *("500", "502", "504", "gateway page", "503 in a proxy's words"),
)
_CERTAIN = (
    *("not sent", "not sent", "refused prompt", "rate limited", "balance", "overloaded", "error in 200", "bad request"),
)
_SUBMIT_FAULTS = _DOUBTFUL * 2 + _CERTAIN
_POLL_FAULTS = (
    *("not sent", "no answer", "late answer", "500", "502", "504", "rate limited", "half an answer", "gateway page"),
    *("older answer", "older answer", "older answer", "error in 200", "unknown job", "empty"),
)


class SimulatedTransport:
    """One incarnation's only way out. What has left it goes on without it."""

    def __init__(self, life: "Incarnation", accounts: Mapping[str, Account], weather: Weather, rng: Random) -> None:
        self._life = life
        self._accounts = accounts
        self._weather = weather
        self._rng = rng

    async def send(
        self, provider: str, operation: Operation, request: HttpRequest, lag_s: float | None = None
    ) -> Outcome:
        life = self._life
        life.require_alive()
        began = life.world.clock.monotonic()
        account = self._accounts[provider]
        if operation is Operation.SUBMIT:
            outcome = await self._submit(account, request)
        else:
            outcome = await self._ask(account, request)
        life.require_alive()
        status = outcome.status if isinstance(outcome, HttpResponse) else None
        life.emit(
            ExchangeEnded(provider, operation, _result(outcome), life.world.clock.monotonic() - began, status, lag_s)
        )
        return outcome

    async def _submit(self, account: Account, request: HttpRequest) -> Outcome:
        life, world = self._life, self._life.world
        ticket = life.audit.posting(life, account.name, request)
        if life.reached("before a submit"):
            life.audit.unsent(ticket)
            life.require_alive()
        fault = self._drawn(self._weather.submit_share, _SUBMIT_FAULTS)
        world.counts["submits"] += 1
        world.say(f"submit of {ticket.attempt_id} to {account.name}" + (f", {fault}" if fault else ""))
        if fault == "not sent":
            life.audit.unsent(ticket)
            await self._pass(0.1)
            return NotSent("no connection: connection refused")
        answer: asyncio.Future[HttpResponse | None] = asyncio.get_running_loop().create_future()
        world.loop.call_later(self._travel_s(account, fault), self._arrive, account, request, ticket, fault, answer)
        return await self._answered(answer, life.timeouts(account.name).submit_s)

    def _arrive(
        self,
        account: Account,
        request: HttpRequest,
        ticket: Ticket,
        fault: str | None,
        answer: "asyncio.Future[HttpResponse | None]",
    ) -> None:
        """The upstream has the request, whatever became of the router that sent it."""
        self._life.audit.arrived(ticket)
        accepts = fault not in _CERTAIN and fault != "lost after send"
        if fault in _DOUBTFUL and fault not in ("lost after accept", "late answer", "late accept"):
            accepts = accepts and self._rng.random() < 0.5
        job = None
        if accepts:
            job = account.accept(request, ticket)
            self._life.world.counts["purchases"] += 1
            self._life.audit.accepted(account, job)
        if self._life.alive and self._life.reached("after an accept"):
            return
        response = self._spoilt_submit(account, fault)
        if response is None and job is not None and fault not in ("lost after accept", "lost after send"):
            response = on_the_wire(account.accepted(job))
            if fault == "half an answer":
                response = HttpResponse(response.status, response.headers, response.body[: len(response.body) // 2])
        delay_s = self._rng.uniform(31.0, 90.0) if fault == "late answer" else self._travel_s()
        self._life.world.loop.call_later(delay_s, _set, answer, response)

    def _spoilt_submit(self, account: Account, fault: str | None) -> HttpResponse | None:
        trouble = {
            "500": Trouble.INTERNAL,
            "502": Trouble.BAD_GATEWAY,
            "503 in a proxy's words": Trouble.LOST,
            "refused prompt": Trouble.PROMPT_REVIEW,
            "rate limited": Trouble.RATE_LIMITED,
            "balance": Trouble.BALANCE,
            "overloaded": Trouble.OVERLOADED,
            "error in 200": Trouble.ERROR_IN_200,
            "bad request": Trouble.UNREADABLE,
        }
        match fault:
            case "gateway page":
                return _HTML
            case "504":
                return HttpResponse(504, {}, b"upstream request timeout")
            case "no id in the answer":
                return HttpResponse(200, {}, self._rng.choice(_WITHOUT_ID))
            case str() if fault in trouble:
                answer = on_the_wire(account.wire.trouble(trouble[fault]))
                if fault == "rate limited" and self._rng.random() < 0.5:
                    return HttpResponse(answer.status, {**answer.headers, "retry-after": "7"}, answer.body)
                return answer
            case _:
                return None

    async def _ask(self, account: Account, request: HttpRequest) -> Outcome:
        """A poll, a lookup or a cancel."""
        life, world = self._life, self._life.world
        fault = self._drawn(self._weather.poll_share, _POLL_FAULTS)
        world.counts["polls"] += 1
        if fault == "not sent":
            await self._pass(0.1)
            return NotSent("no connection: connection refused")
        answer: asyncio.Future[HttpResponse | None] = asyncio.get_running_loop().create_future()
        world.loop.call_later(self._travel_s(), self._asked, account, request, fault, answer)
        return await self._answered(answer, life.timeouts(account.name).poll_s)

    def _asked(
        self,
        account: Account,
        request: HttpRequest,
        fault: str | None,
        answer: "asyncio.Future[HttpResponse | None]",
    ) -> None:
        response = self._spoilt_poll(account, fault)
        about = None
        if response is None:
            about = unquote(request.query.get("id") or request.path.rpartition("/")[2])
            response = self._told(account, request, about, fault)
        if fault == "no answer":
            response, about = None, None
        elif fault == "half an answer":
            response, about = (
                HttpResponse(response.status, response.headers, response.body[: len(response.body) // 2]),
                None,
            )
        delay_s = self._rng.uniform(21.0, 60.0) if fault == "late answer" else self._travel_s()
        if fault != "late answer" and about is not None and request.method == "GET":
            account.told(about)
        self._life.world.loop.call_later(delay_s, _set, answer, response)

    def _told(self, account: Account, request: HttpRequest, about: str, fault: str | None) -> HttpResponse:
        if request.method == "DELETE" or request.path.endswith("/cancel"):
            about = about if request.method == "DELETE" else unquote(request.path.split("/")[-2])
            self._life.world.say(f"cancel of {about[-8:]} at {account.name}")
            return on_the_wire(account.cancel(about))
        if request.path.endswith("/videos"):
            self._life.world.counts["lookups"] += 1
            return on_the_wire(account.listed(request.query))
        return on_the_wire(account.polled(about, self._rng.uniform(5.0, 120.0) if fault == "older answer" else 0.0))

    def _spoilt_poll(self, account: Account, fault: str | None) -> HttpResponse | None:
        trouble = {
            "500": Trouble.INTERNAL,
            "502": Trouble.BAD_GATEWAY,
            "rate limited": Trouble.RATE_LIMITED,
            "error in 200": Trouble.ERROR_IN_200,
            "unknown job": Trouble.UNKNOWN_JOB,
        }
        match fault:
            case "gateway page":
                return _HTML
            case "504":
                return HttpResponse(504, {}, b"")
            case "empty":
                return HttpResponse(200, {}, b"")
            case str() if fault in trouble:
                return on_the_wire(account.wire.trouble(trouble[fault]))
            case _:
                return None

    async def _answered(self, answer: "asyncio.Future[HttpResponse | None]", timeout_s: float) -> Outcome:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(timeout_s, _set, answer, None)
        try:
            response = await answer
        finally:
            timer.cancel()
        return NoAnswer("no complete answer in time") if response is None else response

    @asynccontextmanager
    async def open(
        self, provider: str, request: HttpRequest, headers: Mapping[str, str], *, for_caller: bool = False
    ) -> AsyncIterator[ContentStream]:
        life = self._life
        life.require_alive()
        await self._pass(0.2)
        fault = self._drawn(self._weather.content_share, ("cut", "not found", "short"))
        if fault == "cut":
            raise ContentError("the connection was closed without an answer")
        job = None if fault == "not found" else self._accounts[provider].video(request)
        if job is None:
            yield ContentStream(
                404, {"content-type": "application/json"}, _chunks(b'{"error": {"message": "not found"}}')
            )
            return
        body = video_bytes(job.id)
        yield ContentStream(200, {"content-type": "video/mp4"}, _chunks(body[:-10] if fault == "short" else body))

    async def _pass(self, most_s: float) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, most_s))
        self._life.require_alive()

    def _travel_s(self, account: Account | None = None, fault: str | None = None) -> float:
        if account is not None and fault == "late accept":
            return self._rng.uniform(0.5, 1.0) * account.habits.late_s_max
        return min(self._rng.expovariate(5.0), 5.0)

    def _drawn(self, share: float, faults: tuple[str, ...]) -> str | None:
        drawn = self._rng.random() < share
        return self._rng.choice(faults) if drawn and not self._life.world.calm else None


def _set(answer: "asyncio.Future[HttpResponse | None]", response: HttpResponse | None) -> None:
    if not answer.done():
        answer.set_result(response)


def _result(outcome: Outcome) -> ExchangeResult:
    match outcome:
        case NotSent():
            return ExchangeResult.NOT_SENT
        case NoAnswer():
            return ExchangeResult.NO_ANSWER
        case _:
            return ExchangeResult.OK if outcome.ok else ExchangeResult.ERROR


def _box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body


_HEAD = _box(b"ftyp", b"isom\0\0\0\0isom") + _box(b"moov", _box(b"mvhd", b"\0") + _box(b"trak", b"\0"))


def video_bytes(remote_id: str) -> bytes:
    """A video that says which upstream job made it."""
    return _HEAD + _box(b"mdat", remote_id.encode())


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body
