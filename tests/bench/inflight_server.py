"""The router under a stall detector: `python -m tests.bench.inflight_server SEEN serve ...`, SEEN being what it saw."""

import asyncio
import gc
import sys
import threading
import time
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from traceback import walk_stack
from types import FrameType
from typing import Any, Final

import orjson

import router.app
from router.cli import main as router_main
from tests.bench.loop import loop_factory

TICK_S: Final = 0.005
STALL_S: Final = 0.05
_LOOK_EVERY_S: Final = 0.01
_LOOK_AFTER_S: Final = 0.03
_FRAMES_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Stall:
    """The loop came back so much too late, at a monotonic moment; `stack` is what held it up, seen from a thread.

    `gc_s` is how much of that the garbage collector took.
    """

    at: float
    lasted_s: float
    gc_s: float
    stack: tuple[str, ...]


class Detector:
    """Lets the loop tick, and looks from a thread at what it does when it does not come back."""

    def __init__(self) -> None:
        self.moments = array("d")
        self.lags = array("d")
        self.stalls: list[Stall] = []
        self._planned = float("inf")
        self._stack: tuple[str, ...] = ()
        self._gc_since = self._gc_s = 0.0
        self._loop_thread = threading.get_ident()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Make the loop that the router would make, and begin to watch it."""
        factory = loop_factory() or asyncio.new_event_loop
        made = factory()
        made.call_soon(self._tick, made)
        gc.callbacks.append(self._collected)
        threading.Thread(target=self._look, daemon=True).start()
        return made

    def document(self) -> dict[str, Any]:
        """Return all that was seen."""
        ticks = list(zip(self.moments, self.lags, strict=True))
        return {"ticks": ticks, "stalls": [asdict(stall) for stall in self.stalls]}

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        if self._planned < now:
            lag_s = now - self._planned
            self.moments.append(now)
            self.lags.append(lag_s)
            if lag_s > STALL_S:
                self.stalls.append(Stall(now, lag_s, self._gc_s, self._stack))
        self._planned, self._gc_s, self._stack = now + TICK_S, 0.0, ()
        loop.call_later(TICK_S, self._tick, loop)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            if not self._stack and time.monotonic() - self._planned > _LOOK_AFTER_S:
                frame = sys._current_frames().get(self._loop_thread)
                self._stack = () if frame is None else _written(frame)

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_since = time.monotonic()
        else:
            self._gc_s += time.monotonic() - self._gc_since


def _written(frame: FrameType) -> tuple[str, ...]:
    found = ((each.f_code, line) for each, line in walk_stack(frame))
    return tuple(f"{Path(code.co_filename).name}:{line} {code.co_name}" for code, line in found)[:_FRAMES_MAX]


def main() -> None:
    """Run the router's own command line on a watched loop."""
    seen, detector = Path(sys.argv.pop(1)), Detector()
    router.app._loop_factory = lambda: detector.loop  # type: ignore[assignment, return-value]
    try:
        router_main()
    finally:
        seen.write_bytes(orjson.dumps(detector.document()))


if __name__ == "__main__":
    main()
