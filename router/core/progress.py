"""When an attempt will end by what it tells of its own progress, and whether that came true."""

from typing import Final, NamedTuple

_WHOLE: Final = 100
_STEP_MAX: Final = 25
_SLOPE_MIN: Final = 10
_ROUNDED: Final = 0.5
_TOLERANCE: Final = 0.02
_MISSES_MAX: Final = 2


class Window(NamedTuple):
    """Ages between which an end is expected, or lies, in seconds."""

    from_s: float
    to_s: float

    def meets(self, other: "Window") -> bool:
        """Whether both can be true, give or take a little."""
        return max(self.from_s, other.from_s) <= min(self.to_s, other.to_s) * (1.0 + _TOLERANCE)


class Course:
    """One attempt's readings of progress: each narrows down when it ends, or contradicts the ones before.

    The first ones are drawn out from the submit. Once it has come some way they are from one reading to another, for
    nobody knows how long it was queued.
    """

    __slots__ = ("_first_age_s", "_first_progress", "_last", "_misses", "_queued", "_window")

    def __init__(self, *, queued: bool = False) -> None:
        """`queued` says that earlier polls told of no progress yet."""
        self._first_age_s = 0.0
        self._first_progress = self._last = self._misses = 0
        self._queued = queued
        self._window: Window | None = None

    @property
    def window(self) -> Window | None:
        """When the end is expected; None when nothing is said of it, or was wrong too often."""
        return self._window if self._misses < _MISSES_MAX else None

    def saw(self, progress: int, age_s: float, step: int) -> None:
        """Take in what a poll said of a provider that counts in steps of `step`."""
        progress, step = min(progress, _WHOLE), max(1, min(step, _STEP_MAX))
        if progress < self._last:
            self._misses += 1
        if self._last == 0 or progress < self._last:
            self._first_age_s, self._first_progress = age_s, progress
        self._last = progress
        come = progress - self._first_progress
        if come >= max(_SLOPE_MIN, 2 * step):
            self._narrow(self._by_slope(come, age_s, step), is_slope=True)
        elif not self._queued:
            self._narrow(_since_submit(progress, age_s, step), is_slope=False)

    def came_true(self, before_s: float, after_s: float) -> bool | None:
        """Whether an end that lies between two ages was expected then; None when nothing was expected."""
        if self._window is None:
            return False if self._misses else None
        return not self._misses and self._window.meets(Window(before_s, after_s))

    def _narrow(self, window: Window, *, is_slope: bool) -> None:
        known = self._window
        if known is not None and known.meets(window):
            to_s = min(known.to_s, window.to_s)
            window = Window(min(to_s, max(known.from_s, window.from_s)), to_s)
        elif known is not None and is_slope and not self._queued:
            # It was queued before its first reading, and there is no blame in that.
            self._queued = True
        elif known is not None:
            self._misses += 1
        self._window = window

    def _by_slope(self, come: int, age_s: float, step: int) -> Window:
        took_s = age_s - self._first_age_s
        left_min, left_max = max(0, _WHOLE - self._last - step), _WHOLE - self._last
        return Window(age_s + took_s * left_min / (come + step), age_s + took_s * left_max / (come - step))


def _since_submit(progress: int, age_s: float, step: int) -> Window:
    return Window(age_s * max(1.0, _WHOLE / (progress + step)), age_s * _WHOLE / (progress - _ROUNDED))
