"""A job with all that is kept of it, for whoever wants to know why it went as it did."""

from collections.abc import Mapping
from dataclasses import dataclass

from router.core.books import BookedEntry
from router.core.decision_record import DecisionRecord
from router.core.job import Job


@dataclass(frozen=True, slots=True)
class WholeJob:
    """`decisions` are by attempt; one that was made before decisions were kept has none."""

    job: Job
    entries: tuple[BookedEntry, ...]
    decisions: Mapping[str, DecisionRecord]
