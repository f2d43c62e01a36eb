"""What a request costs, beside the pass-through's and LiteLLM's: create, retrieve, list, quote and /metrics."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench.figures import Results, cpu_ms, p50_ms, p99_ms, per_s
from tests.bench.fleet import Fleet
from tests.bench.measuring import Measure, Phase, measured_rounds
from tests.bench.part import Lab, Report
from tests.bench.sheets import Goal, Sheet, cell
from tests.bench.targets import DIRECT, PASSTHROUGH, ROUTER, asked_upstream

RATE_PER_S: Final = 40.0
_SCRAPES_PER_S: Final = 2.0
_PHASES: Final = (
    Phase(Measure.CREATE, 16, 1600, slow_requests=64, turns=4),
    Phase(Measure.CREATE, 1, 400, slow_requests=30, turns=2),
    Phase(Measure.CREATE, 0, 120, RATE_PER_S, slow_requests=80),
    Phase(Measure.RETRIEVE, 16, 4000, slow_requests=64, turns=4),
    Phase(Measure.RETRIEVE, 1, 800, slow_requests=30, turns=2),
    Phase(Measure.RETRIEVE, 0, 120, RATE_PER_S, slow_requests=80),
    Phase(Measure.LIST, 16, 800, turns=2),
    Phase(Measure.LIST, 1, 200),
    Phase(Measure.LIST, 0, 40, RATE_PER_S),
    Phase(Measure.QUOTE, 16, 800, turns=2),
    Phase(Measure.QUOTE, 1, 200),
    Phase(Measure.QUOTE, 0, 40, RATE_PER_S),
    Phase(Measure.METRICS, 16, 48),
    Phase(Measure.METRICS, 1, 16),
    Phase(Measure.METRICS, 0, 6, _SCRAPES_PER_S),
)
_QUICK: Final = tuple(
    Phase(phase.measure, phase.concurrency, 32 if phase.concurrency else 8, phase.per_s * 5)
    for phase in _PHASES
    if phase.concurrency != 1
)


async def measure(lab: Lab) -> Report:
    """Send all of it to everybody who can answer it."""
    targets = await lab.fleet.targets()
    phases, upstream = _QUICK if lab.quick else _PHASES, lab.fleet.upstream
    rounds = await measured_rounds(targets, upstream, phases, lab.rounds, warm_up=not lab.quick)
    results, names = Results(rounds), [target.name for target in targets if target.name != DIRECT]
    peers = [name for name in names if name not in (ROUTER, PASSTHROUGH)]
    rss_mib = {target.name: target.server.rss_mib() for target in targets if target.name != DIRECT}
    sheets = [_cpu_sheet(results, names, peers), _latency_sheet(results, names), _memory_sheet(lab.fleet, rss_mib)]
    complaints = results.complaints({ROUTER: asked_upstream})
    if not lab.fleet.collector.exports:
        complaints.append("router: no span was exported, so tracing was not part of what was measured")
    return Report.of(sheets, {"phases": results.document(), "rss_mib": rss_mib}, complaints, _goals(results, peers))


def _cpu_sheet(results: Results, names: Sequence[str], peers: Sequence[str]) -> Sheet:
    ratios = ["router / pass-through", *(["best LiteLLM / router"] if peers else [])]
    rows = []
    for phase in results.phases:
        cells = [cell(results.spread(phase, name, cpu_ms), 3) for name in names]
        cells.append(cell(results.ratio(phase, ROUTER, PASSTHROUGH, cpu_ms), 2))
        if peers:
            cells.append(cell(results.over_best(phase, peers, ROUTER, cpu_ms), 1))
        rows.append((phase.measure.value, phase.load, *cells, cell(results.spread(phase, ROUTER, per_s), 0)))
    headings = ("request", "load", *names, *ratios, "router, requests/s")
    caption = "c: so many at a time; /s: so many a second, at random moments; all threads of all processes"
    return Sheet("CPU of a request, ms", headings, tuple(rows), caption, texts=2)


def _latency_sheet(results: Results, names: Sequence[str]) -> Sheet:
    rows = []
    for phase in results.phases:
        for label, figure in (("p50", p50_ms), ("p99", p99_ms)):
            straight = results.spread(phase, DIRECT, figure)
            cells = [
                cell(results.added(phase, name, DIRECT, figure), 2, "+")
                if straight
                else cell(results.spread(phase, name, figure), 2)
                for name in names
            ]
            rows.append((phase.measure.value, phase.load, label, cell(straight, 2), *cells))
    headings = ("request", "load", "", "straight to the upstream", *names)
    caption = "with a plus: what is added to going straight to the upstream"
    return Sheet("latency, ms", headings, tuple(rows), caption, texts=3)


def _memory_sheet(fleet: Fleet, rss_mib: Mapping[str, float]) -> Sheet:
    rows = tuple((name, f"{fleet.started[name].rss_mib:.0f}", f"{now:.0f}") for name, now in rss_mib.items())
    caption = f"all creates of the run, {fleet.upstream.seen['create']}, were jobs; the router keeps those it was sent"
    return Sheet("memory, MiB", ("server", "after its start", "after all requests"), rows, caption)


def _goals(results: Results, peers: Sequence[str]) -> list[Goal]:
    phases = {(phase.measure, phase.load): phase for phase in results.phases}
    at_once, at_rate = "c=16", f"{RATE_PER_S:g}/s"

    def cpu(measure: Measure, load: str, limit: float) -> Goal:
        phase = phases.get((measure, load))
        ratio = results.ratio(phase, ROUTER, PASSTHROUGH, cpu_ms) if phase else None
        return Goal(f"{measure} at {load}: CPU, router / pass-through", ratio, limit)

    def less(measure: Measure, load: str, limit: float) -> Goal:
        phase = phases.get((measure, load))
        ratio = results.over_best(phase, peers, ROUTER, cpu_ms) if phase else None
        return Goal(f"{measure} at {load}: CPU, best LiteLLM / router", ratio, limit, at_least=True, digits=1)

    create = phases.get((Measure.CREATE, at_rate))
    added = [results.added(create, ROUTER, DIRECT, figure) if create else None for figure in (p50_ms, p99_ms)]
    return [
        cpu(Measure.CREATE, at_once, 2.1),
        less(Measure.CREATE, at_once, 20),
        less(Measure.CREATE, at_rate, 7),
        Goal(f"create at {at_rate}: added latency, p50", added[0], 3, "ms"),
        Goal(f"create at {at_rate}: added latency, p99", added[1], 8, "ms"),
        cpu(Measure.RETRIEVE, at_once, 0.5),
        less(Measure.RETRIEVE, at_once, 100),
    ]
