"""The targets of the benchmark: what each server is asked, and the jobs that it is asked about."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson

from tests.bench import litellm
from tests.bench.load import drive, request_bytes
from tests.bench.measuring import Measure, Phase, Questions, Target
from tests.bench.processes import Server
from tests.bench.servers import CALLER_KEY, EXPORT_EVERY_S
from tests.bench.upstream import LISTED, MIB, RUNNING_MODEL, VIDEO_MIB, finished_model

DIRECT: Final = "direct"
ROUTER: Final = "router"
PASSTHROUGH: Final = "pass-through"
JOBS: Final = 16
_COMPLETED_S_MAX: Final = 60.0
_LOOK_EVERY_S: Final = 0.05
_LIST: Final = f"/v1/videos?limit={LISTED}"


def asked_upstream(phase: Phase) -> int:
    """Say how often the router asks its upstream for one request of a phase."""
    return int(phase.measure in (Measure.CREATE, Measure.CONTENT))


def direct_target(upstream_port: int) -> Target:
    """Ask the upstream itself: what is left is what the load generator and the machine take."""
    return Target(Server(DIRECT, None, upstream_port), _questions(upstream_port, *_made_up()))


def passthrough_target(server: Server) -> Target:
    """Ask the pass-through about jobs that the upstream makes up from their ids."""
    return Target(server, _questions(server.port, *_made_up()))


async def router_target(
    server: Server, video_mib: Sequence[int] = VIDEO_MIB, rest_s: float = 1.2 * EXPORT_EVERY_S
) -> Target:
    """Give the router jobs to be asked about: some that go on, and some that are finished."""
    running = await created(server, RUNNING_MODEL)
    finished = {mib: await created(server, finished_model(mib), _videos_of(mib)) for mib in video_mib}
    await completed(server, [video_id for video_ids in finished.values() for video_id in video_ids])
    questions = _questions(server.port, running, finished)
    questions[Measure.QUOTE, 0] = Questions(server.port, [post(RUNNING_MODEL, "/v1/videos/quote")])
    if server.admin_port is not None:
        questions[Measure.METRICS, 0] = Questions(server.admin_port, [get("/metrics")])
    return Target(server, questions, rest_s=rest_s)


def litellm_target(server: Server) -> Target:
    """Ask LiteLLM, whose ids name the upstream's jobs. It lists no configured provider's videos and knows no quotes."""
    running, finished = _made_up()
    questions = _questions(
        server.port,
        [litellm.video_id_of(RUNNING_MODEL, remote_id) for remote_id in running],
        {
            mib: [litellm.video_id_of(finished_model(mib), remote_id) for remote_id in finished[mib]]
            for mib in litellm.VIDEO_MIB
        },
    )
    del questions[Measure.LIST, 0]
    return Target(server, questions, slow=True)


async def created(server: Server, model: str, count: int = JOBS) -> list[str]:
    """Create jobs of a model and return their ids."""
    load, bodies = await drive(server.port, [post(model)], count, 1)
    if load.errors:
        raise RuntimeError(f"{server.name} refuses creates of {model}")
    return [orjson.loads(body)["id"] for body in bodies]


async def completed(server: Server, video_ids: Iterable[str]) -> None:
    """Wait until videos are finished for those who ask."""
    give_up_at, waiting = time.monotonic() + _COMPLETED_S_MAX, list(video_ids)
    while waiting:
        _, bodies = await drive(server.port, [get(f"/v1/videos/{video_id}") for video_id in waiting], len(waiting), 1)
        found = [orjson.loads(body) for body in bodies]
        ended_badly = [video["error"] for video in found if video["status"] == "failed"]
        if ended_badly or time.monotonic() > give_up_at:
            raise RuntimeError(f"{server.name} does not finish {len(waiting)} videos: {ended_badly[:1]}")
        waiting = [video["id"] for video in found if video["status"] != "completed"]
        await asyncio.sleep(_LOOK_EVERY_S)


def post(model: str, path: str = "/v1/videos") -> bytes:
    """Write a create, or what else takes its body."""
    prompt = "A paper boat drifts down a narrow river at dawn, seen from low above the water, mist between the reeds."
    body = orjson.dumps({"model": model, "prompt": prompt, "seconds": "8", "size": "720x1280"})
    return request_bytes("POST", path, CALLER_KEY, body)


def get(path: str) -> bytes:
    """Write a request without a body."""
    return request_bytes("GET", path, CALLER_KEY)


def _made_up() -> tuple[list[str], dict[int, list[str]]]:
    """Name jobs as the upstream does."""
    finished = {mib: [f"done_{mib}_{number}" for number in range(_videos_of(mib))] for mib in VIDEO_MIB}
    return [f"run_{number}" for number in range(JOBS)], finished


def _videos_of(mib: int) -> int:
    """As each is read once by the router itself, there are the fewer, the longer they are."""
    return max(1, JOBS // max(1, mib // 8))


def _questions(
    port: int, running: Sequence[str], finished: Mapping[int, Sequence[str]]
) -> dict[tuple[Measure, int], Questions]:
    questions = {
        (Measure.CREATE, 0): Questions(port, [post(RUNNING_MODEL)]),
        (Measure.RETRIEVE, 0): Questions(port, [get(f"/v1/videos/{video_id}") for video_id in running]),
        (Measure.LIST, 0): Questions(port, [get(_LIST)]),
    }
    for mib, video_ids in finished.items():
        paths = [f"/v1/videos/{video_id}/content" for video_id in video_ids]
        questions[Measure.CONTENT, mib] = Questions(port, [get(path) for path in paths], mib * MIB)
    return questions


FROM_OWN_STATE: Final = get("/v1/videos?limit=1")
"""What a router answers that has seen nothing yet."""
FROM_UPSTREAM: Final = get("/v1/videos/run_0")
THROUGH_LITELLM: Final = get(f"/v1/videos/{litellm.video_id_of(RUNNING_MODEL, 'run_0')}")
