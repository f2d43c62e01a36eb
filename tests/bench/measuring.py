"""What is measured: the same requests to the router and to the pass-through, in turns, round after round."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from tests.bench.load import Load, drive, request_bytes
from tests.bench.servers import CALLER_KEY, Server
from tests.bench.upstream import CONTENT_BYTES, FINISHED_MODEL, RUNNING_MODEL, Upstream

_JOBS: Final = 16
_IDLE_S_MAX: Final = 20.0
_LOOK_EVERY_S: Final = 0.03
_IDLE_SHARE: Final = 0.05


class Measure(StrEnum):
    """A request of the API."""

    CREATE = "create"
    RETRIEVE = "retrieve"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Phase:
    """A number of requests of one kind, so many at a time."""

    measure: Measure
    concurrency: int
    requests: int


FULL: Final = (
    Phase(Measure.CREATE, 16, 800),
    Phase(Measure.CREATE, 1, 300),
    Phase(Measure.RETRIEVE, 16, 3000),
    Phase(Measure.RETRIEVE, 1, 800),
    Phase(Measure.CONTENT, 16, 48),
    Phase(Measure.CONTENT, 1, 16),
)
QUICK: Final = tuple(Phase(phase.measure, phase.concurrency, 32) for phase in FULL)


@dataclass(frozen=True, slots=True)
class Sample:
    """One phase on one server. `cpu_s` runs on until the server is idle again; `upstream` is what that one saw."""

    server: str
    phase: Phase
    load: Load
    cpu_s: float
    upstream: int


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and the requests it is sent."""

    server: Server
    requests: Mapping[Measure, Sequence[bytes]]


async def router_target(server: Server) -> Target:
    """Give the router jobs to be asked about: some that go on, and some that are finished."""
    running = await _create(server, RUNNING_MODEL)
    finished = await _create(server, FINISHED_MODEL)
    await _completed(server, finished)
    return _target(server, running, finished)


def passthrough_target(server: Server) -> Target:
    """Ask the pass-through about jobs that the upstream makes up from their ids."""
    return _target(server, [f"run_{n}" for n in range(_JOBS)], [f"done_{n}" for n in range(_JOBS)])


async def measured_rounds(
    targets: Sequence[Target], upstream: Upstream, phases: Sequence[Phase], rounds: int
) -> list[list[Sample]]:
    """Run every phase on every server in each round; who goes first alternates, so that drift hits all alike."""
    for phase in phases:
        for target in targets:
            await _sample(target, upstream, Phase(phase.measure, phase.concurrency, max(32, phase.requests // 10)))
    samples = []
    for number in range(rounds):
        order = targets if number % 2 == 0 else targets[::-1]
        samples.append([await _sample(target, upstream, phase) for phase in phases for target in order])
    return samples


async def _sample(target: Target, upstream: Upstream, phase: Phase) -> Sample:
    server, measure = target.server, phase.measure
    length = CONTENT_BYTES if measure is Measure.CONTENT else None
    seen, cpu_s = upstream.seen.total(), server.cpu_s()
    load, _ = await drive(server.port, target.requests[measure], phase.requests, phase.concurrency, length)
    await _idle(server)
    return Sample(server.name, phase, load, server.cpu_s() - cpu_s, upstream.seen.total() - seen)


async def _idle(server: Server) -> None:
    """Wait until a server has finished what it does behind its answers: a create's submit belongs to its cost."""
    give_up_at = time.monotonic() + _IDLE_S_MAX
    quiet = 0
    while quiet < 3:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"{server.name} does not come to rest")
        before_s = server.cpu_s()
        await asyncio.sleep(_LOOK_EVERY_S)
        quiet = quiet + 1 if server.cpu_s() - before_s < _IDLE_SHARE * _LOOK_EVERY_S else 0


def _target(server: Server, running: Sequence[str], finished: Sequence[str]) -> Target:
    content = [_get(f"/v1/videos/{video_id}/content") for video_id in finished]
    retrieves = [_get(f"/v1/videos/{video_id}") for video_id in running]
    requests = {Measure.CREATE: [_post(RUNNING_MODEL)], Measure.RETRIEVE: retrieves, Measure.CONTENT: content}
    return Target(server, requests)


async def _create(server: Server, model: str) -> list[str]:
    load, bodies = await drive(server.port, [_post(model)], _JOBS, 1)
    if load.errors:
        raise RuntimeError(f"{server.name} refuses creates of {model}")
    return [orjson.loads(body)["id"] for body in bodies]


async def _completed(server: Server, video_ids: Sequence[str]) -> None:
    requests = [_get(f"/v1/videos/{video_id}") for video_id in video_ids]
    async with asyncio.timeout(_IDLE_S_MAX):
        while True:
            _, bodies = await drive(server.port, requests, len(requests), 1)
            if all(orjson.loads(body)["status"] == "completed" for body in bodies):
                return
            await asyncio.sleep(_LOOK_EVERY_S)


def _post(model: str) -> bytes:
    prompt = "A paper boat drifts down a narrow river at dawn, seen from low above the water, mist between the reeds."
    body = orjson.dumps({"model": model, "prompt": prompt, "seconds": "8", "size": "720x1280"})
    return request_bytes("POST", "/v1/videos", CALLER_KEY, body)


def _get(path: str) -> bytes:
    return request_bytes("GET", path, CALLER_KEY)
