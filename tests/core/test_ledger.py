"""Every micro-USD is pending, then posted or voided, and exposure is what it can still come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import ChargeRule
from router.core.ledger import (
    NOTE_CHARS_MAX,
    AdjustmentError,
    CostKind,
    EntryKind,
    Exposure,
    LedgerEntry,
    adjustment,
    closing,
    cost_in_all,
    exposure,
    pending,
    posted,
    voided,
)
from tests.builders import EPOCH, an_attempt

FATES = ("open", "posted", "voided")
SUBMITTED = an_attempt()
ACCEPTED = an_attempt(remote_id="remote-1")


@st.composite
def books(draw: st.DrawFn) -> tuple[list[LedgerEntry], dict[str, int]]:
    """Entries of some attempts in any order, and what they sum up to by fate."""
    entries: list[LedgerEntry] = []
    sums = dict.fromkeys(FATES, 0)
    for number, fate in enumerate(draw(st.lists(st.sampled_from(FATES), max_size=8))):
        attempt = an_attempt(number, quote_microusd=draw(st.integers(0, 10**7)))
        told = draw(st.none() | st.integers(0, 10**7))
        entries.append(pending(attempt, EPOCH))
        if fate == "posted":
            entries.append(posted(attempt, CostKind.DELIVERED, EPOCH, told))
        elif fate == "voided":
            entries.append(voided(attempt, EPOCH))
        believed = told is not None and told <= 10 * attempt.quote_microusd
        sums[fate] += told if told is not None and believed and fate == "posted" else attempt.quote_microusd
    return draw(st.permutations(entries)), sums


@given(books())
def test_exposure_is_what_was_posted_and_what_is_still_open(book: tuple[list[LedgerEntry], dict[str, int]]) -> None:
    entries, sums = book
    assert exposure(entries) == Exposure(sums["posted"], sums["open"])
    assert exposure(entries).total_microusd == sums["posted"] + sums["open"]


def test_no_entries_expose_to_nothing() -> None:
    assert exposure([]) == Exposure(0, 0)


def test_a_cost_told_by_the_provider_overrides_the_quote_also_when_it_is_nothing() -> None:
    assert posted(ACCEPTED, CostKind.DELIVERED, EPOCH).amount_microusd == ACCEPTED.quote_microusd
    assert posted(ACCEPTED, CostKind.DELIVERED, EPOCH, 7).amount_microusd == 7
    assert posted(ACCEPTED, CostKind.DELIVERED, EPOCH, 0).amount_microusd == 0


def test_a_told_cost_beyond_belief_is_not_booked_and_the_quote_is() -> None:
    quote = ACCEPTED.quote_microusd
    assert posted(ACCEPTED, CostKind.DELIVERED, EPOCH, 10 * quote).amount_microusd == 10 * quote
    assert posted(ACCEPTED, CostKind.DELIVERED, EPOCH, 10 * quote + 1).amount_microusd == quote
    failure = Failure(Stage.GENERATE, Reason.INTERNAL, cost_microusd=9_999_000_000)
    assert closing(ACCEPTED, failure, ChargeRule(), EPOCH) == posted(ACCEPTED, CostKind.FAILED_BILLED, EPOCH)


def test_entries_that_make_no_sense_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="-1 micro-USD"):
        LedgerEntry("a", "j", "alpha", EntryKind.PENDING, -1, EPOCH)
    with pytest.raises(ValueError, match="cost_kind"):
        LedgerEntry("a", "j", "alpha", EntryKind.POSTED, 1, EPOCH)
    with pytest.raises(ValueError, match="cost_kind"):
        LedgerEntry("a", "j", "alpha", EntryKind.VOIDED, 1, EPOCH, CostKind.DELIVERED)
    with pytest.raises(ValueError, match="note"):
        LedgerEntry("a", "j", "alpha", EntryKind.VOIDED, 1, EPOCH, note="why")
    with pytest.raises(ValueError, match="adjusted entry of 0"):
        LedgerEntry("a", "j", "alpha", EntryKind.ADJUSTED, 0, EPOCH, CostKind.DELIVERED, "why")
    for note in (None, "", "x" * (NOTE_CHARS_MAX + 1)):
        with pytest.raises(ValueError, match="note"):
            LedgerEntry("a", "j", "alpha", EntryKind.ADJUSTED, -1, EPOCH, CostKind.DELIVERED, note)


@pytest.mark.parametrize("failed_billed", [False, True])
@pytest.mark.parametrize("reason", [Reason.AMBIGUOUS, Reason.STALLED, Reason.EXPIRED])
def test_money_of_an_unknown_fate_stays_open_whatever_the_contract(reason: Reason, failed_billed: bool) -> None:
    rule = ChargeRule(failed_billed, failed_billed)
    assert closing(ACCEPTED, Failure(Stage.GENERATE, reason), rule, EPOCH) is None


@pytest.mark.parametrize("reason", [Reason.UNREACHABLE, Reason.OVERLOADED, Reason.RATE_LIMITED, Reason.REFUSED])
def test_what_was_never_accepted_costs_nothing_whatever_the_contract(reason: Reason) -> None:
    entry = closing(SUBMITTED, Failure(Stage.SUBMIT, reason), ChargeRule(True, True), EPOCH)
    assert entry == voided(SUBMITTED, EPOCH)


@pytest.mark.parametrize("billed", [False, True])
def test_the_contract_says_what_an_accepted_job_costs_when_it_is_refused_or_fails(billed: bool) -> None:
    refused = closing(ACCEPTED, Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED), ChargeRule(refused_billed=billed), EPOCH)
    failed = closing(ACCEPTED, Failure(Stage.GENERATE, Reason.INTERNAL), ChargeRule(failed_billed=billed), EPOCH)
    expected = posted(ACCEPTED, CostKind.FAILED_BILLED, EPOCH) if billed else voided(ACCEPTED, EPOCH)
    assert refused == failed == expected


@pytest.mark.parametrize(("told", "kind"), [(0, EntryKind.VOIDED), (40_000, EntryKind.POSTED)])
def test_what_the_provider_says_a_failure_cost_overrides_the_contract(told: int, kind: EntryKind) -> None:
    failure = Failure(Stage.GENERATE, Reason.INTERNAL, cost_microusd=told)
    for rule in (ChargeRule(), ChargeRule(True, True)):
        entry = closing(ACCEPTED, failure, rule, EPOCH)
        assert entry is not None
        assert entry.kind is kind
        assert exposure([pending(ACCEPTED, EPOCH), entry]).total_microusd == told


def test_a_video_that_was_made_and_cannot_be_fetched_is_paid_for() -> None:
    entry = closing(ACCEPTED, Failure(Stage.DOWNLOAD, Reason.UNREADABLE), ChargeRule(), EPOCH)
    assert entry == posted(ACCEPTED, CostKind.FAILED_BILLED, EPOCH)


@given(
    st.sampled_from(["delivered", "failed_billed", "duplicate", "voided"]), st.lists(st.integers(0, 10**7), max_size=5)
)
def test_an_attempt_costs_what_it_was_last_corrected_to(end: str, amounts: list[int]) -> None:
    closed = voided(ACCEPTED, EPOCH) if end == "voided" else posted(ACCEPTED, CostKind(end), EPOCH)
    entries, cost = [pending(ACCEPTED, EPOCH), closed], 0 if end == "voided" else ACCEPTED.quote_microusd
    for amount in amounts:
        if amount != cost:
            entry = adjustment(ACCEPTED, entries, amount, " invoice 7 ", EPOCH)
            assert (entry.kind, entry.amount_microusd, entry.note) == (EntryKind.ADJUSTED, amount - cost, "invoice 7")
            assert entry.cost_kind == (CostKind.FAILED_BILLED if end == "voided" else end)
            entries.append(entry)
            cost = amount
        assert cost_in_all(ACCEPTED.id, entries) == cost
        assert exposure(entries) == Exposure(cost, 0)


@pytest.mark.parametrize(
    ("entries", "to", "note", "code"),
    [
        ([], 7, "why", "money_open"),
        ([pending(ACCEPTED, EPOCH)], 7, "why", "money_open"),
        ([posted(ACCEPTED, CostKind.DELIVERED, EPOCH, 7)], 7, "why", "nothing_to_adjust"),
        ([voided(ACCEPTED, EPOCH)], 0, "why", "nothing_to_adjust"),
        ([voided(ACCEPTED, EPOCH)], -1, "why", "invalid_value"),
        ([voided(ACCEPTED, EPOCH)], 1, "  ", "invalid_value"),
        ([voided(ACCEPTED, EPOCH)], 1, "two\nlines", "invalid_value"),
        ([voided(ACCEPTED, EPOCH)], 1, "x" * (NOTE_CHARS_MAX + 1), "invalid_value"),
    ],
)
def test_a_correction_of_what_cannot_be_corrected_is_refused(
    entries: list[LedgerEntry], to: int, note: str, code: str
) -> None:
    with pytest.raises(AdjustmentError) as refused:
        adjustment(ACCEPTED, entries, to, note, EPOCH)
    assert refused.value.code == code


def test_entries_of_other_attempts_do_not_count() -> None:
    other = an_attempt(2, id="video_9-2")
    entries = [voided(ACCEPTED, EPOCH), posted(other, CostKind.DELIVERED, EPOCH)]
    assert cost_in_all(ACCEPTED.id, entries) == 0
    assert cost_in_all("nobody", entries) is None
    assert adjustment(ACCEPTED, entries, 5, "why", EPOCH).amount_microusd == 5
