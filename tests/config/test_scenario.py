"""A scenario is a configuration without keys, and a world: what is wrong with either is said with its place."""

from pathlib import Path

import pytest

from router.config.problems import ConfigError
from router.config.scenario import load_scenario
from router.core.reporting import DurationClass
from router.simulation.scenario import Scenario
from router.simulation.traffic import Spacing
from router.simulation.world import Fault, Spread

SHIPPED = sorted((Path(__file__).parents[2] / "config" / "scenarios").glob("*.yaml"))
PROVIDERS = """
providers:
  relay-a:
    dialect: openai
    offerings:
      - {model: sora-2, sizes: [720x1280], seconds: [10], price: {per_clip: "0.10"}}
  relay-b:
    dialect: openai
    base_url: https://relay-b.example.com
    api_key: {env: NEVER_SET}
    offerings:
      - {model: sora-2, sizes: [720x1280], seconds: [10], price: {per_clip: "0.20"}}
"""
TRAFFIC = """
traffic: {jobs: 20, per_minute: 3, arrivals: even, mix: [{model: sora-2, size: 720x1280, seconds: [10]}]}
"""


def loaded(tmp_path: Path, world: str = "", traffic: str = TRAFFIC) -> Scenario:
    file = tmp_path / "scenario.yaml"
    file.write_text(PROVIDERS + world + traffic)
    return load_scenario(file)


def refused(tmp_path: Path, world: str = "", traffic: str = TRAFFIC) -> str:
    with pytest.raises(ConfigError) as refusal:
        loaded(tmp_path, world, traffic)
    return "\n".join(str(problem) for problem in refusal.value.problems)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_scenario_loads_and_asks_for_what_somebody_sells(file: Path) -> None:
    scenario = load_scenario(file)
    sold = {
        (each.model, size, s) for each in scenario.setup.catalog.offerings for size in each.sizes for s in each.seconds
    }
    assert {(wish.model, wish.size, s) for wish in scenario.traffic.wishes for s in wish.seconds} & sold


def test_neither_keys_nor_addresses_are_needed(tmp_path: Path) -> None:
    scenario = loaded(tmp_path)
    assert [each.id for each in scenario.setup.catalog.offerings] == ["relay-a/sora-2", "relay-b/sora-2"]
    arrivals = scenario.traffic.arrivals(1)
    assert (len(arrivals), scenario.traffic.spacing) == (20, Spacing.EVEN)
    assert [arrival.at_s for arrival in arrivals[:3]] == [0.0, 20.0, 40.0]


def test_what_is_said_of_an_offering_comes_before_its_providers(tmp_path: Path) -> None:
    world = """
world:
  truth:
    relay-a/sora-2: {success: 0.5, durations: {short: {p50_s: 10, p90_s: 20}}}
    relay-a: {success: 0.9, faults: {unreachable: 1}, capacity: 4}
  timeline:
    - {from_min: 10, for_min: 5, of: relay-a, success: 0}
"""
    scenario = loaded(tmp_path, world)
    first = scenario.setup.catalog.offerings[0]
    truth = scenario.world.truth(first, 0.0)
    assert (truth.success, truth.capacity, dict(truth.faults)) == (0.5, 4, {Fault.UNREACHABLE: 1.0})
    assert truth.spread(DurationClass.SHORT) == Spread(10.0, 20.0)
    assert [scenario.world.truth(first, at_s).success for at_s in (599.0, 600.0, 900.0)] == [0.5, 0.0, 0.5]


def test_a_price_and_a_drain_are_reloads_one_upon_the_other(tmp_path: Path) -> None:
    world = """
world:
  timeline:
    - {from_min: 20, of: relay-b, drained: true}
    - {from_min: 10, of: relay-a/sora-2, price: {per_clip: "0.30"}}
"""
    first, second = loaded(tmp_path, world).reloads
    assert (first.at_s, second.at_s) == (600.0, 1200.0)
    dearer = second.setup.catalog.offerings[0]
    assert dearer.price.quote_microusd(dearer.sizes[0], 10) == 300_000
    assert second.setup.catalog.providers["relay-b"].drained
    assert not first.setup.catalog.providers["relay-b"].drained


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("world: {truth: {relay-c: {}}}", "world.truth.relay-c: 'relay-c' is none; did you mean `relay-b`?"),
        ("world: {truth: {relay-a: {success: 1.5}}}", "world.truth.relay-a.success: must be at most 1"),
        ("world: {truth: {relay-a: {sucess: 1}}}", "unknown key; did you mean `success`?"),
        ("world: {truth: {relay-a: {faults: {internal: 0}}}}", "needs a fault that weighs more than 0"),
        ("world: {truth: {relay-a/sora-2: {capacity: 3}}}", "is a provider's, for all that it sells"),
        ("world: {timeline: [{of: relay-a}]}", "world.timeline[0].from_min: is missing"),
        ("world: {timeline: [{from_min: 1, every_min: 5}]}", "every_min needs a for_min of less than 5"),
        ('world: {timeline: [{from_min: 1, price: {per_clip: "1"}}]}', "needs `of` beside it, the offering"),
        ("world: {timeline: [{from_min: 1, drained: true}]}", "needs `of` beside it to be a provider"),
        ("world: {start: soon}", "must be a moment such as"),
    ],
)
def test_what_is_wrong_with_a_world_is_said_with_its_place(tmp_path: Path, world: str, message: str) -> None:
    assert message in refused(tmp_path, world)


def test_traffic_that_nobody_serves_is_refused(tmp_path: Path) -> None:
    other = "traffic: {mix: [{model: sora-3, size: 720x1280, seconds: [10]}]}"
    assert "traffic.mix[0].model: 'sora-3' is not sold; did you mean `sora-2`?" in refused(tmp_path, traffic=other)
    large = "traffic: {mix: [{model: sora-2, size: 1024x1792, seconds: [10]}]}"
    assert "traffic.mix[0].size: nobody sells sora-2 at 1024x1792" in refused(tmp_path, traffic=large)


def test_errors_of_both_parts_are_said_at_once(tmp_path: Path) -> None:
    both = refused(tmp_path, "routing: {policy: cheapest}\nworld: {refused: 2}")
    assert "routing.policy" in both
    assert "world.refused" in both
