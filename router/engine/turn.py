"""Turns to ask a provider how far its jobs are: thousands may wait for theirs after a restart."""

from enum import Enum, auto
from typing import Final

from providers.canonical import ListPolling
from router.core.job import Attempt
from router.engine.parts import Parts

POLLED_PAST_DEADLINE_S: Final = 60.0
"""How much later than its job's deadline a video may be asked about, where its provider has no earlier turn for it."""


class Turn(Enum):
    """Whether an attempt has a turn to be asked about; one that is `TOO_LATE` for its job asks nobody."""

    NONE = auto()
    TAKEN = auto()
    TOO_LATE = auto()


def next_turn(parts: Parts, attempt: Attempt, within_s: float) -> tuple[float, Turn]:
    """Take the next turn at an attempt's provider; return the seconds until then, but never more than `within_s`.

    Where a list may answer nobody takes one: whoever is asked after it waits by himself.
    """
    if parts.provider(attempt.provider).polling.listed is not ListPolling.OFF:
        return 0.0, Turn.NONE
    turn_s = parts.health[attempt.provider].poll_turn_s()
    return min(turn_s, within_s), Turn.TOO_LATE if turn_s > within_s else Turn.TAKEN
