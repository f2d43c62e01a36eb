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
        self._since: dict[str, dict[str, float]] = {}

    def __contains__(self, attempt_id: str) -> bool:
        return attempt_id in self._open

    def add(self, provider: str, attempt: Attempt) -> None:
        """Take an attempt's quote for uncertain; one that is in already is replaced."""
        self.remove(attempt.id)
        each = _Open(provider, attempt.provider, attempt.quote_microusd, attempt.submitted_at)
        self._open[attempt.id] = self._counted(attempt.id, each)

    def relabel(self, label_of: Callable[[str], str]) -> frozenset[str]:
        """Name all of them anew, by what their providers are called now, and return all labels that there were or are.

        Providers come back that a start did not know.
        """
        before = frozenset(self._microusd)
        self._microusd, self._since = {}, {}
        for attempt_id, each in self._open.items():
            self._open[attempt_id] = self._counted(attempt_id, replace(each, provider=label_of(each.name)))
        return before | frozenset(self._microusd)

    def remove(self, attempt_id: str) -> str | None:
        """Take an attempt out whose money is known now, and return its provider; None when it was not in."""
        known = self._open.pop(attempt_id, None)
        if known is None:
            return None
        self._microusd[known.provider] -= known.microusd
        del self._since[known.provider][attempt_id]
        return known.provider

    def microusd(self, provider: str) -> int:
        """How much is uncertain with a provider."""
        return self._microusd.get(provider, 0)

    def oldest_at(self, provider: str) -> float:
        """When the oldest of them was submitted, 0 when there is none; may be asked for from any thread."""
        return min(self._since.get(provider, {}).values(), default=0.0)

    def _counted(self, attempt_id: str, each: _Open) -> _Open:
        self._microusd[each.provider] = self._microusd.get(each.provider, 0) + each.microusd
        self._since.setdefault(each.provider, {})[attempt_id] = each.since
        return each
