"""The servers that are measured, set up as their operators would."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.bench.processes import Server, cores, listening
from tests.bench.upstream import COMPRESSION, RUNNING_MODEL, TIMED_MODEL, TOLD_MODEL, VIDEO_MIB, finished_model

__all__ = ["CALLER_KEY", "Server", "cores", "passthrough", "router", "scraped", "traced"]

CALLER_KEY: Final = "sk-bench-caller"
UPSTREAM_KEY: Final = "sk-bench-upstream"
SAMPLED: Final = "0.1"
EXPORT_EVERY_S: Final = 0.5
"""How long spans wait for their export. By default it is ten times as long, and a phase would pay for another's."""
_AGES_S: Final = 86_400
# Pacing weighs polls against seconds of lag, so it polls the less, the faster time passes: its bounds make up for that.
_FIFTEEN_POLLS: Final = {
    "first_after_s": 20 / COMPRESSION,
    "interval_s_min": 2 / COMPRESSION,
    "interval_s_max": 6.5 / COMPRESSION,
    "polls_per_s_max": 10_000,
}
_FOUR_POLLS: Final = {**_FIFTEEN_POLLS, "interval_s_max": 30 / COMPRESSION}
_AT_ONCE: Final = {"first_after_s": 0.02, "interval_s_min": 0.02, "interval_s_max": 0.1, "polls_per_s_max": 10_000}
_NEVER: Final = {"first_after_s": _AGES_S / 2, "interval_s_max": _AGES_S / 2}


@contextmanager
def passthrough(folder: Path, core: int | None, upstream: int) -> Iterator[Server]:
    """Run the pass-through before an upstream's port."""
    arguments = [sys.executable, "-m", "tests.bench.passthrough", f"http://127.0.0.1:{upstream}"]
    with listening("pass-through", arguments, folder, core) as server:
        yield server


@contextmanager
def router(folder: Path, core: int | None, upstream: int, collector: int | None = None) -> Iterator[Server]:
    """Run the router as its operators do: a configuration, a database on disk, callers with keys, metrics, traces."""
    (folder / "provider.key").write_text(UPSTREAM_KEY)
    config = folder / "router.yaml"
    config.write_text(json.dumps(_configuration(upstream)))
    arguments = [sys.executable, "-m", "router", "serve", "--config", str(config), "--db", str(folder / "router.db")]
    arguments += ["--port", "0", "--admin-port", "0"]
    with listening("router", arguments, folder, core, traced(collector)) as server:
        yield server


def traced(collector: int | None) -> dict[str, str]:
    """Return the environment in which one request in ten is traced, and exported to a port of loopback."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    if collector is None:
        return environment
    return environment | {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": SAMPLED,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": f"{1e3 * EXPORT_EVERY_S:.0f}",
    }


@contextmanager
def scraped(folder: Path, lags: Path) -> Iterator[Server]:
    """Run a router with as many series as ten providers can have; its port is that of the admin listener.

    It has every core: a scrape is rendered in a thread beside the loop.
    """
    (folder / "provider.key").write_text(UPSTREAM_KEY)
    config = folder / "scraped.yaml"
    config.write_text(json.dumps(_full_configuration()))
    arguments = [sys.executable, "-m", "tests.bench.scraped", str(config), str(folder / "scraped.db"), str(lags)]
    with listening("scraped", arguments, folder, None) as server:
        yield server


def _full_configuration() -> dict[str, Any]:
    """Ten providers that sell two models each, twenty callers, and a daily budget for everybody."""
    digests = [hashlib.sha256(f"{CALLER_KEY}-{number}".encode()).hexdigest() for number in range(20)]
    budget = {"daily_budget_usd": "100.00"}
    offering = {"sizes": ["720x1280", "1280x720"], "seconds": [4, 8, 12], "price": {"per_second": "0.10"}}
    provider = {
        "dialect": "openai",
        "base_url": "http://127.0.0.1:9",
        "api_key": {"file": "provider.key"},
        "offerings": [{"model": model, **offering} for model in ("sora-2", "sora-2-pro")],
    }
    return {
        "callers": [{"name": f"c{number}", "key_sha256": digest, **budget} for number, digest in enumerate(digests)],
        "reporting": {"baseline_provider": "p9"},
        "providers": {f"p{number}": {**provider, **budget} for number in range(10)},
    }


def _configuration(upstream: int) -> dict[str, Any]:
    """Sell one model whose jobs are left alone for a day, some whose jobs are polled at once, and two of real life."""
    return {
        "callers": [{"name": "bench", "key_sha256": hashlib.sha256(CALLER_KEY.encode()).hexdigest()}],
        "server": {"jobs_live_max": 1_000_000},
        "policy": {"job_deadline_s": _AGES_S},
        "providers": {
            "running": _provider(upstream, [RUNNING_MODEL], _NEVER),
            "finished": _provider(upstream, [finished_model(mib) for mib in VIDEO_MIB], _AT_ONCE),
            "timed": _provider(upstream, [TIMED_MODEL], _FIFTEEN_POLLS),
            "told": _provider(upstream, [TOLD_MODEL], _FOUR_POLLS),
        },
    }


def _provider(upstream: int, models: list[str], polling: dict[str, float]) -> dict[str, Any]:
    offering = {"sizes": ["720x1280"], "seconds": [8], "price": {"per_second": "0.10"}}
    return {
        "dialect": "openai",
        "base_url": f"http://127.0.0.1:{upstream}",
        "api_key": {"file": "provider.key"},
        "in_flight_max": 100_000,
        "polling": {**polling, "stall_s": _AGES_S, "deadline_s": _AGES_S},
        "offerings": [{"model": model, **offering} for model in models],
    }
