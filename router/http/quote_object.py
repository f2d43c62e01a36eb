"""A routing decision as JSON: every offering with its price, or with its reason for being excluded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.canonical import VideoRequest
from router.core.catalog import Provider
from router.core.decision_record import CandidateRecord, DecisionRecord, ExclusionRecord
from router.core.money import usd
from router.core.policy import JobLimits, OnAmbiguous
from router.core.preferences import RoutingPreferences
from router.core.terms import on_ambiguous, terms_of
from router.http.errors import whole_seconds
from router.http.naming import Naming


@dataclass(frozen=True, slots=True)
class Terms:
    """What a job may use up and risk: the operator's `limits` as its caller's preferences make them."""

    limits: JobLimits
    preferences: RoutingPreferences
    providers: Mapping[str, Provider]

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


def quote_object(video: VideoRequest, decision: DecisionRecord, naming: Naming, terms: Terms) -> dict[str, Any]:
    """Render a dry run. `order` is one draw of the order in which the candidates would be tried."""
    return {
        "object": "video.quote",
        "model": video.model,
        "seconds": str(video.seconds),
        "size": str(video.size),
        "terms": terms.document(),
        "candidates": [_candidate(candidate, naming, terms) for candidate in decision.candidates],
        "excluded": [_exclusion(exclusion, naming) for exclusion in decision.exclusions],
        "order": [naming.offering_id(candidate.offering) for candidate in decision.candidates],
    }


def _candidate(candidate: CandidateRecord, naming: Naming, terms: Terms) -> dict[str, Any]:
    return {
        "offering": naming.offering_id(candidate.offering),
        "provider": naming.provider_name(candidate.provider),
        "price_usd": usd(candidate.quote_microusd),
        "quote_microusd": candidate.quote_microusd,
        "share": candidate.share,
        "seconds": str(candidate.seconds),
        "on_ambiguous": terms.on_ambiguous(candidate).value,
    }


def _exclusion(exclusion: ExclusionRecord, naming: Naming) -> dict[str, Any]:
    wait_s = exclusion.retry_after_s
    return {
        "offering": naming.offering_id(exclusion.offering),
        "provider": naming.provider_name(exclusion.provider),
        "cause": exclusion.cause.value,
        "message": naming.words(exclusion.message),
        "retry_after_s": None if wait_s is None else whole_seconds(wait_s),
    }
