"""Requests that nobody sent: how many, how often, and for what."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple

from providers.canonical import Size, VideoRequest
from router.simulation.result import Arrival

_MINUTE_S: Final = 60.0


class Spacing(StrEnum):
    """How requests follow each other: at random, or like the ticks of a clock."""

    POISSON = "poisson"
    EVEN = "even"


class Wish(NamedTuple):
    """One kind of video that is asked for; the seconds are drawn evenly, `share` weighs it against the others."""

    model: str
    size: Size
    seconds: tuple[int, ...]
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is asked for, and how often."""

    wishes: Sequence[Wish]
    jobs: int = 2000
    per_minute: float = 6.0
    spacing: Spacing = Spacing.POISSON

    def arrivals(self, seed: int) -> tuple[Arrival, ...]:
        """Return the requests in their order; the same seed gives the same ones."""
        rng, at_s, weights = Random(f"traffic {seed}"), 0.0, [wish.share for wish in self.wishes]
        every_s, found = _MINUTE_S / self.per_minute, list[Arrival]()
        for number in range(self.jobs):
            wish = rng.choices(self.wishes, weights)[0]
            video = VideoRequest("simulated", wish.model, rng.choice(wish.seconds), wish.size)
            found.append(Arrival(at_s, f"job-{number + 1}", video))
            at_s += every_s if self.spacing is Spacing.EVEN else rng.expovariate(1.0 / every_s)
        return tuple(found)
