"""What providers' webhooks tell, and whether they can be relied upon. All of it may be lost, and only lag is."""

from collections import OrderedDict, deque
from typing import Final, TypeAlias

from router.core.clock import Clock

KEPT_S: Final = 60.0
"""How long a webhook is remembered that came before the answer to its create."""
KEPT_MAX: Final = 10_000
# A poll may see an end before the webhook that is on its way.
_UNDER_WAY_S: Final = 10.0
_ENDS_JUDGED: Final = 20
_ENDS_MIN: Final = 5

_JobName: TypeAlias = tuple[str, str]


class Hints:
    """Jobs that webhooks said had ended, by provider and its id of them, and how many ends were told so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: OrderedDict[_JobName, float] = OrderedDict()
        self._untold: OrderedDict[_JobName, float] = OrderedDict()
        self._ends: dict[str, deque[bool]] = {}

    def came(self, provider: str, remote_id: str) -> None:
        """Remember that a provider's webhook said that a job has ended."""
        name, now = (provider, remote_id), self._forget_old()
        ends = self._ends.setdefault(provider, deque(maxlen=_ENDS_JUDGED))
        if self._untold.pop(name, None) is not None:
            ends.append(True)
            return
        self._told[name] = now
        self._told.move_to_end(name)
        if len(self._told) > KEPT_MAX:
            self._told.popitem(last=False)

    def hinted_early(self, provider: str, remote_id: str) -> bool:
        """Whether a webhook about a job came before anybody knew its id, so that it should be polled at once."""
        if not self._told:
            return False
        self._forget_old()
        return (provider, remote_id) in self._told

    def ended(self, provider: str, remote_id: str) -> None:
        """Learn from a job that a poll saw at its end: a webhook brought the poll, or is late, or never comes."""
        ends = self._ends.get(provider)
        if ends is None:
            return
        name, now = (provider, remote_id), self._forget_old()
        if self._told.pop(name, None) is not None:
            ends.append(True)
        elif len(self._untold) < KEPT_MAX:
            self._untold[name] = now

    def share(self, provider: str) -> float:
        """The share of ends that webhooks told, of the last few or of all of late, whichever is less; 0 of too few."""
        self._forget_old()
        ends = tuple(self._ends.get(provider, ()))
        if len(ends) < _ENDS_MIN:
            return 0.0
        return min(ends.count(True) / len(ends), ends[-_ENDS_MIN:].count(True) / _ENDS_MIN)

    def forget(self, provider: str) -> None:
        """Know nothing of a provider any more: it is another account now."""
        self._ends.pop(provider, None)

    def _forget_old(self) -> float:
        """Drop what is too old, count webhooks that never came, and return the time."""
        now = self._clock.monotonic()
        while self._told and next(iter(self._told.values())) < now - KEPT_S:
            self._told.popitem(last=False)
        while self._untold and next(iter(self._untold.values())) < now - _UNDER_WAY_S:
            (provider, _), _ = self._untold.popitem(last=False)
            if (ends := self._ends.get(provider)) is not None:
                ends.append(False)
        return now
