"""Finding a submit whose answer was lost in its provider's own list of jobs."""

from dataclasses import dataclass
from enum import StrEnum


class LookupMode(StrEnum):
    """Which listed jobs may be taken for a lost submit.

    `identified`: one that carries our reference, or repeats the prompt. `exclusive`: nobody else uses the account, so
    one that fits in time and shape, and is the only one, is enough.
    """

    OFF = "off"
    IDENTIFIED = "identified"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """How a provider's list is searched: for `settle_s` after the answer was lost, in which a job may still appear.

    `proves_absence`: what is not listed by then was never taken on.
    """

    mode: LookupMode = LookupMode.IDENTIFIED
    settle_s: float = 30.0
    proves_absence: bool = False
