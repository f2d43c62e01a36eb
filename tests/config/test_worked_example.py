"""The worked example in the README is what the real decision computes."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from providers.canonical import Size, VideoRequest
from router.config import Settings
from router.core.decision_record import CandidateRecord, DecisionRecord, record_of
from router.core.eligibility import ProviderStanding
from router.core.evidence import Outcome, TrackRecords
from router.core.reporting import DurationClass
from router.core.routing import Situation, decide
from router.core.routing_memory import RoutingMemory
from tests.builders import EPOCH, ManualTime
from tests.config.files import loaded

README = (Path(__file__).parents[2] / "config" / "README.md").read_text(encoding="utf-8")
VIDEO = VideoRequest("a paper boat", "sora-2", 10, Size(720, 1280))
# Delivered and failed of the last hundred, and how long each took.
SEEN = {"relay-a": (80, 150.0, 20, 90.0), "relay-b": (99, 90.0, 1, 60.0)}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    (example,) = re.findall(r"```yaml\n(routing:\n.*?)```", README, re.DOTALL)
    return loaded(tmp_path_factory.mktemp("example"), example, RELAY_A_KEY="sk-a", RELAY_B_KEY="sk-b")


def learned(settings: Settings) -> TrackRecords:
    records = RoutingMemory(ManualTime().clock, settings.routing, settings.catalog).records
    for name, (delivered, delivery_s, failed, failure_s) in SEEN.items():
        billed = settings.catalog.providers[name].charge_rule.failed_billed
        for _ in range(failed):
            records.add(Outcome(f"{name}/sora-2", name, DurationClass.SHORT, failure_s, delivered=False, billed=billed))
        for _ in range(delivered):
            records.add(Outcome(f"{name}/sora-2", name, DurationClass.SHORT, delivery_s, delivered=True, billed=False))
    return records


def decided(settings: Settings, attempts_left: int = 3, **changes: object) -> DecisionRecord:
    situation = Situation(
        standings={name: ProviderStanding() for name in settings.catalog.providers},
        records=learned(settings),
        now=EPOCH,
        settings=replace(settings.routing, **changes),
        attempts_left=attempts_left,
        trials_microusd=settings.routing.exploration.microusd_per_day,
    )
    return record_of(decide(VIDEO, settings.catalog, situation, Random(0)), VIDEO, EPOCH)


def both(decision: DecisionRecord) -> tuple[CandidateRecord, CandidateRecord]:
    found = {each.provider: each for each in decision.candidates}
    return found["relay-a"], found["relay-b"]


def row(name: str, values: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(values)} |"


def usd4(microusd: float | None) -> str:
    assert microusd is not None
    return f"{microusd / 1_000_000:.4f}"


def test_the_worked_example_is_what_the_router_would_do(settings: Settings):
    usual = both(decided(settings, microusd_per_minute=0))
    waiting, last = both(decided(settings)), both(decided(settings, attempts_left=1))
    rows = [
        row("quote", (usd4(each.quote_microusd) for each in usual)),
        row("delivered of the last 100", (str(delivered) for delivered, *_ in SEEN.values())),
        row("lower bound of its success", (f"{each.success_low:.1%}".replace("%", " %") for each in usual)),
        row("attempts paid for one video", (f"{each.paid_attempts:.3f}" for each in usual)),
        row("cost of a delivered video: quote x these", (usd4(each.expected_microusd) for each in usual)),
        row("risk", (usd4(each.risk_microusd) for each in usual)),
        row("**total**", (f"**{usd4(each.total_microusd)}**" for each in usual)),
        row("expected until the video is there", (f"{each.wait_s:.0f} s" for each in waiting)),
        row("total with the price of waiting", (usd4(each.total_microusd) for each in waiting)),
        row("and on a job's last attempt", (usd4(each.total_microusd) for each in last)),
        row("is asked first below a quote of", (usd4(each.flips_at_microusd) for each in usual)),
    ]
    missing = [line for line in rows if line not in README]
    assert not missing, "config/README.md should have\n" + "\n".join(rows)


def test_the_dearer_one_of_the_example_is_asked_first_and_the_other_is_tried_out(settings: Settings):
    flaky, solid = both(decided(settings, microusd_per_minute=0))
    assert flaky.quote_microusd < solid.quote_microusd
    assert (flaky.share, solid.share) == (0.2, 0.8)
    assert "20 of 100 jobs" in README
