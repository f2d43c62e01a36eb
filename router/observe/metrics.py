"""Events become metrics: closed labels, series that exist before the first failure, money to the micro-USD."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import nan
from threading import Lock
from typing import Final, assert_never

from prometheus_client import CollectorRegistry

from router.core.catalog import Catalog
from router.core.events import (
    AttemptEnded,
    AttemptStarted,
    BreakerKind,
    BreakerMoved,
    BreakerState,
    ConfigReloaded,
    CostDoubted,
    ExchangeEnded,
    FailedOver,
    FailoverDelayed,
    JobAccepted,
    JobEnded,
    LedgerAdjusted,
    LookupEnded,
    LookupResult,
    LoopLagged,
    MirrorUsed,
    PollFailed,
    ProviderOut,
    UnknownErrorSeen,
    UnknownStatusSeen,
    WebhookTaken,
    WriteEnded,
)
from router.core.health import ProviderHealth
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import EntryKind, LedgerEntry
from router.core.money import MICROUSD_PER_USD
from router.core.reporting import DurationClass, ReportingSettings, baseline_microusd, duration_class, overhead_s
from router.core.routing_memory import RoutingMemory
from router.observe import labels, mirrored
from router.observe.asked import Budget, in_flight_limit, is_drained, is_out, used_usd
from router.observe.exchanges import Exchanges
from router.observe.exposition import Exposition
from router.observe.in_flight import InFlight
from router.observe.instruments import CALLERS_MAX, PROVIDER_BUDGETS_MAX, Instruments
from router.observe.labels import NONE, OTHER, AmbiguousResolution, JobOutcome, SoldNames
from router.observe.listeners import Listeners
from router.observe.requests import Requests
from router.observe.routed import Routed
from router.observe.traceparent import exemplar
from router.observe.uncertainty import Uncertainty

_TELLING: Final = {LookupResult.FOUND: AmbiguousResolution.FOUND, LookupResult.ABSENT: AmbiguousResolution.ABSENT}


class Metrics:
    """Every metric of the router, in a registry of its own unless one is given."""

    def __init__(self, catalog: Catalog, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._exposition = Exposition(self.registry)
        self._to = Instruments(self.registry)
        self.in_flight = InFlight()
        self._uncertain = Uncertainty()
        self._routed = Routed(self._to)
        self._exchanges = Exchanges(self._to)
        self._requests = Requests(self._to)
        self.observe_request = self._requests.answered
        self._failing = Lock()
        self._adjusted_microusd = Counter[str]()
        # Providers of lost submits whose job has neither ended nor gone on yet.
        self._ambiguous: dict[str, str] = {}
        self.use(catalog, ReportingSettings())
        self.listeners = self._listeners()

    @property
    def series_max(self) -> int:
        """The most series that an exposition can hold, whatever happens."""
        return self._to.lines_max

    def use(
        self,
        catalog: Catalog,
        reporting: ReportingSettings,
        callers: Iterable[str] = (),
        jobs_in_flight_limit: int = 0,
        job_deadline_s: float = 0.0,
    ) -> None:
        """Take over a configuration, at start and at each reload; what was counted stays."""
        self._catalog, self._reporting = catalog, reporting
        self._names = SoldNames(catalog)
        self._callers = frozenset(callers)
        self._to.use(catalog, self._names, callers)
        self._exchanges.use(self._names)
        self._watch_jobs()
        self._to.jobs_in_flight_limit.at().set(jobs_in_flight_limit)
        self._to.job_deadline.at().set(job_deadline_s)
        for provider in self._uncertain.relabel(self._names.provider):
            self._show_uncertain(provider)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Render all metrics as the Accept header wishes, with their content type. Takes milliseconds: use a thread."""
        return self._exposition.page(accept)

    def resume(self, jobs: Iterable[Job]) -> None:
        """Take over, at start, the jobs that live on and those with an attempt that is unknown or late."""
        for job in sorted(jobs, key=lambda each: each.created_at):
            if not job.ended:
                self._put(job, job.at_work)
                if job.attempts and job.attempts[-1].state is AttemptState.UNKNOWN:
                    self._ambiguous[job.id] = self._names.provider(job.attempts[-1].provider)
            for attempt in job.attempts:
                if attempt.uncertain:
                    self._doubt(attempt)

    def watch(self, health: Mapping[str, ProviderHealth]) -> None:
        """Ask these about outages and limits at every scrape from now on: nothing happens when an outage is over."""
        for name in self._names.providers:
            if name not in health:
                continue
            for reason in labels.OUTAGE_REASONS:
                self._to.provider_outage.at(name, reason).set_function(
                    self._asked(partial(is_out, health[name], reason))
                )
            self._to.provider_limit.at(name).set_function(self._asked(partial(in_flight_limit, health[name])))
            self._to.provider_drained.at(name).set_function(self._asked(partial(is_drained, health[name])))
            for kind, state in health[name].breakers().items():
                self._show_breaker(name, kind, state)

    def watch_routing(self, memory: RoutingMemory) -> None:
        """Ask this at every scrape from now on what routing believes of the offerings, and may still try out."""
        self._routed.watch(memory, self._catalog, self._asked)

    def watch_budgets(self, budgets: Sequence[Budget]) -> None:
        """Ask these for what is used at every scrape from now on; providers' come before callers', and not all fit."""
        chosen: dict[tuple[str, ...], Budget] = {}
        for scope, limit in ((labels.BUDGET_SCOPES[0], PROVIDER_BUDGETS_MAX), (labels.BUDGET_SCOPES[1], CALLERS_MAX)):
            mine = [budget for budget in budgets if budget.scope == scope]
            chosen |= {(scope, budget.name): budget for budget in mine[:limit]}
        self._to.budget.only(chosen.keys())
        self._to.budget_used.only(chosen.keys())
        for values, budget in chosen.items():
            self._to.budget.at(*values).set(budget.limit_microusd / MICROUSD_PER_USD)
            self._to.budget_used.at(*values).set_function(self._asked(partial(used_usd, budget)))

    def observer_failed(self, sink: str) -> None:
        """Count an event that a sink failed to record, or a figure that could not be had in the thread of a scrape."""
        with self._failing:
            self._to.observer_errors.at(labels.closed(sink, labels.SINKS)).inc()

    def _asked(self, read: Callable[[], float]) -> Callable[[], float]:
        """Keep what breaks while it is asked at a scrape from taking all other metrics away."""

        def ask() -> float:
            try:
                return read()
            except Exception:  # noqa: BLE001 - whatever broke, it is one figure
                self.observer_failed(labels.SINKS[0])
                return nan

        return ask

    def _listeners(self) -> Listeners:
        """Say which events count; what was resolved is counted with the money, and a drain shows in health."""
        heard = Listeners()
        heard.on(ExchangeEnded, self._exchanges.ended)
        heard.on(WriteEnded, self._store_written)
        heard.on(JobAccepted, self._accepted)
        heard.on(AttemptStarted, self._attempt_started)
        heard.on(AttemptEnded, self._attempt_ended)
        heard.on(JobEnded, self._job_ended)
        heard.on(FailedOver, self._failed_over)
        heard.on(FailoverDelayed, self._failover_delayed)
        heard.on(LookupEnded, self._lookup_ended)
        heard.on(PollFailed, self._odd_answer)
        heard.on(UnknownStatusSeen, self._odd_answer)
        heard.on(UnknownErrorSeen, self._odd_answer)
        heard.on(CostDoubted, self._odd_answer)
        heard.on(BreakerMoved, self._breaker_moved)
        heard.on(ProviderOut, self._provider_out)
        heard.on(LedgerAdjusted, self._adjusted)
        heard.on(LoopLagged, self._own_state)
        heard.on(ConfigReloaded, self._own_state)
        heard.on(WebhookTaken, self._own_state)
        heard.on(MirrorUsed, self._own_state)
        return heard

    def _accepted(self, event: JobAccepted) -> None:
        job = event.job
        self._to.jobs_accepted.at(self._names.asked(job.video.model)).inc()
        self._put(job, None)

    def _attempt_started(self, event: AttemptStarted) -> None:
        self._put(event.job, event.attempt)
        self._routed.began(event, self._names)

    def _failover_delayed(self, event: FailoverDelayed) -> None:
        self._to.failovers_delayed.at(self._names.provider(event.left.provider)).inc()

    def _provider_out(self, event: ProviderOut) -> None:
        reason = labels.closed(event.reason, labels.OUT_REASONS)
        self._to.provider_out.at(self._names.provider(event.provider), reason).inc()

    def _store_written(self, event: WriteEnded) -> None:
        self._to.store_write.observe(max(0.0, event.duration_s))
        if not event.ok:
            self._to.store_failures.inc()

    def _job_ended(self, event: JobEnded) -> None:
        job = event.job
        self.in_flight.remove(job)
        self._routed.ended(job, self._names)
        self._resolve_ambiguous(job, AmbiguousResolution.HELD)
        outcome, delivered = labels.job_outcome(job), job.delivered
        last = delivered or (job.attempts[-1] if job.attempts else None)
        provider, model = self._names.made(last, job) if last else self._names.pair(None, job.video.model)
        stage, reason = (NONE, NONE) if job.failure is None else (str(job.failure.stage), str(job.failure.reason))
        self._to.jobs_finished.at(model, provider, outcome, stage, reason).inc()
        duration_s = max(0.0, (job.created_at if job.ended_at is None else job.ended_at) - job.created_at)
        kind = duration_class(job.video)
        if outcome not in labels.CALLERS_OWN:
            met = outcome is JobOutcome.SUCCEEDED and duration_s <= self._reporting.on_time_s[kind]
            self._to.jobs_on_time.at(kind, labels.ON_TIME[0] if met else labels.ON_TIME[1]).inc()
        if delivered is not None:
            self._delivered(job, delivered, kind, duration_s)

    def _delivered(self, job: Job, delivered: Attempt, kind: DurationClass, duration_s: float) -> None:
        provider, model = pair = self._names.made(delivered, job)
        self._to.job_overhead.observe(overhead_s(job))
        if provider in self._names.providers:
            self._to.job_duration.at(provider, kind).observe(duration_s, exemplar(job.trace_parent))
        self._to.video_seconds.at(*pair).inc(delivered.seconds)
        self._to.delivered_quote.at(*pair).add(delivered.quote_microusd)
        made = self._names.model_made(delivered, job)
        baseline = baseline_microusd(self._catalog, self._reporting.baseline, made, job.video)
        if baseline is None:
            self._to.baseline_missing.at(self._names.model(model)).inc()
        self._to.baseline_cost.at(*pair).add(delivered.quote_microusd if baseline is None else baseline)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        attempt, job = event.attempt, event.job
        # A late attempt ends a second time when its money is known; it is counted, and timed, when it left its job.
        again = attempt.id in self._uncertain
        for entry in event.entries:
            self._book(attempt, job, entry)
        if again:
            return
        if attempt.uncertain:
            self._doubt(attempt)
        if not job.ended:
            self._put(job, None)
        self._count_attempt(event)

    def _book(self, attempt: Attempt, job: Job, entry: LedgerEntry) -> None:
        if entry.kind is not EntryKind.PENDING and (provider := self._uncertain.remove(entry.attempt_id)) is not None:
            self._to.uncertain_settled.at(provider, labels.uncertain_resolution(entry)).inc()
            self._show_uncertain(provider)
        self._routed.booked(entry)
        if entry.cost_kind is not None:
            pair = self._names.made(attempt, job)
            self._to.cost.at(*pair, labels.closed(entry.cost_kind, labels.COST_KINDS)).add(entry.amount_microusd)
            self._to.caller_cost.at(labels.closed(job.caller, self._callers)).add(entry.amount_microusd)

    def _adjusted(self, event: LedgerAdjusted) -> None:
        entry = event.entry
        provider = self._names.provider(entry.provider)
        self._adjusted_microusd[provider] += entry.amount_microusd
        self._to.adjusted.at(provider).set(self._adjusted_microusd[provider] / MICROUSD_PER_USD)

    def _count_attempt(self, event: AttemptEnded) -> None:
        attempt, provider = event.attempt, self._names.provider(event.attempt.provider)
        succeeded = attempt.state is AttemptState.SUCCEEDED
        stage = labels.closed(attempt.stage, labels.STAGES)
        self._to.attempts.at(
            *self._names.made(attempt, event.job),
            labels.closed(attempt.state, labels.ATTEMPT_OUTCOMES),
            NONE if succeeded else stage,
            NONE if succeeded else labels.closed(attempt.reason, labels.REASONS),
        ).inc(exemplar=exemplar(event.job.trace_parent))
        if attempt.state is AttemptState.UNKNOWN:
            self._ambiguous[event.job.id] = provider
        if provider not in self._names.providers:
            return
        for name, seconds in event.stage_seconds.items():
            if name in labels.TIMED_STAGES:
                self._to.stage_duration.at(provider, name).observe(max(0.0, seconds))
        # One without a stage did not fail: its job was done without it, or cancelled.
        if attempt.stage is not None and attempt.ended_at is not None:
            failed_after_s = max(0.0, attempt.ended_at - attempt.submitted_at)
            trace = exemplar(event.job.trace_parent)
            self._to.failed_duration.at(provider, stage).observe(failed_after_s, trace)
            if event.progress is not None:
                self._to.failed_progress.at(provider).observe(event.progress / 100, trace)

    def _failed_over(self, event: FailedOver) -> None:
        self._resolve_ambiguous(event.job, AmbiguousResolution.FAILED_OVER)
        left, to = self._names.provider(event.left.provider), self._names.provider(event.to.provider)
        self._to.failovers.at(left, to, labels.closed(event.left.stage, labels.STAGES)).inc()

    def _lookup_ended(self, event: LookupEnded) -> None:
        # One that its job has left already is counted by how that went on.
        resolution = _TELLING.get(event.result)
        if resolution is not None and event.attempt_id not in self._uncertain:
            self._to.ambiguous_submits.at(self._names.provider(event.provider), resolution).inc()

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

    def _own_state(self, event: LoopLagged | ConfigReloaded | WebhookTaken | MirrorUsed) -> None:
        match event:
            case LoopLagged(lag_s):
                self._to.loop_lag.observe(max(0.0, lag_s))
            case ConfigReloaded():
                self._config_reloaded(event)
            case WebhookTaken(result=result):
                self._to.webhooks.at(result).inc()
            case MirrorUsed():
                mirrored.count(self._to, event)
            case _:
                assert_never(event)

    def _config_reloaded(self, event: ConfigReloaded) -> None:
        self._to.config_reloads.at(labels.RELOADS[0] if event.ok else labels.RELOADS[1]).inc()
        self._to.config_successful.at().set(event.ok)
        if event.ok:
            self._to.config_loaded.at().set(event.at)
            self._to.config_info.only({(event.digest,)})
            self._to.config_info.at(event.digest).set(1)

    def _breaker_moved(self, event: BreakerMoved) -> None:
        provider = self._names.provider(event.provider)
        self._show_breaker(provider, event.kind, event.new)
        if event.new in labels.BREAKER_MOVES:
            self._to.breaker_transitions.at(provider, event.kind, event.new).inc()

    def _show_breaker(self, provider: str, kind: BreakerKind, now: BreakerState) -> None:
        for state in BreakerState:
            self._to.breaker_state.at(provider, kind, state).set(state is now)

    def _put(self, job: Job, attempt: Attempt | None) -> None:
        """Move a job to the provider at work for it, or to nobody between attempts."""
        self.in_flight.put(job, attempt)
        if attempt is not None and attempt.provider not in self._names.providers:
            strangers = self._asked(partial(self.in_flight.strangers, self._names.providers))
            self._to.jobs_in_flight.at(OTHER).set_function(strangers)

    def _watch_jobs(self) -> None:
        """Count at every scrape: a gauge that follows each job would cost more than the job's other metrics."""
        for name in self._names.providers:
            self._to.jobs_in_flight.at(name).set_function(self._asked(partial(self.in_flight.jobs, (name,))))
        self._to.jobs_in_flight.at(NONE).set_function(self._asked(partial(self.in_flight.jobs, (None,))))
        self._to.oldest_job.at().set_function(self._asked(self.in_flight.oldest_at))

    def _resolve_ambiguous(self, job: Job, resolution: AmbiguousResolution) -> None:
        provider = self._ambiguous.pop(job.id, None)
        if provider is not None:
            self._to.ambiguous_submits.at(provider, resolution).inc()

    def _doubt(self, attempt: Attempt) -> None:
        provider = self._names.provider(attempt.provider)
        self._uncertain.add(provider, attempt)
        self._show_uncertain(provider)

    def _show_uncertain(self, provider: str) -> None:
        self._to.uncertain.at(provider).set(self._uncertain.microusd(provider) / MICROUSD_PER_USD)
        self._to.oldest_uncertain.at(provider).set_function(self._asked(partial(self._uncertain.oldest_at, provider)))
