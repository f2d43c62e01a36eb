"""A finished video, read to its end once before anybody is told that it is there."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from providers.adapter import HttpRequest
from providers.canonical import Succeeded
from router.core.job import Attempt
from router.engine.content import opened
from router.engine.exchange import ContentError
from router.engine.parts import Parts
from router.engine.verification import Verified, verify

_LOG = logging.getLogger(__name__)
UNWRITTEN: Final = "the dialect failed to write its request; the log says why"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A finished video that was read to its end once, and is what it claims to be."""

    done: Succeeded
    verified: Verified


async def fetch_once(parts: Parts, attempt: Attempt, done: Succeeded, within_s: float = inf) -> Verified:
    """Stream a finished video through the check, and into the mirror if there is one; raises ContentError."""
    provider = parts.provider(attempt.provider)
    request = written_by_adapter(lambda: provider.adapter.content_request(attempt.remote_id or "", done))
    if request is None:
        raise ContentError("the upstream called the video done and named no link" if done.url is None else UNWRITTEN)
    limit_s = min(provider.polling.download_s_max, max(0.0, within_s))
    async with parts.mirror.copying(attempt.id) as copy:
        try:
            # The transport ends silence only: bytes that trickle would keep a job from ever ending.
            async with asyncio.timeout(limit_s), opened(parts.transport, provider.name, request, {}) as found:
                if copy is not None:
                    copy.expect(found.stream.said_bytes)
                verified = await verify(found.stream, take=None if copy is None else copy.take)
        except TimeoutError:
            raise ContentError(f"the video took longer than {limit_s:g} s to read") from None
        if copy is not None:
            await copy.keep()
    return verified


def written_by_adapter(write: Callable[[], HttpRequest | None]) -> HttpRequest | None:
    """Return the request, or None when the adapter, which may be a stranger's, breaks: then nothing was sent."""
    try:
        return write()
    except Exception as error:  # noqa: BLE001 - whatever broke, the job must come to an end
        # Not the error's own words, which may quote the prompt.
        _LOG.error("an adapter failed to write a request: %s", type(error).__name__)
        return None
