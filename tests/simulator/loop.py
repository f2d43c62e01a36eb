"""A virtual loop that runs one callback at a time, counts them, and can be told to crash its router between any two."""

import asyncio
import heapq
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

from tests.virtual_time import VirtualLoop


class Mortal(Protocol):
    """Whatever dies with the process that its tasks run in."""

    def born(self, task: Any) -> None:
        """Take note of a task that is its own."""


LIFE: ContextVar[Mortal | None] = ContextVar("life", default=None)


class StepLoop(VirtualLoop):
    """`after_step` is called after every single callback. Nothing here waits for a socket or a thread."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.after_step: Callable[[], None] = lambda: None
        self.set_task_factory(_registered)

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        if not ready:
            while scheduled and scheduled[0]._cancelled:
                self._timer_cancelled_count -= 1
                heapq.heappop(scheduled)._scheduled = False
            if not scheduled:
                if self._stopping:
                    return
                raise RuntimeError("everybody waits for somebody else, for ever")
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            self._skipping.passed_s = max(self._skipping.passed_s, timer._when)
            ready.append(timer)
        handle = ready.popleft()
        if not handle._cancelled:
            self.steps += 1
            handle._run()
            self.after_step()


def _registered(loop: Any, coroutine: Any, **options: Any) -> Any:
    task = asyncio.Task(coroutine, loop=loop, **options)
    context = options.get("context")
    life = LIFE.get() if context is None else context.get(LIFE)
    if life is not None:
        life.born(task)
    return task
