"""Events become metrics: closed labels, series that exist before the first failure, money to the micro-USD."""

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import product
from typing import assert_never

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from router.core.catalog import Catalog
from router.core.events import (
    AttemptEnded,
    AttemptStarted,
    BreakerMoved,
    BreakerState,
    CostDoubted,
    Event,
    ExchangeEnded,
    FailedOver,
    JobAccepted,
    JobEnded,
    PollFailed,
    ProviderOut,
    UnknownErrorSeen,
    UnknownStatusSeen,
)
from router.core.health import ProviderHealth
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import EntryKind
from router.core.money import MICROUSD_PER_USD
from router.observe import labels
from router.observe.instruments import Instruments
from router.observe.labels import NONE, OTHER, DurationClass, SoldNames


class Metrics:
    """Every metric of the router, in a registry of its own unless one is given."""

    def __init__(self, catalog: Catalog, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._names = SoldNames(catalog)
        self._to = Instruments(catalog, self._names, self.registry)
        self._in_flight: dict[str, tuple[str, float]] = {}
        self._uncertain: dict[str, tuple[str, int]] = {}
        self._uncertain_microusd: dict[str, int] = {}

    @property
    def series_max(self) -> int:
        """The most series that an exposition can hold, whatever happens."""
        return self._to.lines_max

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Render all metrics as the Accept header wishes, with their content type. Takes tens of ms: use a thread."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def resume(self, jobs: Iterable[Job]) -> None:
        """Take over, at start, the jobs that live on and those with an attempt that is unknown or late."""
        for job in sorted(jobs, key=lambda each: each.created_at):
            if not job.ended:
                running = next((each for each in job.attempts if each.state is AttemptState.RUNNING), None)
                self._place(job, running)
            for attempt in job.attempts:
                if attempt.state in (AttemptState.UNKNOWN, AttemptState.LATE):
                    self._open(attempt)

    def watch(self, health: Mapping[str, ProviderHealth]) -> None:
        """Ask about outages at every scrape from now on: nothing happens when one is over."""
        for name, reason in product(self._names.providers, labels.OUTAGE_REASONS):
            if name in health:
                self._to.provider_outage.at(name, reason).set_function(partial(_is_out, health[name], reason))

    def observe(self, event: Event) -> None:
        """Record one event of the engine."""
        match event:
            case JobAccepted():
                self._to.jobs_accepted.at(self._names.model(event.job.video.model)).inc()
                self._place(event.job, None)
            case AttemptStarted():
                self._place(event.job, event.attempt)
            case ExchangeEnded():
                self._exchange_ended(event)
            case PollFailed() | UnknownStatusSeen() | UnknownErrorSeen() | CostDoubted():
                self._odd_answer(event)
            case AttemptEnded():
                self._attempt_ended(event)
            case FailedOver():
                self._failed_over(event)
            case JobEnded():
                self._job_ended(event.job)
            case BreakerMoved():
                self._breaker_moved(event)
            case ProviderOut():
                reason = labels.closed(event.reason, labels.OUT_REASONS)
                self._to.provider_out.at(self._names.provider(event.provider), reason).inc()
            case _:
                assert_never(event)

    def observe_request(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Record an answered request; `route` is the template of the route, never a path."""
        self._to.requests.at(
            route, labels.closed(method, labels.METHODS), labels.closed(str(status), labels.CODES)
        ).inc()
        self._to.request_duration.at(route).observe(duration_s)

    def observer_failed(self, sink: str) -> None:
        """Count an event that one of metrics, logs and spans failed to record."""
        self._to.observer_errors.at(labels.closed(sink, labels.SINKS)).inc()

    def _job_ended(self, job: Job) -> None:
        self._place(job, None)
        outcome, delivered = labels.job_outcome(job), job.delivered
        last = delivered or (job.attempts[-1] if job.attempts else None)
        provider, model = self._names.pair(last.provider if last else None, job.video.model)
        stage, reason = (NONE, NONE) if job.failure is None else (str(job.failure.stage), str(job.failure.reason))
        self._to.jobs_finished.at(model, provider, outcome, stage, reason).inc()
        if provider in self._names.providers and job.ended_at is not None:
            kind = labels.duration_class(job.video) if delivered else DurationClass.ANY
            how = labels.SUCCEEDED if delivered else OTHER
            self._to.job_duration.at(provider, kind, how).observe(max(0.0, job.ended_at - job.created_at))
        if delivered is not None:
            self._to.video_seconds.at(provider, model).inc(delivered.seconds)
            self._to.delivered_quote.add(delivered.quote_microusd, provider, model)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        attempt, job = event.attempt, event.job
        # A late attempt ends a second time when its money is known; it is counted, and timed, when it left its job.
        again = attempt.id in self._uncertain
        for entry in event.entries:
            if entry.kind is not EntryKind.PENDING:
                self._close(entry.attempt_id)
            if entry.cost_kind is not None:
                pair = self._names.pair(entry.provider, job.video.model)
                self._to.cost.add(entry.amount_microusd, *pair, labels.closed(entry.cost_kind, labels.COST_KINDS))
        if again:
            return
        if attempt.state in (AttemptState.UNKNOWN, AttemptState.LATE):
            self._open(attempt)
        if not job.ended:
            self._place(job, None)
        self._count_attempt(event)

    def _count_attempt(self, event: AttemptEnded) -> None:
        attempt, provider = event.attempt, self._names.provider(event.attempt.provider)
        succeeded = attempt.state is AttemptState.SUCCEEDED
        self._to.attempts.at(
            *self._names.pair(attempt.provider, event.job.video.model),
            labels.closed(attempt.state, labels.ATTEMPT_OUTCOMES),
            NONE if succeeded else labels.closed(attempt.stage, labels.STAGES),
            NONE if succeeded else labels.closed(attempt.reason, labels.REASONS),
        ).inc()
        if attempt.state is AttemptState.UNKNOWN:
            self._to.ambiguous_submits.at(provider).inc()
        for stage, seconds in event.stage_seconds.items():
            if stage in labels.TIMED_STAGES and provider in self._names.providers:
                self._to.stage_duration.at(provider, stage).observe(max(0.0, seconds))

    def _failed_over(self, event: FailedOver) -> None:
        left, to = self._names.provider(event.left.provider), self._names.provider(event.to.provider)
        self._to.failovers.at(left, to, labels.closed(event.left.stage, labels.STAGES)).inc()

    def _exchange_ended(self, event: ExchangeEnded) -> None:
        provider = self._names.provider(event.provider)
        self._to.exchanges.at(provider, event.operation, event.result).inc()
        if provider not in self._names.providers:
            return
        self._to.exchange_duration.at(provider, event.operation).observe(max(0.0, event.duration_s))
        if event.lag_s is not None:
            self._to.poll_lag.at(provider).observe(max(0.0, event.lag_s))

    def _odd_answer(self, event: PollFailed | UnknownStatusSeen | UnknownErrorSeen | CostDoubted) -> None:
        provider = self._names.provider(event.provider)
        match event:
            case PollFailed(reason=reason):
                self._to.failed_polls.at(provider, labels.closed(reason, labels.POLL_REASONS)).inc()
            case UnknownStatusSeen():
                self._to.unknown_status.at(provider).inc()
            case UnknownErrorSeen(failure=failure):
                stage = labels.closed(failure.stage, labels.UNKNOWN_ERROR_STAGES)
                self._to.unknown_errors.at(provider, stage).inc()
            case CostDoubted():
                self._to.doubted_costs.at(provider).inc()
            case _:
                assert_never(event)

    def _breaker_moved(self, event: BreakerMoved) -> None:
        provider = self._names.provider(event.provider)
        for state in BreakerState:
            self._to.breaker_state.at(provider, event.kind, state).set(state is event.new)
        self._to.breaker_transitions.at(provider, event.kind, event.new).inc()

    def _place(self, job: Job, attempt: Attempt | None) -> None:
        """Move a job to the provider at work for it, to nobody between attempts, or out when it has ended."""
        before = self._in_flight.pop(job.id, None) if job.ended else self._in_flight.get(job.id)
        if before is not None:
            self._to.jobs_in_flight.at(before[0]).dec()
        if not job.ended:
            provider = self._names.provider(attempt.provider if attempt else None)
            self._in_flight[job.id] = provider, job.created_at
            self._to.jobs_in_flight.at(provider).inc()
        # A dict keeps its order of insertion, and jobs are placed as they are accepted.
        _, oldest_at = next(iter(self._in_flight.values()), (NONE, 0.0))
        self._to.oldest_job.at().set(oldest_at)

    def _open(self, attempt: Attempt) -> None:
        provider = self._names.provider(attempt.provider)
        self._close(attempt.id)
        self._uncertain[attempt.id] = provider, attempt.quote_microusd
        self._show_uncertain(provider, attempt.quote_microusd)

    def _close(self, attempt_id: str) -> None:
        if attempt_id in self._uncertain:
            provider, microusd = self._uncertain.pop(attempt_id)
            self._show_uncertain(provider, -microusd)

    def _show_uncertain(self, provider: str, microusd: int) -> None:
        self._uncertain_microusd[provider] = self._uncertain_microusd.get(provider, 0) + microusd
        self._to.uncertain.at(provider).set(self._uncertain_microusd[provider] / MICROUSD_PER_USD)


def _is_out(health: ProviderHealth, reason: str) -> float:
    return float(health.outage == reason)
