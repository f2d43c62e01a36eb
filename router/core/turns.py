"""Whose turn it is where shares are fixed: smooth weighted round robin, exact for few jobs, too."""

from collections.abc import Mapping
from typing import Final

from router.core.ranking import DecisionReason
from router.core.routing import Candidate, Decision

# Where offerings take turns in several requests, nobody is owed more than so many jobs of one of them.
_OWED_MAX: Final = 2.0


class Turns:
    """What each offering is owed, in jobs: every job shares out one, and whoever takes it gives one back."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}

    @property
    def owed(self) -> Mapping[str, float]:
        """By offering id; negative for one that had more than its share."""
        return self._owed

    def took(self, decision: Decision, chosen: Candidate) -> None:
        """Count a job that was shared out by weight."""
        if decision.reason is not DecisionReason.WEIGHTED:
            return
        for candidate in decision.candidates:
            if candidate.share:
                self._give(candidate.offering.id, candidate.share)
        self._give(chosen.offering.id, -1.0)

    def forget(self, offerings: frozenset[str]) -> None:
        """Forget all but these."""
        self._owed = {name: owed for name, owed in self._owed.items() if name in offerings}

    def _give(self, offering_id: str, jobs: float) -> None:
        owed = self._owed.get(offering_id, 0.0) + jobs
        self._owed[offering_id] = max(-_OWED_MAX, min(_OWED_MAX, owed))
