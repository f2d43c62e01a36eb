"""Any sequence of writes, stale ones among them, leaves what a model of a dozen lines says."""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from providers.canonical import Failure, Reason, Stage
from router.core.job import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    Attempt,
    AttemptState,
    IllegalTransitionError,
    Job,
    JobState,
)
from router.core.ledger import (
    CostKind,
    EntryKind,
    LedgerEntry,
    cost_in_all,
    cost_microusd,
    exposure,
    pending,
    posted,
    voided,
)
from router.engine.store import MEMORY, RefusedWriteError, StaleWriteError, Store
from tests.builders import EPOCH
from tests.store.lives import at_once, the_attempt, the_job

KNOWN = (AttemptState.SUCCEEDED, AttemptState.FAILED)
POSTED_FOR = (CostKind.DELIVERED, CostKind.DUPLICATE, CostKind.FAILED_BILLED)
MONEY_OF = {
    AttemptState.SUCCEEDED: (CostKind.DELIVERED, CostKind.DUPLICATE),
    AttemptState.FAILED: (EntryKind.VOIDED, CostKind.FAILED_BILLED),
}
REFUSALS = (IllegalTransitionError, StaleWriteError, RefusedWriteError)


def legal(job: Job, state: JobState) -> bool:
    return state is job.state or state in JOB_TRANSITIONS[job.state]


def in_state(job: Job, state: JobState) -> Job:
    ended = state in (JobState.COMPLETED, JobState.FAILED)
    failure = Failure(Stage.GENERATE, Reason.INTERNAL) if state is JobState.FAILED else None
    return replace(job, state=state, ended_at=EPOCH if ended else None, failure=failure)


