"""Metrics and board that listen to a scripted engine, beside what its store was really told."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from router.core.decision_record import DecisionRecord
from router.core.events import Event
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import EntryKind, LedgerEntry
from router.core.order import Readiness
from router.core.ranking import DecisionReason
from router.core.reporting import ReportingSettings
from router.engine.store import StoreUnavailableError
from router.observe.board import Board
from router.observe.labels import job_outcome
from router.observe.metrics import Metrics
from tests.engine.scripted import Scene
from tests.observe.exposed import samples

Counts = Counter[tuple[str, ...]]
OPEN = (AttemptState.UNKNOWN, AttemptState.LATE)
_ENDS = {"delivered": "adopted", "duplicate": "duplicate", "failed_billed": "failed_billed", None: "voided"}


@dataclass
class Durable:
    """What was written, in order. `refusals` say of each write in turn whether the store is out of reach."""

    refusals: Iterator[bool] = field(default_factory=lambda: iter(()))
    left: dict[str, Attempt] = field(default_factory=dict)
    ended: dict[str, Job] = field(default_factory=dict)
    begun: list[Attempt] = field(default_factory=list)
    settled: list[tuple[str, LedgerEntry]] = field(default_factory=list)
    decisions: Counts = field(default_factory=Counter)
    accepted: int = 0

    def watch(self, scene: Scene) -> None:
        """Stand between an engine and its store."""
        for name in ("add_job", "add_started", "start_attempt", "move_attempt", "settle", "adopt", "end_job"):
            setattr(scene.store, name, self._watched(getattr(scene.store, name), getattr(self, f"_{name}")))

    def _watched(self, write: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
        @wraps(write)
        async def watched(*values: Any) -> Any:
            if write.__name__ not in ("add_job", "add_started") and next(self.refusals, False):
                raise StoreUnavailableError("locked")
            result = await write(*values)
            note(*values)
            return result

        return watched

    def _add_job(self, job: Job, *_: Any) -> None:
        self.accepted += 1

    def _add_started(self, job: Job, attempt: Attempt, entry: LedgerEntry, why: DecisionRecord, *_: Any) -> None:
        self._add_job(job)
        self._start_attempt(job, job, attempt, entry, why)

    def _start_attempt(
        self, _before: Job, _after: Job, attempt: Attempt, _entry: LedgerEntry, why: DecisionRecord
    ) -> None:
        self.begun.append(attempt)
        first = why.candidates[0].offering == why.chosen
        self.decisions[attempt.provider, why.reason if first else DecisionReason.FALLBACK] += 1

    def _move_attempt(self, before: Attempt, after: Attempt) -> None:
        pass

    def _settle(
        self, before: Attempt, after: Attempt, entry: LedgerEntry | None, _: Job | None, job: Job | None
    ) -> None:
        self.left.setdefault(before.id, after)
        if entry is not None:
            self.settled.append((before.state, entry))
        if job is not None and job.ended:
            self.ended[job.id] = job

    def _adopt(self, overtaken: Any, late: Any, entry: LedgerEntry, jobs: Any) -> None:
        self._settle(*overtaken, None, None, None)
        self._settle(*late, entry, *jobs)

    def _end_job(self, _before: Job, after: Job) -> None:
        self.ended[after.id] = after


class Listeners(list[Event]):
    """Takes the place of a scene's list of events; a restart begins new sinks, as a new process does."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self.all: list[Metrics] = []

    async def restart(self, *without: str) -> None:
        """Start an engine, and let new sinks take over what it found."""
        found = await self._scene.store.open_jobs()
        kept: list[Event] = []
        self.append = kept.append  # type: ignore[method-assign]
        await self._scene.start(*without)
        self.metrics, self.board = Metrics(self._scene.engine.catalog), Board(self._scene.clock)
        self.all.append(self.metrics)
        self.use()
        self.metrics.resume(found)
        self.board.resume(found)
        assert not kept
        self._scene.engine._parts.emit = self._observe
        for health in self._scene.health.values():
            health._emit = self._observe

    def use(self) -> None:
        """Take over the catalogue in force."""
        self.metrics.use(self._scene.engine.catalog, ReportingSettings(), ["tester"])
        self.metrics.watch(self._scene.health)
        self.metrics.watch_routing(self._scene.engine._parts.memory)

    def _observe(self, event: Event) -> None:
        self.metrics.listeners.hear(event)
        self.board.listeners.hear(event)


def counted(metrics: Metrics, name: str, *labels: str, unit: float = 1.0) -> Counts:
    """Add a family up by some of its labels; what is 0 is left out."""
    sums: Counts = Counter()
    for (found, values), value in samples(metrics).items():
        if found == name:
            sums[tuple(dict(values)[label] for label in labels)] += round(value * unit)
    return Counter({key: value for key, value in sums.items() if value})


