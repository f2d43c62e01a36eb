"""An event loop whose time passes only when nobody has anything to do: hours of waiting in milliseconds, repeatably."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from router.core.clock import Clock
from tests.builders import EPOCH

T = TypeVar("T")


class _Skipping(selectors.BaseSelector):
    """Moves its loop's clock forward instead of waiting. What is ready at once is still seen."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for somebody else, for ever")
        if not ready and timeout is not None:
            self.passed_s += max(0.0, timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs everything that is ready, then jumps to the next timer. Threads would not be waited for: use none."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.passed_s

    def clock(self) -> Clock:
        """The loop's own time, beginning at EPOCH."""
        return Clock(wall=lambda: EPOCH + self.time(), monotonic=self.time)


def in_virtual_time(main: Callable[[Clock], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function on a virtual loop of its own, with the clock of that loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(loop.clock()))
