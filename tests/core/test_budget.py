"""Daily budgets against a recomputation from the ledger that is short enough to be read as their definition."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from router.core.budget import DAY_S, Booking, BudgetKey, Budgets, BudgetScope, daily_limits, day_of, day_start
from router.core.job import Attempt
from router.core.ledger import CostKind, EntryKind, LedgerEntry, cost_microusd, exposure, pending, posted, voided
from router.core.limits import Caller
from tests.builders import EPOCH, ManualTime, a_catalog, a_provider, an_attempt, an_offering

PROVIDERS, CALLERS = ("alpha", "beta"), ("studio", "batch")
ALPHA, BETA = (BudgetScope.PROVIDER, "alpha"), (BudgetScope.PROVIDER, "beta")
STUDIO, BATCH = (BudgetScope.CALLER, "studio"), (BudgetScope.CALLER, "batch")
KEYS: tuple[BudgetKey, ...] = (ALPHA, BETA, STUDIO, BATCH)
WITHOUT_END = dict.fromkeys(KEYS, 10**15)


def a_booking(number: int = 1, microusd: int = 100, at: float = EPOCH, **changes: str) -> Booking:
    return replace(Booking(f"attempt_{number}", "alpha", "studio", at, microusd), **changes)


def used(budgets: Budgets) -> dict[BudgetKey, int]:
    return {(each.scope, each.name): each.used_microusd for each in budgets.each()}


class BudgetsMachine(RuleBasedStateMachine):
    """Submits, settlements, days and restarts in any order; what is used is what the ledger says of the day."""

    open_attempts = Bundle("open_attempts")
    closed_attempts = Bundle("closed_attempts")

    def __init__(self) -> None:
        super().__init__()
        self.time = ManualTime()
        self.latest = self.started = self.now
        self.limits: dict[BudgetKey, int] = {}
        self.budgets = Budgets(self.time.clock)
        self.entries: list[LedgerEntry] = []
        self.callers: dict[str, str] = {}
        self.attempts: dict[str, Attempt] = {}

    @property
    def now(self) -> float:
        return self.time.clock.wall()

    def used(self, key: BudgetKey) -> int:
        """What the attempts that were submitted today cost, or may cost."""
        scope, name = key
        of = {each.id: each.provider if scope is BudgetScope.PROVIDER else self.callers[each.id] for each in self.today}
        return exposure(entry for entry in self.entries if of.get(entry.attempt_id) == name).total_microusd

    @property
    def today(self) -> list[Attempt]:
        return [each for each in self.attempts.values() if day_of(each.submitted_at) == day_of(self.now)]

    def booking(self, attempt: Attempt, microusd: int) -> Booking:
        return Booking(attempt.id, attempt.provider, self.callers[attempt.id], attempt.submitted_at, microusd)

    @rule(
        target=open_attempts,
        provider=st.sampled_from(PROVIDERS),
        caller=st.sampled_from(CALLERS),
        quote=st.sampled_from([0, 1, 99_999, 100_000, 250_001]),
        written=st.booleans(),
    )
    def submit(self, provider: str, caller: str, quote: int, written: bool) -> Attempt | None:
        number = len(self.callers) + 1
        attempt = an_attempt(number, provider=provider, quote_microusd=quote, submitted_at=self.now)
        self.callers[attempt.id] = caller
        keys: list[BudgetKey] = [(BudgetScope.PROVIDER, provider), (BudgetScope.CALLER, caller)]
        left = [max(0, self.limits[key] - self.used(key)) for key in keys if key in self.limits]
        reserved = self.budgets.reserve(self.booking(attempt, quote))
        assert reserved == all(quote <= each for each in left)
        if reserved and not written:
            self.budgets.release(attempt.id)
        elif reserved:
            self.attempts[attempt.id] = attempt
            self.entries.append(pending(attempt, self.now))
        return attempt if reserved and written else None

    @rule(target=closed_attempts, attempt=consumes(open_attempts), cost=st.sampled_from([None, 0, 7, 500_000]))
    def post(self, attempt: Attempt | None, cost: int | None) -> Attempt | None:
        return self.close(attempt and posted(attempt, CostKind.DELIVERED, self.now, cost), attempt)

    @rule(target=closed_attempts, attempt=consumes(open_attempts))
    def void(self, attempt: Attempt | None) -> Attempt | None:
        return self.close(attempt and voided(attempt, self.now), attempt)

    def close(self, entry: LedgerEntry | None, attempt: Attempt | None) -> Attempt | None:
        if entry is not None:
            self.entries.append(entry)
            self.budgets.settle(entry.attempt_id, cost_microusd(entry))
        return attempt

    @rule(attempt=closed_attempts, cost=st.sampled_from([0, 1_000_000]))
    def settle_again(self, attempt: Attempt | None, cost: int) -> None:
        if attempt is not None:
            self.budgets.settle(attempt.id, cost)

    @rule(attempt=open_attempts)
    def find_it_counted(self, attempt: Attempt | None) -> None:
        if attempt is not None:
            self.budgets.hold(self.booking(attempt, attempt.quote_microusd))

    @rule(seconds=st.sampled_from([1.0, 3600.0, 6400.0, 86_399.0, 86_400.0, 200_000.0]))
    def wait(self, seconds: float) -> None:
        self.time.advance(seconds)
        self.latest = max(self.latest, self.now)

    @rule()
    def set_the_clock_back(self) -> None:
        if self.now - 60.0 >= max(self.started, self.latest - 3600.0):
            self.time.advance(-60.0)

    @rule(limits=st.dictionaries(st.sampled_from(KEYS), st.sampled_from([0, 99_999, 200_000, 1_000_000])))
    def reload(self, limits: dict[BudgetKey, int]) -> None:
        self.limits = limits
        self.budgets.limit(limits)

    @precondition(lambda self: self.now == self.latest)
    @rule()
    def restart(self) -> None:
        self.started = self.now
        self.budgets = Budgets(self.time.clock, self.limits)
        bookings = []
        for attempt in self.today:
            entries = [entry for entry in self.entries if entry.attempt_id == attempt.id]
            booking = self.booking(attempt, exposure(entries).total_microusd)
            bookings.append(booking if len(entries) == 1 else replace(booking, attempt_id=None))
        self.budgets.restore(bookings)

    @invariant()
    def what_is_used_is_what_the_ledger_says(self) -> None:
        self.budgets.limit(WITHOUT_END)
        assert used(self.budgets) == {key: self.used(key) for key in KEYS}
        self.budgets.limit(self.limits)
        assert used(self.budgets) == {key: self.used(key) for key in self.limits}

    @invariant()
    def only_open_attempts_are_remembered(self) -> None:
        closed = {entry.attempt_id for entry in self.entries if entry.kind is not EntryKind.PENDING}
        remembered = [name for day in self.budgets._days.values() for name in day.open]
        assert closed.isdisjoint(remembered)
        assert len(self.budgets._days) <= 2


BudgetsMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBudgets = BudgetsMachine.TestCase


def test_a_budget_is_spent_to_the_last_micro_usd_and_no_further() -> None:
    budgets = Budgets(ManualTime().clock, {ALPHA: 250})
    assert budgets.reserve(a_booking(1, 100))
    assert budgets.reserve(a_booking(2, 100))
    assert not budgets.reserve(a_booking(3, 51))
    assert budgets.reserve(a_booking(4, 50))
    assert used(budgets) == {ALPHA: 250}


def test_what_one_of_the_two_budgets_refuses_is_taken_from_neither() -> None:
    budgets = Budgets(ManualTime().clock, {ALPHA: 1000, STUDIO: 50})
    assert not budgets.reserve(a_booking(1, 51))
    assert used(budgets) == {ALPHA: 0, STUDIO: 0}


def test_a_cost_told_above_the_quote_is_counted_and_leaves_nothing_but_what_is_free() -> None:
    budgets = Budgets(ManualTime().clock, {ALPHA: 100, STUDIO: 1000})
    assert budgets.reserve(a_booking(1, 60))
    budgets.settle("attempt_1", 160)
    assert used(budgets) == {ALPHA: 160, STUDIO: 160}
    assert dict(budgets.left("studio").providers) == {"alpha": 0}
    assert not budgets.reserve(a_booking(2, 1))
    assert budgets.reserve(a_booking(3, 0))


def test_a_day_ends_at_midnight_utc_whether_or_not_anything_happens() -> None:
    time = ManualTime()
    budgets = Budgets(time.clock, {ALPHA: 100})
    assert budgets.reserve(a_booking(1, 100))
    left_s = day_start(EPOCH) + DAY_S - EPOCH
    assert budgets.left("studio").day_ends_in_s == left_s
    time.advance(left_s - 0.001)
    assert used(budgets) == {ALPHA: 100}
    time.advance(0.001)
    assert used(budgets) == {ALPHA: 0}
    assert budgets.left("studio").day_ends_in_s == DAY_S


def test_money_that_becomes_known_the_day_after_counts_on_the_day_of_its_submit() -> None:
    time = ManualTime()
    budgets = Budgets(time.clock, {ALPHA: 100})
    budgets.reserve(a_booking(1, 60))
    time.advance(DAY_S)
    budgets.reserve(a_booking(2, 30, at=EPOCH + DAY_S))
    budgets.settle("attempt_1", 90)
    assert used(budgets) == {ALPHA: 30}
    time.advance(-DAY_S)
    assert used(budgets) == {ALPHA: 90}


def test_a_clock_that_is_set_back_over_two_midnights_finds_each_day_as_it_was() -> None:
    time = ManualTime()
    budgets = Budgets(time.clock, {ALPHA: 100})
    for number, step_s in enumerate((0.0, -DAY_S, 2 * DAY_S)):
        time.advance(step_s)
        assert budgets.reserve(a_booking(number, at=time.clock.wall()))
    time.advance(-DAY_S)
    assert used(budgets) == {ALPHA: 100}


def test_a_restart_with_a_clock_that_was_set_back_over_midnight_finds_both_days() -> None:
    time = ManualTime()
    budgets = Budgets(time.clock, {ALPHA: 100})
    budgets.restore([a_booking(1, 60), a_booking(2, 70, at=EPOCH + DAY_S), a_booking(3, 80, at=EPOCH + 2 * DAY_S)])
    assert used(budgets) == {ALPHA: 60}
    time.advance(DAY_S)
    assert used(budgets) == {ALPHA: 70}


def test_an_attempt_whose_money_never_becomes_known_is_forgotten_with_its_day() -> None:
    time = ManualTime()
    budgets = Budgets(time.clock, {ALPHA: 100})
    for number in range(100):
        time.advance(DAY_S)
        budgets.reserve(a_booking(number, at=time.clock.wall()))
    for number in range(3):
        budgets.hold(a_booking(number, at=EPOCH + number * DAY_S))
    assert [name for day in budgets._days.values() for name in day.open] == ["attempt_98", "attempt_99"]
    assert used(budgets) == {ALPHA: 100}


def test_a_limit_set_at_noon_counts_what_was_spent_since_midnight() -> None:
    budgets = Budgets(ManualTime().clock)
    budgets.reserve(a_booking(1, 60))
    assert budgets.each() == ()
    budgets.limit({STUDIO: 100})
    assert budgets.left("studio").caller_microusd == 40
    budgets.limit({})
    assert budgets.left("studio").caller_microusd is None


def test_a_caller_that_is_removed_keeps_its_limit_and_one_whose_limit_is_taken_away_does_not() -> None:
    budgets = Budgets(ManualTime().clock, {ALPHA: 1000, STUDIO: 100, BATCH: 100})
    assert budgets.reserve(a_booking(1, 60))
    for _ in range(3):
        budgets.limit({}, callers=["batch"])
        assert budgets.left("studio").caller_microusd == 40
        assert budgets.left("batch").caller_microusd is None
        assert not budgets.reserve(a_booking(2, 41))
        assert budgets.each() == ()
    budgets.limit({STUDIO: 200}, callers=["batch", "studio"])
    assert budgets.left("studio").caller_microusd == 140


def test_without_limits_routing_is_told_so_at_no_cost() -> None:
    budgets = Budgets(ManualTime().clock, {STUDIO: 100})
    assert budgets.left("batch") is Budgets(ManualTime().clock).left("batch")


def test_the_limits_of_a_configuration_are_those_that_it_sets() -> None:
    alpha = a_provider("alpha", daily_budget_microusd=5)
    catalog = a_catalog(an_offering("alpha"), an_offering("beta"), alpha=alpha)
    callers = (Caller("studio", "0" * 64, 0), Caller("batch", "1" * 64))
    assert daily_limits(catalog, callers) == {ALPHA: 5, STUDIO: 0}


def test_another_thread_may_read_at_any_time() -> None:
    submits = 20_000
    time = ManualTime()
    budgets = Budgets(time.clock, {ALPHA: submits, STUDIO: submits})
    done = Event()

    def read() -> list[int]:
        seen = [0]
        while not done.is_set():
            seen += [each.used_microusd for each in budgets.each() if each.scope is BudgetScope.PROVIDER]
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for number in range(submits):
            assert budgets.reserve(a_booking(number, 1))
            if number % 1000 == 0:
                budgets.limit({ALPHA: submits, STUDIO: submits + number})
        done.set()
        seen = reading.result()
    assert seen == sorted(seen)
    assert used(budgets)[ALPHA] == submits
