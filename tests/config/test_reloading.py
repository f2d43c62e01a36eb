"""Reading the configuration anew: one at a time, all or nothing, and everybody is told."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from router.config import ConfigError, Problem, Settings
from router.config.reloading import LINES_MAX, Reloading
from router.core.events import ConfigReloaded, Event
from tests.builders import EPOCH, ManualTime
from tests.config.files import SOUND, changed, loaded


class Bench:
    """A reloading whose file is a text, and what came of it."""

    def __init__(self, folder: Path, read: Callable[[], Settings] | None = None, **limits: float) -> None:
        self.folder = folder
        self.text = SOUND
        self.taken: list[Settings] = []
        self.events: list[Event] = []
        self.reading = Reloading(
            loaded(folder, SOUND),
            read or self.read,
            self.taken.append,
            self.events.append,
            ManualTime().clock,
            **limits,
        )

    def read(self) -> Settings:
        return loaded(self.folder, self.text)


async def test_what_changed_is_taken_over_once_and_told_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.reading.began()
    bench.text = changed("seconds: [10, 15]", "seconds: [10]")
    first, second = await bench.reading.reload(), await bench.reading.reload()
    assert (len(first.changes), first.problems, second.changes) == (1, (), ())
    assert [settings.catalog.offerings[0].seconds for settings in bench.taken] == [(10,), (10,)]
    digest = first.digest
    assert bench.events[1:] == [
        ConfigReloaded(True, digest, EPOCH, first.changes),
        ConfigReloaded(True, digest, EPOCH),
    ]
    assert isinstance(bench.events[0], ConfigReloaded)
    assert (bench.events[0].ok, bench.events[0].changes, len(digest)) == (True, (), 12)
    assert bench.events[0].digest != digest


async def test_a_file_that_does_not_answer_is_given_up_and_read_again_when_it_does(tmp_path: Path) -> None:
    answers, readers = threading.Event(), []

    def read() -> Settings:
        readers.append(threading.current_thread())
        answers.wait()
        return loaded(tmp_path, SOUND)

    bench = Bench(tmp_path, read, read_s_max=0.5)
    for _ in range(2):
        (problem,) = (await bench.reading.reload()).problems
        assert "router.yaml: could not be read in time" in problem
    (stuck,) = readers
    # The interpreter must not wait for it when the router stops.
    assert stuck.daemon
    answers.set()
    stuck.join()
    assert (await bench.reading.reload()).problems == ()
    assert (len(readers), len(bench.taken)) == (2, 1)


async def test_a_broken_file_is_not_taken_and_its_digest_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.text = changed("seconds: [10, 15]", "seconds: [0]")
    reloaded = await bench.reading.reload()
    assert bench.taken == []
    assert reloaded.param == "providers.relay-a.offerings[0].seconds[0]"
    assert reloaded.problems == (
        f"{tmp_path}/router.yaml:12: providers.relay-a.offerings[0].seconds[0]: must be at least 1",
    )
    assert bench.events == [ConfigReloaded(False, reloaded.digest, EPOCH, problems=reloaded.problems)]
    assert len(reloaded.digest) == 12
    bench.text = SOUND
    assert (await bench.reading.reload()).changes == ()


async def test_what_cannot_be_taken_over_is_refused_with_its_reason(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def take(settings: Settings) -> None:
        raise ConfigError(str(settings.file), [Problem("callers", None, "is empty")], settings.digest)

    bench.reading._take = take
    reloaded = await bench.reading.reload()
    assert (reloaded.param, reloaded.problems) == ("callers", (f"{tmp_path}/router.yaml: callers: is empty",))
    assert len(reloaded.digest) == 12


async def test_a_reading_that_breaks_is_a_refusal_that_does_not_quote(tmp_path: Path) -> None:
    def broken() -> Settings:
        raise RuntimeError("sk-canary")

    bench = Bench(tmp_path, broken)
    reloaded = await bench.reading.reload()
    assert "RuntimeError" in reloaded.problems[0]
    assert "sk-canary" not in repr(bench.events)
    assert bench.taken == []


async def test_so_many_problems_are_told_and_the_others_counted(tmp_path: Path) -> None:
    def broken() -> Settings:
        raise ConfigError("router.yaml", [Problem("providers", line, "is wrong") for line in range(LINES_MAX + 3)])

    reloaded = await Bench(tmp_path, broken).reading.reload()
    assert (len(reloaded.problems), reloaded.problems[-1]) == (LINES_MAX + 1, "and 3 more")


async def test_those_who_ask_during_a_reload_share_the_next_one(tmp_path: Path) -> None:
    go_on, readings, at_once = threading.Event(), 0, 0

    def slow() -> Settings:
        nonlocal readings, at_once
        readings, at_once = readings + 1, at_once + 1
        assert at_once == 1
        go_on.wait(5)
        at_once -= 1
        return loaded(tmp_path, SOUND)

    bench = Bench(tmp_path, slow)
    first = asyncio.create_task(bench.reading.reload())
    while not readings:
        await asyncio.sleep(0.001)
    others = [asyncio.create_task(bench.reading.reload()) for _ in range(50)]
    await asyncio.sleep(0.01)
    # Whoever hangs up takes the reload from nobody else.
    others.pop().cancel()
    go_on.set()
    answers = await asyncio.gather(first, *others)
    assert readings == 2
    assert len(bench.taken) == len(bench.events) == 2
    assert all(not answer.problems for answer in answers)


async def test_a_stop_breaks_a_reload_off(tmp_path: Path) -> None:
    go_on = threading.Event()

    def endless() -> Settings:
        go_on.wait(5)
        return loaded(tmp_path, SOUND)

    bench = Bench(tmp_path, endless)
    asked = asyncio.create_task(bench.reading.reload())
    await asyncio.sleep(0.01)
    await bench.reading.close()
    go_on.set()
    assert isinstance((await asyncio.gather(asked, return_exceptions=True))[0], asyncio.CancelledError)
    assert bench.taken == []
