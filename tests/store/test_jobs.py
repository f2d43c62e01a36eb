"""What was stored comes back, to whom it belongs, in the order it was made."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.canonical import ImageFile, ImageUrl, Size, VideoRequest
from router.core.job import Job
from router.core.policy import Failover, FailoverOn, OnAmbiguous, pairs
from router.core.preferences import DurationPolicy, RoutingPreferences, Sort
from router.engine.images import with_bytes, without_bytes
from router.engine.store import MEMORY, StaleWriteError, Store, StoreUnavailableError, rows
from tests.builders import EPOCH, a_video
from tests.store.lives import at_once, delivered, given_up, lost, refused, running, started, the_job

PHOTO = ImageFile(b"\x89PNG\x00\xff", "image/png", "photo.png")
WITH_IMAGES = a_video(images=(ImageUrl("https://example.com/a.png"), PHOTO), watermark=False)


async def test_a_job_comes_back_as_it_was_stored(store: Store) -> None:
    job = the_job(
        video=WITH_IMAGES,
        preferences=RoutingPreferences(("alpha",), ("beta",), 500_000, DurationPolicy.AT_LEAST),
        metadata={"order": "7", "名": "值"},
        trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert await store.add_job(job) is job
    loaded = await store.job(job.id)
    assert loaded == replace(job, video=without_bytes(job.video))
    assert await with_bytes(store, job.id, loaded.video) == job.video


texts = st.text(st.characters(codec="utf-8"), max_size=40)
images = st.one_of(
    st.builds(ImageUrl, texts), st.builds(ImageFile, st.binary(max_size=40), st.just("image/png"), texts)
)
videos = st.builds(
    VideoRequest,
    prompt=texts,
    model=texts,
    seconds=st.integers(1, 60),
    size=st.builds(Size, st.integers(1, 9999), st.integers(1, 9999)),
    images=st.lists(images, max_size=3).map(tuple),
    watermark=st.none() | st.booleans(),
)
preferences = st.builds(
    RoutingPreferences,
    only=st.lists(texts, max_size=2).map(tuple),
    ignore=st.lists(texts, max_size=2).map(tuple),
    price_microusd_max=st.none() | st.integers(0, 2**53),
    duration_policy=st.none() | st.sampled_from(DurationPolicy),
    spend_microusd_max=st.none() | st.integers(0, 2**53),
    attempts_max=st.none() | st.integers(1, 9),
    deadline_s=st.none() | st.floats(1.0, 1e6),
    on_ambiguous=st.none() | st.sampled_from(OnAmbiguous),
    duplicate_microusd_max=st.none() | st.integers(0, 2**53),
    failover_on=st.none() | st.dictionaries(st.sampled_from(list(pairs())), st.sampled_from(Failover)).map(FailoverOn),
    order=st.lists(texts, max_size=2).map(tuple),
    sort=st.none() | st.sampled_from(Sort),
    allow_fallbacks=st.booleans(),
    models=st.lists(texts, max_size=2).map(tuple),
)
jobs = st.builds(
    the_job,
    st.integers(1, 10**9),
    caller=texts,
    video=videos,
    preferences=preferences,
    metadata=st.dictionaries(texts, texts, max_size=3),
    trace_parent=st.none() | texts,
    created_at=st.floats(0, 2e10),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(jobs, unique_by=lambda job: job.id, max_size=4))
def test_whatever_a_job_holds_comes_back(many: list[Job]) -> None:
    store = at_once(Store.open(MEMORY, inline=True))
    for job in many:
        at_once(store.add_job(job))
    loaded = [replace(job, video=without_bytes(job.video)) for job in many]
    assert at_once(store.open_jobs()) == loaded
    assert [at_once(store.job(job.id)) for job in many] == loaded
    assert [at_once(with_bytes(store, job.id, job.video)) for job in loaded] == [job.video for job in many]
    at_once(store.close())


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (RoutingPreferences(), "{}"),
        (RoutingPreferences(allow_fallbacks=False, order=("alpha",)), '{"allow_fallbacks":false,"order":["alpha"]}'),
        (RoutingPreferences(sort=Sort.PRICE, models=("clip-2",)), '{"models":["clip-2"],"sort":"price"}'),
    ],
)
def test_of_a_callers_wishes_only_what_he_said_is_written(said: RoutingPreferences, written: str) -> None:
    assert rows.job_row(the_job(preferences=said))["preferences"] == written


async def test_attempts_and_their_ends_come_back(store: Store) -> None:
    completed = await delivered(store, *await running(store, await store.add_job(the_job(1))))
    failed = await refused(store, *await started(store, await store.add_job(the_job(2))))
    for job in (completed, failed):
        assert await store.job(job.id) == job
    assert completed.delivered is not None


async def test_input_images_are_kept_until_the_job_has_ended(store: Store, path: Path) -> None:
    job, attempt = await running(store, await store.add_job(the_job(video=WITH_IMAGES)))
    assert await store.images(job.id) == {1: PHOTO.data}
    await delivered(store, job, attempt)
    assert await store.images(job.id) == {}


async def test_no_job_is_loaded_with_the_bytes_of_its_images(store: Store) -> None:
    await store.add_job(the_job(video=WITH_IMAGES))
    page = await store.jobs("tester", limit=10, after=None, descending=True)
    for job in (await store.job("video_1"), *await store.open_jobs(), *page.jobs):
        assert job is not None
        assert job.video.images == (ImageUrl("https://example.com/a.png"), replace(PHOTO, data=b""))


async def test_a_caller_pages_through_its_own_jobs_only(store: Store) -> None:
    # All were created at the same moment: the order is the one they were stored in.
    for number in range(1, 8):
        await store.add_job(the_job(number))
        await store.add_job(the_job(100 + number, caller="someone else"))
    seen: list[str] = []
    after = None
    more = True
    while more:
        page = await store.jobs("tester", limit=3, after=after, descending=True)
        seen += [job.id for job in page.jobs]
        after, more = seen[-1], page.has_more
    assert seen == [f"video_{number}" for number in range(7, 0, -1)]
    ascending = await store.jobs("tester", limit=7, after="video_2", descending=False)
    assert [job.id for job in ascending.jobs] == [f"video_{number}" for number in range(3, 8)]
    assert not ascending.has_more


@pytest.mark.parametrize("after", ["video_999", "video_2"])
async def test_a_page_cannot_begin_behind_a_job_the_caller_never_had(store: Store, after: str) -> None:
    await store.add_job(the_job(1))
    await store.add_job(the_job(2, caller="someone else"))
    with pytest.raises(LookupError):
        await store.jobs("tester", limit=3, after=after, descending=True)


async def test_a_deleted_job_is_gone_for_its_caller_while_its_money_stays(store: Store) -> None:
    job = await delivered(store, *await running(store, await store.add_job(the_job(1))))
    await store.add_job(the_job(2))
    assert await store.delete_job(job.id, EPOCH)
    assert not await store.delete_job(job.id, EPOCH)
    assert not await store.delete_job("video_999", EPOCH)
    assert await store.job(job.id) is None
    page = await store.jobs("tester", limit=9, after=None, descending=False)
    assert [each.id for each in page.jobs] == ["video_2"]
    assert [entry.kind for entry in await store.entries(job.id)] == ["pending", "posted"]


async def test_paging_goes_on_behind_a_job_deleted_meanwhile(store: Store) -> None:
    for number in (1, 2, 3):
        await store.add_job(the_job(number))
    await store.delete_job("video_2", EPOCH)
    page = await store.jobs("tester", limit=9, after="video_2", descending=False)
    assert [job.id for job in page.jobs] == ["video_3"]


async def test_open_jobs_are_those_with_work_left(store: Store) -> None:
    queued = await store.add_job(the_job(1))
    submitting, _ = await started(store, await store.add_job(the_job(2)))
    polled, _ = await running(store, await store.add_job(the_job(3)))
    late, _ = await given_up(store, *await running(store, await store.add_job(the_job(4))))
    unknown = await lost(store, *await started(store, await store.add_job(the_job(5))))
    await delivered(store, *await running(store, await store.add_job(the_job(6))))
    await store.delete_job(late.id, EPOCH)
    uncertain = [replace(late, deleted_at=EPOCH), unknown]
    assert await store.open_jobs() == [queued, submitting, polled, *uncertain]
    assert await store.uncertain_jobs() == uncertain


async def test_a_ping_writes(store: Store, path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_size
    await store.ping()
    assert log.stat().st_size > before


async def test_a_closed_store_says_so(path: Path) -> None:
    store = await Store.open(path)
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await store.add_job(the_job())


async def test_everything_is_there_after_a_restart(path: Path) -> None:
    store = await Store.open(path)
    job, _ = await running(store, await store.add_job(the_job(video=without_bytes(WITH_IMAGES))))
    await store.close()
    assert not path.with_name(path.name + "-wal").exists()
    store = await Store.open(path)
    assert await store.open_jobs() == [job]
    await store.close()


async def test_a_store_in_memory_has_one_connection() -> None:
    with pytest.raises(ValueError, match="inline"):
        await Store.open(MEMORY)


async def test_a_delivered_video_can_be_given_a_fresh_link_and_no_other(store: Store) -> None:
    job, attempt = await running(store, await store.add_job(the_job()))
    with pytest.raises(StaleWriteError):
        await store.relink_attempt(replace(attempt, content_url="https://cdn.example/fresh"))
    job = await delivered(store, job, attempt)
    (done,) = job.attempts
    fresh = replace(done, content_url="https://cdn.example/fresh", content_expires_at=EPOCH + 3600)
    await store.relink_attempt(fresh)
    assert await store.job(job.id) == job.with_attempt(fresh)
