"""Closed sets of label values: whatever an event says, only these words become labels."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import Catalog
from router.core.events import BreakerState, MirrorOperation, WebhookResult
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, LedgerEntry
from router.core.policy import POSSIBLE
from router.core.ranking import DecisionReason

OTHER: Final = "other"
NONE: Final = "none"
SUCCEEDED: Final = "succeeded"

STAGES: Final = frozenset({*map(str, Stage), NONE})
REASONS: Final = frozenset({*map(str, Reason), NONE})
# Reviews happen within these; an upstream does not say how long one took.
TIMED_STAGES: Final = tuple(map(str, (Stage.SUBMIT, Stage.QUEUE, Stage.GENERATE, Stage.DOWNLOAD)))
# Whatever failed in unknown words was read by its status, which names no other stage than these.
UNKNOWN_ERROR_STAGES: Final = (*map(str, (Stage.SUBMIT, Stage.POLL, Stage.GENERATE)), OTHER)
POLL_REASONS: Final = (*(str(reason) for reason in POSSIBLE[Stage.POLL] if reason is not Reason.EXPIRED), OTHER)
OUTAGE_REASONS: Final = (str(Reason.AUTH), str(Reason.BALANCE))
OUT_REASONS: Final = (*OUTAGE_REASONS, OTHER)
COST_KINDS: Final = tuple(str(kind) for kind in CostKind if kind is not CostKind.UNCERTAIN)
DECISION_REASONS: Final = tuple(map(str, DecisionReason))
SINKS: Final = ("metrics", "logs", "spans", "board")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CODE_OF: Final = {status: str(status) for status in range(100, 600)}
# Between the two it is half open, which its state shows, and which jobs are probes, which decisions tell.
BREAKER_MOVES: Final = tuple(map(str, (BreakerState.CLOSED, BreakerState.OPEN)))
BUDGET_SCOPES: Final = ("provider", "caller")
RELOADS: Final = ("success", "failure")
WEBHOOKS: Final = tuple(map(str, WebhookResult))
MIRROR_OPERATIONS: Final = tuple(str(each) for each in MirrorOperation if each is not MirrorOperation.FOUND)
ON_TIME: Final = ("true", "false")
ATTEMPT_OUTCOMES: Final = (
    AttemptState.SUCCEEDED,
    AttemptState.FAILED,
    AttemptState.UNKNOWN,
    AttemptState.LATE,
)


class JobOutcome(StrEnum):
    """How a job ended, by who has to act: nobody, us, the caller, or an operator (unknown)."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class AmbiguousResolution(StrEnum):
    """What came first of a submit whose answer was lost: a lookup told of it, or its job went on or ended without."""

    FOUND = "found"
    ABSENT = "absent"
    HELD = "held"
    FAILED_OVER = "failed_over"


class UncertainResolution(StrEnum):
    """What an uncertain attempt turned out to be; `adopted`: its job could still deliver its video."""

    ADOPTED = "adopted"
    DUPLICATE = "duplicate"
    FAILED_BILLED = "failed_billed"
    VOIDED = "voided"


# Whose fault it is not: the caller sent what nobody makes, or changed its mind.
CALLERS_OWN: Final = frozenset({JobOutcome.REJECTED, JobOutcome.CANCELLED})


def job_outcome(job: Job) -> JobOutcome:
    """Translate the end of a job."""
    if job.state is JobState.COMPLETED:
        return JobOutcome.SUCCEEDED
    match job.failure:
        case Failure(reason=Reason.REFUSED | Reason.INVALID | Reason.UNSUPPORTED):
            return JobOutcome.REJECTED
        case Failure(reason=Reason.CANCELLED):
            return JobOutcome.CANCELLED
        case Failure(reason=Reason.EXPIRED):
            return JobOutcome.EXPIRED
        case Failure(reason=Reason.AMBIGUOUS):
            return JobOutcome.UNKNOWN
        case _:
            return JobOutcome.FAILED


def uncertain_resolution(entry: LedgerEntry) -> UncertainResolution:
    """Translate the entry that closes an uncertain attempt's money."""
    match entry.cost_kind:
        case CostKind.DELIVERED:
            return UncertainResolution.ADOPTED
        case CostKind.DUPLICATE:
            return UncertainResolution.DUPLICATE
        case CostKind.FAILED_BILLED:
            return UncertainResolution.FAILED_BILLED
        case _:
            return UncertainResolution.VOIDED


def closed(value: str | None, allowed: Collection[str]) -> str:
    """Return a value of the set, `none` for None, and `other` for anything else."""
    if value is None:
        return NONE
    return str(value) if value in allowed else OTHER


class SoldNames:
    """The providers and models of the catalogue; any other name is `other`."""

    def __init__(self, catalog: Catalog) -> None:
        self.providers = tuple(catalog.providers)
        self.models = catalog.models
        self.askable = (*catalog.models, *catalog.groups)
        self._askable = frozenset(self.askable)
        self.pairs = tuple(dict.fromkeys((offering.provider, offering.model) for offering in catalog.offerings))
        self._offered = {offering.id: (offering.provider, offering.model) for offering in catalog.offerings}
        self._providers, self._models, self._pairs = (
            frozenset(self.providers),
            frozenset(self.models),
            frozenset(self.pairs),
        )

    def provider(self, name: str | None) -> str:
        """Fold a provider's name; None is `none`."""
        return name if name is not None and name in self._providers else closed(name, ())

    def model(self, name: str) -> str:
        """Fold a model's name."""
        return name if name in self._models else OTHER

    def asked(self, name: str) -> str:
        """Fold the name that a job asks for: a model or a group."""
        return name if name in self._askable else OTHER

    def model_made(self, attempt: Attempt, job: Job) -> str:
        """Return the model that an attempt makes, which for a group or a fallback is another than its job asked for."""
        offered = self._offered.get(attempt.offering_id)
        return job.video.model if offered is None else offered[1]

    def made(self, attempt: Attempt, job: Job) -> tuple[str, str]:
        """Fold an attempt's provider and the model that it makes."""
        offered = self._offered.get(attempt.offering_id)
        if offered is not None and offered[0] == attempt.provider:
            return offered
        return self.pair(attempt.provider, self.model_made(attempt, job))

    def pair(self, provider: str | None, model: str) -> tuple[str, str]:
        """Fold a provider and a model that it sells; a model that it does not sell is `other`."""
        name = self.provider(provider)
        return (name, model) if name == NONE and model in self._models else self._sold(name, model)

    def _sold(self, provider: str, model: str) -> tuple[str, str]:
        return (provider, model) if (provider, model) in self._pairs else (provider, OTHER)

    @property
    def pairs_max(self) -> int:
        """How many different answers `pair` has for a provider: those sold, and `other` of each."""
        return len(self.pairs) + len(self.providers) + 1
