"""Every metric as a registered object, with the label sets that are known before anything happens."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from router.core.catalog import Catalog
from router.core.events import BreakerKind, BreakerState, ExchangeResult, Operation
from router.core.money import MICROUSD_PER_USD
from router.observe import families, labels
from router.observe.families import Family
from router.observe.labels import NONE, OTHER, SUCCEEDED, DurationClass, SoldNames
from router.observe.series import Child, MoneyCounters, Series, counter, gauge, histogram

# What happens in practice is a dozen kinds of failure a provider; these leave room, and keep an exposition small.
_JOB_SETS_MAX: Final = 90
_ATTEMPT_SETS_MAX: Final = 126
_FAILOVER_SETS_MAX: Final = 40
_REQUEST_SETS_MAX: Final = 60
_ROUTE_SETS_MAX: Final = 10
_PROCESS_LINES_MAX: Final = 10
_FOLDING: Final = tuple(
    family.name
    for family in (
        families.JOBS_FINISHED,
        families.ATTEMPTS,
        families.FAILOVERS,
        families.HTTP_REQUESTS,
        families.HTTP_DURATION,
    )
)


class Instruments:
    """All series of the router. A label set is made at once where its values are known, so that rates start at 0.

    Times are kept for the catalogue's providers only; what any other one does is counted, as `other`.
    """

    def __init__(self, catalog: Catalog, names: SoldNames, registry: CollectorRegistry) -> None:
        # Each would double its counter's and histogram's series and say nothing that a rate needs.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=registry)
        self._registry = registry
        self._names = names
        self._providers_max = len(names.providers) + 1
        self._all: list[Series[Counter] | Series[Gauge] | Series[Histogram]] = []
        self._make_own()
        self._make_jobs()
        self._make_attempts()
        self._make_money(catalog)
        self._make_exchanges()
        self._make_health()
        self._make_requests()

    @property
    def lines_max(self) -> int:
        """The most series that can come to exist."""
        return sum(series.lines_max for series in self._all) + _PROCESS_LINES_MAX

    def _make_own(self) -> None:
        self._gauge(families.BUILD_INFO, [(_version(),)]).at(_version()).set(1)
        self.observer_errors = self._counter(families.OBSERVER_ERRORS, product(labels.SINKS), sets_max=4)
        self.folded = self._counter(families.FOLDED, product(_FOLDING))

    def _make_jobs(self) -> None:
        names = self._names
        kinds = [(kind, OTHER if kind is DurationClass.ANY else SUCCEEDED) for kind in DurationClass]
        self.jobs_accepted = self._counter(
            families.JOBS_ACCEPTED, product(names.models), sets_max=len(names.models) + 1
        )
        self.jobs_finished = self._counter(
            families.JOBS_FINISHED,
            [(model, provider, SUCCEEDED, NONE, NONE) for provider, model in names.pairs],
            sets_max=_JOB_SETS_MAX + len(names.pairs),
            folds_max=len(labels.JobOutcome),
        )
        self.job_duration = self._histogram(
            families.JOB_DURATION,
            [(provider, *kind) for provider in names.providers for kind in kinds],
        )
        self.jobs_in_flight = self._gauge(
            families.JOBS_IN_FLIGHT, product((*names.providers, NONE)), sets_max=self._providers_max + 1
        )
        self.oldest_job = self._gauge(families.OLDEST_JOB, [()])

    def _make_attempts(self) -> None:
        names = self._names
        self.attempts = self._counter(
            families.ATTEMPTS,
            [(provider, model, SUCCEEDED, NONE, NONE) for provider, model in names.pairs],
            sets_max=_ATTEMPT_SETS_MAX + len(names.pairs),
            folds_max=self._providers_max * (len(labels.ATTEMPT_OUTCOMES) + 1),
        )
        self.stage_duration = self._histogram(families.STAGE_DURATION, product(names.providers, labels.TIMED_STAGES))
        self.failovers = self._counter(families.FAILOVERS, (), _FAILOVER_SETS_MAX, folds_max=self._providers_max)
        self.ambiguous_submits = self._by_provider(families.AMBIGUOUS_SUBMITS)

    def _make_money(self, catalog: Catalog) -> None:
        names = self._names
        kinds = labels.COST_KINDS
        self.cost = MoneyCounters(
            self._counter(
                families.COST,
                [(*pair, kind) for pair in names.pairs for kind in kinds],
                sets_max=names.pairs_max * len(kinds),
            )
        )
        self.delivered_quote = MoneyCounters(
            self._counter(families.DELIVERED_QUOTE, names.pairs, sets_max=names.pairs_max)
        )
        self.video_seconds = self._counter(families.VIDEO_SECONDS, names.pairs, sets_max=names.pairs_max)
        self.uncertain = self._gauge(families.UNCERTAIN, product(names.providers), sets_max=self._providers_max)
        prices = _prices_microusd(catalog)
        price = self._gauge(families.PRICE, prices)
        for values, microusd in prices.items():
            price.at(*values).set(microusd / MICROUSD_PER_USD)

    def _make_exchanges(self) -> None:
        providers, operations = self._names.providers, tuple(map(str, Operation))
        results = tuple(map(str, ExchangeResult))
        self.exchanges = self._counter(
            families.EXCHANGES,
            product(providers, operations, results),
            sets_max=self._providers_max * len(operations) * len(results),
        )
        self.exchange_duration = self._histogram(families.EXCHANGE_DURATION, product(providers, operations))
        self.poll_lag = self._histogram(families.POLL_LAG, product(providers))
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
            self.breaker_state.at(provider, kind, BreakerState.CLOSED).set(1)
        self.breaker_transitions = self._counter(families.BREAKER_TRANSITIONS, every, sets_max)
        self.provider_outage = self._gauge(families.PROVIDER_OUTAGE, product(providers, labels.OUTAGE_REASONS))
        self.provider_out = self._by_provider_and(families.PROVIDER_OUT, labels.OUT_REASONS)

    def _make_requests(self) -> None:
        self.requests = self._counter(families.HTTP_REQUESTS, (), _REQUEST_SETS_MAX, folds_max=1)
        self.request_duration = self._histogram(families.HTTP_DURATION, (), _ROUTE_SETS_MAX, folds_max=1)

    def _by_provider(self, family: Family) -> Series[Counter]:
        return self._counter(family, product(self._names.providers), sets_max=self._providers_max)

    def _by_provider_and(self, family: Family, values: tuple[str, ...]) -> Series[Counter]:
        sets_max = self._providers_max * len(values)
        return self._counter(family, product(self._names.providers, values), sets_max)

    def _counter(
        self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int | None = None, folds_max: int = 0
    ) -> Series[Counter]:
        return self._folding(family, counter(family, self._registry), first, sets_max, folds_max)

    def _gauge(self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int | None = None) -> Series[Gauge]:
        known = list(first)
        series = Series(
            family, gauge(family, self._registry), len(known) if sets_max is None else sets_max, first=known
        )
        self._all.append(series)
        return series

    def _histogram(
        self, family: Family, first: Iterable[tuple[str, ...]], sets_max: int | None = None, folds_max: int = 0
    ) -> Series[Histogram]:
        return self._folding(family, histogram(family, self._registry), first, sets_max, folds_max)

    def _folding(
        self,
        family: Family,
        metric: Child,
        first: Iterable[tuple[str, ...]],
        sets_max: int | None,
        folds_max: int,
    ) -> Series[Child]:
        """Bound a metric's series: to `sets_max`, or else to the label sets known from the start; the rest folds."""
        known = list(first)
        bound = len(known) if sets_max is None else sets_max
        series = Series(family, metric, bound, first=known, folds_max=folds_max, on_fold=self._fold)
        self._all.append(series)
        return series

    def _fold(self, family_name: str) -> None:
        self.folded.at(family_name).inc()


def _prices_microusd(catalog: Catalog) -> dict[tuple[str, ...], int]:
    """Quote everything that is sold; of two offerings of the same thing by one provider, the cheaper one."""
    prices: dict[tuple[str, ...], int] = {}
    for offering in catalog.offerings:
        for size, seconds in product(offering.sizes, offering.seconds):
            values = (offering.provider, offering.model, str(size), str(seconds))
            microusd = offering.price.quote_microusd(size, seconds)
            prices[values] = min(microusd, prices.get(values, microusd))
    return prices


def _version() -> str:
    try:
        return version("video-router")
    except PackageNotFoundError:
        return "unknown"
