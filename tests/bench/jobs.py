"""What a whole delivered job costs without its content: a create, its caller's retrieves, the router's own polls."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from tests.bench.figures import Spread
from tests.bench.load import Asked, Pool
from tests.bench.measuring import Target, idle
from tests.bench.part import Lab, Report
from tests.bench.sheets import Goal, Sheet, cell
from tests.bench.targets import DIRECT, PASSTHROUGH, ROUTER, completed, get, post
from tests.bench.upstream import COMPRESSION, TIMED_MODEL, TOLD_MODEL, Upstream

RETRIEVES: Final = 23
_ASKS_EVERY_S: Final = 5.0 / COMPRESSION
_DELIVERED_S_MAX: Final = 30.0
_LOOK_EVERY_S: Final = 0.02
TOLD: Final = f"{ROUTER}, told of progress"


@dataclass(frozen=True, slots=True)
class Work:
    """So many jobs, so many of them begun a second, and how often each is asked for."""

    jobs: int
    per_s: float
    every_s: float = _ASKS_EVERY_S


@dataclass(frozen=True, slots=True)
class JobSample:
    """What a target's jobs of one round took. `polls` and `reads` are what the upstream saw besides the creates."""

    target: str
    work: Work
    cpu_s: float
    errors: int
    creates: int
    polls: int
    reads: int

    @property
    def cpu_ms(self) -> float:
        """CPU of one job."""
        return 1e3 * self.cpu_s / self.work.jobs


_FULL: Final = Work(100, 50.0)
_SLOW: Final = Work(3, 2.0)
_QUICK: Final = Work(4, 20.0, 0.01)


async def measure(lab: Lab) -> Report:
    """Let every target have its jobs in each round, in turn."""
    targets = [target for target in await lab.fleet.targets() if target.name != DIRECT]
    if not lab.quick:
        for target in targets:
            await _sample(target, lab.fleet.upstream, _SLOW)
    samples: list[JobSample] = []
    for number in range(lab.rounds):
        for target in targets if number % 2 == 0 else targets[::-1]:
            work = _QUICK if lab.quick else _SLOW if target.slow else _FULL
            samples.append(await _sample(target, lab.fleet.upstream, work))
            if target.name == ROUTER:
                # Nobody else asks more or less often for that.
                samples.append(await _sample(target, lab.fleet.upstream, work, TOLD))
    names = [name for target in targets for name in ((ROUTER, TOLD) if target.name == ROUTER else (target.name,))]
    return Report.of([_sheet(samples, names)], _document(samples), _complaints(samples), _goals(samples, names))


async def _sample(target: Target, upstream: Upstream, work: Work, name: str | None = None) -> JobSample:
    """Let a target have jobs; those that tell their progress by the `name` of TOLD."""
    server, asked, model = target.server, Asked(), TOLD_MODEL if name == TOLD else TIMED_MODEL
    seen, delivered, cpu_s = upstream.seen.copy(), upstream.delivered, server.cpu_s()
    ids: list[str] = []
    async with Pool(server.port) as pool, asyncio.TaskGroup() as jobs:
        for _ in range(work.jobs):
            jobs.create_task(_job(pool, asked, ids, model, work.every_s))
            await asyncio.sleep(1 / work.per_s)
    errors = asked.load(work.jobs * (1 + RETRIEVES)).errors
    if target.name == ROUTER:
        await _all_delivered(upstream, delivered + work.jobs)
    await idle(server)
    await asyncio.sleep(target.rest_s)
    cpu_s = server.cpu_s() - cpu_s
    now = upstream.seen.copy()
    if target.name == ROUTER:
        await completed(server, ids)
    return JobSample(
        name or target.name,
        work,
        cpu_s,
        errors,
        *(now[kind] - seen[kind] for kind in ("create", "retrieve", "content")),
    )


async def _job(pool: Pool, asked: Asked, ids: list[str], model: str, every_s: float) -> None:
    """Create a job and ask for it as often as its caller would, whatever the answer is."""
    own = Asked()
    await pool.ask(own, post(model))
    asked.take(own)
    if not own.bodies:
        return
    video_id = orjson.loads(own.bodies[0])["id"]
    ids.append(video_id)
    request, started = get(f"/v1/videos/{video_id}"), time.perf_counter()
    for number in range(1, RETRIEVES + 1):
        await asyncio.sleep(started + number * every_s - time.perf_counter())
        await pool.ask(asked, request)


async def _all_delivered(upstream: Upstream, count: int) -> None:
    """Wait until the router has been told of all its videos."""
    give_up_at = time.monotonic() + _DELIVERED_S_MAX
    while upstream.delivered < count:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{count - upstream.delivered} videos were never asked for when they were finished")
        await asyncio.sleep(_LOOK_EVERY_S)


def _complaints(samples: Sequence[JobSample]) -> list[str]:
    found = []
    for sample in samples:
        jobs, name = sample.work.jobs, sample.target
        if sample.errors:
            found.append(f"{name}, whole jobs: {sample.errors} requests failed")
        if sample.creates != jobs:
            found.append(f"{name}, whole jobs: the upstream saw {sample.creates} creates instead of {jobs}")
        if name in (ROUTER, TOLD) and sample.reads != jobs:
            found.append(f"{name}, whole jobs: {sample.reads} videos were checked instead of {jobs}")
        if name not in (ROUTER, TOLD) and sample.polls != jobs * RETRIEVES:
            found.append(f"{name}, whole jobs: the upstream was asked {sample.polls} times, not {jobs * RETRIEVES}")
    return found


def _sheet(samples: Sequence[JobSample], names: Sequence[str]) -> Sheet:
    rows = []
    for name in names:
        own = [sample for sample in samples if sample.target == name]
        rows.append(
            (
                name,
                f"{own[0].work.per_s:g} jobs/s",
                cell(Spread.of(sample.cpu_ms for sample in own), 2),
                cell(_ratio(samples, ROUTER, name), 2) if name != ROUTER else "",
                cell(Spread.of(sample.polls / sample.work.jobs for sample in own), 1),
            )
        )
    headings = ("server", "load", "CPU of a job, ms", "router / it", "requests upstream about a job")
    caption = (
        f"a create and {RETRIEVES} retrieves, one every 5 s; meanwhile the router polls by itself, and reads the "
        f"finished video once; jobs of 60 to 180 s, all of it {COMPRESSION:g} times as fast"
    )
    return Sheet("a whole delivered job", headings, tuple(rows), caption, texts=2)


def _goals(samples: Sequence[JobSample], names: Sequence[str]) -> list[Goal]:
    peers = [name for name in names if name not in (ROUTER, TOLD, PASSTHROUGH)]
    over = [ratio for name in peers if (ratio := _ratio(samples, name, ROUTER))]
    best = min(over, key=lambda ratio: ratio.median, default=None)
    return [
        Goal("whole job: CPU, router / pass-through", _ratio(samples, ROUTER, PASSTHROUGH), 1.3),
        Goal("whole job: CPU, best LiteLLM / router", best, 50, at_least=True, digits=1),
    ]


def _ratio(samples: Sequence[JobSample], name: str, to: str) -> Spread | None:
    ours, theirs = ([each.cpu_ms for each in samples if each.target == target] for target in (name, to))
    return Spread.of(a / b for a, b in zip(ours, theirs, strict=True)) if ours and theirs else None


def _document(samples: Sequence[JobSample]) -> list[dict[str, Any]]:
    return [asdict(sample) | {"cpu_ms": sample.cpu_ms} for sample in samples]
