"""Time as an argument, so that a simulator can be the one who tells it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is seconds since the Unix epoch, for rows and callers; `monotonic` only ever measures differences."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]
