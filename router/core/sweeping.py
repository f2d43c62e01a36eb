"""Which part of a provider's list is worth reading, to answer out of it the polls that are due."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from router.core.catalog import Polling

FEW: Final = 4
"""So many polls have to be due at about the same time before a list is asked at all."""
PAGES_MAX: Final = 100
SWEEP_S_MAX: Final = 10.0
GATHER_S_MAX: Final = 7.0
ALONE_S_MAX: Final = 30.0
"""How long before it is given up an attempt is asked about alone: an answer of a list may be so old."""
# What reading the list would come to, were all that it lists ours.
_EXCHANGES_PER_JOB: Final = 0.5
# Upstreams tell whole seconds, and write a job down a moment before or after they answer its create.
_MARGIN_S: Final = 5.0
_MARGIN_S_UNTIL_KNOWN: Final = 120.0


@dataclass(slots=True)
class ListShape:
    """What sweeps showed of a list that is ordered from new to old.

    `per_s` is how many jobs it has for a second of time, `skew_s` how much later its clock is than ours, `ways_in` are
    cursors, each with the moment of the job behind which it goes on.
    """

    per_s: float | None = None
    skew_s: float | None = None
    ways_in: list[tuple[float, str]] = field(default_factory=list)

    @property
    def margin_s(self) -> float:
        """How far a job may be from where it is expected."""
        return _MARGIN_S_UNTIL_KNOWN if self.skew_s is None else _MARGIN_S

    def moment(self, accepted_at: float) -> float:
        """When the list says that a job was made which was accepted then by our clock."""
        return accepted_at + (self.skew_s or 0.0)

    def depths(self, moments: Sequence[float], top: float) -> list[float]:
        """How many jobs are listed between `top` and each of these moments; ours lie close until more is known."""
        if self.per_s is None:
            return [float(place) for place in range(len(moments))]
        return [max(0.0, top - moment) * self.per_s for moment in moments]

    def way_in(self, moment: float) -> tuple[float, str] | None:
        """The cursor that skips most of what is newer than a job of that moment."""
        newer = [each for each in self.ways_in if each[0] > moment + self.margin_s]
        return min(newer) if newer else None

    def found_ways(self, ways_in: list[tuple[float, str]]) -> None:
        """Take in the cursors of a sweep; the oldest are of no use any more."""
        self.ways_in = sorted({*self.ways_in, *ways_in})[-PAGES_MAX:]


def stretch(depths: Sequence[float], limit: int) -> tuple[int, int] | None:
    """Return the first and the last of the pages that hold more of these jobs than they are, at the best ratio.

    None where it costs no more to ask about each job alone.
    """
    held = Counter(int(depth // limit) for depth in depths)
    best, best_gain, first, gain, before = None, 0, 0, 0, -1
    for page in sorted(held):
        kept = gain - (page - before - 1)
        if kept <= 0:
            first, kept = page, 0
        gain, before = kept + held[page] - 1, page
        if gain > best_gain:
            best, best_gain = (first, page), gain
    return best


def goes_on(depths: Sequence[float], limit: int) -> bool:
    """Whether it is worth to read on for the jobs that are expected so many entries further down."""
    pages = sorted(int(depth // limit) for depth in depths)
    return any(count > page + 1 for count, page in enumerate(pages, start=1))


def gather_s(polling: Polling, span_s: float, limit: int) -> float:
    """Seconds for which polls are gathered, so that a list that is read for `span_s` of time costs a job so little."""
    worth_s = span_s / limit / _EXCHANGES_PER_JOB
    most_s = min(polling.interval_s_max / 2, GATHER_S_MAX)
    return min(max(worth_s, polling.interval_s_min / 2), most_s)
