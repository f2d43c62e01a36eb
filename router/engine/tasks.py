"""What runs in the background, and how it ends: at once, or after the submit that it is in the middle of."""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import AbstractContextManager
from typing import Any


class Tasks:
    """Every task of an engine. Once it is `stopping`, none may begin a submit any more.

    A stop ends those that are `waiting` at once, and those in the middle of `submits` only after a while.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.waiting: set[asyncio.Task[Any]] = set()
        self.submits: set[asyncio.Task[Any]] = set()

    @property
    def all(self) -> tuple[asyncio.Task[Any], ...]:
        """Those that are not over."""
        return (*self.waiting, *self.submits)

    def spawn(self, work: Coroutine[Any, Any, None], *, submits: bool = False) -> asyncio.Task[None]:
        """Begin a task; one that begins as it `submits` is waited for from the beginning."""
        task = asyncio.create_task(work)
        (self.submits if submits else self.waiting).add(task)
        task.add_done_callback(self._over)
        return task

    def submitting(self) -> AbstractContextManager[None]:
        """Let the task that enters this come to the end of it even when everything stops."""
        return _Submitting(self)

    async def stop(self, grace_s: float) -> None:
        """End all that only waits, let submits under way be answered for `grace_s`, and end the rest."""
        self.stopping = True
        # First of all, so that nobody begins another submit.
        await _cancelled(self.waiting)
        if self.submits:
            await asyncio.wait(self.submits, timeout=grace_s)
        await _cancelled(self.submits)
        # What a submit's end began in the meantime.
        await _cancelled(self.waiting)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self.waiting.discard(task)
        self.submits.discard(task)


class _Submitting:
    """What a task does that a stop waits for."""

    __slots__ = ("_task", "_tasks")

    def __init__(self, tasks: Tasks) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can submit")
        self._task, self._tasks = task, tasks

    def __enter__(self) -> None:
        self._tasks.waiting.discard(self._task)
        self._tasks.submits.add(self._task)

    def __exit__(self, *_: object) -> None:
        self._tasks.submits.discard(self._task)
        self._tasks.waiting.add(self._task)
        if self._tasks.stopping:
            self._task.cancel()


async def _cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they are over, however they end."""
    ended = tuple(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
