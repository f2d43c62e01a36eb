"""Command line of the simulator: many seeds, or one of them in full."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulator.simulation import Report, simulate

_WORKERS_MAX = 2


def main() -> int:
    """Simulate, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (default: 200)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--seed", type=int, help="this one seed only")
    parser.add_argument(
        "--verbose", action="store_true", help="with --seed: print its whole trace, and the router's log"
    )
    parser.add_argument("--workers", type=int, default=min(_WORKERS_MAX, os.cpu_count() or 1), help="processes")
    options = parser.parse_args()
    if not options.verbose:
        logging.disable()
    if options.seed is not None:
        reports: Iterable[Report] = [simulate(options.seed, _say if options.verbose else None)]
    else:
        reports = _each(range(options.first_seed, options.first_seed + options.seeds), options.workers)
    return _print_all(reports)


def _each(seeds: range, workers: int) -> Iterator[Report]:
    """Simulate seeds in so many processes; the reports come in the order of the seeds."""
    if workers <= 1:
        yield from map(simulate, seeds)
        return
    with ProcessPoolExecutor(workers, initializer=_silence) as pool:
        try:
            yield from pool.map(simulate, seeds, chunksize=5)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _silence() -> None:
    logging.disable()


def _print_all(reports: Iterable[Report]) -> int:
    began, sums, seeds, steps, virtual_s = time.perf_counter(), Counter[str](), 0, 0, 0.0
    for report in reports:
        seeds, steps, virtual_s = seeds + 1, steps + report.steps, virtual_s + report.virtual_s
        sums.update(report.counts)
        _say(_line(report))
        if report.broken is not None:
            _say(f"\nseed {report.seed}: {report.broken}\n\nthe last that happened:", *report.trace)
            _say(f"\nreplay: .venv/bin/python -m tests.simulator --seed {report.seed} --verbose")
            return 1
    lived = f"{seeds} seeds, {steps} steps, {virtual_s / 3600:.1f} virtual hours"
    did = f"{sums['jobs']} jobs, {sums['purchases']} purchases, {sums['crashes']} crashes, {sums['stops']} stops"
    _say(f"{lived}: {did}; {seeds / (time.perf_counter() - began):.1f} seeds/s")
    return 0


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def _line(report: Report) -> str:
    count = Counter(report.counts)
    return (
        f"seed {report.seed:>5}  {report.steps:>6} steps  {report.virtual_s / 3600:5.1f} h  {count['jobs']:>3} jobs"
        f"  {count['purchases']:>3} bought  {count['crashes']} crashes  {report.digest[:12]}"
        f"  {'ok' if report.broken is None else 'BROKEN'}"
    )


if __name__ == "__main__":
    sys.exit(main())
