"""What the engine asks of its store and its transport, and what it keeps in memory."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FunctionType, ModuleType

from providers.adapter import HttpRequest
from providers.canonical import Failure, ImageFile, ImageUrl, Reason, Stage, Succeeded, VideoRequest
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.events import CostDoubted
from router.core.job import AttemptState, Job, JobState
from router.core.order import Order
from router.core.preferences import RoutingPreferences
from router.engine.engine import Engine
from tests.builders import a_price, a_video, an_offering
from tests.engine.scripted import PRICES, Fate, Scene, ScriptedAdapter, a_scene, scripted_provider
from tests.virtual_time import in_virtual_time

LINK = ImageUrl("https://example.com/a.png")
PHOTO = ImageFile(b"\x89PNG of a cat", "image/png", "cat.png")
BUSY = Failure(Stage.SUBMIT, Reason.OVERLOADED, "too much to do")
REFUSED = Fate(submit=Failure(Stage.SUBMIT, Reason.INVALID))


class Seeing(ScriptedAdapter):
    """Notes the images of every submit."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        self.seen.append(video.images)
        return super().submit_request(video, model)


@asynccontextmanager
async def a_scene_with_images(clock: Clock, path: Path, *fates: Fate) -> AsyncIterator[tuple[Scene, Seeing]]:
    """One provider that takes images, and the same again under another name."""
    adapter = Seeing()
    async with a_scene(clock, {"alpha": list(fates)}, path=path) as scene:
        await scene.crash()
        kinds = frozenset({"url", "file"})
        scene.catalog = Catalog.of(
            tuple(scripted_provider(name, adapter=adapter) for name in ("alpha", "beta")),
            tuple(
                an_offering(name, price=a_price(PRICES[name]), images_max=2, image_inputs=kinds)
                for name in ("alpha", "beta")
            ),
        )
        await scene.start()
        yield scene, adapter


async def accepted(scene: Scene) -> Job:
    scene.accepted += 1
    video = a_video(prompt=f"video_{scene.accepted}", images=(LINK, PHOTO))
    return (await scene.engine.accept(Order("tester", video, RoutingPreferences()))).job


def reachable_images(engine: Engine) -> set[bytes]:
    """The bytes of every ImageFile that can be reached from an engine: its jobs, and the frames of its tasks."""
    found, seen, waiting = set(), set(), [engine, *asyncio.all_tasks()]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType | FunctionType):
            continue
        seen.add(id(thing))
        if isinstance(thing, ImageFile):
            found.add(thing.data)
        waiting += gc.get_referents(thing)
    return found


def test_only_the_downloads_of_callers_use_the_connections_of_callers() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.made()
            opening = scene.engine.content(job, "video", {})
            assert opening is not None
            async with opening as stream:
                assert stream.status == 200
            assert scene.transport.opened_for_callers == [False, True]

    in_virtual_time(main)


def test_every_submit_carries_the_images_that_no_live_job_holds(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        busy_later = Fate(submit=BUSY, answer_after_s=20.0)
        async with a_scene_with_images(clock, tmp_path / "router.db", busy_later) as (scene, adapter):
            job = await accepted(scene)
            assert job.video.images == (LINK, ImageFile(b"", "image/png", "cat.png"))
            ended = await scene.ended(job.id)
            assert ended.state is JobState.COMPLETED
            assert adapter.seen == [(LINK, PHOTO), (LINK, PHOTO)]

    in_virtual_time(main)


def test_a_job_under_way_and_a_resumed_one_keep_no_image_in_memory(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene_with_images(clock, tmp_path / "router.db") as (scene, adapter):
            job = await accepted(scene)
            await asyncio.sleep(10.0)
            assert (await scene.job(job.id)).attempts[0].state is AttemptState.RUNNING
            adapter.seen.clear()
            assert reachable_images(scene.engine) == {b""}
            await scene.crash()
            await scene.start()
            await asyncio.sleep(10.0)
            assert reachable_images(scene.engine) == {b""}
            assert (await scene.ended(job.id)).state is JobState.COMPLETED

    in_virtual_time(main)


def test_a_job_whose_images_are_gone_fails_and_is_never_sent_without_them(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene_with_images(clock, path, REFUSED) as (scene, _):
            job = await accepted(scene)
            with sqlite3.connect(path) as connection:
                connection.execute("DELETE FROM input_images")
            connection.close()
            ended = await scene.ended(job.id)
            assert ended.failure is not None
            assert (ended.failure.stage, ended.failure.reason) == (Stage.ROUTE, Reason.INTERNAL)
            assert scene.posts() == {"alpha": 1}
            assert await scene.money(job.id) == ["alpha pending", "alpha voided"]
            assert {health.snapshot().in_flight for health in scene.health.values()} == {0}

    in_virtual_time(main)


def test_a_cost_beyond_belief_is_told_and_the_quote_is_posted() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(end=Succeeded(cost_microusd=9_999_000_000))]}) as scene:
            job = await scene.made()
            assert (await scene.store.entries(job.id))[-1].amount_microusd == PRICES["alpha"]
            doubts = [event for event in scene.events if isinstance(event, CostDoubted)]
            assert doubts == [CostDoubted("alpha", 9_999_000_000, PRICES["alpha"])]

    in_virtual_time(main)
