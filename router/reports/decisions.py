"""A routing decision for people: the order with every term of the score, who was left out, and what would change it."""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from rich.table import Table
from rich.text import Text

from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.eligibility import ExclusionCause
from router.core.money import usd
from router.core.ranking import Basis, DecisionReason
from router.reports.tables import new_table

_NONE: Final = "-"


def candidate_table(decision: DecisionRecord) -> Table:
    """One line a candidate, the first to be asked first, and below its name what else counts.

    `expected` is the cost of a delivered video, the quote paid so many times; of its success the lower bound is shown,
    and of how many outcomes; `first` is the probability to be asked first.
    """
    numbers = ("quote", "expected", "paid\ntimes", "success\n(of)", "p50/p90", "wait", "in\nflight", "first")
    title = "Candidates, in the order in which they would be tried (USD, seconds)"
    table = new_table(title, ("offering",), numbers)
    # Whole, so that it can be copied from here into a request.
    table.columns[0].no_wrap = True
    for each in decision.candidates:
        table.add_row(
            Text("\n  ".join((each.offering, *_notes(each, decision)))),
            usd(each.quote_microusd),
            _mean(each.expected_microusd),
            f"{each.paid_attempts:.2f}",
            f"{each.success_low:.0%} ({each.outcomes:.0f})",
            f"{_seconds(each.p50_s)}/{_seconds(each.p90_s)}",
            _seconds(each.wait_s),
            f"{each.in_flight} ({each.busy:.0%})",
            f"{each.share:.1%}",
        )
    return table


def exclusion_table(decision: DecisionRecord) -> Table:
    """One line an offering of the model that could not take the job; `again` is in how many seconds it may."""
    table = new_table("Left out", ("offering", "cause", "why"), ("again",))
    table.columns[0].no_wrap = True
    for each in decision.exclusions:
        if each.cause is ExclusionCause.MODEL:
            continue
        wait_s = each.retry_after_s
        again = _NONE if wait_s is None else f"{wait_s:.0f} s"
        table.add_row(Text(each.offering), each.cause.value, Text(each.message), again)
    return table


def reason_of(decision: DecisionRecord) -> DecisionReason:
    """Return why the offering was chosen that was, or why the first is the first."""
    first = decision.candidates[0].offering if decision.candidates else None
    return decision.reason if decision.chosen in (None, first) else DecisionReason.FALLBACK


def verdict(decision: DecisionRecord) -> Iterator[str]:
    """Say who is first, or was chosen, and why, what a delivered video is expected to cost, what would change that."""
    if not decision.candidates:
        yield "nobody can take it"
        return
    first = next((each for each in decision.candidates if each.offering == decision.chosen), decision.candidates[0])
    yield f"{first.offering} {'is first' if decision.chosen is None else 'was chosen'}: {_why(first, decision)}"
    cost, quote, wait = _mean(first.expected_microusd), usd(first.quote_microusd), _seconds(first.wait_s)
    yield f"expected: {cost} USD for a delivered video, at {quote} USD an attempt, after {wait} s, from there alone"
    yield from _flips(decision)


def other_models(decision: DecisionRecord) -> str:
    """Say how many were left out for their model alone; empty where none was."""
    count = sum(each.cause is ExclusionCause.MODEL for each in decision.exclusions)
    return f"{count} of other models" if count else ""


def _why(first: CandidateRecord, decision: DecisionRecord) -> str:
    if len(decision.candidates) == 1:
        return "nobody else can take it"
    match reason_of(decision):
        case DecisionReason.BEST:
            return _best(first, decision)
        case DecisionReason.WEIGHTED:
            return f"it is its turn, by fixed shares; it has {first.share:.1%} of such jobs"
        case DecisionReason.ORDERED:
            return "the request's routing.order names it before the others"
        case DecisionReason.TRIAL:
            return (
                f"it is tried out with {first.share:.1%} of such jobs, for it may be better than the best that is known"
            )
        case DecisionReason.PROBE:
            return "its ejection is over, and this job is the probe that tells whether it is well again"
        case DecisionReason.PANIC:
            return "all who are left were ejected, and it is the one whose probe promises most"
        case DecisionReason.FALLBACK:
            return "those before it could not start"
        case reason:
            assert_never(reason)


def _best(first: CandidateRecord, decision: DecisionRecord) -> str:
    match decision.basis:
        case Basis.EXPECTED_COST:
            cost = _mean(first.total_microusd)
            why = f"a delivered video is expected to cost least there: {cost} USD, risk and time included"
        case Basis.PRICE:
            why = "nobody quotes less"
        case Basis.TIME:
            why = "nobody is expected to deliver sooner"
        case Basis.WEIGHT:
            why = "it has the largest weight"
        case _:
            assert_never(decision.basis)
    passed_over = [each for each in decision.candidates if not each.share]
    if any(_compared(each, decision.basis) < _compared(first, decision.basis) for each in passed_over):
        why = f"others are of a later rank, on probation or too little known; of the rest, {why}"
    equals = [each for each in decision.candidates if each.share and each is not first]
    return f"{why}; {first.share:.1%} of such jobs" if equals else why


def _compared(each: CandidateRecord, basis: Basis) -> float:
    """Return the lower, the better; by weight nobody is better than another."""
    match basis:
        case Basis.EXPECTED_COST:
            return each.total_microusd
        case Basis.PRICE:
            return each.quote_microusd
        case Basis.TIME:
            return each.wait_s
        case Basis.WEIGHT:
            return 0.0
        case _:
            assert_never(basis)


def _flips(decision: DecisionRecord) -> Iterator[str]:
    """Say at which quotes another would be the first."""
    place = "first" if decision.reason is DecisionReason.BEST else "the best"
    for each in decision.candidates:
        flips_at = each.flips_at_microusd
        if flips_at is None:
            continue
        if flips_at >= each.quote_microusd:
            yield f"{each.offering} would no longer be {place} above {_mean(flips_at)} USD"
        else:
            yield f"{each.offering} would be {place} below {_mean(flips_at)} USD"


def _mean(microusd: float) -> str:
    """Write an expectation, which nobody is ever billed to the micro-USD."""
    return f"{microusd / 1e6:.4f}"


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _notes(each: CandidateRecord, decision: DecisionRecord) -> Iterable[str]:
    """Say what else counts: other terms of the offer, and a health that is not plain."""
    if each.probing:
        yield "on probation"
    if each.late:
        yield "too slow for the deadline"
    if each.seconds != decision.seconds:
        yield f"makes {each.seconds} s"
    if each.model != decision.model:
        yield f"makes {each.model}"
    if each.priority != 1:
        yield f"priority {each.priority}"
    if each.weight != 1:
        yield f"weight {each.weight:g}"
