"""The upstream of jobs under way: it notes when each provider's jobs are polled, and none of them ends."""

import time
from bisect import bisect_left
from collections import defaultdict
from typing import Final

from tests.bench.upstream import Reply, Upstream

_SPAN_S: Final = 5.0


class PolledUpstream(Upstream):
    """An upstream for several providers, told apart by the beginning of the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.polls: defaultdict[bytes, list[float]] = defaultdict(list)

    def answer(self, head: bytes, body: bytes) -> Reply:
        """Answer one request."""
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            self.polls[path.rpartition(b"/")[2].partition(b"_")[0]].append(time.monotonic())
        return super().answer(head, body)

    def forget(self) -> None:
        """Begin to count anew."""
        self.polls.clear()

    def total(self) -> int:
        """How many polls came."""
        return sum(map(len, self.polls.values()))

    def most_per_s(self) -> float:
        """The most polls in a second that a provider saw, over any few seconds: this process has stalls of its own."""
        return max((_most_within(moments, _SPAN_S) / _SPAN_S for moments in self.polls.values()), default=0.0)


def _most_within(moments: list[float], span_s: float) -> int:
    return max((bisect_left(moments, at + span_s) - first for first, at in enumerate(moments)), default=0)
