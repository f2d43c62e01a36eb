"""Time as rules write it, and how a test makes an hour of them pass in a minute."""

import re
from dataclasses import dataclass
from typing import Final

_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Pace:
    """Shortens all windows and waits by `scale`; 1 is production."""

    scale: float = 1.0

    def __call__(self, duration: str) -> str:
        """Write a duration such as `6h` at this pace."""
        seconds = _seconds(duration)
        return duration if self.scale == 1.0 else _duration(seconds / self.scale)

    def seconds(self, duration: str) -> str:
        """Write a duration as a number of seconds at this pace, to compare an age with."""
        return f"{_seconds(duration) / self.scale:g}"


def _seconds(duration: str) -> int:
    if (found := re.fullmatch(r"(\d+)([smhd])", duration)) is None:
        raise ValueError(f"{duration!r} is no duration; write a number and one of s, m, h, d, such as 5m")
    return int(found[1]) * _UNIT_S[found[2]]


def _duration(seconds: float) -> str:
    milliseconds = max(1, round(seconds * 1000))
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
