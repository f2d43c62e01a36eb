"""What the engine asks of its store and its transport, and what it keeps in memory."""

from router.core.clock import Clock
from tests.engine.scripted import a_scene
from tests.virtual_time import in_virtual_time


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
