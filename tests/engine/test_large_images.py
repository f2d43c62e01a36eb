"""Large input images are encoded for their upstream beside the event loop, small ones at once."""

import asyncio
import threading

import pytest

from providers.adapter import HttpRequest
from providers.canonical import ImageFile, VideoRequest
from router.core.order import Order
from router.core.preferences import RoutingPreferences
from tests.builders import a_video, an_offering
from tests.engine import wire
from tests.engine.wire import LinkAdapter, a_video_file, wired


class Watched(LinkAdapter):
    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        self.threads.append(threading.current_thread())
        return super().submit_request(video, model)


@pytest.mark.parametrize(("size_bytes", "beside"), [(1_000, False), (1 << 20, True)])
async def test_only_large_images_are_written_in_a_thread(
    size_bytes: int, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        wire, "an_offering", lambda name: an_offering(name, image_inputs=frozenset({"file"}), images_max=1)
    )
    adapter = Watched()
    async with wired(adapter) as router:
        router.upstream.files["it"] = a_video_file
        router.upstream.names(router.upstream.link("it"))
        video = a_video(images=(ImageFile(bytes(size_bytes), "image/png", "input.png"),))
        await router.engine.accept(Order("anonymous", video, RoutingPreferences()))
        while not adapter.threads:
            await asyncio.sleep(0.005)
    assert [thread is not threading.main_thread() for thread in adapter.threads] == [beside]
