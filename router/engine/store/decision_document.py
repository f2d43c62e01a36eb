"""What a decision looks like as one short text, and back: arrays in the order of their fields, below a version."""

from collections import Counter
from typing import Final

import orjson

from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.eligibility import Exclusion, ExclusionCause
from router.core.ranking import Basis, DecisionReason

VERSION: Final = 1
"""To be raised with any change of the fields below, their order included; an older one stays readable."""
EXCLUSIONS_MAX: Final = 200
"""How many exclusions are kept each by itself; of the others it is kept how many there were, by their cause."""
_MESSAGE_CHARS_MAX: Final = 300


def document_of(record: DecisionRecord) -> str:
    """Write a record without its moment, which is a column of its own."""
    kept, more = record.exclusions[:EXCLUSIONS_MAX], dict(record.more_excluded)
    if others := record.exclusions[EXCLUSIONS_MAX:]:
        more = Counter(more) + Counter(each.cause for each in others)
    document = (
        VERSION,
        record.basis,
        record.reason,
        record.model,
        record.seconds,
        record.size,
        record.chosen,
        # A named tuple is nothing that orjson knows.
        [each[:] for each in record.candidates],
        [_cut(each)[:] for each in kept],
        {cause.value: count for cause, count in more.items()},
    )
    return orjson.dumps(document).decode()


def read_document(at: float, document: str) -> DecisionRecord | None:
    """Read a record; None for one that this version does not know how to read."""
    try:
        version, basis, reason, model, seconds, size, chosen, candidates, exclusions, more = orjson.loads(document)
        if version != VERSION:
            return None
        return DecisionRecord(
            at,
            Basis(basis),
            DecisionReason(reason),
            model,
            seconds,
            size,
            tuple(CandidateRecord(*each) for each in candidates),
            tuple(_exclusion(*each) for each in exclusions),
            chosen,
            tuple((ExclusionCause(cause), count) for cause, count in more.items()),
        )
    except (ValueError, TypeError):
        return None


def _exclusion(offering: str, provider: str, cause: str, message: str, retry_after_s: float | None) -> Exclusion:
    return Exclusion(offering, provider, ExclusionCause(cause), message, retry_after_s)


def _cut(exclusion: Exclusion) -> Exclusion:
    """An adapter may give a reason of any length."""
    message = exclusion.message
    if len(message) <= _MESSAGE_CHARS_MAX:
        return exclusion
    return exclusion._replace(message=f"{message[: _MESSAGE_CHARS_MAX - 1]}…")
