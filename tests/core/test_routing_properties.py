"""What holds of every decision, whatever the request, the catalogue, the health, the evidence and the wishes."""

from random import Random

import pytest

from router.core.decision_record import record_of
from router.core.ranking import DecisionReason
from router.core.routing import Decision
from tests.builders import EPOCH
from tests.core.random_states import State, a_state

STATES = 100_000
SLICES = 4


def share(decision: Decision, offering_id: str) -> float:
    return next((each.share for each in decision.candidates if each.offering.id == offering_id), 0.0)


def check(state: State) -> None:
    decision, again = state.decide(), state.decide()
    candidates = [each.offering.id for each in decision.candidates]
    excluded = {each.offering for each in decision.exclusions}
    assert sorted((*candidates, *excluded)) == sorted(each.id for each in state.catalog.offerings)
    assert not excluded.intersection(candidates)
    explained = record_of(again, state.video, EPOCH)
    assert [each.offering for each in explained.candidates] == candidates
    assert (explained.reason, explained.basis) == (decision.reason, decision.basis)
    assert [each.share for each in explained.candidates] == [round(each.share, 6) for each in decision.candidates]
    assert {each.offering for each in explained.exclusions} == excluded
    assert all(0.0 <= each.share <= 1.0 for each in decision.candidates)
    assert not candidates or abs(sum(each.share for each in decision.candidates) - 1.0) < 1e-9
    assert decision.first is None or decision.first.share > 0.0


@pytest.mark.parametrize("part", range(SLICES))
def test_what_is_explained_is_what_is_decided_and_nobody_excluded_is_tried(part: int) -> None:
    rng = Random(part)
    for _ in range(STATES // SLICES):
        check(a_state(rng))


def test_raising_a_price_never_raises_its_share() -> None:
    rng = Random(11)
    for _ in range(5_000):
        state = a_state(rng)
        before = state.decide()
        for candidate in before.candidates[:2]:
            after = state.dearer(candidate.offering.id, rng.choice((1.0, 1.01, 1.5, 20.0))).decide()
            assert share(after, candidate.offering.id) <= candidate.share + 1e-9, state


def test_whoever_is_drawn_first_is_drawn_as_often_as_his_share_says() -> None:
    rng = Random(5)
    for _ in range(40):
        state = a_state(rng)
        decision = state.decide()
        if len(decision.candidates) < 2 or decision.reason is DecisionReason.WEIGHTED:
            continue
        rounds, first = 500, dict.fromkeys((each.offering.id for each in decision.candidates), 0)
        for seed in range(rounds):
            drawn = State(state.video, state.catalog, state.situation, seed).decide().first
            assert drawn is not None
            first[drawn.offering.id] += 1
        for name, count in first.items():
            assert count / rounds == pytest.approx(share(decision, name), abs=0.09)
