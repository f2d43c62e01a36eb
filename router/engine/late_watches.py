"""Every attempt that is watched over after its job went on without it, for its money is not known."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol

from router.core.job import Attempt, AttemptState, Job
from router.engine import late_search, late_watch
from router.engine.late_search import LateSearch
from router.engine.late_watch import LateWatch
from router.engine.parts import Parts
from router.engine.store import StoreUnavailableError

_LOG = logging.getLogger(__name__)
_BEGIN_AGAIN_AFTER_S: Final = 5.0


class Company(late_search.Company, late_watch.Company, Protocol):
    """What the watches need of the engine that their jobs live in."""


class LateWatches:
    """One task for each late or unknown attempt."""

    def __init__(
        self, parts: Parts, company: Company, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    ) -> None:
        self._parts = parts
        self._company = company
        self._spawn = spawn
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, job: Job, attempt: Attempt) -> None:
        """Ask about an attempt until its money is known, where its provider is known."""
        if attempt.provider in self._parts.catalog.providers and attempt.id not in self._tasks:
            task = self._tasks[attempt.id] = self._spawn(self._watch(job, attempt))
            task.add_done_callback(lambda _: self._unlist(attempt.id, task))

    def begin_all(self, job: Job) -> None:
        """Ask about all of a job's attempts whose money is not known."""
        for attempt in job.attempts:
            if attempt.uncertain:
                self.begin(job, attempt)

    def begin_again(self) -> None:
        """Look whether there are any that could not be asked about before."""
        self._spawn(self._begin_again())

    def end(self, attempt: Attempt) -> None:
        """Stop asking about an attempt."""
        if (task := self._tasks.pop(attempt.id, None)) is not None:
            task.cancel()

    async def _begin_again(self) -> None:
        for job in await self._uncertain_jobs():
            self.begin_all(job)

    async def _uncertain_jobs(self) -> Collection[Job]:
        while True:
            with suppress(StoreUnavailableError):
                return await self._parts.store.uncertain_jobs()
            await asyncio.sleep(_BEGIN_AGAIN_AFTER_S)

    async def _watch(self, job: Job, attempt: Attempt) -> None:
        """Watch over a late or unknown attempt; should that break, begin again, for its money is still not known."""
        while True:
            try:
                late = attempt.state is AttemptState.LATE
                known = attempt if late else await LateSearch(self._parts, self._company, job, attempt).run()
                return None if known is None else await LateWatch(self._parts, self._company, job, known).run()
            except Exception:  # noqa: BLE001 - whatever broke, the money must not be forgotten
                _LOG.exception("the watch over attempt %s broke and is begun again", attempt.id)
            await asyncio.sleep(_BEGIN_AGAIN_AFTER_S)

    def _unlist(self, attempt_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(attempt_id) is task:
            del self._tasks[attempt_id]
