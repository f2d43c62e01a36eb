"""A storm: a router under load before sandboxes with faults, a calm one beside it, and a Prometheus that sees both.

`python -m tests.e2e.storm --out DIR` runs one for a few minutes and draws every dashboard of it.
"""

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGHUP
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from grafana.rules import rule_files
from providers.sandbox import Sandbox
from router.core.report import ReportRow
from tests.e2e.alert_watch import AlertWatch
from tests.e2e.load import DEAR, METADATA, PLAIN, PROMPT, QUERY, Customer, Load
from tests.locking import locked
from tests.process import Served
from tests.prometheus import JOB, Prometheus, prometheus
from tests.rig import POLLING, SOLD, provider_document

# An hour of the rules' windows and waits is a minute.
RULES_SCALE = 60.0
CALM = f"{JOB}-calm"
# How many seconds of a real upstream pass in one.
TIME_SCALE = 300.0
ON_TIME_S = {"short": 1.8, "long": 2.4, "hd": 4}
SIGNING = "whsec_" + b64encode(b"how the webhooks of a storm are signed").decode()
CUSTOMERS = (Customer("intern", 23, daily_budget_usd="3.00"), Customer("agency", 3), Customer("studio"))
_LONGEST_S = 180.0

FAULTS: dict[str, list[dict[str, Any]]] = {
    "jizhiai": [
        {"fault": "cut_after_accept", "share": 0.03},
        {"fault": "cut_before_accept", "share": 0.02},
        {"fault": "http_503", "share": 0.03, "retry_after_s": 0},
        {"fault": "http_500", "share": 0.02, "accepted": True},
        {"fault": "answer", "http_status": 500, "body": {"code": "zorb", "message": "quibble"}, "share": 0.01},
        {"fault": "never_finishing", "share": 0.008},
        {"fault": "fail_at_95", "share": 0.08},
        {"fault": "fail_with", "words": "zorb of the quibble", "share": 0.02},
        {"fault": "link_404", "share": 0.03},
        {"fault": "poll_garbage", "share": 0.05},
    ],
    "shenma": [
        {"fault": "late_answer", "share": 0.02, "delay_s": 3},
        {"fault": "error_in_200", "share": 0.03},
        {"fault": "rate_limited", "share": 0.01},
        {"fault": "prompt_review", "share": 0.04, "at": "job"},
        {"fault": "output_review", "share": 0.06},
        {"fault": "never_starting", "share": 0.008},
        {"fault": "link_not_video", "share": 0.02},
        {"fault": "stuck_progress", "share": 0.05},
        {"fault": "answer", "at": "poll", "http_status": 200, "body": {"status": "SPINNING"}, "share": 0.01},
        {"fault": "poll_429", "share": 0.05, "retry_after_s": 0},
    ],
    "openai": [
        {"fault": "image_review", "share": 0.1},
        {"fault": "html_502", "share": 0.03, "accepted": True},
        {"fault": "cancelled", "share": 0.02, "match": {"prompt_contains": PLAIN}},
        {"fault": "slow_download", "share": 0.05, "delay_s": 0.2},
        {
            "fault": "answer",
            "at": "poll",
            "http_status": 200,
            "body": {"object": "video", "status": "completed", "progress": 100, "cost_usd": 5000},
            "match": {"prompt_contains": DEAR},
        },
        {"fault": "poll_500", "share": 0.05},
    ],
}
# All three get a good part of the jobs; what is learned of them by those who want it cheap is soon doubted again.
ROUTING = {
    "policy": "weighted",
    "undelivered_usd": "20",
    "half_life_s": 5,
    "exploration": {"share": 0.5, "outcomes_min": 50, "usd_per_day": "500"},
    # So little that some failovers have to wait for their turn however slowly jobs come.
    "retry_budget": {"share": 0.2, "per_s": 4},
}
POLICY = {
    "on_ambiguous": "failover",
    # Less than a video of openai's: a lost submit there is held.
    "max_duplicate_usd": "0.30",
    "max_spend_usd": "4.00",
    "min_attempt_s": 0.1,
}
BREAKER = {"window_s": 5, "volume_min": 20, "failure_share": 0.6, "reset_s": 0.5, "reset_s_max": 2, "outage_s": 2}
HD: dict[str, Any] = {"model": "sora-2-pro", "sizes": ["1024x1792", "1792x1024"], "seconds": [15]}
HD |= {"image_inputs": ["url", "file"], "images_max": 1}
# In a storm, jizhiai takes longer for an hd video than anybody waits, and delivers it when its job has gone elsewhere.
HD_PRICES = {"jizhiai": "1.01", "shenma": "1.02"}
Series = tuple[dict[str, str], float]


