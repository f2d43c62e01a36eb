"""Finished videos on their way to callers: checked again as they pass, through a fresh link when the old one died."""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
)
from dataclasses import dataclass, field, replace
from typing import Final

from providers.adapter import HttpRequest
from providers.canonical import Failure, Reason, Running, Stage, Succeeded, Variant
from router.core.job import Attempt, Job
from router.core.pacing import patience_s
from router.engine.attempt_run import beside_status
from router.engine.content import Opened, opened
from router.engine.exchange import ContentError, ContentExpiredError, ContentStream
from router.engine.fetch import written_by_adapter
from router.engine.parts import Parts
from router.engine.poll import poll_once
from router.engine.store import StoreUnavailableError
from router.engine.verification import SIGNATURE_BYTES, VideoCheck, is_page, require_signature

_LOG = logging.getLogger(__name__)
REFRESH_EVERY_S: Final = 30.0
"""How often at most an upstream is asked for a fresh link to one video, however many callers want it."""
_TURNS_KEPT: Final = 2_000
# A caller who waits for his video must not wait for thousands of polls.
_TURN_WITHIN_S: Final = 10.0
# Some stores call a signature whose time is over a bad request.
_GONE: Final = frozenset({400, 401, 403, 404, 410})
# Polls that failed so say nothing of the video, which may have another link in a minute.
_PASSING: Final = frozenset({Reason.UNREACHABLE, Reason.OVERLOADED, Reason.RATE_LIMITED, Reason.AUTH, Reason.BALANCE})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_PAGES: Final = ("text/", "application/json", "application/xml", "application/xhtml")


@dataclass(slots=True)
class _Turn:
    """Whoever asks for a fresh link to one video: one at a time, and not before `ask_at`.

    `denied`: when last asked, the upstream had no other link that could give the video.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ask_at: float = 0.0
    fresh: Attempt | None = None
    denied: bool = False


class Serving:
    """Opens the videos of completed jobs; `relinked` is told of every fresh link that gave its video."""

    def __init__(self, parts: Parts, relinked: Callable[[Attempt], None]) -> None:
        self._parts = parts
        self._relinked = relinked
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    def open(
        self, job: Job, variant: Variant, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[ContentStream] | None:
        """Open what a job delivered; None when its provider has no such variant.

        Calling, entering and reading may raise ContentError; what is entered is a video, or status 416.
        """
        attempt = job.delivered
        if attempt is None:
            raise ContentError("this job delivered no video")
        is_kept = variant == "video" and self._parts.mirror.may_hold(attempt.id)
        if not is_kept:
            self._require_configured(attempt)
        if variant == "video":
            return self._kept(attempt, headers)
        request = self._request(attempt, variant)
        return None if request is None else self._picture(attempt, request, headers)

    async def delete(self, job: Job, at: float) -> None:
        """Make a job invisible, and keep none of its videos here."""
        await self._parts.store.delete_job(job.id, at)
        await self._parts.mirror.forget([attempt.id for attempt in job.attempts])

    @asynccontextmanager
    async def _kept(self, attempt: Attempt, headers: Mapping[str, str]) -> AsyncIterator[ContentStream]:
        """Open what the mirror has, and ask nobody; the upstream only where it has nothing."""
        async with self._parts.mirror.found(attempt.id, attempt.content_bytes or 0) as file:
            if file is not None:
                yield file.answer(headers, f'"{attempt.job_id}"')
                return
        self._require_configured(attempt)
        async with self._video(attempt, headers) as stream:
            yield stream

    def _require_configured(self, attempt: Attempt) -> None:
        if attempt.provider not in self._parts.catalog.providers:
            raise ContentError("the provider that made this video is no longer configured")

    @asynccontextmanager
    async def _video(self, attempt: Attempt, headers: Mapping[str, str]) -> AsyncIterator[ContentStream]:
        async with AsyncExitStack() as stack:
            try:
                stream = await stack.enter_async_context(self._checked(attempt, headers))
            except ContentError as error:
                if not error.gone:
                    raise
                stream = await self._through_fresh_link(stack, attempt, headers)
            yield stream

    @asynccontextmanager
    async def _checked(self, attempt: Attempt, headers: Mapping[str, str]) -> AsyncIterator[ContentStream]:
        """Open the link that the attempt holds; raises ContentError unless a video begins there."""
        request = self._request(attempt, "video")
        if request is None:
            raise ContentError("there is no link to this video", gone=True)
        async with opened(self._parts.transport, attempt.provider, request, headers, for_caller=True) as found:
            if found.stream.status == 416:
                yield found.stream
                return
            asked_part = any(name.lower() == "range" for name in headers)
            async with aclosing(_whole_or_part(found, attempt, asked_part)) as chunks:
                yield replace(found.stream, chunks=chunks)

    @asynccontextmanager
    async def _picture(
        self, attempt: Attempt, request: HttpRequest, headers: Mapping[str, str]
    ) -> AsyncIterator[ContentStream]:
        async with opened(self._parts.transport, attempt.provider, request, headers, for_caller=True) as found:
            status = found.stream.status
            if status not in (200, 206, 416) or (status != 416 and (_says_page(found.stream) or is_page(found.head))):
                raise ContentError(f"no picture, but http status {status}")
            yield found.stream

    async def _through_fresh_link(
        self, stack: AsyncExitStack, attempt: Attempt, headers: Mapping[str, str]
    ) -> ContentStream:
        """Ask the upstream for another link, or use the one that another caller was just given."""
        turn = self._turn(attempt)
        async with turn.lock:
            known = turn.fresh
            if known is None or known.content_url == attempt.content_url:
                return await self._through_new_link(turn, stack, attempt, headers)
        try:
            return await stack.enter_async_context(self._checked(known, headers))
        except ContentError as error:
            if error.gone and turn.fresh is known:
                turn.fresh = None
            raise

    async def _through_new_link(
        self, turn: _Turn, stack: AsyncExitStack, attempt: Attempt, headers: Mapping[str, str]
    ) -> ContentStream:
        fresh = await self._fresh(turn, attempt)
        if fresh is None:
            raise self._lost(turn, attempt)
        try:
            stream = await stack.enter_async_context(self._checked(fresh, headers))
        except ContentError as error:
            turn.denied = error.gone
            raise self._lost(turn, attempt) from None
        turn.fresh = fresh
        await self._keep(fresh)
        return stream

    async def _fresh(self, turn: _Turn, attempt: Attempt) -> Attempt | None:
        monotonic = self._parts.clock.monotonic
        if monotonic() < turn.ask_at:
            return None
        turn.ask_at, turn.denied = monotonic() + REFRESH_EVERY_S, False
        reading = await poll_once(self._parts, attempt, turn_within_s=_TURN_WITHIN_S)
        turn.denied = True
        match reading:
            case Failure():
                turn.denied = reading.stage is not Stage.POLL or reading.reason not in _PASSING
                turn.ask_at = max(turn.ask_at, monotonic() + patience_s(reading.retry_after_s))
                return None
            case Running(url=str(url)):
                # The status of a video that was taken from beside it may stay behind for ever.
                reading = beside_status(url)
            case Running():
                return None
        if reading.url == attempt.content_url:
            return None
        return replace(attempt, content_url=reading.url, content_expires_at=reading.expires_at)

    async def _keep(self, fresh: Attempt) -> None:
        self._relinked(fresh)
        try:
            await self._parts.store.relink_attempt(fresh)
        except StoreUnavailableError:
            # The caller has his video all the same; the next one asks for a link again.
            _LOG.warning("the fresh link of attempt %s could not be stored", fresh.id)

    def _turn(self, attempt: Attempt) -> _Turn:
        turn = self._turns.setdefault(attempt.id, _Turn())
        self._turns.move_to_end(attempt.id)
        if len(self._turns) > _TURNS_KEPT:
            self._turns.popitem(last=False)
        return turn

    def _lost(self, turn: _Turn, attempt: Attempt) -> ContentError:
        expires_at = attempt.content_expires_at
        if turn.denied and expires_at is not None and self._parts.now() >= expires_at:
            return ContentExpiredError("the link to the video has expired")
        return ContentError("the link gives no video any more", gone=True)

    def _request(self, attempt: Attempt, variant: Variant) -> HttpRequest | None:
        adapter, done = self._parts.provider(attempt.provider).adapter, Succeeded(attempt.content_url)
        return written_by_adapter(lambda: adapter.content_request(attempt.remote_id or "", done, variant))


def _whole_or_part(found: Opened, attempt: Attempt, asked_part: bool) -> AsyncGenerator[bytes, None]:
    """The bytes, after a look at the first of them; raises ContentError when they are no video's."""
    stream = found.stream
    if stream.status in _GONE:
        raise ContentError(f"http status {stream.status}", gone=True)
    if stream.status == 206 and not asked_part:
        raise ContentError("a part that nobody asked for", gone=True)
    try:
        if stream.status == 200:
            require_signature(found.head)
            return _walked(stream.chunks, stream.said_bytes)
        if stream.status == 206:
            return _counted(stream.chunks, _part_bytes(found, attempt.content_bytes))
    except ContentError as error:
        raise ContentError(str(error), gone=True) from None
    raise ContentError(f"http status {stream.status}")


