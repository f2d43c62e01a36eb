"""What runs in the background, and how it ends: at once, or after the submit that it is in the middle of."""

import asyncio
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Tasks:
    """Every task of an engine. Once it is `stopping`, none may begin a submit any more."""

    def __init__(self) -> None:
        self.stopping = False
        self._waiting: set[asyncio.Task[Any]] = set()
        self._submitting: set[asyncio.Task[Any]] = set()

    @property
    def all(self) -> tuple[asyncio.Task[Any], ...]:
        """Those that are not over."""
        return (*self._waiting, *self._submitting)

    def spawn(self, work: Coroutine[Any, Any, None], *, submits: bool = False) -> asyncio.Task[None]:
        """Begin a task; one that begins as it `submits` is waited for from the beginning."""
        task = asyncio.create_task(work)
        (self._submitting if submits else self._waiting).add(task)
        task.add_done_callback(self._over)
        return task

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Let the task that enters this come to the end of it even when everything stops."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can submit")
        self._waiting.discard(task)
        self._submitting.add(task)
        try:
            yield
        finally:
            self._submitting.discard(task)
            self._waiting.add(task)
            if self.stopping:
                task.cancel()

    async def stop(self, grace_s: float) -> None:
        """End all that only waits, let submits under way be answered for `grace_s`, and end the rest."""
        self.stopping = True
        # First of all, so that nobody begins another submit.
        await _cancelled(self._waiting)
        if self._submitting:
            await asyncio.wait(self._submitting, timeout=grace_s)
        await _cancelled(self._submitting)
        # What a submit's end began in the meantime.
        await _cancelled(self._waiting)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._waiting.discard(task)
        self._submitting.discard(task)


async def _cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they are over, however they end."""
    ended = tuple(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
