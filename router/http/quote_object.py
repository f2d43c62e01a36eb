"""A dry run as JSON: the decision, what such a job may use up, and what it is expected to come to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.core.catalog import Provider
from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.expectation import expectation
from router.core.money import usd
from router.core.policy import JobLimits, OnAmbiguous
from router.core.preferences import RoutingPreferences
from router.core.terms import on_ambiguous, terms_of
from router.http.decision_object import candidate_object, decision_object
from router.http.naming import Naming


@dataclass(frozen=True, slots=True)
class Terms:
    """What a job may use up and risk: the operator's `limits` as its caller's preferences make them."""

    limits: JobLimits
    preferences: RoutingPreferences
    providers: Mapping[str, Provider]

    @property
    def attempts_max(self) -> int:
        """How many attempts the job may have."""
        return terms_of(self.limits, self.preferences).attempts_max

    def document(self) -> dict[str, Any]:
        """Render them; `on_ambiguous` is that of providers of which the operator says nothing else."""
        found = terms_of(self.limits, self.preferences)
        return {
            "max_attempts": found.attempts_max,
            "max_spend_usd": usd(found.spend_microusd_max),
            "deadline_s": found.deadline_s,
            "on_ambiguous": self._on_ambiguous(found, None).value,
            "max_duplicate_usd": usd(found.duplicate_microusd_max),
        }

    def on_ambiguous(self, candidate: CandidateRecord) -> OnAmbiguous:
        """Say what would follow when this candidate, asked first, may have been bought: a hold where it is too dear."""
        found = terms_of(self.limits, self.preferences)
        if candidate.quote_microusd > found.duplicate_microusd_max:
            return OnAmbiguous.HOLD
        return self._on_ambiguous(found, self.providers[candidate.provider])

    def _on_ambiguous(self, found: JobLimits, provider: Provider | None) -> OnAmbiguous:
        """Say what would follow with a provider; where nothing may be bought twice, a hold."""
        if not found.duplicate_microusd_max:
            return OnAmbiguous.HOLD
        return on_ambiguous(self.limits, self.preferences, provider)


def quote_object(decision: DecisionRecord, naming: Naming, terms: Terms) -> dict[str, Any]:
    """Render a dry run. `order` is one draw of the order in which the candidates would be tried."""
    return {
        "object": "video.quote",
        **decision_object(decision, naming),
        "terms": terms.document(),
        "expected": expected_object(decision, terms.attempts_max),
        "candidates": [
            {**candidate_object(each, naming), "on_ambiguous": terms.on_ambiguous(each).value}
            for each in decision.candidates
        ],
    }


def expected_object(decision: DecisionRecord, attempts_max: int) -> dict[str, Any] | None:
    """Render what the whole job is expected to come to; None when nobody can take it."""
    if (found := expectation(decision, attempts_max)) is None:
        return None
    return {
        "delivered": round(found.delivered, 4),
        "cost_usd": usd(round(found.cost_microusd)),
        "wait_s": round(found.wait_s, 1),
    }
