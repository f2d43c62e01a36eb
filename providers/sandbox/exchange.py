"""One fake provider's HTTP exchanges, whatever its dialect: create, poll, fetch, and the faults in them."""

import asyncio
import hmac

from aiohttp import web

from providers.sandbox.delivery import DEFAULT_DELAY_S, cut, deliver, pause_until
from providers.sandbox.faults import Fault, FaultRule
from providers.sandbox.upstream import Order, SandboxFullError, SandboxJob, Upstream
from providers.sandbox.wire import NGINX_502, TROUBLE_OF, Answer, RefusedError, Trouble, Wire, answered


class Exchanges:
    """The handlers of one upstream; `closing` ends every wait when the server stops."""

    def __init__(self, upstream: Upstream, wire: Wire) -> None:
        self.upstream = upstream
        self.wire = wire
        self.closing = asyncio.Event()

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Accept and bill a job, or meet the fault that was drawn for it."""
        self.arrived(request, "create")
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
            case Fault.LATE_ANSWER:
                job = self._accept(order, rule)
                await self.pause(DEFAULT_DELAY_S if rule.delay_s is None else rule.delay_s)
                job.answer_lost = request.transport is None
                return self.wire.accepted(self.upstream, job).response()
            case _:
                if rule.accepted:
                    self._accept(order, rule, answer_lost=True)
                return self._spoiled(rule, order.model)

    def _accept(self, order: Order, rule: FaultRule | None, answer_lost: bool = False) -> SandboxJob:
        drawn = self.upstream.injection.draw_life(rule, order.prompt, order.model, order.images)
        try:
            job = self.upstream.accept(order, drawn, self.wire.make_id)
        except SandboxFullError:
            raise RefusedError(self.wire.trouble(Trouble.OVERLOADED, order.model)) from None
        job.answer_lost = answer_lost
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
        if rule.fault is Fault.POLL_GARBAGE:
            return web.Response(body=b'{"id": "\xff\xfe', content_type="application/json")
        return self._spoiled(rule, order.model)

    def _spoiled(self, rule: FaultRule, model: str) -> web.Response:
        if rule.fault in (Fault.HTML_502, Fault.POLL_HTML):
            return web.Response(status=502, text=NGINX_502, content_type="text/html")
        wait_s = rule.retry_after_s
        headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
        if rule.fault is Fault.ANSWER:
            return answered(rule.http_status or 500, rule.body, headers)
        answer = self._trouble(rule, model)
        return Answer(answer.status, answer.body, {**answer.headers, **headers}).response()

    def _trouble(self, rule: FaultRule, model: str) -> Answer:
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
