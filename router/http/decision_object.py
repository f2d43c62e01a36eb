"""A routing decision as JSON, in the names of whoever reads it: the operator's own, or those that callers see."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.eligibility import Exclusion
from router.core.money import usd
from router.core.ranking import Basis, DecisionReason
from router.http.errors import whole_seconds

_CANDIDATE: Final = TypeAdapter(CandidateRecord)
_EXCLUSION: Final = TypeAdapter(Exclusion)


class Names(Protocol):
    """What offerings and providers are called, and what somebody else's words may say of them."""

    def offering_id(self, offering_id: str) -> str:
        """Name an offering by its configured id."""

    def provider_name(self, provider: str) -> str:
        """Name a provider by its configured name."""

    def words(self, text: str) -> str:
        """Return words as this reader may see them."""


class _OwnNames:
    """Everything as the configuration calls it."""

    def offering_id(self, offering_id: str) -> str:
        return offering_id

    def provider_name(self, provider: str) -> str:
        return provider

    def words(self, text: str) -> str:
        return text


OWN: Final[Names] = _OwnNames()
"""The router's own names, for operators."""


def decision_object(decision: DecisionRecord, names: Names) -> dict[str, Any]:
    """Render a decision; `order` is the one in which the candidates are tried, `chosen` None of a dry run."""
    return {
        "at": decision.at,
        "basis": decision.basis.value,
        "reason": decision.reason.value,
        "model": decision.model,
        "seconds": str(decision.seconds),
        "size": decision.size,
        "chosen": None if decision.chosen is None else names.offering_id(decision.chosen),
        "candidates": [candidate_object(each, names) for each in decision.candidates],
        "excluded": [exclusion_object(each, names) for each in decision.exclusions],
        "more_excluded": {cause.value: count for cause, count in decision.more_excluded},
        "order": [names.offering_id(each.offering) for each in decision.candidates],
    }


def candidate_object(candidate: CandidateRecord, names: Names) -> dict[str, Any]:
    """Render a candidate with every term of its score."""
    return {
        **candidate._asdict(),
        "offering": names.offering_id(candidate.offering),
        "provider": names.provider_name(candidate.provider),
        "seconds": str(candidate.seconds),
        "price_usd": usd(candidate.quote_microusd),
    }


def exclusion_object(exclusion: Exclusion, names: Names) -> dict[str, Any]:
    """Render an exclusion; the wait is rounded up, for who comes too early asks in vain."""
    wait_s = exclusion.retry_after_s
    return {
        "offering": names.offering_id(exclusion.offering),
        "provider": names.provider_name(exclusion.provider),
        "cause": exclusion.cause.value,
        "message": names.words(exclusion.message),
        "retry_after_s": None if wait_s is None else whole_seconds(wait_s),
    }


def read_decision(document: Mapping[str, Any]) -> DecisionRecord:
    """Read a decision as it was rendered; raises ValueError for anything else."""
    try:
        return DecisionRecord(
            at=float(document["at"]),
            basis=Basis(document["basis"]),
            reason=DecisionReason(document["reason"]),
            model=str(document["model"]),
            seconds=int(document["seconds"]),
            size=str(document["size"]),
            candidates=tuple(
                _CANDIDATE.validate_python(_fields(each, CandidateRecord)) for each in document["candidates"]
            ),
            exclusions=tuple(_EXCLUSION.validate_python(_fields(each, Exclusion)) for each in document["excluded"]),
            chosen=None if document["chosen"] is None else str(document["chosen"]),
        )
    except (LookupError, TypeError) as error:
        raise ValueError(f"no decision: {error!r}") from None


def _fields(document: Mapping[str, Any], kind: type[CandidateRecord | Exclusion]) -> dict[str, Any]:
    return {name: document[name] for name in kind._fields}
