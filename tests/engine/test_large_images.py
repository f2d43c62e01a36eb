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


@pytest.mark.parametrize(("size_bytes", "beside"), [(1_000, False), (1 << 20, True)])
async def test_only_large_images_are_written_in_a_thread(
    size_bytes: int, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        wire, "an_offering", lambda name: an_offering(name, image_inputs=frozenset({"file"}), images_max=1)
    )
    threads: list[threading.Thread] = []

    class Watched(LinkAdapter):
        def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
            threads.append(threading.current_thread())
            return super().submit_request(video, model)

    async with wired(Watched()) as router:
        router.upstream.files["it"] = a_video_file
        router.upstream.names(router.upstream.link("it"))
        video = a_video(images=(ImageFile(bytes(size_bytes), "image/png", "input.png"),))
        await router.engine.accept(Order("anonymous", video, RoutingPreferences()))
        while not threads:
            await asyncio.sleep(0.005)
    assert [thread is not threading.main_thread() for thread in threads] == [beside]
