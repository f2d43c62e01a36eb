"""A table of candidates fits into 100 columns, and the first by rank is not called the best of all."""

from rich.console import Console

from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.ranking import Basis, DecisionReason
from router.reports.decisions import candidate_table, verdict

FLAKY = CandidateRecord(
    offering="openai-compatible/sora-2-pro",
    provider="openai-compatible",
    model="sora-2-pro",
    seconds=12,
    quote_microusd=3_600_000,
    share=1.0,
    expected_microusd=4_695_652.2,
    paid_attempts=1.3043,
    risk_microusd=3_000.0,
    wait_microusd=0.0,
    total_microusd=4_698_652.2,
    wait_s=1_234.5,
    success=0.8,
    success_low=0.767,
    outcomes=200.0,
    p50_s=410.0,
    p90_s=980.0,
    in_flight=12,
    busy=0.25,
    weight=2.5,
    priority=2,
    probing=True,
    late=True,
    flips_at_microusd=None,
)


def test_a_decision_fits_into_a_hundred_columns() -> None:
    candidates = (FLAKY, FLAKY._replace(offering="relay/sora-2", priority=1, weight=1.0, probing=False, late=False))
    basis, reason = Basis.EXPECTED_COST, DecisionReason.BEST
    console = Console(width=100)
    with console.capture() as captured:
        console.print(candidate_table(DecisionRecord(0.0, basis, reason, "standard", 10, "720x1280", candidates, ())))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    (headings,) = (line.split() for line in lines if "offering" in line)
    assert headings == ["offering", "quote", "expected", "times", "(of)", "p50/p90", "wait", "flight", "first"]
    first = next(place for place, line in enumerate(lines) if line.startswith(" openai"))
    row = "openai-compatible/sora-2-pro 3.60 4.6957 1.30 77% (200) 410/980 1234 12 (25%) 100.0%"
    assert " ".join(lines[first].split()) == row
    notes = [line.strip() for line in lines[first + 1 :]]
    assert notes[:6] == [
        "on probation",
        "too slow for the deadline",
        "makes 12 s",
        "makes sora-2-pro",
        "priority 2",
        "weight 2.5",
    ]
    assert notes[6].startswith("relay/sora-2")


def test_who_is_first_by_rank_alone_is_not_called_the_best_of_all() -> None:
    later = FLAKY._replace(offering="relay/sora-2", share=0.0, priority=3, total_microusd=120_000.0)
    basis, reason = Basis.EXPECTED_COST, DecisionReason.BEST
    said = next(verdict(DecisionRecord(0.0, basis, reason, "standard", 10, "720x1280", (FLAKY, later), ())))
    assert "is first: others are of a later rank, on probation or too little known; of the rest, a delivered" in said
