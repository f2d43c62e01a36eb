"""A sleep that somebody else can cut short."""

import asyncio


class Alarm:
    """One sleeper at a time; once rung, it lets nobody sleep any more."""

    __slots__ = ("_sleeper", "rung")

    def __init__(self) -> None:
        self.rung = False
        self._sleeper: asyncio.Future[None] | None = None

    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s`, or as soon as the alarm rings."""
        if self.rung:
            return
        loop = asyncio.get_running_loop()
        self._sleeper = loop.create_future()
        timer = loop.call_later(delay_s, self._wake)
        try:
            await self._sleeper
        finally:
            timer.cancel()
            self._sleeper = None

    def ring(self) -> None:
        """Wake the sleeper, for good."""
        self.rung = True
        self._wake()

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)
