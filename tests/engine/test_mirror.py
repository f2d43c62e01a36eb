"""The mirror on a real disk: paid videos outlive their links, and no trouble of the disk ever costs a job its end."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from router.core.events import MirrorOperation, MirrorUsed
from router.core.job import JobState
from router.core.limits import MirrorSettings
from router.engine import mirror_copy
from router.engine.exchange import ContentError
from router.engine.mirror_folder import MirrorFolder, VideoPart
from tests.engine.wire import VIDEO, Wired, a_video_file, ending_early, plain, wired

NAME = "video_1-1.video"


def kept_by(folder: Path, **limits: float) -> MirrorSettings:
    return replace(MirrorSettings(folder / "mirror", free_bytes_min=0), **limits)  # type: ignore[arg-type]


@asynccontextmanager
async def mirroring(settings: MirrorSettings) -> AsyncIterator[Wired]:
    async with wired() as router:
        router.upstream.files["it"] = a_video_file
        router.upstream.names(router.upstream.link("it"))
        router.mirror.use(settings)
        try:
            yield router
        finally:
            await router.mirror.close()


def operations(router: Wired) -> list[MirrorOperation]:
    return [event.operation for event in router.events if isinstance(event, MirrorUsed)]


def causes(router: Wired) -> list[str | None]:
    return [event.cause for event in router.events if isinstance(event, MirrorUsed) and event.cause]


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_finished_video_is_read_once_and_served_from_the_disk_when_its_link_is_dead(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        router.upstream.files["it"] = plain(410, b"gone")
        assert await router.download(job.id) == (200, VIDEO)
        assert len(router.upstream.fetched) == 1
        assert operations(router) == [MirrorOperation.FOUND, MirrorOperation.KEPT, MirrorOperation.HIT]
        assert (tmp_path / "mirror" / NAME).read_bytes() == VIDEO
        assert (tmp_path / "mirror").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "mirror" / NAME).stat().st_mode & 0o777 == 0o600


async def test_a_kept_video_is_served_although_its_provider_is_no_longer_configured(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        delivered = job.delivered
        assert delivered is not None
        opening = router.engine.content(job.with_attempt(replace(delivered, provider="removed")), "video", {})
        assert opening is not None
        async with opening as stream:
            assert b"".join([chunk async for chunk in stream.chunks]) == VIDEO


async def test_a_video_that_is_not_kept_is_streamed_and_counted(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        (tmp_path / "mirror" / NAME).unlink()
        assert await router.download(job.id) == (200, VIDEO)
        assert operations(router)[-1] is MirrorOperation.MISS
        assert len(router.upstream.fetched) == 2


async def test_a_file_of_another_length_is_never_served(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        file = tmp_path / "mirror" / NAME
        file.write_bytes(VIDEO[:-1])
        assert await router.download(job.id) == (200, VIDEO)
        assert not file.exists()


async def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(bytes(len(VIDEO)))
        (tmp_path / "mirror" / NAME).unlink()
        (tmp_path / "mirror" / NAME).symlink_to(elsewhere)
        assert await router.download(job.id) == (200, VIDEO)
        assert elsewhere.read_bytes() == bytes(len(VIDEO))


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ({"range": "bytes=0-99"}, 206, 0, 100),
        ({"Range": "bytes=100-"}, 206, 100, len(VIDEO)),
        ({"range": "bytes=-10"}, 206, len(VIDEO) - 10, len(VIDEO)),
        ({"range": "bytes=5-1"}, 200, 0, len(VIDEO)),
        ({"range": "bytes=0-9", "if-range": '"video_1"'}, 206, 0, 10),
        ({"range": "bytes=0-9", "if-range": '"other"'}, 200, 0, len(VIDEO)),
        ({"range": f"bytes={len(VIDEO)}-"}, 416, 0, 0),
        ({"range": "bytes=-0"}, 416, 0, 0),
    ],
)
async def test_parts_of_a_kept_video_are_what_the_upstream_would_send(
    tmp_path: Path, asked: dict[str, str], status: int, start: int, stop: int
) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        assert await router.download(job.id, **asked) == (status, VIDEO[start:stop])
        assert len(router.upstream.fetched) == 1


@pytest.mark.parametrize(("call", "cause"), [("write", "no room"), ("keep", "broken")])
async def test_a_disk_in_trouble_costs_no_job_its_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, cause: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, cause)

    monkeypatch.setattr(VideoPart, call, fail)
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        assert job.state is JobState.COMPLETED
        assert await router.download(job.id) == (200, VIDEO)
        assert causes(router) == [cause]
    # Its thread is done with it by then.
    assert names_in(tmp_path / "mirror") == []


async def test_a_disk_that_is_too_slow_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_copy, "DISK_BEHIND_S_MAX", 0.05)
    slow = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        VideoPart, "write", lambda *_: asyncio.run_coroutine_threadsafe(slow.wait(), loop).result(timeout=10)
    )
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        assert job.state is JobState.COMPLETED
        assert causes(router) == ["the disk is too slow"]
        slow.set()


@pytest.mark.parametrize(
    "limits", [{"bytes_max": 1000}, {"free_bytes_min": 1 << 62}], ids=["too large", "the disk is nearly full"]
)
async def test_what_there_is_no_room_for_is_streamed(tmp_path: Path, limits: dict[str, float]) -> None:
    async with mirroring(kept_by(tmp_path, **limits)) as router:
        job = await router.made()
        assert await router.download(job.id) == (200, VIDEO)
        assert len(causes(router)) == 1
        assert names_in(tmp_path / "mirror") == []


@pytest.mark.parametrize("trouble", ["a file", "a link", "open to others", "no parent"])
async def test_a_folder_that_cannot_be_used_costs_no_job_its_video(tmp_path: Path, trouble: str) -> None:
    settings = kept_by(tmp_path)
    match trouble:
        case "a file":
            settings.folder.write_text("")
        case "a link":
            (tmp_path / "real").mkdir(0o700)
            settings.folder.symlink_to(tmp_path / "real")
        case "open to others":
            settings.folder.mkdir()
            settings.folder.chmod(0o755)
        case _:
            settings = replace(settings, folder=tmp_path / "missing" / "mirror")
    async with mirroring(settings) as router:
        job = await router.made()
        assert await router.download(job.id) == (200, VIDEO)
        assert MirrorOperation.KEPT not in operations(router)
        assert set(operations(router)) == {MirrorOperation.FAILED, MirrorOperation.MISS}


async def test_a_video_that_turns_out_to_be_none_leaves_nothing(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        router.upstream.files["it"] = ending_early(None)
        job = await router.made()
        assert job.state is JobState.FAILED
        await router.mirror.close()
        assert names_in(tmp_path / "mirror") == []


async def test_a_deleted_video_is_deleted_from_the_disk(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        await router.engine.delete("anonymous", job.id)
        assert names_in(tmp_path / "mirror") == []


async def test_a_video_deleted_while_it_is_read_leaves_nothing(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router, router.mirror.copying("video_1-1") as copy:
        assert copy is not None
        await copy.take(VIDEO)
        await router.mirror.forget(["video_1-1"])
        await copy.keep()
        await router.mirror.close()
        assert names_in(tmp_path / "mirror") == []


async def test_the_oldest_videos_make_room_for_new_ones_although_they_are_read(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path, bytes_max=2500)) as router:
        for name in ("a", "b", "c"):
            async with router.mirror.copying(name) as copy:
                assert copy is not None
                await copy.take(name.encode() * 1000)
                await copy.keep()
            if name == "a":
                reading = router.mirror.found("a", 1000)
                file = await reading.__aenter__()
        assert file is not None
        assert not router.mirror.may_hold("a")
        assert b"".join([chunk async for chunk in file.answer({}, '"a"').chunks]) == b"a" * 1000
        await reading.__aexit__(None, None, None)
        await router.mirror.close()
        assert names_in(tmp_path / "mirror") == ["b.video", "c.video"]


async def test_a_start_counts_what_is_there_drops_what_is_too_old_and_leaves_others_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir(0o700)
    for name, age_s in (("old-1.video", 5000), ("young-1.video", 10), ("notes.txt", 9000)):
        (folder / name).write_bytes(bytes(100))
        os.utime(folder / name, times=(folder.stat().st_mtime - age_s,) * 2)
    (folder / ".young-2.0123456789abcdef.part").write_bytes(bytes(50))
    (folder / "linked-1.video").symlink_to(folder / "notes.txt")
    async with mirroring(kept_by(tmp_path, age_s_max=1000)) as router:
        async with router.mirror.found("young-1", 100) as file:
            assert file is not None
        found = next(event for event in router.events if isinstance(event, MirrorUsed))
        assert (found.operation, found.held_bytes, found.files) == (MirrorOperation.FOUND, 200, 2)
        await router.mirror.close()
        assert names_in(folder) == ["linked-1.video", "notes.txt", "young-1.video"]


async def test_another_folder_and_none_can_be_had_at_any_time(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        router.mirror.use(None)
        assert await router.download(job.id) == (200, VIDEO)
        router.mirror.use(replace(kept_by(tmp_path), folder=tmp_path / "another"))
        assert await router.download(job.id) == (200, VIDEO)
        assert len(router.upstream.fetched) == 3
        async with asyncio.timeout(5):
            while not await asyncio.to_thread(_can_be_taken, tmp_path / "mirror"):
                await asyncio.sleep(0.01)
        router.mirror.use(kept_by(tmp_path))
        assert await router.download(job.id) == (200, VIDEO)
        assert len(router.upstream.fetched) == 3


def _can_be_taken(path: Path) -> bool:
    folder = MirrorFolder(path)
    try:
        folder.open()
    except OSError:
        return False
    folder.close()
    return True


async def test_two_routers_do_not_share_a_folder(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as first:
        await first.made()
        async with mirroring(kept_by(tmp_path)) as second:
            assert (await second.made()).state is JobState.COMPLETED
            assert causes(second)[0] == "another router has the folder; give each its own"


async def test_a_kept_video_that_shrinks_while_it_is_read_breaks_off(tmp_path: Path) -> None:
    async with mirroring(kept_by(tmp_path)) as router:
        job = await router.made()
        opening = router.engine.content(job, "video", {})
        assert opening is not None
        async with opening as stream:
            os.truncate(tmp_path / "mirror" / NAME, 100)
            with pytest.raises(ContentError):
                assert [chunk async for chunk in stream.chunks]