async def check_gauges(scene: Scene, listeners: Listeners) -> None:
    """What is under way and what is open is what the store says."""
    metrics, names = listeners.metrics, scene.engine.catalog.providers
    jobs = await scene.store.open_jobs()
    live = [job for job in jobs if not job.ended]
    at_work: Counts = Counter()
    for job in live:
        busy = [each for each in job.attempts if each.state in (AttemptState.SUBMITTING, AttemptState.RUNNING)]
        at_work[(busy[-1].provider if busy else "none",)] += 1
    folded: Counts = Counter()
    for (name,), count in at_work.items():
        folded[(name if name in (*names, "none") else "other",)] += count
    assert counted(metrics, "jobs_in_flight", "provider") == folded
    oldest = min((job.created_at for job in live), default=0.0)
    assert samples(metrics)["oldest_job_accepted_timestamp_seconds", frozenset()] == oldest
    owed, since = Counter[tuple[str, ...]](), dict[str, float]()
    for attempt in (attempt for job in jobs for attempt in job.attempts if attempt.state in OPEN):
        name = attempt.provider if attempt.provider in names else "other"
        owed[(name,)] += attempt.quote_microusd
        since[name] = min(attempt.submitted_at, since.get(name, attempt.submitted_at))
    assert counted(metrics, "uncertain_usd", "provider", unit=1e6) == owed
    oldest_open = counted(metrics, "oldest_uncertain_timestamp_seconds", "provider", unit=1e3)
    assert oldest_open == {(name,): round(at * 1e3) for name, at in since.items()}
    for name, health in scene.health.items():
        for kind, state in health.breakers().items():
            shown = counted(metrics, "breaker_state", "provider", "breaker", "state")
            assert {each for each in shown if each[:2] == (name, kind)} == {(name, kind, state)}
        assert counted(metrics, "provider_in_flight_limit", "provider")[(name,)] == health.in_flight_limit
    overview = listeners.board.overview(Readiness(ready=True))
    shown_live = {name: each.count for name, each in overview.jobs.in_progress.items()}
    assert shown_live == {name: count for (name,), count in at_work.items() if name != "none"}
    assert overview.jobs.queued.count + overview.jobs.between_attempts.count == at_work[("none",)]
    assert overview.uncertain.amount_microusd == sum(owed.values())


def told(listeners: Listeners, name: str, *labels: str, unit: float = 1.0) -> Counts:
    """Add a counter up over all processes."""
    sums: Counts = Counter()
    for metrics in listeners.all:
        sums += counted(metrics, name, *labels, unit=unit)
    return sums


def check_counters(durable: Durable, listeners: Listeners, *, by_provider: bool) -> None:
    """What was counted is what was written; a provider that a start did not know is other."""

    def agree(name: str, expected: Counts, *labels: str, unit: float = 1.0) -> None:
        first = 0 if by_provider else sum(label.endswith("provider") for label in labels)
        sums: Counts = Counter()
        for key, amount in expected.items():
            sums[key[first:]] += amount
        assert told(listeners, name, *labels[first:], unit=unit) == +sums

    agree("jobs_accepted_total", Counter({(): durable.accepted}))
    left = durable.left.values()
    attempts = Counter((each.provider, each.state, each.stage or "none", each.reason or "none") for each in left)
    agree("attempts_total", attempts, "provider", "outcome", "stage", "reason")
    agree("jobs_finished_total", Counter((job_outcome(job),) for job in durable.ended.values()), "outcome")
    entries = [(before in OPEN, entry) for before, entry in durable.settled]
    cost: Counts = Counter()
    for _, entry in entries:
        if entry.kind is EntryKind.POSTED:
            cost[entry.provider, str(entry.cost_kind)] += entry.amount_microusd
    agree("cost_usd_total", cost, "provider", "kind", unit=1e6)
    agree("caller_cost_usd_total", Counter({("tester",): cost.total()}), "caller", unit=1e6)
    settled = Counter((entry.provider, _ENDS[entry.cost_kind]) for late, entry in entries if late)
    agree("uncertain_settled_total", settled, "provider", "resolution")
    agree("routed_cost_usd_total", Counter({(): cost.total()}), unit=1e6)
    agree("route_decisions_total", durable.decisions, "provider", "reason")
    failovers, ambiguous = moves(durable)
    agree("failovers_total", failovers, "from_provider", "to_provider")
    agree("ambiguous_submits_total", ambiguous, "provider", "resolution")


def moves(durable: Durable) -> tuple[Counts, Counts]:
    """Failovers and lost submits, as the attempts say."""
    by_job: dict[str, dict[int, Attempt]] = {}
    for begun in durable.begun:
        by_job.setdefault(begun.job_id, {})[begun.number] = begun
    failovers: Counts = Counter()
    ambiguous: Counts = Counter()
    for attempts in by_job.values():
        for number, attempt in attempts.items():
            left = durable.left.get(attempt.id)
            if number > 1:
                failovers[attempts[number - 1].provider, attempt.provider] += 1
            if left is not None and left.state is AttemptState.UNKNOWN:
                ambiguous[attempt.provider, "held" if number == max(attempts) else "failed_over"] += 1
    return failovers, ambiguous
