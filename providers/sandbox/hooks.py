"""The webhooks that an upstream sends: of every change to a create's `notify_hook`, or signed ones to one endpoint."""

import asyncio
import base64
import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from urllib.parse import urlsplit

import aiohttp
import orjson

from providers.sandbox.faults import Fault
from providers.sandbox.life import Status
from providers.sandbox.upstream import SandboxJob, Upstream
from providers.sandbox.wire import Json, Wire

STORM = 200
DEFAULT_DELAY_S = 2.0
LIE_LINK = "http://127.0.0.1:9/never.mp4"
_SENDS_AT_ONCE = 8
# A job has moved a moment after the moment at which it moves.
_PAST_IT_S = 0.001
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_EVENTS = {Status.COMPLETED: "video.completed", Status.FAILED: "video.failed"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an upstream sends its webhooks; `secret` (`whsec_...`) signs them. Other machines are never called."""

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not is_loopback(self.url):
            raise ValueError("a sandbox sends webhooks to this machine only; give an http:// URL of 127.0.0.1")


@dataclass(frozen=True, slots=True)
class _Post:
    """One webhook; `forged` is what somebody else would send who knows neither address nor secret."""

    id: str
    body: Json = field(repr=False)
    forged: bool = False


class HookSender:
    """Tells of jobs in real time, so its upstream's clock must be the wall's. `answers` counts what came back."""

    def __init__(self, upstream: Upstream, wire: Wire) -> None:
        self.endpoint: Endpoint | None = None
        self.answers: Counter[int] = Counter()
        self._upstream = upstream
        self._wire = wire
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(_SENDS_AT_ONCE)

    def follow(self, job: SandboxJob) -> None:
        """Tell of a job from now on, if anybody wants to know."""
        endpoint = Endpoint(job.order.hook) if job.order.hook is not None else self.endpoint
        if endpoint is not None:
            task = asyncio.create_task(self._tell(job, endpoint))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Send nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _tell(self, job: SandboxJob, endpoint: Endpoint) -> None:
        rule = job.drawn.hook
        fault = rule.fault if rule else None
        if fault is Fault.HOOK_FORGED:
            await self._send(_Post(f"evt_{job.number}_forged", self._lie(job), forged=True), endpoint)
        if fault is Fault.HOOK_STORM:
            lies = (_Post(f"evt_{job.number}_storm_{each}", self._lie(job)) for each in range(STORM))
            await asyncio.gather(*(self._send(lie, endpoint) for lie in lies))
        posts: list[_Post] = []
        for at in self._changes(job):
            await asyncio.sleep(max(0.0, at - self._upstream.clock()) + _PAST_IT_S)
            posts += self._posts(job)
            if fault is not Fault.HOOK_OUT_OF_ORDER:
                await self._deliver(posts, job, endpoint)
                posts = []
        await self._deliver(posts[::-1], job, endpoint)

    async def _deliver(self, posts: list[_Post], job: SandboxJob, endpoint: Endpoint) -> None:
        rule = job.drawn.hook
        if rule is not None and rule.fault is Fault.HOOK_NEVER:
            return
        if rule is not None and rule.fault is Fault.HOOK_LATE:
            await asyncio.sleep(DEFAULT_DELAY_S if rule.delay_s is None else rule.delay_s)
        twice = rule is not None and rule.fault is Fault.HOOK_DUPLICATE
        for post in posts:
            for _ in range(2 if twice else 1):
                await self._send(post, endpoint)

    def _changes(self, job: SandboxJob) -> Iterator[float]:
        """When there is something to tell: at every change to a create's own address, else at the end."""
        if job.order.hook is not None:
            yield job.accepted_at
            if isfinite(started_at := self._upstream.started_at(job)):
                yield started_at
        if isfinite(ended_at := self._upstream.ended_at(job)):
            yield ended_at

    def _posts(self, job: SandboxJob) -> list[_Post]:
        """The webhook about a job as it is now: a task as its poll shows it, or an event, which only an end is."""
        status = self._upstream.moment(job).status
        if job.order.hook is not None:
            return [_Post(f"{job.id}_{status}", self._wire.polled(self._upstream, job).body)]
        kind = _EVENTS.get(status)
        return [] if kind is None else [_Post(f"evt_{job.number}_{status}", self._event(kind, job))]

    def _event(self, kind: str, job: SandboxJob) -> Json:
        event = {"id": f"evt_{job.number}", "object": "event", "created_at": int(self._upstream.clock())}
        return {**event, "type": kind, "data": {"id": job.id}}

    def _lie(self, job: SandboxJob) -> Json:
        """Say that a job is done which has only begun."""
        if job.order.hook is None:
            return self._event(_EVENTS[Status.COMPLETED], job)
        now = self._wire.polled(self._upstream, job).body
        return {**now, "status": "SUCCESS", "progress": "100%", "data": {"output": LIE_LINK}}

    async def _send(self, post: _Post, endpoint: Endpoint) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False)
        body = orjson.dumps(post.body)
        url = f"{endpoint.url[:-6]}forged" if post.forged and endpoint.secret is None else endpoint.url
        headers = {"Content-Type": "application/json", **self._signed(post, body, endpoint)}
        async with self._places:
            try:
                async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    self.answers[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError):
                self.answers[0] += 1

    def _signed(self, post: _Post, body: bytes, endpoint: Endpoint) -> dict[str, str]:
        """Sign as Standard Webhooks has it."""
        if endpoint.secret is None:
            return {}
        key = b"somebody else's" if post.forged else base64.b64decode(endpoint.secret.removeprefix("whsec_"))
        sent_at = int(self._upstream.clock())
        digest = hmac.digest(key, f"{post.id}.{sent_at}.".encode() + body, "sha256")
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": post.id, "webhook-timestamp": str(sent_at), "webhook-signature": signature}


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
