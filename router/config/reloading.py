"""Reads the configuration anew while the router runs: all of it is taken over, or none."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Final

from router.config.changes import bounded, changes
from router.config.problems import ConfigError, Problem, described
from router.config.reader import begun
from router.config.settings import Settings
from router.core.clock import Clock
from router.core.events import ConfigReloaded, Emit
from router.http.reload import Reloaded

_LOG = logging.getLogger(__name__)
LINES_MAX: Final = 200
READ_S_MAX: Final = 30.0


class _UnansweredError(ConfigError):
    """The files could not be read in time, which says nothing of what stands in them."""


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
        self._refusal: ConfigError | None = None
        self._lock = asyncio.Lock()
        self._next: asyncio.Task[Reloaded] | None = None
        self._tasks: set[asyncio.Task[Reloaded]] = set()

    def began(self) -> None:
        """Tell everybody with which configuration the router began."""
        self._tell(_taken(self.settings))

    def files(self) -> tuple[Path, ...]:
        """The configuration and the key files that it names, or named when it was refused; for any thread."""
        refusal = self._refusal
        return (self.settings.file, *self.settings.key_files, *(refusal.key_files if refusal else ()))

    async def reload(self) -> Reloaded:
        """Read the file and take it over; those who ask while another reload is under way share the next one."""
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        return await asyncio.shield(self._next)

    async def reload_if_changed(self) -> bool:
        """Take over what says something else than what is in force, and was not refused already; else say nothing.

        False where the files did not answer, and have to be tried again.
        """
        async with self._lock:
            await self._once(unless_known=True)
        return not isinstance(self._refusal, _UnansweredError)

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

    async def _once(self, *, unless_known: bool = False) -> Reloaded:
        try:
            settings, changed = await self._read_in_time()
            if unless_known and self._is_in_force(settings):
                return _taken(settings)
            self._take(settings)
        except ConfigError as error:
            return self._refused(error, unless_known=unless_known)
        except Exception as error:  # noqa: BLE001 - whatever broke, the configuration in force stays
            # Not the error's own words, which may quote a key.
            _LOG.error("a reload broke: %s", type(error).__name__)
            problem = Problem("", None, f"could not be taken over: {type(error).__name__}; restart with it to see why")
            return self._refused(ConfigError(str(self.settings.file), [problem]), unless_known=unless_known)
        self.settings, self._refusal = settings, None
        taken = _taken(settings, changed)
        self._tell(taken)
        return taken

    async def _read_in_time(self) -> tuple[Settings, tuple[str, ...]]:
        """Read in a thread that no stop waits for, and in no second one while it is stuck; raises ConfigError."""
        if self._stuck is None or not self._stuck.is_alive():
            reader, future = begun(self._compared)
            with suppress(TimeoutError):
                return await asyncio.wait_for(future, self._read_s_max)
            self._stuck = reader
        message = "could not be read in time; see whether it and the key files that it names can be"
        raise _UnansweredError(str(self.settings.file), [Problem("", None, message)])

    def _is_in_force(self, settings: Settings) -> bool:
        """Whether nothing is new, and nobody was told last that the file is wrong."""
        mine = self.settings
        same = (settings.digest, settings.accounts) == (mine.digest, mine.accounts)
        return same and self._refusal is None

    def _compared(self) -> tuple[Settings, tuple[str, ...]]:
        settings = self._read()
        return settings, changes(self.settings, settings)

    def _refused(self, error: ConfigError, *, unless_known: bool) -> Reloaded:
        problems = bounded([problem.described(error.file) for problem in error.problems], LINES_MAX)
        former, self._refusal = self._refusal, error
        known = former is not None and (former.digest, former.problems) == (error.digest, error.problems)
        if not (known and unless_known):
            self._emit(ConfigReloaded(ok=False, digest=error.digest, at=self._clock.wall(), problems=problems))
        return Reloaded(error.file, error.digest, problems=problems, param=error.problems[0].path or None)

    def _tell(self, taken: Reloaded) -> None:
        at = self._clock.wall()
        self._emit(ConfigReloaded(True, taken.digest, at, taken.changes, warnings=taken.warnings))


def _taken(settings: Settings, changed: tuple[str, ...] = ()) -> Reloaded:
    warnings = described(settings.file, settings.warnings)
    return Reloaded(str(settings.file), settings.digest, changed, bounded(warnings, LINES_MAX))
