"""A routing decision as JSON: every offering with its price, or with its reason for being excluded."""

from typing import Any

from providers.canonical import VideoRequest
from router.core.money import usd
from router.core.routing import Candidate, Decision, Exclusion
from router.http.errors import whole_seconds
from router.http.naming import Naming


def quote_object(video: VideoRequest, decision: Decision, naming: Naming) -> dict[str, Any]:
    """Render a dry run. `order` is one draw of the order in which the candidates would be tried."""
    return {
        "object": "video.quote",
        "model": video.model,
        "seconds": str(video.seconds),
        "size": str(video.size),
        "candidates": [_candidate(candidate, naming) for candidate in decision.candidates],
        "excluded": [_exclusion(exclusion, naming) for exclusion in decision.exclusions],
        "order": [naming.offering(candidate.offering) for candidate in decision.candidates],
    }


def _candidate(candidate: Candidate, naming: Naming) -> dict[str, Any]:
    return {
        "offering": naming.offering(candidate.offering),
        "provider": naming.provider(candidate.offering),
        "price_usd": usd(candidate.quote_microusd),
        "quote_microusd": candidate.quote_microusd,
        "share": round(candidate.share, 6),
        "seconds": str(candidate.video.seconds),
    }


def _exclusion(exclusion: Exclusion, naming: Naming) -> dict[str, Any]:
    wait_s = exclusion.retry_after_s
    return {
        "offering": naming.offering(exclusion.offering),
        "provider": naming.provider(exclusion.offering),
        "cause": exclusion.cause.value,
        "message": naming.words(exclusion.message),
        "retry_after_s": None if wait_s is None else whole_seconds(wait_s),
    }
