"""Eligibility: everything for sale is a candidate, or excluded with a sentence that says why."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import ImageFile, ImageUrl, Size, VideoRequest
from router.core.budget import UNLIMITED, Left
from router.core.catalog import Catalog, Offering, PriceUnit
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.evidence import TrackRecords
from router.core.preferences import DurationPolicy, RoutingPreferences
from router.core.routing import Decision, Situation, decide
from router.core.routing_settings import RoutingPolicy, RoutingSettings
from tests.builders import (
    EPOCH,
    LANDSCAPE,
    PORTRAIT,
    ManualTime,
    PlainAdapter,
    a_catalog,
    a_price,
    a_provider,
    a_video,
    an_offering,
)

PROVIDERS = ("alpha", "beta", "gamma", "delta")
AT_LEAST = RoutingPreferences(duration_policy=DurationPolicy.AT_LEAST)


def mostly(usual: object, *others: object) -> st.SearchStrategy[Any]:
    """The usual value most of the time, for an offering is a candidate only when nothing at all is wrong."""
    return st.sampled_from([usual] * 6 * max(1, len(others)) + list(others))


def nothing_known() -> TrackRecords:
    return TrackRecords(ManualTime().clock, 3600.0)


prices = st.integers(0, 10_000_000).map(a_price)
offerings = st.builds(
    an_offering,
    provider=st.sampled_from(PROVIDERS),
    model=mostly("clip", "film"),
    sizes=mostly((PORTRAIT, LANDSCAPE), (LANDSCAPE,)),
    seconds=mostly((5, 10, 15), (4, 8, 12), (25,)),
    price=prices,
    weight=st.floats(0.0, 100.0),
    images_max=mostly(2, 0),
    image_inputs=mostly(frozenset({"url", "file"}), frozenset({"url"}), frozenset()),
    available_until=mostly(None, EPOCH - 1.0, EPOCH, EPOCH + 1.0),
)
catalogs = st.lists(offerings, max_size=8).map(
    lambda sold: a_catalog(*(replace(each, id=f"{each.provider}/{number}") for number, each in enumerate(sold)))
)
well = st.builds(ProviderStanding, in_flight=mostly(0, 99, 100), probing=mostly(False, True))
unwell = st.sampled_from(
    [
        ProviderStanding(barred="is ejected for another 7 s", retry_after_s=7.0),
        ProviderStanding(barred="cools down", barred_cause=ExclusionCause.COOLING),
    ]
)
preferences = st.builds(
    RoutingPreferences,
    only=mostly((), ("alpha",), ("beta/1", "gamma")),
    ignore=mostly((), ("alpha",), ("beta/1",)),
    price_microusd_max=mostly(None, 0, 1_000_000),
    duration_policy=st.none() | st.sampled_from(DurationPolicy),
)
situations = st.builds(
    Situation,
    standings=st.fixed_dictionaries(dict.fromkeys(PROVIDERS, well | well | unwell)),
    records=st.builds(nothing_known),
    now=st.just(EPOCH),
    preferences=preferences,
    settings=st.builds(RoutingSettings, policy=st.sampled_from(RoutingPolicy)),
    tried=st.sets(st.sampled_from(["alpha/0", "beta/1", "gamma/2"])).map(frozenset),
    spend_left_microusd=mostly(None, 0, 2_000_000),
    left=st.builds(
        Left,
        providers=st.dictionaries(st.sampled_from(PROVIDERS), st.sampled_from([0, 1_000_000, 5_000_000]), max_size=1),
        caller_microusd=mostly(None, 0, 2_000_000),
    ),
)
images = st.sampled_from([(), (ImageUrl("https://example.org/a.png"),), (ImageFile(b"x", "image/png"),)])
videos = st.builds(a_video, seconds=mostly(10, 4, 11, 25), images=images)


def healthy(*names: str, **changes: object) -> Situation:
    situation = Situation({name: ProviderStanding() for name in names or PROVIDERS}, nothing_known(), EPOCH)
    return replace(situation, **changes)  # type: ignore[arg-type]


def standing_so(left: Left = UNLIMITED, **standings: ProviderStanding) -> Situation:
    return Situation(standings, nothing_known(), EPOCH, left=left)


def three(*amounts: int) -> Catalog:
    return a_catalog(*(an_offering(name, price=a_price(at)) for name, at in zip(PROVIDERS, amounts, strict=False)))


def shares(decision: Decision) -> dict[str, float]:
    return {candidate.offering.provider: candidate.share for candidate in decision.candidates}


def excluded(offering: Offering, situation: Situation | None = None, **video: object) -> tuple[ExclusionCause, str]:
    decision = decide(a_video(**video), a_catalog(offering), situation or healthy(), Random(1))
    assert not decision.candidates
    return decision.exclusions[0].cause, decision.exclusions[0].message


@given(videos, catalogs, situations, st.integers())
def test_every_offering_is_a_candidate_or_excluded_and_never_both(
    video: VideoRequest, catalog: Catalog, situation: Situation, seed: int
) -> None:
    decision = decide(video, catalog, situation, Random(seed))
    judged = [candidate.offering.id for candidate in decision.candidates]
    judged += [exclusion.offering for exclusion in decision.exclusions]
    assert Counter(judged) == Counter(offering.id for offering in catalog.offerings)


@given(videos, catalogs, situations, st.integers())
def test_the_shares_of_the_candidates_add_up_to_one(
    video: VideoRequest, catalog: Catalog, situation: Situation, seed: int
) -> None:
    decision = decide(video, catalog, situation, Random(seed))
    assert all(0.0 <= candidate.share <= 1.0 for candidate in decision.candidates)
    if decision.candidates:
        assert sum(candidate.share for candidate in decision.candidates) == pytest.approx(1.0)


@given(videos, catalogs, situations)
def test_every_exclusion_says_why_in_words_and_no_candidate_breaks_a_limit(
    video: VideoRequest, catalog: Catalog, situation: Situation
) -> None:
    decision = decide(video, catalog, situation, Random(1))
    assert all(len(each.message.split()) >= 2 for each in decision.exclusions)
    left = situation.left
    job = (situation.preferences.price_microusd_max, situation.spend_left_microusd, left.caller_microusd)
    for candidate in decision.candidates:
        limits = (*job, left.providers.get(candidate.offering.provider))
        assert all(limit is None or candidate.quote_microusd <= limit for limit in limits)
        assert candidate.video.seconds in candidate.offering.seconds
        assert candidate.offering.id not in situation.tried


@given(videos, catalogs, situations, st.integers())
def test_the_same_seed_gives_the_same_order(
    video: VideoRequest, catalog: Catalog, situation: Situation, seed: int
) -> None:
    first, second = (decide(video, catalog, situation, Random(seed)) for _ in range(2))
    assert first == second


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(1, 60))
def test_at_least_sells_the_shortest_duration_that_suffices_and_never_a_shorter_one(sold: set[int], asked: int) -> None:
    catalog = a_catalog(an_offering(seconds=tuple(sold), price=a_price(1000, PriceUnit.PER_SECOND)))
    decision = decide(a_video(seconds=asked), catalog, healthy(preferences=AT_LEAST), Random(1))
    enough = [seconds for seconds in sold if seconds >= asked]
    if enough:
        (candidate,) = decision.candidates
        assert candidate.video.seconds == min(enough)
        assert candidate.quote_microusd == 1000 * min(enough)
    else:
        assert decision.exclusions[0].cause is ExclusionCause.SECONDS


def test_without_at_least_nobody_gets_another_duration_than_asked() -> None:
    cause, message = excluded(an_offering(seconds=(12,)), seconds=10)
    assert (cause, message) == (ExclusionCause.SECONDS, "sells 12 seconds")


def test_a_caller_overrules_the_operators_duration_policy() -> None:
    operator = RoutingSettings(duration_policy=DurationPolicy.AT_LEAST)
    exact = RoutingPreferences(duration_policy=DurationPolicy.EXACT)
    catalog = a_catalog(an_offering(seconds=(12,)))
    assert decide(a_video(), catalog, healthy(settings=operator), Random(1)).first is not None
    assert decide(a_video(), catalog, healthy(settings=operator, preferences=exact), Random(1)).first is None


@pytest.mark.parametrize(
    ("cause", "offering", "situation", "video"),
    [
        (ExclusionCause.MODEL, an_offering(model="film"), healthy(), {}),
        (ExclusionCause.SIZE, an_offering(sizes=(LANDSCAPE,)), healthy(), {}),
        (ExclusionCause.SIZE, an_offering(), healthy(), {"size": Size(1, 1)}),
        (ExclusionCause.SECONDS, an_offering(), healthy(), {"seconds": 11}),
        (ExclusionCause.IMAGES, an_offering(), healthy(), {"images": (ImageUrl("https://example.org/a"),)}),
        (
            ExclusionCause.IMAGES,
            an_offering(images_max=1, image_inputs=frozenset({"file"})),
            healthy(),
            {"images": (ImageUrl("https://example.org/a"),)},
        ),
        (ExclusionCause.ENDED, an_offering(available_until=EPOCH), healthy(), {}),
        (ExclusionCause.NOT_ALLOWED, an_offering(), healthy(preferences=RoutingPreferences(only=("beta",))), {}),
        (ExclusionCause.NOT_ALLOWED, an_offering(), healthy(preferences=RoutingPreferences(ignore=("alpha",))), {}),
        (ExclusionCause.PRICE, an_offering(), healthy(preferences=RoutingPreferences(price_microusd_max=99_999)), {}),
        (ExclusionCause.SPEND, an_offering(), healthy(spend_left_microusd=99_999), {}),
        (ExclusionCause.TRIED, an_offering(), healthy(tried=frozenset({"alpha/clip"})), {}),
        (ExclusionCause.CALLER_BUDGET, an_offering(), healthy(left=Left(caller_microusd=99_999)), {}),
    ],
)
def test_what_only_another_request_can_cure_is_told_and_does_not_pass(
    cause: ExclusionCause, offering: Offering, situation: Situation, video: dict[str, object]
) -> None:
    found, message = excluded(offering, situation, **video)
    assert found is cause
    assert not cause.passes
    assert len(message.split()) >= 2
    assert not decide(a_video(**video), a_catalog(offering), situation, Random(1)).may_pass


def test_what_a_dialect_cannot_say_is_told_in_its_own_words() -> None:
    mute = a_provider("alpha", adapter=PlainAdapter("cannot say watermark=false"))
    decision = decide(a_video(), a_catalog(an_offering(), alpha=mute), healthy(), Random(1))
    assert decision.exclusions[0].cause is ExclusionCause.UNSUPPORTED
    assert decision.exclusions[0].message == "cannot say watermark=false"


@pytest.mark.parametrize(
    ("cause", "standing"),
    [
        (ExclusionCause.EJECTED, ProviderStanding(barred="is ejected for another 7 s", retry_after_s=7.0)),
        (ExclusionCause.COOLING, ProviderStanding(barred="cools down", barred_cause=ExclusionCause.COOLING)),
        (ExclusionCause.FULL, ProviderStanding(in_flight=3, in_flight_max=3)),
    ],
)
def test_what_waiting_can_cure_may_pass(cause: ExclusionCause, standing: ProviderStanding) -> None:
    decision = decide(
        a_video(), a_catalog(an_offering()), Situation({"alpha": standing}, nothing_known(), EPOCH), Random(1)
    )
    assert decision.exclusions[0].cause is cause
    assert cause.passes
    assert decision.may_pass
    assert decision.retry_after_s == standing.retry_after_s


def test_a_provider_whose_day_is_spent_may_be_asked_tomorrow() -> None:
    situation = healthy(left=Left({"alpha": 99_999, "beta": 0}, None, 7.0))
    decision = decide(a_video(), a_catalog(an_offering()), situation, Random(1))
    assert decision.exclusions[0].cause is ExclusionCause.PROVIDER_BUDGET
    assert decision.provider_budgets_stop
    assert (decision.retry_after_s, decision.may_pass_within(7.0), decision.may_pass_within(6.9)) == (7.0, True, False)
    assert decide(a_video(), three(1, 100_000), situation, Random(1)).candidates[0].offering.provider == "alpha"


def test_a_callers_budget_is_to_blame_only_when_no_wait_would_help() -> None:
    spent = Left(caller_microusd=99_999, day_ends_in_s=7.0)
    alone = decide(a_video(), three(100_000, 150_000), healthy(left=spent), Random(1))
    assert (alone.caller_budget_stops, alone.may_pass, alone.day_ends_in_s) == (True, False, 7.0)
    standings = {"alpha": ProviderStanding(barred="is out", retry_after_s=3.0), "beta": ProviderStanding()}
    waiting = decide(a_video(), three(99_999, 150_000), standing_so(left=spent, **standings), Random(1))
    assert (waiting.caller_budget_stops, waiting.may_pass, waiting.retry_after_s) == (False, True, 3.0)


def test_the_soonest_end_of_an_ejection_is_when_to_come_back() -> None:
    standings = {
        "alpha": ProviderStanding(barred="is out", retry_after_s=900.0),
        "beta": ProviderStanding(barred="is ejected", retry_after_s=12.0),
        "gamma": ProviderStanding(in_flight=1, in_flight_max=1),
    }
    assert decide(a_video(), three(1, 2, 3), standing_so(**standings), Random(1)).retry_after_s == 12.0


def test_nothing_passes_while_somebody_can_take_the_job() -> None:
    standings = {"alpha": ProviderStanding(barred="is out"), "beta": ProviderStanding()}
    assert not decide(a_video(), three(1, 2), standing_so(**standings), Random(1)).may_pass


def test_a_provider_whose_probe_is_due_is_a_candidate() -> None:
    standings = {"alpha": ProviderStanding(probing=True)}
    assert decide(a_video(), three(1), standing_so(**standings), Random(1)).first is not None


def test_an_empty_catalogue_has_nobody_and_hopes_for_nothing() -> None:
    decision = decide(a_video(), a_catalog(), healthy(), Random(1))
    assert decision == Decision((), ())
    assert decision.first is None
    assert not decision.may_pass
