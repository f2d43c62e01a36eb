"""Every metric as a registered object, with the label sets that are known before anything happens."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
)

from providers.canonical import Size
from router.core.catalog import Catalog
from router.core.events import BreakerKind, BreakerState, ExchangeResult, Operation
from router.core.money import MICROUSD_PER_USD
from router.core.reporting import DurationClass
from router.observe import families, labels
from router.observe.families import Family
from router.observe.labels import NONE, OTHER, SUCCEEDED, SoldNames
from router.observe.release import RELEASE
from router.observe.series import Child, MoneyCounter, Series, counter, gauge, histogram, money_counter, summary

# What happens in practice is a dozen kinds of failure a provider; these leave room, and keep an exposition small.
_JOB_SETS_MAX: Final = 90
_ATTEMPT_SETS_MAX: Final = 100
_FAILOVER_SETS_MAX: Final = 40
_FAILURE_TIME_SETS_MAX: Final = 20
_REQUEST_SETS_MAX: Final = 60
_ROUTE_SETS_MAX: Final = 10
_PRICE_SETS_MAX: Final = 120
EXPECTATIONS_MAX: Final = 60
CALLERS_MAX: Final = 20
PROVIDER_BUDGETS_MAX: Final = 10
_BUDGET_SETS_MAX: Final = CALLERS_MAX + PROVIDER_BUDGETS_MAX
_PROCESS_LINES_MAX: Final = 10
_FOLDING: Final = tuple(
    family.name
    for family in (
        families.JOBS_FINISHED,
        families.ATTEMPTS,
        families.FAILED_ATTEMPT_DURATION,
        families.FAILOVERS,
        families.CALLER_COST,
        families.PRICE,
        families.EXPECTED_PER_SECOND,
        families.HTTP_REQUESTS,
        families.HTTP_DURATION,
    )
)


class Instruments:
    """All series of the router. A label set is made at once where its values are known, so that rates start at 0.

    Times are kept for the catalogue's providers only; what any other one does is counted, as `other`. `use` may be
    called again: counters go on, and what a former catalogue had stays in sight.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self._registry = registry
        self._counters: dict[str, Series[Counter]] = {}
        self._gauges: dict[str, Series[Gauge]] = {}
        self._histograms: dict[str, Series[Histogram]] = {}
        self._summaries: dict[str, Series[Summary]] = {}
        self._money: dict[str, Series[MoneyCounter]] = {}
        self._breakers: set[tuple[str, str]] = set()

    @property
    def lines_max(self) -> int:
        """The most series that can come to exist."""
        every = (self._counters, self._money, self._gauges, self._histograms, self._summaries)
        return sum(series.lines_max for kind in every for series in kind.values()) + _PROCESS_LINES_MAX

    def use(self, catalog: Catalog, names: SoldNames, callers: Iterable[str]) -> None:
        """Make the series of a catalogue's names, and of the first callers."""
        self._names = names
        self._providers_max = len(names.providers) + 1
        self._make_own()
        self._make_jobs()
        self._make_attempts()
        self._make_routing()
        self._make_money(tuple(dict.fromkeys(callers))[:CALLERS_MAX])
        self._make_prices(catalog)
        self._make_exchanges()
        self._make_health()
        self._make_requests()

    def _make_own(self) -> None:
        self._gauge(families.BUILD_INFO, [(RELEASE,)]).at(RELEASE).set(1)
        self.observer_errors = self._counter(families.OBSERVER_ERRORS, product(labels.SINKS), sets_max=6)
        self.folded = self._counter(families.FOLDED, product(_FOLDING))
        self.loop_lag = self._histogram(families.LOOP_LAG, [()]).at()
        self.store_write = self._histogram(families.STORE_WRITE, [()]).at()
        self.store_failures = self._counter(families.STORE_FAILURES, [()]).at()
        self.config_reloads = self._counter(families.CONFIG_RELOADS, product(labels.RELOADS))
        self.config_successful = self._gauge(families.CONFIG_SUCCESSFUL, [()])
        self.webhooks = self._counter(families.WEBHOOKS, product(labels.WEBHOOKS))
        self.mirror_operations = self._counter(families.MIRROR_OPERATIONS, product(labels.MIRROR_OPERATIONS))
        self.mirror_bytes = self._gauge(families.MIRROR_BYTES, [()])
        self.mirror_videos = self._gauge(families.MIRROR_VIDEOS, [()])
        self.config_loaded = self._gauge(families.CONFIG_LOADED, [()])
        self.config_info = self._gauge(families.CONFIG_INFO, (), sets_max=1)

    def _make_jobs(self) -> None:
        names = self._names
        self.jobs_accepted = self._counter(
            families.JOBS_ACCEPTED, product(names.askable), sets_max=len(names.askable) + 1
        )
        self.jobs_finished = self._counter(
            families.JOBS_FINISHED,
            [(model, provider, SUCCEEDED, NONE, NONE) for provider, model in names.pairs],
            sets_max=_JOB_SETS_MAX + len(names.pairs),
            folds_max=len(labels.JobOutcome),
        )
        self.job_duration = self._histogram(families.JOB_DURATION, product(names.providers, DurationClass))
        self.jobs_on_time = self._counter(families.JOBS_ON_TIME, product(DurationClass, labels.ON_TIME))
        self.job_overhead = self._histogram(families.JOB_OVERHEAD, [()]).at()
        self.jobs_in_flight = self._gauge(
            families.JOBS_IN_FLIGHT, product((*names.providers, NONE)), sets_max=self._providers_max + 1
        )
        self.oldest_job = self._gauge(families.OLDEST_JOB, [()])
        self.jobs_in_flight_limit = self._gauge(families.JOBS_IN_FLIGHT_LIMIT, [()])
        self.job_deadline = self._gauge(families.JOB_DEADLINE, [()])

    def _make_attempts(self) -> None:
        names = self._names
        self.attempts = self._counter(
            families.ATTEMPTS,
            [(provider, model, SUCCEEDED, NONE, NONE) for provider, model in names.pairs],
            sets_max=_ATTEMPT_SETS_MAX + len(names.pairs),
            folds_max=self._providers_max * (len(labels.ATTEMPT_OUTCOMES) + 1),
        )
        self.stage_duration = self._summary(families.STAGE_DURATION, product(names.providers, labels.TIMED_STAGES))
        self.failed_duration = self._histogram(
            families.FAILED_ATTEMPT_DURATION, (), _FAILURE_TIME_SETS_MAX, folds_max=self._providers_max
        )
        self.failed_progress = self._histogram(families.FAILED_ATTEMPT_PROGRESS, product(names.providers))
        self.failovers = self._counter(families.FAILOVERS, (), _FAILOVER_SETS_MAX, folds_max=self._providers_max)
        self.ambiguous_submits = self._by_provider_and(families.AMBIGUOUS_SUBMITS, tuple(labels.AmbiguousResolution))
        self.uncertain_settled = self._by_provider_and(families.UNCERTAIN_SETTLED, tuple(labels.UncertainResolution))

    def _make_routing(self) -> None:
        providers, reasons = self._names.providers, (*labels.DECISION_REASONS, OTHER)
        self.decisions = self._by_provider_and(families.DECISIONS, labels.DECISION_REASONS)
        self.failovers_delayed = self._by_provider(families.FAILOVERS_DELAYED)
        self.expected_cost = self._money_counter(families.EXPECTED_COST, self._names.pairs, self._names.pairs_max)
        self.routed_cost = self._money_counter(families.ROUTED_COST, product(reasons), len(reasons))
        self.expected_per_second = self._gauge(families.EXPECTED_PER_SECOND, (), sets_max=EXPECTATIONS_MAX)
        self.success_bound = self._gauge(families.SUCCESS_BOUND, (), sets_max=EXPECTATIONS_MAX)
        self.exploration_budget = self._gauge(families.EXPLORATION_BUDGET, [()])
        self.exploration_used = self._gauge(families.EXPLORATION_USED, [()])
        self.provider_drained = self._gauge(families.PROVIDER_DRAINED, product(providers))

    def _make_money(self, callers: tuple[str, ...]) -> None:
        names = self._names
        kinds = labels.COST_KINDS
        every = [(*pair, kind) for pair in names.pairs for kind in kinds]
        self.cost = self._money_counter(families.COST, every, names.pairs_max * len(kinds))
        self.caller_cost = self._money_counter(families.CALLER_COST, product(callers), len(callers), folds_max=1)
        self.delivered_quote = self._money_counter(families.DELIVERED_QUOTE, names.pairs, names.pairs_max)
        self.baseline_cost = self._money_counter(families.BASELINE_COST, names.pairs, names.pairs_max)
        self.baseline_missing = self._counter(
            families.BASELINE_MISSING, product(names.models), sets_max=len(names.models) + 1
        )
        self.video_seconds = self._counter(families.VIDEO_SECONDS, names.pairs, sets_max=names.pairs_max)
        self.uncertain = self._gauge(families.UNCERTAIN, product(names.providers), sets_max=self._providers_max)
        self.adjusted = self._gauge(families.ADJUSTED, product(names.providers), sets_max=self._providers_max)
        self.oldest_uncertain = self._gauge(
            families.OLDEST_UNCERTAIN, product(names.providers), sets_max=self._providers_max
        )
        self.budget = self._gauge(families.BUDGET, (), sets_max=_BUDGET_SETS_MAX)
        self.budget_used = self._gauge(families.BUDGET_USED, (), sets_max=_BUDGET_SETS_MAX)

    def _make_prices(self, catalog: Catalog) -> None:
        prices = _prices_usd_per_second(catalog)
        shown = dict(list(prices.items())[:_PRICE_SETS_MAX])
        price = self._gauge(families.PRICE, shown)
        price.only(shown.keys())
        for values, usd in shown.items():
            price.at(*values).set(usd)
        self.folded.at(families.PRICE.name).inc(len(prices) - len(shown))
        ends = {
            (offering.provider, offering.id): offering.available_until
            for offering in catalog.offerings
            if offering.available_until is not None
        }
        end = self._gauge(families.OFFERING_END, ends)
        end.only(ends.keys())
        for values, at in ends.items():
            end.at(*values).set(at)

    def _make_exchanges(self) -> None:
        providers, operations = self._names.providers, tuple(map(str, Operation))
        results = tuple(map(str, ExchangeResult))
        self.exchanges = self._counter(
            families.EXCHANGES,
            product(providers, operations, results),
            sets_max=self._providers_max * len(operations) * len(results),
        )
        self.exchange_duration = self._histogram(families.EXCHANGE_DURATION, product(providers, operations))
        self.poll_lag = self._histogram(families.POLL_LAG, [()]).at()
        self.unknown_status = self._by_provider(families.UNKNOWN_STATUS)
        self.unknown_errors = self._by_provider_and(families.UNKNOWN_ERRORS, labels.UNKNOWN_ERROR_STAGES)
        self.failed_polls = self._by_provider_and(families.FAILED_POLLS, labels.POLL_REASONS)
        self.doubted_costs = self._by_provider(families.DOUBTED_COSTS)

    def _make_health(self) -> None:
        providers, kinds, states = self._names.providers, tuple(map(str, BreakerKind)), tuple(map(str, BreakerState))
        sets_max = self._providers_max * len(kinds) * len(states)
        every = list(product(providers, kinds, states))
        self.breaker_state = self._gauge(families.BREAKER_STATE, every, sets_max)
        for provider, kind in product(providers, kinds):
            if (provider, kind) not in self._breakers:
                self._breakers.add((provider, kind))
                self.breaker_state.at(provider, kind, BreakerState.CLOSED).set(1)
        moves = list(product(providers, kinds, labels.BREAKER_MOVES))
        moves_max = self._providers_max * len(kinds) * len(labels.BREAKER_MOVES)
        self.breaker_transitions = self._counter(families.BREAKER_TRANSITIONS, moves, moves_max)
        self.provider_outage = self._gauge(families.PROVIDER_OUTAGE, product(providers, labels.OUTAGE_REASONS))
        self.provider_out = self._by_provider_and(families.PROVIDER_OUT, labels.OUT_REASONS)
        self.provider_limit = self._gauge(families.PROVIDER_LIMIT, product(providers))

    def _make_requests(self) -> None:
        self.requests = self._counter(families.HTTP_REQUESTS, (), _REQUEST_SETS_MAX, folds_max=1)
        self.request_duration = self._histogram(families.HTTP_DURATION, (), _ROUTE_SETS_MAX, folds_max=1)

    def _by_provider(self, family: Family) -> Series[Counter]:
        return self._counter(family, product(self._names.providers), sets_max=self._providers_max)

    def _by_provider_and(self, family: Family, values: tuple[str, ...]) -> Series[Counter]:
        sets_max = self._providers_max * len(values)
        return self._counter(family, product(self._names.providers, values), sets_max)

    def _money_counter(
        self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int, folds_max: int = 0
    ) -> Series[MoneyCounter]:
        if family.name not in self._money:
            self._money[family.name] = Series(family, money_counter(family, self._registry), self._fold)
        return _admitted(self._money[family.name], first, sets_max, folds_max)

    def _counter(
        self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int | None = None, folds_max: int = 0
    ) -> Series[Counter]:
        if family.name not in self._counters:
            self._counters[family.name] = Series(family, counter(family, self._registry), self._fold)
        return _admitted(self._counters[family.name], first, sets_max, folds_max)

    def _gauge(self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int | None = None) -> Series[Gauge]:
        if family.name not in self._gauges:
            self._gauges[family.name] = Series(family, gauge(family, self._registry))
        return _admitted(self._gauges[family.name], first, sets_max, 0)

    def _histogram(
        self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int | None = None, folds_max: int = 0
    ) -> Series[Histogram]:
        if family.name not in self._histograms:
            self._histograms[family.name] = Series(family, histogram(family, self._registry), self._fold)
        return _admitted(self._histograms[family.name], first, sets_max, folds_max)

    def _summary(self, family: Family, first: Iterable[tuple[str, ...]]) -> Series[Summary]:
        if family.name not in self._summaries:
            self._summaries[family.name] = Series(family, summary(family, self._registry), self._fold)
        return _admitted(self._summaries[family.name], first, None, 0)

    def _fold(self, family_name: str) -> None:
        # A family that is not expected to fold must not fold the count of what was folded, without end.
        if family_name in _FOLDING:
            self.folded.at(family_name).inc()


def _admitted(
    series: Series[Child], first: Iterable[tuple[str, ...]], sets_max: int | None, folds_max: int
) -> Series[Child]:
    """Bound a metric's series: to `sets_max`, or else to the label sets known from the start; the rest folds."""
    known = list(first)
    series.admit(known, len(known) if sets_max is None else sets_max, folds_max)
    return series


def _prices_usd_per_second(catalog: Catalog) -> Mapping[tuple[str, ...], float]:
    """Quote everything that is sold; of two offerings of the same thing by one provider, the cheaper one."""
    prices: dict[tuple[str, ...], float] = {}
    for offering in catalog.offerings:
        for size, seconds in product(offering.sizes, offering.seconds):
            values = (offering.provider, offering.model, _lying(size), str(seconds))
            usd = offering.price.quote_microusd(size, seconds) / seconds / MICROUSD_PER_USD
            prices[values] = min(usd, prices.get(values, usd))
    return prices


def _lying(size: Size) -> str:
    """Write the longer side first: portrait and landscape have one price everywhere."""
    return f"{max(size.width, size.height)}x{min(size.width, size.height)}"