def configuration(sandboxes: Mapping[str, Sandbox], folder: Path, time_scale: float, *, stormy: bool) -> dict[str, Any]:
    """Everything that a configuration may ask for, at the pace of the sandboxes; a calm one asks for nothing hard."""
    slower = TIME_SCALE / time_scale
    # Some answers never tell any progress.
    waits_s = {"stall_s": 2.0, "deadline_s": 4.0} if stormy else {"stall_s": 8.0, "deadline_s": 16.0}
    waits_s |= {name: POLLING[name] for name in ("first_after_s", "interval_s_min", "interval_s_max")}
    waits_s |= {"late_interval_s": 1.0}
    polling = {**POLLING, **{name: wait_s * slower for name, wait_s in waits_s.items()}}
    timeouts = {"connect_s": 2, "submit_s": 2, "poll_s": 2, "download_idle_s": 2}
    providers = {}
    for name, sandbox in sandboxes.items():
        key_file = folder / f"{name}.key"
        key_file.write_text(sandbox.key)
        document = provider_document(sandbox, key_file, breaker=BREAKER, polling=polling, timeouts=timeouts)
        document["daily_budget_usd"] = "5000"
        if name in HD_PRICES:
            deadline_s = slower * (2.1 if stormy and name == "jizhiai" else 16)
            document["offerings"].append({**HD, "deadline_s": deadline_s, "price": {"per_clip": HD_PRICES[name]}})
        providers[name] = document
    signing = folder / "webhooks.key"
    signing.write_text(SIGNING)
    providers["openai"]["webhook_secret"] = {"file": str(signing)}
    if stormy:
        ends = datetime.now(UTC) + timedelta(days=20)
        providers["openai"]["offerings"][0]["available_until"] = ends.date().isoformat()
    on_time_s = {name: limit_s * slower for name, limit_s in ON_TIME_S.items()}
    return {
        "defaults": {"model": "sora-2", "seconds": 10, "size": "720x1280"},
        "server": {"poll_after_ms": 20},
        **({"content": {"mode": "mirror", "folder": str(folder / "mirror"), "bytes_max": 1_048_576}} if stormy else {}),
        "callers": [each.document() for each in CUSTOMERS],
        "routing": ROUTING,
        "reporting": {"baseline_provider": "openai", **({"on_time_s": on_time_s} if stormy else {})},
        "policy": {**POLICY, "job_deadline_s": 20 * slower},
        "providers": providers,
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """How many jobs there are at least, how fast they come and are made, and how long it is from fault to fault.

    `to_the_end` waits for the end of every job, and takes all accounts then.
    """

    jobs: int
    per_second: float = 50.0
    time_scale: float = TIME_SCALE
    pause_s: float = 0.0
    to_the_end: bool = True

    @property
    def patience_s(self) -> float:
        """How long it may take until something is seen that has to happen, videos that have to be made included."""
        return 120.0 + 5 * _LONGEST_S / self.time_scale


@dataclass(frozen=True, slots=True)
class Account:
    """What a router's metrics, its overview and its ledger say at one moment, in wall seconds."""

    at: float
    samples: Sequence[Any]
    overview: Mapping[str, Any]
    rows: Sequence[ReportRow]


@dataclass(slots=True)
class Storm:
    """A storm under way, and afterwards all that is left of it. Times are wall seconds."""

    folder: Path
    served: Served
    calm: Served
    server: Prometheus
    watch: AlertWatch
    load: Load
    calm_load: Load
    document: dict[str, Any]
    started_at: float = 0.0
    ended_at: float = 0.0
    account: Account = Account(0.0, (), {}, ())
    resumed: Account = Account(0.0, (), {}, ())
    last_rows: Sequence[ReportRow] = ()
    over: bool = False

    def digest(self) -> str:
        return hashlib.sha256((self.folder / "router.yaml").read_bytes()).hexdigest()[:12]


def series_in(samples: Sequence[Any], name: str) -> list[Series]:
    """Return a family's series that are not 0."""
    return [(each.labels, each.value) for each in samples if each.name == f"video_router_{name}" and each.value]


async def scrape(served: Served) -> list[Any]:
    async with served.http.get(f"{served.admin_url}/metrics") as response:
        families = list(text_string_to_metric_families(await response.text()))
    return [sample for family in families for sample in family.samples]


async def refused_key(storm: Storm) -> None:
    """A provider refuses the key until somebody is told."""
    sandbox = storm.served.sandboxes["shenma"]
    await sandbox.set_faults([{"fault": "bad_key"}, *FAULTS["shenma"]])
    await storm.watch.until("firing", "ProviderKeyRefused", provider="shenma")
    await sandbox.set_faults(FAULTS["shenma"])
    await storm.watch.until("inactive", "ProviderKeyRefused", provider="shenma")


async def empty_balance(storm: Storm) -> None:
    sandbox = storm.served.sandboxes["jizhiai"]
    await sandbox.set_faults([{"fault": "insufficient_balance"}, *FAULTS["jizhiai"]])
    await storm.watch.until("firing", "ProviderBalanceUsedUp", provider="jizhiai")
    await sandbox.set_faults(FAULTS["jizhiai"])


async def broken_configuration(storm: Storm) -> None:
    """A file that nobody can read is refused; the repaired one, with another limit, is taken over at a signal."""
    file = storm.folder / "router.yaml"
    file.write_text("providers: [what, is, this")
    async with storm.served.http.post(f"{storm.served.admin_url}/admin/reload") as response:
        assert response.status == 422, await response.text()
    await storm.watch.until("firing", "ConfigReloadFailed", job=JOB)
    storm.document["providers"]["openai"]["daily_budget_usd"] = "6000"
    file.write_text(json.dumps(storm.document))
    storm.served.signal(SIGHUP)
    await storm.watch.until("inactive", "ConfigReloadFailed", job=JOB)


async def drained_provider(storm: Storm) -> None:
    """An operator drains a provider, looks whether it is so, and gives it jobs again."""
    shown = f'video_router_provider_drained{{provider="openai", job="{JOB}"}}'
    for drained in (True, False):
        order, url = {"provider": "openai", "drained": drained}, f"{storm.served.admin_url}/admin/providers/drain"
        async with storm.served.http.post(url, json=order) as response:
            assert response.status == 200, await response.text()
        await asyncio.to_thread(storm.server.wait_for, f"{shown} == {int(drained)}")
        # Until the one whose balance was just topped up gets jobs, too.
        await asyncio.sleep(3.0)


async def everything_fails(storm: Storm) -> None:
    """Every video is lost just before its end, wherever it is made."""
    for name, sandbox in storm.served.sandboxes.items():
        await sandbox.set_faults([{"fault": "fail_at_95", "match": {"prompt_contains": PLAIN}}, *FAULTS[name]])
    await storm.watch.until("firing", "DeliveredShareLow", window="1h", job=JOB)
    for name, sandbox in storm.served.sandboxes.items():
        await sandbox.set_faults(FAULTS[name])


async def locked_file(storm: Storm) -> None:
    """Another program holds the database for longer than the router waits."""
    with locked(storm.served.database):
        await storm.watch.until("firing", "StoreFails", job=JOB)


async def bad_requests(storm: Storm) -> None:
    """Requests that are wrong, or go nowhere."""
    headers = {"Authorization": f"Bearer {CUSTOMERS[-1].key}"}
    for body in ({"prompt": PROMPT, "size": "1x1"}, {"prompt": PROMPT, METADATA: 1}, {"prompt": [PROMPT]}):
        url = f"{storm.load.url}/v1/videos?token={QUERY}"
        async with storm.served.http.post(url, json=body, headers=headers) as response:
            storm.load.answers[response.status] += 1
            assert response.status == 400
    url = f"{storm.load.url}/v1/nothing?token={QUERY}"
    async with storm.served.http.get(url, headers=headers) as response:
        assert response.status == 404


_ACTS = (
    *(refused_key, broken_configuration, empty_balance, drained_provider),
    *(everything_fails, locked_file, bad_requests),
)


async def _acts(storm: Storm, plan: Plan) -> None:
    """Bring the faults on, one after the other, while the load goes on."""
    storm.started_at = time.time()
    try:
        while len(storm.load.videos) < 200:
            await asyncio.sleep(0.1)
        for act in _ACTS:
            await asyncio.sleep(plan.pause_s)
            await act(storm)
        await asyncio.sleep(plan.pause_s)
        while len(storm.load.accepted) < plan.jobs:
            await asyncio.sleep(0.1)
    finally:
        storm.over = True


@asynccontextmanager
async def a_router(folder: Path, time_scale: float, *, stormy: bool) -> AsyncIterator[tuple[Served, dict[str, Any]]]:
    """Start three sandboxes and a router before them; in a storm they have faults."""
    folder.mkdir()
    async with AsyncExitStack() as stack:
        sandboxes = {}
        for seed, name in enumerate(FAULTS):
            started = Sandbox.start(name, time_scale=time_scale, seed=seed, prices=SOLD.get(name))
            sandboxes[name] = await stack.enter_async_context(started)
            await sandboxes[name].set_faults(FAULTS[name] if stormy else ())
        document = configuration(sandboxes, folder, time_scale, stormy=stormy)
        (folder / "router.yaml").write_text(json.dumps(document))
        served = Served(folder, sandboxes, await stack.enter_async_context(ClientSession()))
        stack.push_async_callback(served.kill)
        await served.start()
        sandboxes["openai"].send_webhooks(f"{served.url}/hooks/openai", SIGNING)
        yield served, document


@contextmanager
def a_storm(folder: Path, plan: Plan) -> Iterator[Storm]:
    """Let a storm pass; the Prometheus that saw it answers until the block is left."""
    with ExitStack() as stack:
        yield asyncio.run(_storm(stack, folder, plan))


async def _storm(stack: ExitStack, folder: Path, plan: Plan) -> Storm:
    async with (
        a_router(folder / "storm", plan.time_scale, stormy=True) as (served, document),
        a_router(folder / "calm", plan.time_scale, stormy=False) as (calm, _),
    ):
        targets = {JOB: [_target(served)], CALM: [_target(calm)]}
        running = prometheus(folder, targets, rules=rule_files(RULES_SCALE))
        server = await asyncio.to_thread(stack.enter_context, running)
        load = Load(served.url, CUSTOMERS, plan.per_second, 120 * TIME_SCALE / plan.time_scale)
        calm_load = Load(calm.url, CUSTOMERS[1:], plan.per_second / 20, load.patience_s)
        watch = AlertWatch(server, plan.patience_s)
        storm = Storm(folder / "storm", served, calm, server, watch, load, calm_load, document)
        looking = asyncio.create_task(watch.run())
        async with asyncio.TaskGroup() as group:
            loads = [group.create_task(each.run(lambda: storm.over)) for each in (load, calm_load)]
            await _acts(storm, plan)
            if not plan.to_the_end:
                for each in loads:
                    each.cancel()
        if plan.to_the_end:
            await _look_back(storm)
        else:
            storm.ended_at = time.time()
        looking.cancel()
        return storm


async def account_of(served: Served) -> Account:
    """Take all of them between two changes; late attempts settle when they like."""
    while True:
        rows = served.rows()
        await asyncio.sleep(0.5)
        async with served.http.get(f"{served.admin_url}/admin/overview") as response:
            account = Account(time.time(), await scrape(served), await response.json(), rows)
        await asyncio.sleep(0.5)
        if rows == served.rows():
            return account


async def _look_back(storm: Storm) -> None:
    """Take all accounts when the last job has ended, then end the router, and see what a new one remembers."""
    storm.account = await account_of(storm.served)
    # A last scrape of Prometheus' own, and its rules about it.
    await asyncio.sleep(2)
    storm.ended_at = time.time()
    assert await storm.served.stop() == 0
    storm.last_rows = storm.served.rows()
    await storm.watch.until("firing", "RouterDown", job=JOB)
    await storm.served.start()
    storm.resumed = await account_of(storm.served)
    assert await storm.served.stop() == 0
    assert await storm.calm.stop() == 0


def _target(served: Served) -> str:
    return served.admin_url.removeprefix("http://")


def main() -> None:
    """Let a storm pass over a few minutes, and draw every dashboard of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.storm", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for one PNG a dashboard")
    parser.add_argument("--per-second", type=float, default=15.0, help="creates (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=20.0, help="seconds from fault to fault (default: %(default)s)")
    time_scale = "seconds of an upstream that pass in one; 2 makes videos in half a minute (default: %(default)s)"
    parser.add_argument("--time-scale", type=float, default=TIME_SCALE, help=time_scale)
    given = parser.parse_args()
    plan = Plan(0, given.per_second, given.time_scale, given.pause, to_the_end=False)
    with TemporaryDirectory() as folder, a_storm(Path(folder), plan) as storm:
        length_s = storm.ended_at - storm.started_at
        lines = [f"{len(storm.load.accepted)} jobs in {length_s:.0f} s"]
        lines += [f"{each.name}: {' -> '.join(each.states)}: {each.annotations['summary']}" for each in storm.watch.all]
        sys.stdout.write("\n".join((*lines, "")))
        sys.stdout.flush()
        where = ("--prometheus", storm.server.url, "--out", str(given.out), "--scrape", "1s")
        when = ("--range", f"{length_s:.0f}s", "--end", str(storm.ended_at))
        subprocess.run([sys.executable, "-m", "grafana.preview", *where, *when], check=True)


if __name__ == "__main__":
    main()
