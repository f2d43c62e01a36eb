"""Every fault on every dialect under either policy, with the jobs of a moment and the promises of the whole matrix."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.engine.exchange import NotSent
from tests.faults.cells import CELLS, QUOTE_MICROUSD, TERMS, TERMS_WITH_LOOKUP, Fate, Terms
from tests.faults.figures import Figures, total
from tests.faults.ground import run_cells

JOBS = 3


@pytest.mark.parametrize("terms", [*TERMS, *TERMS_WITH_LOOKUP], ids=str)
async def test_no_fault_buys_twice_silently_or_anything_unrecorded(tmp_path: Path, terms: Terms):
    rows = await run_cells(tmp_path, terms, JOBS)
    assert [text for row in rows for text in row.complaints()] == []
    assert [(row.name, row.jobs) for row in rows] == [(cell.name, JOBS) for cell in CELLS]
    for row, cell in zip(rows, CELLS, strict=True):
        fates = {fault.fate for fault in cell.faults}
        if fates == {Fate.NOTHING_BOUGHT}:
            assert (row.succeeded, row.uncertain, row.risked_max) == (JOBS, 0, 0)
        elif cell.name != "mixed":
            assert_lost(fates, row)


def assert_lost(fates: set[Fate], row: Figures) -> None:
    """A busy machine may keep a hasty submit from being sent at all, so these are bounds."""
    assert set(row.failed) <= {"submit_unknown"}
    if row.on_ambiguous == "failover" and row.name != "lost-twice":
        assert row.succeeded == JOBS
    if not row.uncertain:
        assert row.succeeded == JOBS
    if fates == {Fate.UNKNOWN}:
        assert row.billed == row.posted


async def test_the_complaints_see_what_they_are_there_for(tmp_path: Path):
    cell = next(cell for cell in CELLS if cell.name == "reset-after-body")
    (row,) = await run_cells(tmp_path, Terms("shenma", "failover"), 1, cells=(cell,))
    assert (row.duplicates, row.paid_twice_max, row.risked_max) == (1, QUOTE_MICROUSD, QUOTE_MICROUSD)
    assert row.complaints() == []
    assert len(replace(row, on_ambiguous="hold", duplicate_max=0).complaints()) == 4
    assert len(replace(row, unrecorded=1).complaints()) == 1
    assert len(replace(row, uncertain=0).complaints()) == 1
    assert len(replace(row, succeeded=0).complaints()) == 1
    assert len(replace(total([row, row]), mismatches=("something",)).complaints()) == 1


async def test_a_router_that_takes_a_lost_answer_for_a_submit_not_sent_is_found_out(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("router.engine.transport.NoAnswer", NotSent)
    cells = tuple(cell for cell in CELLS if cell.name in ("reset-after-body", "half-json-cut"))
    for row in await run_cells(tmp_path, Terms("jizhiai", "hold"), 2, cells=cells):
        assert row.duplicates == 2
        told = " ".join(row.complaints())
        assert "2 jobs bought more than once under hold" in told
        assert told.count("voided, billed 120000") == 2
