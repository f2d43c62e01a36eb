"""What callers are told while the store cannot be reached, and the jobs whose write seemed to fail.

One that was stored after all is taken up, as its caller's next look shows it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from router.core.job import Job
from router.core.order import UnavailableError, UnconfirmedError
from router.engine.store import Store, StoreUnavailableError

_LOOK_AFTER_S: Final = 0.1
_LOOK_AGAIN_AFTER_S_MAX: Final = 5.0


RETRY_AFTER_S: Final = 5.0
"""When to ask again for what the store could not say."""


def unconfirmed(error: StoreUnavailableError | None = None) -> UnconfirmedError:
    """Return what a caller is told whose order may be durable or not."""
    message = (
        "the router could not confirm that it has stored this video, so it may be made or not; look for it in"
        " GET /v1/videos before you order it again"
    )
    told = UnconfirmedError(message, RETRY_AFTER_S)
    told.__cause__ = error
    return told


@contextmanager
def store_within_reach() -> Iterator[None]:
    """Tell a caller to come again when the file is locked, full or gone."""
    try:
        yield
    except StoreUnavailableError as error:
        raise UnavailableError("the router cannot reach its jobs at the moment", RETRY_AFTER_S) from error


class Unconfirmed:
    """Looks them up as soon as the store can be read. What only a crash brings to light, the next start takes up."""

    def __init__(
        self, store: Store, take_up: Callable[[Job], None], spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._store = store
        self._take_up = take_up
        self._spawn = spawn
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, job_id: str) -> None:
        """Look for this job, too."""
        self._ids.add(job_id)
        if len(self._ids) == 1:
            self._spawn(self._look())

    async def _look(self) -> None:
        delay_s = _LOOK_AFTER_S
        while self._ids:
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _LOOK_AGAIN_AFTER_S_MAX)
            with suppress(StoreUnavailableError):
                for job_id in tuple(self._ids):
                    job = await self._store.any_job(job_id)
                    self._ids.discard(job_id)
                    if job is not None and not job.ended:
                        self._take_up(job)
