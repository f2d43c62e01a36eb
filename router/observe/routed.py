"""What routing decided and expected becomes metrics, beside what it came to."""

from collections.abc import Callable
from functools import partial
from typing import Final

from router.core.catalog import Catalog
from router.core.events import AttemptStarted
from router.core.job import Job
from router.core.ledger import EntryKind, LedgerEntry
from router.core.routing_memory import RoutingMemory
from router.observe import families
from router.observe.asked import cheapest, expected_usd_per_second, exploration_usd, explored_usd, success_bound
from router.observe.instruments import EXPECTATIONS_MAX, Instruments
from router.observe.labels import OTHER, SoldNames

_REASONS_MAX: Final = 10_000
Asked = Callable[[Callable[[], float]], Callable[[], float]]


class Routed:
    """Keeps in mind what was expected of an attempt until its job has ended, and why it began until it is paid for."""

    def __init__(self, to: Instruments) -> None:
        self._to = to
        self._expected_microusd: dict[str, float] = {}
        self._reasons: dict[str, str] = {}

    def began(self, event: AttemptStarted, names: SoldNames) -> None:
        """Count a decision that an attempt came of."""
        attempt = event.attempt
        self._to.decisions.at(names.provider(attempt.provider), event.reason).inc()
        self._expected_microusd[attempt.id] = event.expected_microusd
        self._reasons[attempt.id] = event.reason
        if len(self._reasons) > _REASONS_MAX:
            del self._reasons[next(iter(self._reasons))]

    def booked(self, entry: LedgerEntry) -> None:
        """Count what an attempt cost by why it began."""
        if entry.kind is EntryKind.PENDING:
            return
        reason = self._reasons.pop(entry.attempt_id, OTHER)
        if entry.cost_kind is not None:
            self._to.routed_cost.at(reason).add(entry.amount_microusd)

    def ended(self, job: Job, names: SoldNames) -> None:
        """Count what a delivered video was expected to cost: only then can it be held against all that was paid."""
        delivered = job.delivered
        for attempt in job.attempts:
            expected_microusd = self._expected_microusd.pop(attempt.id, attempt.quote_microusd)
            if delivered is not None and attempt.id == delivered.id:
                self._to.expected_cost.at(*names.made(delivered, job)).add(round(expected_microusd))

    def watch(self, memory: RoutingMemory, catalog: Catalog, asked: Asked) -> None:
        """Ask at every scrape what routing believes and may still try out."""
        self._to.exploration_budget.at().set_function(asked(partial(exploration_usd, memory.exploration)))
        self._to.exploration_used.at().set_function(asked(partial(explored_usd, memory.exploration)))
        offers = cheapest(catalog)
        shown = dict(list(offers.items())[:EXPECTATIONS_MAX])
        expected, bound = self._to.expected_per_second, self._to.success_bound
        expected.only(shown.keys())
        bound.only(shown.keys())
        for values, offer in shown.items():
            expected.at(*values).set_function(asked(partial(expected_usd_per_second, memory.records, offer)))
            bound.at(*values).set_function(asked(partial(success_bound, memory.records, offer)))
        self._to.folded.at(families.EXPECTED_PER_SECOND.name).inc(len(offers) - len(shown))
