"""Reads the configuration anew while the router runs: all of it is taken over, or none."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final, TypeVar

from router.config.changes import bounded, changes
from router.config.problems import ConfigError, Problem
from router.config.report import described
from router.config.settings import Settings
from router.core.clock import Clock
from router.core.events import ConfigReloaded, Emit
from router.http.reload import Reloaded

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
LINES_MAX: Final = 200
READ_S_MAX: Final = 30.0


class Reloading:
    """Keeps the settings in force. `read` gives new ones, `take` puts them in force; either may raise ConfigError.

    Reading is done in a thread, and given up after `read_s_max`: a file may be on a disk that does not answer. `take`
    runs between two steps of the loop, and must change nothing when it raises.
    """

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        take: Callable[[Settings], None],
        emit: Emit,
        clock: Clock,
        read_s_max: float = READ_S_MAX,
    ) -> None:
        self.settings = settings
        self._read = read
        self._take = take
        self._emit = emit
        self._clock = clock
        self._read_s_max = read_s_max
        self._stuck: Thread | None = None
        self._lock = asyncio.Lock()
        self._next: asyncio.Task[Reloaded] | None = None
        self._tasks: set[asyncio.Task[Reloaded]] = set()

    def began(self) -> None:
        """Tell everybody with which configuration the router began."""
        self._emit(ConfigReloaded(ok=True, digest=self.settings.digest, at=self._clock.wall()))

    async def reload(self) -> Reloaded:
        """Read the file and take it over; those who ask while another reload is under way share the next one."""
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """Break off what is under way; what was taken over stays."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_turn(self) -> Reloaded:
        async with self._lock:
            # The file is read after this, so whoever asks from now on may mean a newer one.
            self._next = None
            return await self._once()

    async def _once(self) -> Reloaded:
        try:
            settings, changed = await self._read_in_time()
            self._take(settings)
        except ConfigError as error:
            return self._refused(error)
        except Exception as error:  # noqa: BLE001 - whatever broke, the configuration in force stays
            # Not the error's own words, which may quote a key.
            _LOG.error("a reload broke: %s", type(error).__name__)
            problem = Problem("", None, f"could not be taken over: {type(error).__name__}; restart with it to see why")
            return self._refused(ConfigError(str(self.settings.file), [problem]))
        self.settings = settings
        self._emit(ConfigReloaded(ok=True, digest=settings.digest, at=self._clock.wall(), changes=changed))
        warnings = described(settings.file, settings.warnings)
        return Reloaded(str(settings.file), settings.digest, changed, bounded(warnings, LINES_MAX))

    async def _read_in_time(self) -> tuple[Settings, tuple[str, ...]]:
        """Read in a thread that no stop waits for, and in no second one while it is stuck; raises ConfigError."""
        if self._stuck is None or not self._stuck.is_alive():
            loop = asyncio.get_running_loop()
            future: asyncio.Future[tuple[Settings, tuple[str, ...]]] = loop.create_future()
            reader = Thread(target=_told, args=(self._compared, loop, future), name="config-reader", daemon=True)
            reader.start()
            with suppress(TimeoutError):
                return await asyncio.wait_for(future, self._read_s_max)
            self._stuck = reader
        message = "could not be read in time; see whether it and the key files that it names can be"
        raise ConfigError(str(self.settings.file), [Problem("", None, message)])

    def _compared(self) -> tuple[Settings, tuple[str, ...]]:
        settings = self._read()
        return settings, changes(self.settings, settings)

    def _refused(self, error: ConfigError) -> Reloaded:
        problems = bounded([problem.described(error.file) for problem in error.problems], LINES_MAX)
        self._emit(ConfigReloaded(ok=False, digest=error.digest, at=self._clock.wall(), problems=problems))
        return Reloaded(error.file, error.digest, problems=problems, param=error.problems[0].path or None)


def _told(work: Callable[[], T], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]") -> None:
    """Work, and tell a future of another thread, unless nobody waits any more."""

    def tell(said: Callable[[], None]) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if future.done() else said())

    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whatever broke is told to the one who asked
        broke = error
        tell(lambda: future.set_exception(broke))
    else:
        tell(lambda: future.set_result(result))