def _part_bytes(found: Opened, content_bytes: int | None) -> int:
    """How long a part is that can belong to the video that was verified."""
    said = _CONTENT_RANGE.fullmatch(found.stream.headers.get("content-range", ""))
    if said is None:
        raise ContentError("a part that does not say which")
    start, end, total = int(said[1]), int(said[2]), content_bytes if said[3] == "*" else int(said[3])
    if content_bytes is not None and total != content_bytes:
        raise ContentError("a part of something else")
    if end < start or (total is not None and end >= total):
        raise ContentError("a part that cannot be")
    if start == 0 and len(found.head) >= SIGNATURE_BYTES:
        require_signature(found.head)
    elif _says_page(found.stream):
        raise ContentError("a part of a page")
    return end - start + 1


async def _walked(chunks: AsyncIterator[bytes], said_bytes: int) -> AsyncGenerator[bytes, None]:
    """Pass a whole video on; its end is held back until it is known to be one, so that a broken one ends too early.

    What comes before the last of the `said_bytes` cannot be the end.
    """
    check, held = VideoCheck(), b""
    async for chunk in chunks:
        check.feed(chunk)
        if held:
            yield held
            held = b""
        if check.content_bytes < said_bytes:
            yield chunk
        else:
            held = chunk
    check.finish()
    yield held


async def _counted(chunks: AsyncIterator[bytes], part_bytes: int) -> AsyncGenerator[bytes, None]:
    """Pass a part on; raises ContentError when it has another length than it says."""
    left, held = part_bytes, b""
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise ContentError("the part is longer than it says")
        if held:
            yield held
        held = chunk
    if left:
        raise ContentError("the part is truncated")
    yield held


def _says_page(stream: ContentStream) -> bool:
    return stream.headers.get("content-type", "").lower().startswith(_PAGES)
