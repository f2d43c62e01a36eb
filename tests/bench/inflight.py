"""Many jobs under way in one process: what they cost, whether anything stalls, and how soon all are back after a kill.

`python -m tests.bench.inflight [--quick]` measures this alone.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from aiohttp import ClientSession
from rich.console import Console

from tests.bench.figures import Spread
from tests.bench.inflight_database import fill, job_id_of
from tests.bench.inflight_upstream import PolledUpstream
from tests.bench.load import Load, drive, request_bytes
from tests.bench.loop import loop_factory
from tests.bench.part import Lab, Report
from tests.bench.processes import Server, cores, listening
from tests.bench.servers import CALLER_KEY, UPSTREAM_KEY
from tests.bench.sheets import Goal, Sheet

JOBS: Final = (16, 10_000, 100_000)
_QUICK_JOBS: Final = (16, 400)
POLLS_PER_S: Final = 20.0
PROVIDERS: Final = 4
_MODEL: Final = "bench-inflight"
_AGES_S: Final = 86_400
_MIB: Final = 1 << 20
_SAMPLED: Final = 200
_SCRAPES: Final = 5
_WATCHED_S: Final = 15.0
_QUICK_WATCHED_S: Final = 0.5
_BEFORE_KILL_S: Final = 1.0
_RETRIEVES: Final = 3000
_QUICK_RETRIEVES: Final = 64
_CONCURRENCY: Final = 16
# An exchange may take a moment longer than the one after it.
_RATE_SLACK: Final = 1.2


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen of a router with so many jobs under way, after it was killed and started again.

    Times are since the start of the process. `most_polls_per_s` is of any provider over any five seconds. Stalls and
    lags are those after the first answer; what came before is only `starting_stall_ms`.
    """

    jobs: int
    answerable: int
    armed: int
    first_answer_s: float
    all_answerable_s: float
    rss_mib: float
    polls: int
    most_polls_per_s: float
    lag_p50_ms: float
    lag_p99_ms: float
    lag_most_ms: float
    starting_stall_ms: float
    stalls: Sequence[dict[str, Any]]
    retrieve_cpu_ms: float
    retrieve_p50_ms: float
    retrieve_p99_ms: float
    retrieve_errors: int
    scrape_ms: float


async def measure(lab: Lab) -> Report:
    """Fill a database, start a router on it, kill it, start it again and look; for each number of jobs."""
    found = []
    for jobs in _QUICK_JOBS if lab.quick else JOBS:
        with TemporaryDirectory(dir=lab.folder) as folder:
            found.append(await _measured(Path(folder), jobs, lab.core, quick=lab.quick))
    return Report.of(
        [_sheet(found), _stall_sheet(found)], [asdict(each) for each in found], _wrong(found), _goals(found)
    )


