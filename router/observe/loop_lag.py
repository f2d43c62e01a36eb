"""How late the event loop is: whatever holds it up holds up every caller and every poll."""

import asyncio
from typing import Final

from router.core.clock import Clock
from router.core.events import Emit, LoopLagged

_EVERY_S: Final = 0.1


async def watch_loop(clock: Clock, emit: Emit) -> None:
    """Emit a LoopLagged ten times a second, until cancelled."""
    while True:
        planned = clock.monotonic() + _EVERY_S
        await asyncio.sleep(_EVERY_S)
        emit(LoopLagged(max(0.0, clock.monotonic() - planned)))
