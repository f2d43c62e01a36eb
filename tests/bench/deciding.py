"""What one routing decision costs: standings, eligibility, scores and the order, with all that a busy router knows."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

from providers.canonical import Size, VideoRequest
from router.config.loading import load
from router.config.settings import Settings
from router.core.budget import Booking, Budgets, daily_limits
from router.core.clock import Clock
from router.core.decision_record import record_of
from router.core.evidence import Outcome
from router.core.health import ProviderHealth
from router.core.preferences import RoutingPreferences
from router.core.reporting import DurationClass
from router.core.routing import Decision
from router.core.routing_memory import RoutingMemory
from router.engine.parts import Parts
from router.engine.store import MEMORY, Store
from router.engine.store.decision_document import document_of
from tests.bench.figures import Spread
from tests.bench.part import Lab, Report
from tests.bench.sheets import Sheet, cell
from tests.engine.scripted import ScriptedTransport

OFFERINGS: Final = (3, 10, 50)
GOAL_US: Final = 200
_PROVIDERS: Final = 10
_CALLER: Final = "bench"
_SIZE: Final = Size(720, 1280)
_PROMPT: Final = (
    "A paper boat drifts down a narrow river at dawn, seen from low above the water, mist between the reeds."
)
_VIDEO: Final = VideoRequest(_PROMPT, "sora-2", 8, _SIZE)
# What is believed of an offering is worked out once a second.
_PAUSE_S: Final = 2.0
_FULL: Final = 1000
_QUICK: Final = 20


@dataclass(frozen=True, slots=True)
class DecisionFigures:
    """CPU microseconds, of a router that decides all the time and of one that does so every other second.

    `record_us` is for writing the decision down, `record_bytes` what that takes in the store.
    """

    offerings: int
    candidates: int
    busy_us: Spread
    quiet_us: Spread
    record_us: Spread
    record_bytes: int


class _MovableTime:
    """The time of this machine, and what is added to it."""

    def __init__(self) -> None:
        self.added_s = 0.0
        self.clock = Clock(lambda: time.time() + self.added_s, lambda: time.monotonic() + self.added_s)


async def measure(lab: Lab) -> Report:
    """Decide in the benchmark's own process."""
    figures = await measured_decisions(lab.folder, _QUICK if lab.quick else _FULL, lab.rounds)
    return Report.of([decision_sheet(figures)], [asdict(each) for each in figures], decision_complaints(figures))


async def measured_decisions(folder: Path, repeats: int, rounds: int) -> list[DecisionFigures]:
    """Decide so often in each round, with each number of offerings."""
    return [await _measured(folder, offerings, repeats, rounds) for offerings in OFFERINGS]


def decision_complaints(figures: Sequence[DecisionFigures]) -> list[str]:
    """Say what makes the figures worthless: offerings that took no part."""
    return [
        f"a decision between {each.offerings} offerings had {each.candidates} candidates"
        for each in figures
        if each.candidates != each.offerings
    ]


def decision_sheet(figures: Sequence[DecisionFigures]) -> Sheet:
    """Show what a decision costs by the number of offerings."""
    headings = ("offerings", "CPU us, busy", "CPU us, quiet", "limit, busy", "writing it down, CPU us", "bytes")
    rows = tuple(
        (
            str(each.offerings),
            cell(each.busy_us, 0),
            cell(each.quiet_us, 0),
            f"< {GOAL_US}" if each.offerings == OFFERINGS[-1] else "",
            cell(each.record_us, 0),
            str(each.record_bytes),
        )
        for each in figures
    )
    caption = "quiet: every decision works out anew what is believed of each offering"
    return Sheet("one routing decision between offerings of 10 providers", headings, rows, caption, texts=0)


async def _measured(folder: Path, offerings: int, repeats: int, rounds: int) -> DecisionFigures:
    moved = _MovableTime()
    parts = await _parts(_settings(folder, offerings), moved.clock)

    def decide() -> Decision:
        return parts.decide(_VIDEO, RoutingPreferences(), _CALLER)

    def after_a_pause() -> Decision:
        moved.added_s += _PAUSE_S
        return decide()

    def written() -> str:
        return document_of(record_of(decision, _VIDEO, 0.0, decision.first))

    decision = decide()
    busy, quiet, record = (
        Spread.of(_cpu_us(each, repeats) for _ in range(rounds)) for each in (decide, after_a_pause, written)
    )
    await parts.store.close()
    return DecisionFigures(offerings, len(decision.candidates), busy, quiet, record, len(written().encode()))


def _cpu_us(step: Callable[[], object], repeats: int) -> float:
    started = time.thread_time()
    for _ in range(repeats):
        step()
    return 1e6 * (time.thread_time() - started) / repeats


async def _parts(settings: Settings, clock: Clock) -> Parts:
    """Compose what a decision needs as the router does, with outcomes, jobs in flight and money spent."""
    rng, catalog, routing = Random(6), settings.catalog, settings.routing
    health = {name: ProviderHealth(each, clock, rng, lambda _: None) for name, each in catalog.providers.items()}
    parts = Parts(
        catalog,
        health,
        await Store.open(MEMORY, inline=True),
        ScriptedTransport(clock, settings.limits, {}),
        clock,
        rng,
        lambda _: None,
        settings.limits,
        routing,
        Budgets(clock, daily_limits(catalog, settings.callers)),
        RoutingMemory(clock, routing, catalog),
    )
    _live(parts)
    return parts


def _live(parts: Parts) -> None:
    """Let every offering have had its outcomes, have jobs in flight, and have cost something today."""
    rng, records, now = parts.rng, parts.memory.records, parts.clock.monotonic()
    for number, offering in enumerate(parts.catalog.offerings):
        for _ in range(100):
            delivered, after_s = rng.random() < 0.95, rng.uniform(60.0, 180.0)
            records.add(Outcome(offering.id, offering.provider, DurationClass.SHORT, after_s, delivered, billed=False))
        for _ in range(number % 4):
            records.entered(offering.id, DurationClass.SHORT, now - rng.uniform(0.0, 90.0))
            parts.health[offering.provider].resume()
        parts.budgets.hold(Booking(f"video_{number}-1", offering.provider, _CALLER, parts.now(), 100_000))


def _settings(folder: Path, offerings: int) -> Settings:
    file = folder / f"decision-{offerings}.json"
    (folder / "decision.key").write_text("sk-bench-upstream")
    file.write_bytes(orjson.dumps(_configuration(offerings)))
    return load(file, os.environ)


def _configuration(offerings: int) -> dict[str, Any]:
    """Sell one model so many times, each a little dearer, with a daily budget for everybody."""
    sold: dict[str, list[dict[str, Any]]] = {f"p{number}": [] for number in range(_PROVIDERS)}
    for number in range(offerings):
        price = {"per_second": f"0.{1000 + 7 * number}"}
        sold[f"p{number % _PROVIDERS}"].append(
            {
                "name": f"sora-2-{number}",
                "model": _VIDEO.model,
                "upstream_model": f"sora-2-{number}",
                "sizes": ["720x1280", "1280x720"],
                "seconds": [4, 8, 12],
                "price": price,
            }
        )
    provider = {"dialect": "openai", "base_url": "http://127.0.0.1:9", "api_key": {"file": "decision.key"}}
    return {
        "callers": [{"name": _CALLER, "key_sha256": "0" * 64, "daily_budget_usd": "100000.00"}],
        "providers": {
            name: {**provider, "daily_budget_usd": "1000.00", "offerings": each} for name, each in sold.items() if each
        },
    }
