"""How the attempts of a job were decided, as its caller may know it, whatever is configured by now."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from router.core.decision_record import DecisionRecord
from router.core.eligibility import Exclusion
from router.core.job import Attempt, Job
from router.core.policy import JobLimits
from router.core.terms import terms_of
from router.http.decision_object import decision_object
from router.http.naming import Naming
from router.http.quote_object import expected_object

_UNTOLD: Final = "is not configured any more, so that only the cause is told"


class JobNames:
    """Names everybody whom a job's decisions name; those that are numbered have the numbers of its attempts."""

    def __init__(self, attempts: Iterable[Attempt], records: Iterable[DecisionRecord], naming: Naming) -> None:
        asked = [(attempt.offering_id, attempt.provider) for attempt in attempts]
        named = [*asked, *(each for record in records for each in _named(record))]
        self._providers = naming.in_order(provider for _, provider in named)
        self._offerings = naming.offerings_in_order(named)
        self._naming = naming

    def offering_id(self, offering_id: str) -> str:
        """Name an offering by its configured id."""
        return self._offerings[offering_id]

    def provider_name(self, provider: str) -> str:
        """Name a provider by its configured name."""
        return self._providers[provider]

    def words(self, text: str) -> str:
        """Return words as callers may see them."""
        return self._naming.words(text)


def routing_of(
    job: Job, decisions: Iterable[tuple[str, DecisionRecord]], naming: Naming, limits: JobLimits
) -> list[dict[str, Any]]:
    """Render a job's decisions, each with the number of its attempt."""
    numbers = {attempt.id: attempt.number for attempt in job.attempts}
    # The store may be ahead of what the job is shown as.
    told = [(numbers[each], _tellable(record, naming)) for each, record in decisions if each in numbers]
    names = JobNames(job.attempts, (record for _, record in told), naming)
    attempts_max = terms_of(limits, job.preferences).attempts_max
    return [
        {
            "attempt": number,
            **decision_object(record, names),
            "expected": expected_object(record, max(1, attempts_max - number + 1)),
        }
        for number, record in told
    ]


def _named(record: DecisionRecord) -> Iterator[tuple[str, str]]:
    yield from ((each.offering, each.provider) for each in record.candidates)
    yield from ((each.offering, each.provider) for each in record.exclusions)


def _tellable(record: DecisionRecord, naming: Naming) -> DecisionRecord:
    """Keep to ourselves the words on whoever is gone, in which nobody knows what would have to be hidden."""

    def told(exclusion: Exclusion) -> Exclusion:
        known = naming.tells_of(exclusion.offering, exclusion.provider)
        return exclusion if known else exclusion._replace(message=_UNTOLD)

    return replace(record, exclusions=tuple(map(told, record.exclusions)))
