"""What is said of a decision, whatever it was."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from rich.console import Console

from router.core.decision_record import CandidateRecord, DecisionRecord, record_of
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.evidence import TrackRecords
from router.core.preferences import RoutingPreferences, Sort
from router.core.ranking import Basis, DecisionReason
from router.core.routing import Situation, decide
from router.core.routing_settings import RoutingPolicy, RoutingSettings
from router.reports.decisions import candidate_table, exclusion_table, other_models, reason_of, verdict
from tests.builders import EPOCH, ManualTime, a_catalog, a_price, a_video, an_offering

QUOTES = {"alpha": 120_000, "beta": 150_000, "gamma": 900_000}


def decided(model: str = "clip", **changes: Any) -> DecisionRecord:
    """Decide between three providers of whom only the price is known."""
    offerings = [an_offering(name, price=a_price(quote)) for name, quote in QUOTES.items()]
    catalog = a_catalog(*offerings, an_offering("delta", id="delta/other", model="other"))
    standings = {name: ProviderStanding() for name in catalog.providers}
    situation = Situation(standings, TrackRecords(ManualTime().clock, 3600.0), EPOCH, **changes)
    video = a_video(model=model)
    return record_of(decide(video, catalog, situation, Random(1)), video, EPOCH)


def words(decision: DecisionRecord) -> str:
    return "\n".join(verdict(decision))


def drawn(decision: DecisionRecord) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(candidate_table(decision), exclusion_table(decision))
    return " ".join(captured.get().split())


def test_the_cheapest_is_first_and_every_flip_is_a_price():
    decision = decided()
    said = words(decision)
    assert said.startswith("alpha/clip is first: a delivered video is expected to cost least there: 0.12")
    assert "expected: 0.1200 USD for a delivered video, at 0.12 USD an attempt" in said
    assert "alpha/clip would no longer be first above 0.1500 USD" in said
    assert "beta/clip would be first below 0.1200 USD" in said
    assert "gamma/clip would be first below 0.1200 USD" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preferences": RoutingPreferences(sort=Sort.PRICE)}, "alpha/clip is first: nobody quotes less"),
        ({"preferences": RoutingPreferences(sort=Sort.LATENCY)}, "nobody is expected to deliver sooner; 33.3% of"),
        ({"preferences": RoutingPreferences(order=("gamma",))}, "gamma/clip is first: the request's routing.order"),
        ({"preferences": RoutingPreferences(only=("beta",))}, "beta/clip is first: nobody else can take it"),
        ({"settings": RoutingSettings(policy=RoutingPolicy.WEIGHTED)}, "it is its turn, by fixed shares; it has 33.3%"),
        ({"tried": frozenset(f"{name}/clip" for name in QUOTES)}, "nobody can take it"),
    ],
)
def test_why_it_is_first_follows_from_what_was_compared(changes: dict[str, Any], said: str):
    assert said in words(decided(**changes))


@pytest.mark.parametrize("reason", DecisionReason)
@pytest.mark.parametrize("basis", Basis)
def test_there_are_words_for_whatever_is_decided(reason: DecisionReason, basis: Basis):
    first, *others = words(replace(decided(), reason=reason, basis=basis)).splitlines()
    assert first.startswith("alpha/clip is first: ")
    assert len(first) > len("alpha/clip is first: ") + 10
    assert others


def test_who_was_chosen_though_he_was_not_the_first_is_said_to_be_second_choice():
    decision = replace(decided(), chosen="beta/clip")
    assert reason_of(decision) is DecisionReason.FALLBACK
    assert words(decision).startswith("beta/clip was chosen: those before it could not start")
    assert reason_of(replace(decision, chosen="alpha/clip")) is DecisionReason.BEST


def test_what_is_unusual_of_a_candidate_is_noted_beside_it():
    def odd(candidate: CandidateRecord) -> CandidateRecord:
        return candidate._replace(probing=True, late=True, seconds=15, model="clip-hd", priority=2)

    text = drawn(replace(decided(), candidates=tuple(map(odd, decided().candidates))))
    for note in ("on probation", "too slow for the deadline", "makes 15 s", "makes clip-hd", "priority 2"):
        assert note in text


def test_offerings_of_other_models_are_only_counted():
    decision = decided(tried=frozenset({"alpha/clip"}))
    assert other_models(decision) == "1 of other models"
    text = drawn(decision)
    assert "delta/other" not in text
    assert "alpha/clip tried was tried for this job already" in text
    assert {each.cause for each in decision.exclusions} == {ExclusionCause.TRIED, ExclusionCause.MODEL}


def test_no_name_is_taken_for_markup():
    first, *others = decided().candidates
    decision = replace(decided(), candidates=(first._replace(offering="[red]x"), *others))
    assert "[red]x" in drawn(decision)
