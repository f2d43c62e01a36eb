"""One fake provider's HTTP exchanges, whatever its dialect: create, poll, fetch, and the faults in them."""

import asyncio
import hmac
from dataclasses import replace

import orjson
from aiohttp import web

from providers.sandbox.broken import cut, reset, send_half, send_headers_slowly, send_slowly
from providers.sandbox.delivery import DEFAULT_DELAY_S, deliver, pause_until
from providers.sandbox.faults import Fault, FaultRule
from providers.sandbox.hooks import HookSender
from providers.sandbox.upstream import Order, SandboxFullError, SandboxJob, Upstream
from providers.sandbox.wire import TROUBLE_OF, Answer, RefusedError, Trouble, Wire, answered, proxy_page


class Exchanges:
    """The handlers of one upstream; `closing` ends every wait when the server stops."""

    def __init__(self, upstream: Upstream, wire: Wire) -> None:
        self.upstream = upstream
        self.wire = wire
        self.hooks = HookSender(upstream, wire)
        self.closing = asyncio.Event()

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Accept and bill a job, or meet the fault that was drawn for it."""
        self.arrived(request, "create")
        if self.upstream.injection.draw_arrival() is not None:
            return reset(request)
        order = await self.wire.read_order(request, self.upstream.terms.prices)
        rule = self.upstream.injection.draw_create(order.prompt, order.model, order.images)
        if rule is None:
            return self.wire.accepted(self.upstream, self._accept(order, None)).response()
        return await self._create_with(request, order, rule)

    async def _create_with(self, request: web.Request, order: Order, rule: FaultRule) -> web.StreamResponse:
        match rule.fault:
            case Fault.CUT_BEFORE_ACCEPT:
                return cut(request)
            case Fault.CUT_AFTER_ACCEPT:
                self._accept(order, rule, answer_lost=True)
                return cut(request)
            case Fault.RESET_AFTER_ACCEPT:
                self._accept(order, rule, answer_lost=True)
                return reset(request)
            case Fault.LATE_ANSWER:
                job = self._accept(order, rule)
                await self.pause(_delay_s(rule))
                job.answer_lost = request.transport is None
                return self.wire.accepted(self.upstream, job).response()
            case Fault.HALF_ANSWER | Fault.TRUNCATED_ANSWER | Fault.SLOW_HEADERS | Fault.SLOW_ANSWER:
                return await self._create_broken(request, order, rule)
            case _:
                if rule.accepted:
                    self._accept(order, rule, answer_lost=True)
                return self._spoiled(rule, order.model)

    async def _create_broken(self, request: web.Request, order: Order, rule: FaultRule) -> web.StreamResponse:
        job = self._accept(order, rule, answer_lost=True)
        body, media_type = orjson.dumps(self.wire.accepted(self.upstream, job).body), "application/json"
        match rule.fault:
            case Fault.HALF_ANSWER:
                return web.Response(body=body[: len(body) // 2], content_type=media_type)
            case Fault.TRUNCATED_ANSWER:
                return await send_half(request, body, media_type)
        send = send_headers_slowly if rule.fault is Fault.SLOW_HEADERS else send_slowly
        response = await send(request, body, media_type, _delay_s(rule), self.pause)
        job.answer_lost = request.transport is None
        return response

    def _accept(self, order: Order, rule: FaultRule | None, answer_lost: bool = False) -> SandboxJob:
        drawn = self.upstream.injection.draw_life(rule, order.prompt, order.model, order.images)
        try:
            job = self.upstream.accept(order, drawn, self.wire.make_id)
        except SandboxFullError:
            raise RefusedError(self.wire.trouble(Trouble.OVERLOADED, order.model)) from None
        job.answer_lost = answer_lost
        self.hooks.follow(job)
        return job

    def poll(self, request: web.Request, job_id: str) -> web.StreamResponse:
        """Tell how far a job is, or meet the fault that was drawn for this poll."""
        self.arrived(request, "poll")
        job = self.known(job_id)
        order = job.order
        rule = self.upstream.injection.draw_poll(order.prompt, order.model, order.images)
        if rule is None:
            return self.wire.polled(self.upstream, job).response()
        if rule.fault is Fault.POLL_CUT:
            return cut(request)
        if rule.fault is Fault.POLL_RESET:
            return reset(request)
        if rule.fault is Fault.POLL_GARBAGE:
            return _garbage()
        return self._spoiled(rule, order.model)

    def spoiled_list(self, request: web.Request, rule: FaultRule | None) -> web.StreamResponse | None:
        """What is answered in the place of a page of the list, where that is the fault that was drawn for it."""
        match rule.fault if rule else None:
            case Fault.LIST_CUT:
                return cut(request)
            case Fault.LIST_GARBAGE:
                return _garbage()
            case Fault.LIST_500 if rule is not None:
                return self._spoiled(rule, "")
        return None

    def _spoiled(self, rule: FaultRule, model: str) -> web.Response:
        if rule.fault in (Fault.HTML_502, Fault.HTML_504, Fault.POLL_HTML):
            return proxy_page(504 if rule.fault is Fault.HTML_504 else 502)
        wait_s = rule.retry_after_s
        headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
        if rule.fault is Fault.ANSWER:
            return answered(rule.http_status or 500, rule.body, headers)
        answer = self._trouble(rule, model)
        return Answer(answer.status, answer.body, {**answer.headers, **headers}).response()

    def _trouble(self, rule: FaultRule, model: str) -> Answer:
        if rule.fault is Fault.ERROR_IN_200 and rule.accepted:
            return replace(self.wire.trouble(Trouble.LOST), status=200)
        if rule.fault is not Fault.HTTP_503:
            return self.wire.trouble(TROUBLE_OF[rule.fault])
        # The dialect's own words of a 503 say that nothing was accepted.
        return self.wire.trouble(Trouble.LOST) if rule.accepted else self.wire.trouble(Trouble.OVERLOADED, model)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Send the video behind a result link; its signature stands in for the key."""
        self.upstream.requests["asset"] += 1
        job = self.upstream.find_asset(request.match_info["name"])
        signed = job is not None and request.query.get("sig") == job.signature
        if job is None or not signed or not self.upstream.moment(job).ready:
            return web.json_response({"error": "AccessDenied"}, status=403)
        return await self.deliver(request, job)

    async def deliver(self, request: web.Request, job: SandboxJob) -> web.StreamResponse:
        """Send a ready job's video."""
        return await deliver(request, self.upstream, job, self.pause)

    def arrived(self, request: web.Request, kind: str) -> None:
        """Count an exchange and check its key; raise RefusedError without the right one."""
        self.upstream.requests[kind] += 1
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.upstream.key.encode()):
            raise RefusedError(self.wire.trouble(Trouble.BAD_KEY))

    def known(self, job_id: str) -> SandboxJob:
        """The job with this id; raise RefusedError when there is none."""
        job = self.upstream.find(job_id)
        if job is None:
            raise RefusedError(self.wire.trouble(Trouble.UNKNOWN_JOB))
        return job

    async def pause(self, delay_s: float) -> None:
        """Wait in real seconds, but not past the server's closing."""
        await pause_until(self.closing, delay_s)


def _garbage() -> web.Response:
    return web.Response(body=b'{"id": "\xff\xfe', content_type="application/json")


def _delay_s(rule: FaultRule) -> float:
    return DEFAULT_DELAY_S if rule.delay_s is None else rule.delay_s