class Money(RuleBasedStateMachine):
    """`jobs` and `attempts` hold every version there ever was, so that most writers are late."""

    jobs = Bundle("jobs")
    attempts = Bundle("attempts")

    @initialize(target=jobs)
    def open(self) -> object:
        self.store: Store = at_once(Store.open(MEMORY, inline=True))
        self.job_states: dict[str, JobState] = {}
        self.attempt_states: dict[str, AttemptState] = {}
        self.entries: dict[str, list[EntryKind]] = {}
        self.delivered: set[str] = set()
        self.cost: dict[str, int] = {}
        self.kinds: dict[str, CostKind | None] = {}
        made = [at_once(self.store.add_job(the_job(number))) for number in (1, 2)]
        self.job_states = {job.id: job.state for job in made}
        return multiple(*made)

    def wrote(self, write: object, *, expected: bool) -> bool:
        try:
            at_once(write)  # type: ignore[arg-type]
        except REFUSALS:
            assert not expected
            return False
        assert expected
        return True

    @rule(target=attempts, job=jobs, number=st.integers(1, 3), state=st.sampled_from(JobState))
    def start(self, job: Job, number: int, state: JobState) -> object:
        attempt = the_attempt(job, number)
        after = in_state(job, state)
        expected = state is JobState.IN_PROGRESS and self.may_move(job, state) and self.is_next(attempt)
        write = self.store.start_attempt(job, after, attempt, pending(attempt, EPOCH))
        if not self.wrote(write, expected=expected):
            return multiple()
        self.job_states[job.id], self.attempt_states[attempt.id] = state, attempt.state
        self.entries[attempt.id] = [EntryKind.PENDING]
        return attempt

    @rule(target=jobs, job=jobs, state=st.sampled_from(JobState))
    def end(self, job: Job, state: JobState) -> object:
        after = in_state(job, state)
        expected = self.may_move(job, state) and (state is not JobState.COMPLETED or job.id in self.delivered)
        if not self.wrote(self.store.end_job(job, after), expected=expected):
            return multiple()
        self.job_states[job.id] = state
        return after

    @rule(target=attempts, attempt=attempts, state=st.sampled_from(AttemptState))
    def move(self, attempt: Attempt, state: AttemptState) -> object:
        after = replace(attempt, state=state, remote_id=f"remote-{attempt.id}")
        expected = self.may_become(attempt, state) and state not in KNOWN
        if not self.wrote(self.store.move_attempt(attempt, after), expected=expected):
            return multiple()
        self.attempt_states[attempt.id] = state
        return after

    @rule(
        target=attempts,
        attempt=attempts,
        state=st.sampled_from(AttemptState),
        kind=st.sampled_from([None, EntryKind.VOIDED, *POSTED_FOR]),
        job=st.none() | jobs,
        job_state=st.sampled_from(JobState),
    )
    def settle(
        self,
        attempt: Attempt,
        state: AttemptState,
        kind: EntryKind | CostKind | None,
        job: Job | None,
        job_state: JobState,
    ) -> object:
        after = replace(attempt, state=state, remote_id=f"remote-{attempt.id}")
        entry = self.entry(after, kind)
        job_after = None if job is None else in_state(job, job_state)
        delivers = kind is CostKind.DELIVERED
        expected = self.may_become(attempt, state) and kind in MONEY_OF.get(state, (None,))
        expected = expected and not (delivers and attempt.job_id in self.delivered)
        if job is not None:
            paid = job.id in self.delivered or (delivers and job.id == attempt.job_id)
            expected = expected and self.may_move(job, job_state) and (job_state is not JobState.COMPLETED or paid)
        if not self.wrote(self.store.settle(attempt, after, entry, job, job_after), expected=expected):
            return multiple()
        self.attempt_states[attempt.id] = state
        if entry is not None:
            self.entries[attempt.id].append(entry.kind)
            self.cost[attempt.id], self.kinds[attempt.id] = cost_microusd(entry), entry.cost_kind
        if delivers:
            self.delivered.add(attempt.job_id)
        if job is not None:
            self.job_states[job.id] = job_state
        return after

    @rule(attempt=attempts, believed=st.integers(0, 2), to=st.integers(-1, 2), kind=st.sampled_from(CostKind))
    def adjust(self, attempt: Attempt, believed: int, to: int, kind: CostKind) -> None:
        if to == believed or kind is CostKind.UNCERTAIN:
            return
        change = (to - believed) * 100_000
        entry = LedgerEntry(attempt.id, attempt.job_id, "alpha", EntryKind.ADJUSTED, change, EPOCH, kind, "why")
        expected = self.cost.get(attempt.id) == believed * 100_000 and to >= 0
        expected = expected and kind is (self.kinds[attempt.id] or CostKind.FAILED_BILLED)
        if self.wrote(self.store.adjust(entry, believed * 100_000), expected=expected):
            self.cost[attempt.id] += change

    def may_move(self, job: Job, state: JobState) -> bool:
        return legal(job, state) and self.job_states[job.id] is job.state

    def is_next(self, attempt: Attempt) -> bool:
        begun = sum(each.startswith(f"{attempt.job_id}-") for each in self.attempt_states)
        return attempt.number == begun + 1

    def may_become(self, attempt: Attempt, state: AttemptState) -> bool:
        return state in ATTEMPT_TRANSITIONS[attempt.state] and self.attempt_states[attempt.id] is attempt.state

    def entry(self, attempt: Attempt, kind: EntryKind | CostKind | None) -> LedgerEntry | None:
        match kind:
            case CostKind():
                return posted(attempt, kind, EPOCH)
            case EntryKind.VOIDED:
                return voided(attempt, EPOCH)
            case _:
                return None

    @invariant()
    def the_store_holds_what_the_model_says(self) -> None:
        for job_id, state in getattr(self, "job_states", {}).items():
            job = at_once(self.store.job(job_id))
            assert job is not None
            assert job.state is state
            assert {each.id: each.state for each in job.attempts} == {
                key: value for key, value in self.attempt_states.items() if key.startswith(f"{job_id}-")
            }
            self.check_money(at_once(self.store.entries(job_id)))
        for attempt_id, state in getattr(self, "attempt_states", {}).items():
            assert (len(self.entries[attempt_id]) == 2) == (state in KNOWN)

    def check_money(self, entries: tuple[LedgerEntry, ...]) -> None:
        kinds: dict[str, list[EntryKind]] = {}
        for entry in entries:
            if entry.kind is not EntryKind.ADJUSTED:
                kinds.setdefault(entry.attempt_id, []).append(entry.kind)
        for attempt_id, written in kinds.items():
            assert written == self.entries[attempt_id]
            assert written in (
                [EntryKind.PENDING],
                [EntryKind.PENDING, EntryKind.POSTED],
                [EntryKind.PENDING, EntryKind.VOIDED],
            )
            assert cost_in_all(attempt_id, entries) == self.cost.get(attempt_id)
        closed = [attempt_id for attempt_id, written in kinds.items() if len(written) == 2]
        assert exposure(entries).open_microusd == 100_000 * (len(kinds) - len(closed))
        assert exposure(entries).posted_microusd == sum(self.cost[attempt_id] for attempt_id in closed)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            at_once(self.store.close())


TestMoney = Money.TestCase
TestMoney.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
