"""Money that nobody can vouch for yet: how much there is with each provider, and since when."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from router.core.job import Attempt


@dataclass(frozen=True, slots=True)
class _Open:
    provider: str
    name: str
    microusd: int
    since: float


class Uncertainty:
    """The unknown and late attempts. Providers are given as labels; times are wall seconds."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._microusd: dict[str, int] = {}
        self._oldest_at: dict[str, float] = {}

    def __contains__(self, attempt_id: str) -> bool:
        return attempt_id in self._open

    def add(self, provider: str, attempt: Attempt) -> None:
        """Take an attempt's quote for uncertain; one that is in already is replaced."""
        self.remove(attempt.id)
        self._open[attempt.id] = self._counted(
            _Open(provider, attempt.provider, attempt.quote_microusd, attempt.submitted_at)
        )

    def relabel(self, label_of: Callable[[str], str]) -> frozenset[str]:
        """Name all of them anew, by what their providers are called now, and return all labels that there were or are.

        Providers come back that a start did not know.
        """
        before = frozenset(self._microusd)
        self._microusd, self._oldest_at = {}, {}
        for attempt_id, each in self._open.items():
            self._open[attempt_id] = self._counted(replace(each, provider=label_of(each.name)))
        return before | frozenset(self._microusd)

    def remove(self, attempt_id: str) -> str | None:
        """Take an attempt out whose money is known now, and return its provider; None when it was not in."""
        known = self._open.pop(attempt_id, None)
        if known is None:
            return None
        self._microusd[known.provider] -= known.microusd
        if known.since <= self._oldest_at[known.provider]:
            left = [each.since for each in self._open.values() if each.provider == known.provider]
            self._oldest_at[known.provider] = min(left, default=float("inf"))
        return known.provider

    def microusd(self, provider: str) -> int:
        """How much is uncertain with a provider."""
        return self._microusd.get(provider, 0)

    def oldest_at(self, provider: str) -> float:
        """When the oldest of them was submitted; 0 when there is none."""
        at = self._oldest_at.get(provider, float("inf"))
        return 0.0 if at == float("inf") else at

    def _counted(self, each: _Open) -> _Open:
        self._microusd[each.provider] = self._microusd.get(each.provider, 0) + each.microusd
        self._oldest_at[each.provider] = min(self._oldest_at.get(each.provider, each.since), each.since)
        return each
