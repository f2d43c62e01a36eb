"""Words nobody listed: the rules were written on one half of these answers, and are measured on the others."""

from pathlib import Path

import pytest

from providers.canonical import Reason, Stage
from router.core.policy import NextStep, row_of
from tests.providers.phrases import NO_FAILURE, Reading, overall, readings, scores_of, table

FOLDER = Path(__file__).parent.parent / "phrases"
LEARNED = FOLDER / "learn.json"
HELD_BACK = [pytest.param(file, id=file.stem) for file in sorted(FOLDER.glob("*.json")) if file != LEARNED]
GOOD_ENOUGH = 0.95


def test_every_answer_that_the_rules_were_written_on_is_read_exactly_right() -> None:
    found = readings(LEARNED)
    assert len(found) > 400
    assert [each for each in found if each.read != each.expected] == []


@pytest.mark.parametrize("file", HELD_BACK)
def test_answers_nobody_wrote_rules_for_are_read_right(file: Path) -> None:
    found = readings(file)
    for part in (0, 1):
        total = overall(scores_of(found, part))
        assert (total.precision, total.recall) >= (GOOD_ENOUGH, GOOD_ENOUGH), table(found)
        assert total.recall >= GOOD_ENOUGH, table(found)


@pytest.mark.parametrize("file", [pytest.param(LEARNED, id="learn"), *HELD_BACK])
def test_no_refusal_is_read_as_a_reason_that_fails_over(file: Path) -> None:
    wrong = [each for each in readings(file) if each.expected[1] == Reason.REFUSED and _fails_over(each)]
    assert wrong == []


@pytest.mark.parametrize("file", [pytest.param(LEARNED, id="learn"), *HELD_BACK])
def test_no_empty_account_or_bad_key_is_read_as_rate_limited(file: Path) -> None:
    wrong = [
        each
        for each in readings(file)
        if each.expected[1] in {Reason.BALANCE, Reason.AUTH} and each.read[1] == Reason.RATE_LIMITED
    ]
    assert wrong == []


def _fails_over(reading: Reading) -> bool:
    stage, reason = reading.read
    if stage == NO_FAILURE or reason == Reason.REFUSED:
        return False
    return row_of(Stage(stage), Reason(reason)).next_step is NextStep.FAILOVER