async def _measured(folder: Path, jobs: int, core: int | None, *, quick: bool) -> Found:
    upstream, database = PolledUpstream(), folder / "router.db"
    config = folder / "router.yaml"
    (folder / "provider.key").write_text(UPSTREAM_KEY)
    config.write_text(json.dumps(_configuration(await upstream.listen())))
    models = {f"p{number}": _MODEL for number in range(PROVIDERS)}
    await asyncio.to_thread(fill, database, jobs, models, "bench", time.time())
    with ExitStack() as stack:
        killed, _ = await _started(stack, folder, config, core, "killed")
        await asyncio.sleep(_BEFORE_KILL_S)
        if killed.pid is not None:
            os.kill(killed.pid, signal.SIGKILL)
    upstream.forget()
    seen = folder / "seen.json"
    with ExitStack() as stack:
        began = time.monotonic()
        server, first_answer_s = await _started(stack, folder, config, core, "seen")
        asked = [_get(job_id_of(number)) for number in range(0, jobs, max(1, jobs // _SAMPLED))]
        answerable, _ = await drive(server.port, asked, len(asked), _CONCURRENCY)
        all_answerable_s, answered_at = time.monotonic() - began, began + first_answer_s
        armed = await _armed(server)
        await asyncio.sleep(_QUICK_WATCHED_S if quick else _WATCHED_S)
        rss_mib = server.rss_mib()
        scrape_s = await _scrape_s(server)
        cpu_s, load = await _retrieves(server, asked, _QUICK_RETRIEVES if quick else _RETRIEVES)
        until = time.monotonic()
    watched = orjson.loads(seen.read_bytes())
    lags = sorted(lag for at, lag in watched["ticks"] if answered_at < at < until) or [0.0]
    stalls = [stall for stall in watched["stalls"] if answered_at < stall["at"] < until]
    latencies = sorted(load.latencies_s) or [0.0]
    return Found(
        jobs=jobs,
        answerable=jobs * (len(asked) - answerable.errors) // len(asked),
        armed=armed,
        first_answer_s=first_answer_s,
        all_answerable_s=all_answerable_s,
        rss_mib=rss_mib,
        polls=upstream.total(),
        most_polls_per_s=upstream.most_per_s(),
        lag_p50_ms=1e3 * _quantile(lags, 0.5),
        lag_p99_ms=1e3 * _quantile(lags, 0.99),
        lag_most_ms=1e3 * lags[-1],
        starting_stall_ms=1e3 * max((lag for at, lag in watched["ticks"] if at <= answered_at), default=0.0),
        stalls=stalls,
        retrieve_cpu_ms=1e3 * cpu_s,
        retrieve_p50_ms=1e3 * _quantile(latencies, 0.5),
        retrieve_p99_ms=1e3 * _quantile(latencies, 0.99),
        retrieve_errors=load.errors,
        scrape_ms=1e3 * scrape_s,
    )


async def _started(stack: ExitStack, folder: Path, config: Path, core: int | None, name: str) -> tuple[Server, float]:
    """Start a router under the stall detector; return it with the seconds until it answered."""
    began = time.monotonic()
    seen, database = folder / f"{name}.json", folder / "router.db"
    arguments = [sys.executable, "-m", "tests.bench.inflight_server", str(seen), "serve", "--config", str(config)]
    arguments += ["--db", str(database), "--port", "0", "--admin-port", "0"]
    server = await asyncio.to_thread(stack.enter_context, listening(name, arguments, folder, core))
    await drive(server.port, [_get(job_id_of(0))], 1, 1)
    return server, time.monotonic() - began


async def _armed(server: Server) -> int:
    """Ask how many jobs the router runs."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{server.admin_port}/readyz") as answer:
        return int((await answer.json())["live_jobs"])


async def _scrape_s(server: Server) -> float:
    """Return how long a scrape takes, the median of a few."""
    times = []
    async with ClientSession() as session:
        for _ in range(_SCRAPES):
            started = time.monotonic()
            async with session.get(f"http://127.0.0.1:{server.admin_port}/metrics") as answer:
                await answer.read()
            times.append(time.monotonic() - started)
    return sorted(times)[len(times) // 2]


async def _retrieves(server: Server, asked: Sequence[bytes], count: int) -> tuple[float, Load]:
    """Return the CPU seconds of a retrieve, less what the polls beside it take, and its load."""
    await drive(server.port, asked, count // 8, _CONCURRENCY)
    idle_from, idle_cpu_s = time.monotonic(), server.cpu_s()
    await asyncio.sleep(0.5)
    idle_share = (server.cpu_s() - idle_cpu_s) / (time.monotonic() - idle_from)
    cpu_s = server.cpu_s()
    load, _ = await drive(server.port, asked, count, _CONCURRENCY)
    return max(0.0, server.cpu_s() - cpu_s - idle_share * load.wall_s) / count, load


def _get(job_id: str) -> bytes:
    return request_bytes("GET", f"/v1/videos/{job_id}", CALLER_KEY)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _configuration(upstream: int) -> dict[str, Any]:
    polling = {"polls_per_s_max": POLLS_PER_S, "stall_s": _AGES_S, "deadline_s": _AGES_S}
    provider = {
        "dialect": "openai",
        "base_url": f"http://127.0.0.1:{upstream}",
        "api_key": {"file": "provider.key"},
        "in_flight_max": 100_000,
        "polling": polling,
        "offerings": [{"model": _MODEL, "sizes": ["720x1280"], "seconds": [8], "price": {"per_second": "0.10"}}],
    }
    return {
        "callers": [{"name": "bench", "key_sha256": hashlib.sha256(CALLER_KEY.encode()).hexdigest()}],
        "server": {"jobs_live_max": 1_000_000},
        "policy": {"job_deadline_s": _AGES_S},
        "providers": {f"p{number}": provider for number in range(PROVIDERS)},
    }


def _wrong(found: Sequence[Found]) -> list[str]:
    """Say what makes the figures worthless: jobs that were lost, or more polls than a provider takes."""
    complaints = []
    for each in found:
        where = f"{each.jobs} jobs in flight"
        if (each.answerable, each.armed) != (each.jobs, each.jobs):
            complaints.append(f"{where}: {each.answerable} answerable and {each.armed} armed after a kill")
        if each.retrieve_errors:
            complaints.append(f"{where}: {each.retrieve_errors} retrieves failed")
        if each.most_polls_per_s > _RATE_SLACK * POLLS_PER_S + 1:
            complaints.append(f"{where}: {each.most_polls_per_s:.1f} polls a second at one provider")
    return complaints


def _goals(found: Sequence[Found]) -> list[Goal]:
    by_jobs = {each.jobs: each for each in found}
    few, many, most = (by_jobs.get(jobs) for jobs in JOBS)
    goals = []
    for each, restart_s, stall_ms in ((many, 2.0, 50.0), (most, 4.0, 150.0)):
        if each is None or few is None:
            continue
        name = f"{each.jobs:,} in flight"
        longest_ms = max((1e3 * stall["lasted_s"] for stall in each.stalls), default=each.lag_most_ms)
        goals += [
            Goal(f"{name}: all answerable and armed after kill -9", _one(each.all_answerable_s), restart_s, "s"),
            Goal(f"{name}: timer lag, p99", _one(each.lag_p99_ms), 25, "ms", digits=1),
            Goal(f"{name}: the longest stall", _one(longest_ms), stall_ms, "ms", digits=0),
            Goal(f"{name}: CPU of a retrieve over that with few", _one(_ratio(each, few)), 1.5),
        ]
    if many is not None:
        goals.append(Goal(f"{many.jobs:,} in flight: memory in all", _one(many.rss_mib), 150, "MiB", digits=0))
    if most is not None and few is not None:
        kib = _one(_kib_per_job(most, few))
        goals.append(Goal(f"{most.jobs:,} in flight: memory of a job", kib, 2.5, "KiB"))
    return goals


def _sheet(found: Sequence[Found]) -> Sheet:
    few = found[0]
    rows = tuple(
        (
            f"{each.jobs:,}",
            f"{each.first_answer_s:.2f}",
            f"{each.all_answerable_s:.2f}",
            f"{each.rss_mib:.0f}",
            "" if each is few else f"{_kib_per_job(each, few):.2f}",
            f"{each.lag_p50_ms:.1f} / {each.lag_p99_ms:.1f} / {each.lag_most_ms:.0f}",
            f"{each.most_polls_per_s:.1f}",
            f"{each.retrieve_cpu_ms:.3f}",
            f"{each.retrieve_p50_ms:.2f} / {each.retrieve_p99_ms:.2f}",
            f"{each.scrape_ms:.0f}",
        )
        for each in found
    )
    headings = (
        "jobs in flight",
        "first answer s",
        "all answerable s",
        "MiB",
        "KiB a job",
        "lag ms p50 / p99 / most",
        "polls/s",
        "retrieve CPU ms",
        "retrieve ms p50 / p99",
        "/metrics ms",
    )
    caption = (
        f"after kill -9 and a start on the same file; a body of 1 KB each; {PROVIDERS} providers that take"
        f" {POLLS_PER_S:g} polls a second each: polls/s is the most that one saw over any five seconds"
    )
    return Sheet("many jobs in flight", headings, rows, caption)


def _stall_sheet(found: Sequence[Found]) -> Sheet:
    rows = tuple(
        (
            f"{each.jobs:,}",
            f"{1e3 * stall['lasted_s']:.0f}",
            f"{1e3 * stall['gc_s']:.0f}",
            " < ".join(stall["stack"][:3]) or "nobody saw",
        )
        for each in found
        for stall in each.stalls
    )
    title = "stalls of the event loop over 50 ms" if rows else "no stall of the event loop was over 50 ms"
    return Sheet(title, ("jobs in flight", "ms", "of it GC ms", "what it did"), rows)


def _kib_per_job(each: Found, few: Found) -> float:
    return (each.rss_mib - few.rss_mib) * 1024 / (each.jobs - few.jobs)


def _ratio(each: Found, few: Found) -> float:
    return each.retrieve_cpu_ms / few.retrieve_cpu_ms if few.retrieve_cpu_ms else 0.0


def _one(value: float) -> Spread:
    return Spread(value, value, value)


def main() -> int:
    """Measure this part alone and print what it found."""
    placed, quick = cores(), "--quick" in sys.argv[1:]
    if placed is not None:
        os.sched_setaffinity(0, {placed[1]})
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop_factory()) as runner:
        # Nobody of the fleet is asked for anything.
        lab = Lab(Path(folder), placed, 1, quick, fleet=None)  # type: ignore[arg-type]
        report = runner.run(measure(lab))
    console = Console(width=200)
    console.print(*report.tables)
    for goal in report.goals:
        console.print(*goal.row(), sep="  ", highlight=False)
    console.print(*report.complaints, sep="\n")
    return 1 if report.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
