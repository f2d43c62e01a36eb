"""The invariants: what is looked at after every write and at every exchange, and once more when all is at rest."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import orjson

from providers.adapter import HttpRequest
from router.core.budget import day_of
from router.core.policy import OnAmbiguous
from tests.simulator.accounts import Account, Purchase, Ticket, prompt_of
from tests.simulator.ledger import AttemptRow, EntryRow, JobRow, Money, Terms, least

if TYPE_CHECKING:
    from tests.simulator.callers import Wish
    from tests.simulator.incarnation import Incarnation
    from tests.simulator.simulation import Simulation

# Written out once more, so that a slip in the product's own tables shows.
_JOB_STEPS = {
    ("queued", "in_progress"),
    ("queued", "failed"),
    ("in_progress", "completed"),
    ("in_progress", "failed"),
}
_ATTEMPT_STEPS = {
    *(("submitting", after) for after in ("running", "failed", "unknown")),
    *(("running", after) for after in ("succeeded", "failed", "late")),
    *(("late", after) for after in ("succeeded", "failed")),
    *(("unknown", after) for after in ("late", "failed")),
}
_MONEY_KNOWN = {"succeeded", "failed"}
# The deadline, a poll that is under way, and the video's own time to be read.
_GRACE_S = 400.0


@dataclass(slots=True)
class Audit:
    """Reads the rows themselves and the providers' books; knows nothing of what the router believes."""

    simulation: "Simulation"
    connection: sqlite3.Connection
    jobs: dict[str, JobRow] = field(default_factory=dict)
    attempts: dict[str, AttemptRow] = field(default_factory=dict)
    entries: list[EntryRow] = field(default_factory=list)
    money: dict[str, Money] = field(default_factory=lambda: defaultdict(Money))
    job_of_tag: dict[str, str] = field(default_factory=dict)
    tag_of_job: dict[str, str] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    bought: dict[str, Purchase] = field(default_factory=dict)
    late_since: dict[str, float] = field(default_factory=dict)
    hidden_in: dict[str, int] = field(default_factory=dict)
    # Closed by an operator who was told that nobody knows whether it was written.
    unsure: set[str] = field(default_factory=set)

    @property
    def last_sequence(self) -> int:
        return self.entries[-1].sequence if self.entries else 0

    # After every write.

    def written(self, life: "Incarnation") -> None:
        """Compare the rows with what they were, and look at whatever changed."""
        changed = self._read_jobs(life) | self._read_attempts() | self._read_entries()
        for job_id in sorted(changed):
            self._check_job(job_id)

    def _read_jobs(self, life: "Incarnation") -> set[str]:
        found = self.connection.execute(
            "SELECT id, caller, state, ended_at, deadline_at, deleted_at FROM jobs"
        ).fetchall()
        self._claim(len(found) >= len(self.jobs), "a job's row is gone")
        changed = set()
        for values in found:
            row, before = JobRow(*values), self.jobs.get(values[0])
            if row == before:
                continue
            changed.add(row.id)
            self._say(f"write: {row.id} {row.state}" + (", hidden" if row.deleted_at is not None else ""))
            if row.deleted_at is not None:
                self.hidden_in.setdefault(row.id, life.number)
            if before is None:
                self._claim(row.state in ("queued", "in_progress"), f"{row.id} begins as {row.state}")
                self._tag(row)
            elif row.state != before.state:
                step = (before.state, row.state)
                self._claim(step in _JOB_STEPS, f"{row.id}: {step[0]} -> {step[1]} is no legal step")
            self.jobs[row.id] = row
        return changed

    def _tag(self, row: JobRow) -> None:
        (request,) = self.connection.execute("SELECT request FROM jobs WHERE id = ?", (row.id,)).fetchone()
        tag = tag_of(orjson.loads(request)["prompt"])
        self._claim(tag not in self.job_of_tag, f"{row.id} and {self.job_of_tag.get(tag)} are of one idempotency key")
        self.job_of_tag[tag], self.tag_of_job[row.id] = row.id, tag

    def _read_attempts(self) -> set[str]:
        found = self.connection.execute(
            "SELECT id, job_id, number, offering_id, provider, quote_microusd, submitted_at, state, remote_id, code"
            " FROM attempts"
        ).fetchall()
        self._claim(len(found) >= len(self.attempts), "an attempt's row is gone")
        changed = set()
        for values in found:
            row, before = AttemptRow(*values), self.attempts.get(values[0])
            if row == before:
                continue
            changed.add(row.job_id)
            self._say(f"write: {row.id} {row.state}")
            if row.state == "late":
                self.late_since.setdefault(row.id, self.simulation.world.now())
            if before is None:
                self._claim(row.state == "submitting", f"{row.id} begins as {row.state}")
            else:
                self._check_step(before, row)
            self.attempts[row.id] = row
        return changed

    def _check_step(self, before: AttemptRow, row: AttemptRow) -> None:
        step = (before.state, row.state)
        legal = before.state == row.state or step in _ATTEMPT_STEPS
        self._claim(legal, f"{row.id}: {step[0]} -> {step[1]} is no legal step")
        frozen = (before.offering_id, before.quote_microusd, before.submitted_at, before.remote_id or row.remote_id)
        same = frozen == (row.offering_id, row.quote_microusd, row.submitted_at, row.remote_id)
        self._claim(same, f"{row.id}: what was fixed at its submit, or its upstream job, was changed")

    def _read_entries(self) -> set[str]:
        found = self.connection.execute(
            "SELECT sequence, attempt_id, job_id, provider, kind, amount_microusd, cost_kind FROM ledger_entries"
            " WHERE sequence > ? ORDER BY sequence",
            (self.last_sequence,),
        ).fetchall()
        for values in found:
            entry = EntryRow(*values)
            self.entries.append(entry)
            self._say(f"write: {entry.attempt_id} {entry.kind} {entry.amount_microusd} {entry.cost_kind or ''}")
            money = self.money[entry.attempt_id]
            if entry.kind == "pending":
                self._claim(money.pending is None, f"{entry.attempt_id} has two pending entries")
                money.pending = entry
            elif entry.kind == "adjusted":
                money.adjusted_microusd += entry.amount_microusd
                corrected = money.closing is not None and money.most_microusd >= 0
                self._claim(corrected, f"{entry.attempt_id} is corrected to {money.most_microusd}")
            else:
                self._claim(money.pending is not None, f"{entry.attempt_id} is {entry.kind} and was never pending")
                self._claim(money.closing is None, f"{entry.attempt_id} is {entry.kind} after its money was closed")
                money.closing = entry
                self._check_closing(entry)
        (total,) = self.connection.execute("SELECT count(*) FROM ledger_entries").fetchone()
        self._claim(total == len(self.entries), "a ledger entry is gone")
        return {values[2] for values in found}

    def _check_closing(self, entry: EntryRow) -> None:
        """A closed entry is what the upstream job really costs, and was not closed before anyone could know."""
        purchase = self.bought.get(entry.attempt_id)
        if purchase is None:
            if entry.kind == "posted":
                self.break_(f"{entry.attempt_id} is posted, and its provider was never asked or never took it on")
            elif entry.attempt_id in self.simulation.in_the_air:
                self.break_(f"{entry.attempt_id} is voided while its submit is still on its way")
            return
        account = self.simulation.shop.accounts[purchase.ticket.provider]
        amount = entry.amount_microusd if entry.kind == "posted" else 0
        if not account.is_over(purchase) and not (purchase.lie is not None):
            self.break_(f"{entry.attempt_id} is {entry.kind} while its upstream job is still running")
        costs = account.cost_of(purchase)
        if amount not in costs:
            self.break_(
                f"{entry.attempt_id} is {entry.kind} with {amount} micro-USD, its upstream job costs {sorted(costs)}"
            )

    def _check_job(self, job_id: str) -> None:
        job = self.jobs[job_id]
        attempts = self.attempts_of(job_id)
        for attempt in attempts:
            money = self.money[attempt.id]
            pending = money.pending.amount_microusd if money.pending else None
            self._claim(
                pending == attempt.quote_microusd, f"{attempt.id}: quoted {attempt.quote_microusd}, pending {pending}"
            )
            closed = money.closing is not None
            known = attempt.state in _MONEY_KNOWN
            self._claim(
                closed == known, f"{attempt.id} is {attempt.state}, its money is {'closed' if closed else 'open'}"
            )
            if attempt.state == "succeeded":
                self._claim(
                    money.closing is not None and money.closing.kind == "posted", f"{attempt.id} succeeded unpaid"
                )
            if attempt.remote_id is not None:
                purchase = self.bought.get(attempt.id)
                owned = purchase is not None and purchase.id == attempt.remote_id
                self._claim(
                    owned, f"{attempt.id} has taken upstream job {attempt.remote_id} that was not bought for it"
                )
        delivered = [each.id for each in attempts if self._cost_kind(each.id) == "delivered"]
        self._claim(
            len(delivered) == (job.state == "completed"),
            f"{job_id} is {job.state}, delivered by {delivered or 'nothing'}",
        )
        at_work = [each.id for each in attempts if each.state in ("submitting", "running")]
        if job.state in ("completed", "failed"):
            self._claim(not at_work, f"{job_id} is {job.state} and {at_work} still at work")
        self._claim(len(at_work) <= 1, f"{job_id} has {at_work} at work at once")
        terms = self.terms(job_id)
        exposed = sum(self.money[each.id].most_microusd for each in attempts)
        self._claim(
            exposed <= terms.spend_microusd_max, f"{job_id} may cost {exposed}, at most {terms.spend_microusd_max}"
        )
        # One that a reload took back before it left does not count.
        withdrawn = {each.id for each in attempts if each.code == "withdrawn"}
        asked = len(attempts) - len(withdrawn)
        self._claim(asked <= terms.attempts_max, f"{job_id} has {asked} attempts")
        self._claim(withdrawn.isdisjoint(self.tickets), f"{job_id}: {withdrawn} left after all")

    def _cost_kind(self, attempt_id: str) -> str | None:
        closing = self.money[attempt_id].closing
        return closing.cost_kind if closing else None

    # At every exchange.

    def posting(self, life: "Incarnation", provider: str, request: HttpRequest) -> Ticket:
        """Find the intent that a POST must have, at the moment when it leaves."""
        tag = tag_of(prompt_of(request))
        job_id = self.job_of_tag.get(tag, "")
        intents = [
            each for each in self.attempts_of(job_id) if each.state == "submitting" and each.provider == provider
        ]
        if len(intents) != 1 or self.money[intents[0].id].pending is None:
            self.break_(f"a submit to {provider} for {job_id or tag} has no durable intent")
            return Ticket(provider, job_id, f"{job_id}-unknown", self.simulation.world.now())
        (intent,) = intents
        self._claim(intent.id not in self.tickets, f"{intent.id} is submitted a second time")
        ticket = Ticket(provider, job_id, intent.id, intent.submitted_at)
        self.tickets[intent.id] = ticket
        self.simulation.in_the_air.add(intent.id)
        self._check_second_purchase(intent)
        self._check_budgets(intent)
        self._check_deletion(intent, life)
        return ticket

    def unsent(self, ticket: Ticket) -> None:
        """The POST never left, and the router knows it."""
        self.simulation.in_the_air.discard(ticket.attempt_id)

    def arrived(self, ticket: Ticket) -> None:
        """The upstream has it, and decides now."""
        self.simulation.in_the_air.discard(ticket.attempt_id)

    def accepted(self, account: Account, purchase: Purchase) -> None:
        """An upstream has taken a job on and billed it: the ledger must cover it at this very moment."""
        attempt_id = purchase.ticket.attempt_id
        self.simulation.world.say(f"{account.name} takes on {attempt_id}, bills {purchase.billed_microusd}")
        money = self.money[attempt_id]
        self._claim(attempt_id not in self.bought, f"{attempt_id} is bought a second time")
        self.bought[attempt_id] = purchase
        self._claim(money.pending is not None, f"{attempt_id} is bought, and the ledger knows nothing of it")
        voided = money.closing is not None and money.closing.kind == "voided"
        self._claim(not voided, f"{attempt_id} is bought after its money was voided")

    def _check_second_purchase(self, intent: AttemptRow) -> None:
        """Nothing is bought again while an earlier submit may have been, unless policy allows it, within its bound."""
        terms = self.terms(intent.job_id)
        earlier = [each for each in self.attempts_of(intent.job_id) if each.id != intent.id]
        unknown = [each for each in earlier if each.state == "unknown"]
        truly = [
            each for each in earlier if each.remote_id is None and each.id in self.bought and not self._is_paid(each)
        ]
        held = [each.id for each in {*unknown, *truly} if self.on_ambiguous(each) is OnAmbiguous.HOLD]
        self._claim(not held, f"{intent.id} buys again while {sorted(held)} may have been bought, in spite of hold")
        for doubtful in (unknown, truly):
            risked = sum(each.quote_microusd for each in doubtful)
            most = terms.duplicate_microusd_max
            self._claim(risked <= most, f"{intent.id} buys again with {risked} uncertain, at most {most} may be")

    def _is_paid(self, attempt: AttemptRow) -> bool:
        """Whether an operator has said what it cost."""
        closing = self.money[attempt.id].closing
        return closing is not None and closing.kind == "posted"

    def _check_deletion(self, intent: AttemptRow, life: "Incarnation") -> None:
        """Nothing is bought for a job that its caller has cancelled, nor for one that was hidden before this start."""
        hidden_in = self.hidden_in.get(intent.job_id, life.number)
        cancelled = self.wish(intent.job_id).acknowledged_deletion or hidden_in < life.number
        self._claim(not cancelled, f"{intent.id} is bought, though its job was cancelled")

    def _check_budgets(self, intent: AttemptRow) -> None:
        day = day_of(intent.submitted_at)
        caller = self.jobs[intent.job_id].caller
        limits = {
            ("provider", intent.provider): self.simulation.shop.provider(intent.provider).daily_budget_microusd,
            ("caller", caller): next(
                each.daily_budget_microusd for each in self.simulation.shop.callers if each.name == caller
            ),
        }
        for (scope, name), limit in limits.items():
            if limit is None:
                continue
            mine = [
                each
                for each in self.attempts.values()
                if each.id in self.tickets
                and day_of(each.submitted_at) == day
                and name == (each.provider if scope == "provider" else self.jobs[each.job_id].caller)
            ]
            used = sum(self.money[each.id].most_microusd for each in mine)
            words = f"{intent.id} brings what {scope} {name} uses on day {day % 1000} to {used}, the budget is {limit}"
            self._claim(used <= limit, words)

    # When all is at rest.

    def at_rest(self, life: "Incarnation") -> None:
        """Everything again, and what only the end can tell."""
        self.written(life)
        for job in self.jobs.values():
            self._check_job(job.id)
            self._check_end(job)
        for attempt in self.attempts.values():
            self._check_settled(attempt)
        for name, account in self.simulation.shop.accounts.items():
            self._check_books(name, account)
        self._check_events(life)
        self._check_memory(life)

    def _check_end(self, job: JobRow) -> None:
        self._claim(job.ended_at is not None, f"{job.id} is stuck as {job.state}")
        if job.ended_at is not None:
            due_at = self.simulation.due_at(job.deadline_at, _GRACE_S)
            late_s = job.ended_at - due_at
            self._claim(late_s <= 0, f"{job.id} ended {late_s:.0f} s after its deadline and grace")

    def _check_settled(self, attempt: AttemptRow) -> None:
        self._claim(attempt.state not in ("submitting", "running"), f"{attempt.id} is {attempt.state} for ever")
        purchase = self.bought.get(attempt.id)
        if attempt.state == "late" and purchase is not None:
            provider = self.simulation.shop.provider(attempt.provider)
            account = self.simulation.shop.accounts[attempt.provider]
            over_at = attempt.submitted_at + provider.polling.deadline_s + provider.polling.late_s_max
            ends_at = min(inf if purchase.fate.never_ends else account.ended_at(purchase), purchase.cancelled_at)
            asked_since = max(ends_at, self.late_since[attempt.id])
            known_in_time = account.is_over(purchase) and asked_since + 300.0 < over_at
            forgotten = account.habits.forgets_cancelled and purchase.cancelled_at < inf
            says_so = purchase.lie is None and purchase.fate.stuck_status is None and not forgotten
            away = self.simulation.was_away(ends_at, over_at)
            asked = not away and not self.simulation.shop.was_removed(attempt.provider, ends_at, over_at)
            if known_in_time and says_so and asked:
                self.break_(f"{attempt.id} is late, though its upstream job ended in time to be known")

    def _check_books(self, name: str, account: Account) -> None:
        """Posted, and what may still be posted, embrace what the provider's own books say."""
        mine = [each for each in self.attempts.values() if each.provider == name]
        posted = sum(self.money[each.id].most_microusd for each in mine if self.money[each.id].closing is not None)
        open_ = sum(self.money[each.id].most_microusd for each in mine if self.money[each.id].closing is None)
        net = sum(account.net_microusd(each) for each in account.purchases.values())
        loose = sum(max(account.cost_of(each)) - min(account.cost_of(each)) for each in account.purchases.values())
        balanced = posted - loose <= net <= posted + open_ + loose
        self._claim(balanced, f"{name}: its books say {net}, the ledger {posted} posted and {open_} open")
        for attempt in mine:
            money, purchase = self.money[attempt.id], self.bought.get(attempt.id)
            if money.closing is not None:
                cost = {0} if purchase is None else account.cost_of(purchase)
                what = f"{attempt.id} is {money.closing.kind} with {money.most_microusd}, it costs {sorted(cost)}"
                self._claim(money.most_microusd in cost, what)
        for purchase in account.purchases.values():
            known = purchase.ticket.attempt_id in self.attempts
            self._claim(known, f"{name} sold {purchase.id}, which no attempt covers")
        self._say(f"books of {name}: {net} net, {posted} posted, {open_} open")

    def _check_events(self, life: "Incarnation") -> None:
        """What was told since the last start is what was written since then, to the micro-USD."""
        written = sorted(
            (each.attempt_id, each.kind, each.amount_microusd)
            for each in self.entries
            if each.sequence > life.first_sequence and each.kind != "pending" and each.attempt_id not in self.unsure
        )
        told = sorted(
            (each.attempt_id, str(each.kind), each.amount_microusd)
            for each in life.booked
            if each.attempt_id not in self.unsure
        )
        self._claim(told == written, f"told {set(told) - set(written)} and kept silent of {set(written) - set(told)}")
        counted = _summed(life, "cost_usd", "kind")
        kinds: dict[str, int] = defaultdict(int)
        for each in life.booked:
            if each.cost_kind is not None and each.kind != "adjusted":
                kinds[each.cost_kind] += each.amount_microusd
        self._claim(counted == dict(kinds), f"metrics count {counted}, told was {dict(kinds)}")

    def _check_memory(self, life: "Incarnation") -> None:
        """What the router holds in memory at rest is what its rows say."""
        for name, snapshot in life.health().items():
            self._claim(snapshot.in_flight == 0, f"{snapshot.in_flight} are in flight at {name} at rest")
        if self.unsure:
            return
        uncertain: dict[str, int] = defaultdict(int)
        for attempt in self.attempts.values():
            if attempt.state in ("unknown", "late"):
                uncertain[attempt.provider] += attempt.quote_microusd
        shown = _summed(life, "uncertain_usd", "provider")
        self._claim(shown == dict(uncertain), f"metrics show {shown} uncertain, the ledger {dict(uncertain)}")
        for budget in life.budgets():
            used = self._used(budget.scope, budget.name, day_of(self.simulation.world.now()))
            words = f"{budget.used_microusd} of the day of {budget.scope} {budget.name} are used, by the ledger {used}"
            self._claim(budget.used_microusd == used, words)

    def _used(self, scope: str, name: str, day: int) -> int:
        """What a day's submits have cost, and may still cost."""
        return sum(
            self.money[each.id].most_microusd
            for each in self.attempts.values()
            if day_of(each.submitted_at) == day
            and name == (each.provider if scope == "provider" else self.jobs[each.job_id].caller)
        )

    # Asked by others.

    def attempts_of(self, job_id: str) -> list[AttemptRow]:
        return [each for each in self.attempts.values() if each.job_id == job_id]

    def wish(self, job_id: str) -> "Wish":
        return self.simulation.wishes[self.tag_of_job[job_id]]

    def terms(self, job_id: str) -> "Terms":
        limits, own = self.simulation.shop.limits, self.wish(job_id).preferences
        return Terms(
            least(limits.spend_microusd_max, own.spend_microusd_max),
            least(limits.attempts_max, own.attempts_max),
            least(limits.duplicate_microusd_max, own.duplicate_microusd_max),
        )

    def on_ambiguous(self, attempt: AttemptRow) -> OnAmbiguous:
        own = self.wish(attempt.job_id).preferences.on_ambiguous
        theirs = self.simulation.shop.provider(attempt.provider).on_ambiguous
        general = own or self.simulation.shop.limits.on_ambiguous
        if own is OnAmbiguous.HOLD:
            return own
        if not self.simulation.shop.is_present(attempt.provider):
            # A start without it knows nothing of its own word.
            return OnAmbiguous.FAILOVER if OnAmbiguous.FAILOVER in (theirs, general) else OnAmbiguous.HOLD
        return theirs or general

    def break_(self, words: str) -> None:
        self.simulation.world.break_(words)

    def _claim(self, holds: bool, words: str) -> None:
        if not holds:
            self.break_(words)

    def _say(self, words: str) -> None:
        self.simulation.world.say(words)


def tag_of(prompt: str) -> str:
    """What a prompt says of the wish that it is for."""
    return prompt.rpartition(" ")[2]


def _summed(life: "Incarnation", name: str, label: str) -> dict[str, int]:
    """Add up a metric of money by one label, in micro-USD; what is 0 is left out."""
    sums: dict[str, int] = defaultdict(int)
    for family in life.metrics.registry.collect():
        if family.name == f"video_router_{name}":
            for sample in family.samples:
                if not sample.name.endswith("_created") and (microusd := round(sample.value * 1_000_000)):
                    sums[sample.labels[label]] += microusd
    return dict(sums)
