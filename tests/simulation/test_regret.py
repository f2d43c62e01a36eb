"""What is lost against those who know, in worlds that do not change."""

from pathlib import Path

import pytest

from router.config.scenario import load_scenario
from router.simulation.comparison import Comparison
from router.simulation.oracle import Clairvoyant, Informed
from router.simulation.routers import OurRouter, Router
from router.simulation.scenario import routers

SCENARIOS = Path(__file__).parents[2] / "config" / "scenarios"
WORLDS = sorted(path.name for path in SCENARIOS.glob("*.yaml"))
AFTER_LEARNING, LEARNING = 0.01, 0.05


def compared(name: str, seed: int, *others: Router) -> Comparison:
    scenario = load_scenario(SCENARIOS / name)
    world = scenario.world_of(seed)
    runs = tuple(scenario.run(router, seed) for router in (OurRouter(), *others))
    return Comparison(runs, scenario.run(Clairvoyant(world), seed), scenario.run(Informed(world), seed))


@pytest.mark.parametrize(("name", "seed"), [*((name, 1) for name in WORLDS), ("partial-support.yaml", 3)])
def test_a_delivered_video_costs_hardly_more_than_one_who_knows_the_world_would_pay(name: str, seed: int) -> None:
    found = compared(name, seed)
    ours = found.summaries()[0]
    assert ours.jobs + len(found.hopeless) == 2000
    assert ours.delivered_share is not None
    assert ours.delivered_share >= 0.995
    assert ours.informed is not None
    assert ours.informed.learning is not None
    assert ours.informed.learned is not None
    assert ours.informed.learning <= LEARNING
    assert ours.informed.learned <= AFTER_LEARNING
    if name == "free-failures.yaml":
        assert ours.clairvoyant is not None
        assert ours.clairvoyant.learning is not None
        assert ours.clairvoyant.learned is not None
        assert ours.clairvoyant.learning <= LEARNING
        assert ours.clairvoyant.learned <= AFTER_LEARNING


def test_the_others_lose_what_a_price_list_does_not_show() -> None:
    scenario = load_scenario(SCENARIOS / "flaky-bargain.yaml")
    found = scenario.compared(seed=4, jobs=600)
    cost = {each.router: each.microusd_per_video or 0.0 for each in found.summaries()}
    best = cost["video-router"]
    assert cost["clairvoyant oracle"] < cost["informed oracle"] < best
    assert cost["lowest quote"] > 1.1 * best
    assert cost["round robin"] > 1.1 * best
    assert cost["list order"] > 1.2 * best


def test_the_same_seed_gives_the_same_result_and_another_one_another() -> None:
    scenario = load_scenario(SCENARIOS / "partial-support.yaml")
    one, again, other = (scenario.run(OurRouter(), seed, jobs=150) for seed in (5, 5, 6))
    assert one == again
    assert one != other


def test_every_router_stands_in_the_table_twice_but_for_this_one() -> None:
    assert [router.name for router in routers()] == [
        "video-router",
        "list order",
        "list order, breakers",
        "lowest quote",
        "lowest quote, breakers",
        "round robin",
        "round robin, breakers",
    ]
