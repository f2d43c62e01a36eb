"""Saving a file is enough: it is read once it has stayed the same for a look, and only if it says something new."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from router.config import Settings, load
from router.config.reloading import Reloading
from router.config.watching import Watching
from router.core.events import ConfigReloaded, Event
from tests.builders import ManualTime
from tests.config.files import ENVIRON, NOW, SOUND, changed

DEARER = changed('"0.12"', '"0.13"')
BROKEN = changed("[10, 15]", "[0]")


class Bench:
    """A file that is watched, and what came of it; the first two looks are done, which find nothing new."""

    def __init__(self, file: Path, text: str = SOUND, **limits: float) -> None:
        self.file = file
        self.readings = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.events: list[Event] = []
        file.write_text(text)
        self.reloading = Reloading(
            load(file, ENVIRON, NOW), self.read, lambda _: None, self.events.append, ManualTime().clock, **limits
        )
        self.watching = Watching(self.reloading.files, self.reloading.reload_if_changed)

    def read(self) -> Settings:
        self.readings += 1
        self.go_on.wait(5)
        return load(self.file, ENVIRON, NOW)

    async def looks(self, count: int) -> list[tuple[str, ...]]:
        """Look so often; return what was told since the last time: the changes, or what is wrong."""
        before = len(self.events)
        for _ in range(count):
            await self.watching.look()
        told = [event for event in self.events[before:] if isinstance(event, ConfigReloaded)]
        return [event.changes if event.ok else event.problems for event in told]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "router.yaml")
    assert await bench.looks(2) == []
    return bench


def replace(file: Path, text: str) -> None:
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


async def test_a_file_that_was_saved_is_taken_over_at_the_second_look_and_once(bench: Bench) -> None:
    bench.file.write_text(DEARER)
    assert await bench.looks(1) == []
    assert await bench.looks(1) == [("providers.relay-a.offerings[0].price.per_clip: 0.12 -> 0.13",)]
    assert await bench.looks(5) == []
    assert bench.readings == 2


async def test_a_file_that_is_half_written_is_not_read(bench: Bench) -> None:
    for length in range(0, len(DEARER), 40):
        bench.file.write_text(DEARER[:length])
        assert await bench.looks(1) == []
    bench.file.write_text(DEARER)
    assert len(await bench.looks(2)) == 1
    assert bench.readings == 2


async def test_the_same_content_again_is_no_change_and_nothing_is_said(bench: Bench) -> None:
    bench.file.write_text(SOUND)
    replace(bench.file, SOUND)
    os.utime(bench.file, (1, 1))
    assert await bench.looks(5) == []


async def test_a_broken_file_is_refused_once_and_the_last_good_one_stays(bench: Bench) -> None:
    bench.file.write_text(BROKEN)
    ((problem,),) = await bench.looks(6)
    assert "seconds[0]: must be at least 1" in problem
    bench.file.write_text(BROKEN)
    os.utime(bench.file, (1, 1))
    assert await bench.looks(4) == []
    # Somebody was told that the file is wrong, so he is told that it is not any more.
    bench.file.write_text(SOUND)
    assert await bench.looks(4) == [()]
    assert bench.reloading.settings.catalog.offerings[0].seconds == (10, 15)


async def test_a_file_that_another_is_renamed_to_is_read(bench: Bench) -> None:
    replace(bench.file, DEARER)
    assert len(await bench.looks(2)) == 1


async def test_a_file_that_is_gone_is_told_once_and_read_when_it_is_back(bench: Bench) -> None:
    bench.file.unlink()
    ((problem,),) = await bench.looks(4)
    assert problem.endswith("router.yaml: cannot be read: No such file or directory")
    bench.file.write_text(DEARER)
    assert len(await bench.looks(2)) == 1


async def test_a_link_to_a_folder_that_is_swapped_is_read_as_a_mounted_config_map_is(tmp_path: Path) -> None:
    def mount(version: str, text: str) -> None:
        (tmp_path / version).mkdir()
        (tmp_path / version / "router.yaml").write_text(text)
        (tmp_path / "new").symlink_to(version)
        (tmp_path / "new").replace(tmp_path / "..data")

    mount("..1", SOUND)
    (tmp_path / "router.yaml").symlink_to("..data/router.yaml")
    bench = Bench(tmp_path / "router.yaml")
    assert await bench.looks(2) == []
    mount("..2", DEARER)
    assert len(await bench.looks(2)) == 1


async def test_a_key_that_is_rotated_in_its_file_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "relay.key").write_text("sk-old")
    bench = Bench(tmp_path / "router.yaml", changed("{env: RELAY_KEY}", "{file: relay.key}"))
    assert await bench.looks(2) == []
    (tmp_path / "relay.key").write_text("sk-new")
    assert await bench.looks(2) == [("providers.relay-a.api_key: another key",)]
    (tmp_path / "relay.key").write_text("sk-new\n")
    assert await bench.looks(3) == []


async def test_a_key_file_that_was_missing_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    bench.file.write_text(changed("{env: RELAY_KEY}", "{file: relay.key}"))
    ((problem,),) = await bench.looks(6)
    assert "the key file" in problem
    (tmp_path / "relay.key").write_text("sk-new")
    ((reference, *_),) = await bench.looks(2)
    assert reference == "providers.relay-a.api_key.env: RELAY_KEY -> unset"


async def test_what_somebody_else_had_read_meanwhile_is_not_told_again(bench: Bench) -> None:
    bench.file.write_text(DEARER)
    assert await bench.looks(1) == []
    assert (await bench.reloading.reload()).changes
    assert await bench.looks(4) == []


async def test_a_disk_that_does_not_answer_is_told_once_and_asked_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "router.yaml", read_s_max=0.5)
    assert await bench.looks(2) == []
    bench.file.write_text(DEARER)
    bench.go_on.clear()
    ((problem,),) = await bench.looks(5)
    assert "could not be read in time" in problem
    bench.go_on.set()
    while not (told := await bench.looks(1)):
        await asyncio.sleep(0.005)
    assert told == [("providers.relay-a.offerings[0].price.per_clip: 0.12 -> 0.13",)]
    assert await bench.looks(3) == []


async def test_a_pipe_is_not_read_a_second_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    asked = []

    async def reload() -> bool:
        asked.append(True)
        return True

    watching = Watching(lambda: [tmp_path / "pipe"], reload)
    for _ in range(4):
        await watching.look()
    assert asked == []


async def test_it_looks_again_and_again_until_it_is_cancelled(bench: Bench) -> None:
    watched = asyncio.create_task(bench.watching.run(0.001))
    bench.file.write_text(DEARER)
    await until(lambda: bench.events)
    bench.file.write_text(SOUND)
    await until(lambda: len(bench.events) == 2)
    watched.cancel()
    assert isinstance((await asyncio.gather(watched, return_exceptions=True))[0], asyncio.CancelledError)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)
