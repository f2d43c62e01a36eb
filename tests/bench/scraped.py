"""A router with all the series that it can have: `python -m tests.bench.scraped CONFIG DATABASE LAGS`."""

import asyncio
import gc
import os
import signal
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import orjson

from providers.canonical import Failure, Reason, Stage
from router.app import _GC_THRESHOLDS, Place, observer_for, running
from router.config.loading import load
from router.core.events import AttemptEnded, FailedOver
from router.core.job import AttemptState
from router.core.ledger import CostKind, EntryKind, LedgerEntry
from router.observe.metrics import Metrics
from tests.bench.loop import loop_factory
from tests.observe import scenes

_SAMPLE_EVERY_S = 0.005
_ROUTES = ("/v1/videos", "/v1/videos/{video_id}", "/v1/videos/{video_id}/content", "/v1/models", "/v1/videos/quote")
_STRANGE_ROUTES = tuple(f"/{number}" for number in range(20))


def flood(metrics: Metrics, providers: list[str], callers: list[str]) -> None:
    """Let everything happen at every provider: each stage, reason and outcome, and more than there is room for."""
    for (number, provider), model in product(enumerate([*providers, "stranger"]), (*scenes.MODELS, "?")):
        job = replace(scenes.job_of(model), caller=callers[number % len(callers)])
        attempt = scenes.attempt_of(job, provider)
        for stage, reason in product(Stage, Reason):
            moved = FailedOver(job, replace(attempt, stage=stage), replace(attempt, provider=providers[number - 1]))
            metrics.listeners.hear(moved)
            for state in (AttemptState.FAILED, AttemptState.SUCCEEDED):
                metrics.listeners.hear(scenes.ended(job, attempt, state, None, stage, reason)[1])
            metrics.listeners.hear(scenes.failed(job.with_attempt(attempt), Failure(stage, reason))[1])
        for kind, caller in product((kind for kind in CostKind if kind is not CostKind.UNCERTAIN), callers):
            entry = LedgerEntry(attempt.id, job.id, provider, EntryKind.POSTED, 12_345, 0.0, kind)
            metrics.listeners.hear(AttemptEnded(replace(job, caller=caller), attempt, (entry,)))
        for event in (*scenes.delivery(provider, model), *scenes.exchanges(provider), *scenes.health(provider)):
            metrics.listeners.hear(event)
    for event in (*scenes.own_state(), *scenes.a_day()):
        metrics.listeners.hear(event)
    for route, status in product((*_ROUTES, *_STRANGE_ROUTES), range(400, 440)):
        metrics.observe_request(route, "GET", status, 0.01)


async def watch(lags: list[tuple[float, float]]) -> None:
    """Note how late the loop comes back to a timer, 200 times a second; the clock is the same in every process."""
    while True:
        planned = time.monotonic() + _SAMPLE_EVERY_S
        await asyncio.sleep(_SAMPLE_EVERY_S)
        now = time.monotonic()
        lags.append((now, max(0.0, now - planned)))


async def serve(config: Path, database: Path, lags_file: Path) -> None:
    """Run as `video-router serve` does; at SIGTERM write the lags and end."""
    settings = load(config, os.environ)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    lags: list[tuple[float, float]] = []
    with Path(os.devnull).open("w") as log:
        observer = observer_for(settings.catalog, log)
        async with running(settings, Place("127.0.0.1", 0, "127.0.0.1", 0, database), observer) as router:
            flood(observer.metrics, list(settings.catalog.providers), [caller.name for caller in settings.callers])
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            watching = asyncio.create_task(watch(lags))
            sys.stdout.write(f'{{"event":"listening","url":"{router.admin_url}"}}\n')
            sys.stdout.flush()
            await stop.wait()
            watching.cancel()
    lags_file.write_bytes(orjson.dumps(lags))


def main() -> None:
    """Run on the same event loop as the router does."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(*(Path(each) for each in sys.argv[1:4])))


if __name__ == "__main__":
    main()
