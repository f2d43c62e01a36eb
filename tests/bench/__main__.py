"""Measure the router beside a bare aiohttp pass-through: `python -m tests.bench [--quick]`."""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from rich.console import Console

from tests.bench.deciding import decision_complaints, decision_document, decision_table, measured_decisions
from tests.bench.figures import complaints, document, rows_of
from tests.bench.loop import loop_factory
from tests.bench.measuring import FULL, QUICK, measured_rounds, passthrough_target, router_target
from tests.bench.scraping import measured_scrapes, scrape_complaints, scrape_document, scrape_table
from tests.bench.servers import Server, cores, passthrough, router
from tests.bench.tables import comparison
from tests.bench.upstream import Upstream

FULL_SCRAPES: Final = 200
QUICK_SCRAPES: Final = 5
FULL_DECISIONS: Final = 1000
QUICK_DECISIONS: Final = 20


def main() -> int:
    """Run the benchmark; 1 when a request failed or a count is wrong, whatever the figures are."""
    arguments = _arguments()
    if sys.platform != "linux":
        sys.stderr.write("the benchmark reads CPU time and memory as Linux keeps them; run it on Linux\n")
        return 2
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_bench(arguments.output, quick=arguments.quick, rounds=arguments.rounds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few requests: shows that all works, and no figures")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is measured (default: 7)")
    parser.add_argument("--output", type=Path, default=Path("bench-output"), help="folder for bench.json")
    return parser.parse_args()


async def _bench(output: Path, *, quick: bool, rounds: int) -> int:
    output.mkdir(parents=True, exist_ok=True)
    placed = cores()
    if placed is not None:
        os.sched_setaffinity(0, {placed[1]})
    upstream = Upstream()
    upstream_port = await upstream.listen()
    started = time.monotonic()
    with TemporaryDirectory(dir=output, prefix="run-") as name, ExitStack() as stack:
        folder, core = Path(name).absolute(), placed[0] if placed else None
        fsync_ms = _fsync_ms(folder)
        servers = [stack.enter_context(server(folder, core, upstream_port)) for server in (router, passthrough)]
        rss_before = _rss_mib(servers)
        targets = [await router_target(servers[0]), passthrough_target(servers[1])]
        samples = await measured_rounds(targets, upstream, QUICK if quick else FULL, 1 if quick else rounds)
        rss_after = _rss_mib(servers)
        scrapes = QUICK_SCRAPES if quick else FULL_SCRAPES
        deciding = await measured_decisions(folder, QUICK_DECISIONS if quick else FULL_DECISIONS, len(samples))
        if placed is not None:
            os.sched_setaffinity(0, placed)
        scraping = await measured_scrapes(folder, scrapes)
    rows = rows_of(samples)
    wrong = [*complaints(rows), *scrape_complaints(scraping, scrapes), *decision_complaints(deciding)]
    about = {
        "rounds": len(samples),
        "quick": quick,
        "cores": placed,
        "took_s": round(time.monotonic() - started, 1),
        "fsync_ms": fsync_ms,
        "rss_mib_at_start": rss_before,
        "rss_mib_at_end": rss_after,
        "requests": sum(figures.requests for row in rows for figures in (row.router, row.passthrough)),
        "errors": sum(figures.errors for row in rows for figures in (row.router, row.passthrough)),
        "creates_upstream": upstream.seen["create"],
    }
    (output / "bench.json").write_bytes(
        orjson.dumps(
            {
                "about": about,
                "rows": document(rows),
                "scrapes": scrape_document(scraping),
                "decisions": decision_document(deciding),
                "complaints": wrong,
            },
            option=orjson.OPT_INDENT_2,
        )
    )
    console = Console()
    console.print(comparison(rows), scrape_table(scraping), decision_table(deciding))
    _print_about(console, about, output)
    for complaint in wrong:
        console.print(f"worthless: {complaint}", style="red", markup=False)
    return 1 if wrong else 0


def _print_about(console: Console, about: dict[str, Any], output: Path) -> None:
    cpu = "servers on core {}, load and upstream on core {}".format(*about["cores"]) if about["cores"] else "not pinned"
    memory = ", ".join(
        f"{name} {before:.0f} -> {about['rss_mib_at_end'][name]:.0f} MiB"
        for name, before in about["rss_mib_at_start"].items()
    )
    for text in (
        "c: requests at a time; ratio: router / pass-through within a round",
        f"medians above the least and the most of {about['rounds']} rounds, which took {about['took_s']} s",
        f"{cpu}; a commit to this disk takes {about['fsync_ms']:.2f} ms",
        f"resident: {memory}",
        f"{about['requests']} requests, {about['errors']} errors, {about['creates_upstream']} creates upstream",
        f"all figures: {output / 'bench.json'}",
    ):
        console.print(text, highlight=False)


def _rss_mib(servers: Sequence[Server]) -> dict[str, float]:
    return {server.name: round(server.rss_bytes() / (1 << 20), 1) for server in servers}


def _fsync_ms(folder: Path) -> float:
    """Say how long one append to the disk takes here: no durable write can be faster."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
