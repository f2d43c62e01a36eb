"""What routing remembers from one decision to the next: outcomes, whose turn it is, and what two budgets have left."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from providers.canonical import Failure, Reason, Size, Stage
from router.core.budget import Left
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.durations import Durations, LearnedDurations
from router.core.eligibility import ProviderStanding
from router.core.evidence import TrackRecords, outcome_of
from router.core.exploration import ExplorationBudget
from router.core.hints import Hints
from router.core.job import Attempt
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from router.core.reporting import DurationClass, class_of
from router.core.retry_budget import RetryBudget
from router.core.routing import Candidate, Decision, Situation
from router.core.routing_settings import RoutingSettings
from router.core.terms import terms_of
from router.core.turns import Turns

_FAILED = Failure(Stage.GENERATE, Reason.INTERNAL)


class JobSoFar(NamedTuple):
    """What a job has used up before it is routed again; None is all that its terms give."""

    tried: frozenset[str] = frozenset()
    spend_left_microusd: int | None = None
    left_s: float | None = None


NOTHING_YET: Final = JobSoFar()


class _Meant(NamedTuple):
    """An attempt that was chosen and is not written down yet."""

    offering_id: str
    kind: DurationClass
    premium_microusd: int


class RoutingMemory:
    """One for a router's life; only the event loop's thread changes anything."""

    def __init__(self, clock: Clock, settings: RoutingSettings, catalog: Catalog) -> None:
        self._clock = clock
        self.records = TrackRecords(clock, settings.half_life_s)
        self.exploration = ExplorationBudget(clock, settings.exploration.microusd_per_day)
        self.turns = Turns()
        self.retries = RetryBudget(clock, settings.retry_budget)
        self.hints = Hints(clock)
        self._durations = LearnedDurations(settings.half_life_s, self.hints.share)
        self._running: dict[str, float] = {}
        self._meant: dict[str, _Meant] = {}
        self._recoveries: dict[str, int] = {}
        self._offerings: dict[str, frozenset[str]] = {}
        self.use(settings, catalog)

    def use(self, settings: RoutingSettings, catalog: Catalog) -> None:
        """Go on with another configuration; what is known of offerings that it still sells stays known."""
        offerings = frozenset(offering.id for offering in catalog.offerings)
        billed = {name: provider.charge_rule.bills(_FAILED) for name, provider in catalog.providers.items()}
        self._offerings = {
            name: frozenset(each.id for each in catalog.offerings if each.provider == name)
            for name in catalog.providers
        }
        self.records.use(settings.half_life_s, billed, offerings)
        self._durations.use(settings.half_life_s, offerings)
        self.exploration.use(settings.exploration.microusd_per_day)
        self.turns.forget(offerings)
        self.retries.use(settings.retry_budget)

    def situation(
        self,
        standings: Mapping[str, ProviderStanding],
        settings: RoutingSettings,
        limits: JobLimits,
        preferences: RoutingPreferences,
        left: Left,
        history: JobSoFar = NOTHING_YET,
    ) -> Situation:
        """Return what a decision for such a job depends on at this moment."""
        for provider, standing in standings.items():
            if standing.recoveries != self._recoveries.get(provider, 0):
                self._came_back(provider, standing.recoveries)
        terms = terms_of(limits, preferences)
        spend_left, left_s = history.spend_left_microusd, history.left_s
        return Situation(
            standings=standings,
            records=self.records,
            now=self._clock.wall(),
            preferences=preferences,
            settings=settings,
            tried=history.tried,
            spend_left_microusd=terms.spend_microusd_max if spend_left is None else spend_left,
            left=left,
            attempts_left=max(1, terms.attempts_max - len(history.tried)),
            # Where the operator allows one attempt only, it is that one or never.
            ventures=limits.attempts_max == 1 or terms.attempts_max - len(history.tried) > 1,
            left_s=terms.deadline_s if left_s is None else left_s,
            turns=self.turns.owed,
            trials_microusd=self.exploration.left_microusd(),
        )

    def _came_back(self, provider: str, recoveries: int) -> None:
        """Let what was seen before a provider's ejection weigh little."""
        self._recoveries[provider] = recoveries
        self.records.recovered(provider, self._offerings.get(provider, frozenset()))

    def renewed(self, provider: str) -> None:
        """Forget how a provider did: it is another account now."""
        self.records.forget(provider, self._offerings.get(provider, frozenset()))
        self.hints.forget(provider)

    def chosen(self, decision: Decision, candidate: Candidate, *, first: bool) -> None:
        """Take note of whom a job goes to, at once: whoever decides next has to know; `first` when nobody was asked."""
        self.turns.took(decision, candidate)
        if decision.premium_microusd and candidate is decision.first:
            self.exploration.take(decision.premium_microusd)
        if first:
            self.retries.submitted()

    def meant(self, attempt_id: str, decision: Decision, candidate: Candidate) -> None:
        """Count an attempt as in flight that was chosen and is not written down yet."""
        kind, now = class_of(candidate.video.size, candidate.video.seconds), self._clock.monotonic()
        premium_microusd = decision.premium_microusd if candidate is decision.candidates[0] else 0
        self._running[attempt_id] = now
        self._meant[attempt_id] = _Meant(candidate.offering.id, kind, premium_microusd)
        self.records.entered(candidate.offering.id, kind, now)

    def dropped(self, attempt_id: str) -> None:
        """Take back what was `meant`, unless it began."""
        meant = self._meant.pop(attempt_id, None)
        if meant is not None:
            self.records.left(meant.offering_id, meant.kind, self._running.pop(attempt_id))
            self.exploration.take(-meant.premium_microusd)

    def began(self, attempt: Attempt, size: Size) -> None:
        """Count an attempt as in flight since its submit, however long that is ago."""
        self._meant.pop(attempt.id, None)
        if attempt.id in self._running:
            return
        at = self._clock.monotonic() - max(0.0, self._clock.wall() - attempt.submitted_at)
        self._running[attempt.id] = at
        self.records.entered(attempt.offering_id, class_of(size, attempt.seconds), at)

    def ended(self, attempt: Attempt, size: Size) -> None:
        """Learn from an attempt that left its job, once."""
        since = self._running.pop(attempt.id, None)
        if since is None:
            return
        self.records.left(attempt.offering_id, class_of(size, attempt.seconds), since)
        if (outcome := outcome_of(attempt, size)) is not None:
            self.records.add(outcome)

    def cut_short(self, attempt: Attempt, size: Size, ending: Failure, job_deadline_at: float, given_s: float) -> bool:
        """Whether it ended only because its job had less time for it than videos there usually take.

        `given_s` is what every attempt there has. A provider that had its time and hung is to blame.
        """
        now = self._clock.wall()
        if ending.reason is not Reason.EXPIRED or ending.stage is Stage.DOWNLOAD or now < job_deadline_at:
            return False
        evidence = self.records.evidence(attempt.offering_id, attempt.provider, class_of(size, attempt.seconds))
        return now - attempt.submitted_at < min(max(evidence.p90_s, evidence.delivery_s), given_s)

    def durations(self, attempt: Attempt, size: Size) -> Durations:
        """Return what is known of how long jobs like that of an attempt take, which goes on learning."""
        return self._durations.of(attempt.offering_id, attempt.provider, class_of(size, attempt.seconds))

    def restore(self, ended: Iterable[tuple[Attempt, Size]]) -> None:
        """Take in attempts of before the start, the one that ended first before the others."""
        since = self._clock.monotonic() - self._clock.wall()
        for attempt, size in ended:
            self._durations.restore(attempt, class_of(size, attempt.seconds), since)
            if attempt.ended_at is not None and (outcome := outcome_of(attempt, size)) is not None:
                self.records.add(outcome, attempt.ended_at + since)
