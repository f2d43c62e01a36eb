"""At which ages of a job polls are worth their while, by the share of jobs that end in each bin of ages."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from math import exp, floor, log, sqrt
from typing import Final

BIN: Final = 0.04
"""Each bin of ages ends so much later than it begins, as a difference of logarithms."""
_GROWTH: Final = exp(BIN)
_SHORTEST_S: Final = 0.001
_LONGEST_S: Final = 604_800.0


class Pace:
    """The integral of the root of the hazard over the age: polls in equal steps of it are the best there are.

    They have the least product of their number and the mean time from an end to the poll that sees it.
    """

    __slots__ = ("_due", "_lowest", "_rate")

    def __init__(self, lowest: int, shares: Sequence[float], never: float) -> None:
        """Take the share of jobs that end in each bin from `lowest` on; `never` is what is left after them."""
        self._lowest = lowest
        self._due = array("d", [0.0])
        left, width_s = never + sum(shares), begin_s(lowest) * (_GROWTH - 1.0)
        due = self._rate = 0.0
        for share in shares:
            step = sqrt(share * width_s / (left - share / 2.0)) if share > 0.0 else 0.0
            due, self._rate = due + step, step / width_s
            self._due.append(due)
            left, width_s = max(left - share, 1e-12), width_s * _GROWTH

    def due(self, age_s: float) -> float:
        """What is due until an age, in roots of seconds."""
        if age_s <= _SHORTEST_S:
            return 0.0
        number = floor(log(age_s) / BIN) - self._lowest
        if number < 0:
            return 0.0
        last = len(self._due) - 1
        if number >= last:
            return self._due[last] + self._rate * (age_s - self._end_s)
        into = (age_s / begin_s(self._lowest + number) - 1.0) / (_GROWTH - 1.0)
        return self._due[number] + min(1.0, into) * (self._due[number + 1] - self._due[number])

    def age_s(self, due: float) -> float:
        """The age at which so much is due."""
        dues = self._due
        if due >= dues[-1]:
            return self._end_s + (due - dues[-1]) / self._rate if self._rate > 0.0 else _LONGEST_S
        number = max(1, bisect_left(dues, due))
        step = dues[number] - dues[number - 1]
        into = (due - dues[number - 1]) / step if step > 0.0 else 1.0
        return begin_s(self._lowest + number - 1) * (1.0 + into * (_GROWTH - 1.0))

    @property
    def _end_s(self) -> float:
        return begin_s(self._lowest + len(self._due) - 1)


def bin_of(age_s: float) -> int:
    """The bin that an age is in."""
    return floor(log(min(max(age_s, _SHORTEST_S), _LONGEST_S)) / BIN)


def begin_s(number: int) -> float:
    """The age at which a bin begins."""
    return exp(number * BIN)
