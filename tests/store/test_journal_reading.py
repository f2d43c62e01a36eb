"""What a router's file remembers of its jobs, read while it runs and without a word of theirs."""

from pathlib import Path

from providers.canonical import ImageFile, ImageUrl, Reason, Stage
from router.core.job import AttemptState, JobState
from router.core.ledger import voided
from router.core.policy import OnAmbiguous
from router.core.preferences import RoutingPreferences, Sort
from router.engine.store import Store
from router.engine.store.journal_reading import recorded_jobs
from router.simulation.journal import line_of
from tests.builders import EPOCH, a_video
from tests.store.lives import adjusted, delivered, lost, refused, running, started, the_job


async def test_a_job_is_recorded_with_the_way_it_went_and_what_it_cost(store: Store, path: Path) -> None:
    job, attempt = await started(store, await store.add_job(the_job(1)))
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH + 1, stage=Stage.SUBMIT, reason=Reason.OVERLOADED)
    after = job.with_attempt(failed)
    await store.settle(attempt, failed, voided(failed, EPOCH + 1), job, after)
    await delivered(store, *await running(store, after, 2, provider="beta", seconds=12), cost_microusd=90_000)
    await adjusted(store, "video_1-2", 95_000)
    with recorded_jobs(path) as jobs:
        (found,) = jobs
    assert (found.state, found.ended_at, found.model, found.caller) == (
        JobState.COMPLETED,
        EPOCH + 60,
        "clip",
        "tester",
    )
    assert [(each.number, each.provider, each.state, each.reason) for each in found.attempts] == [
        (1, "alpha", AttemptState.FAILED, Reason.OVERLOADED),
        (2, "beta", AttemptState.SUCCEEDED, None),
    ]
    assert (found.posted_microusd, found.open_microusd) == (95_000, 0)


async def test_jobs_that_bought_nothing_and_those_whose_money_is_open_are_recorded_too(
    store: Store, path: Path
) -> None:
    await store.add_job(the_job(1))
    await refused(store, *await started(store, await store.add_job(the_job(2))))
    await lost(store, *await started(store, await store.add_job(the_job(3))))
    with recorded_jobs(path) as jobs:
        queued, moderated, unknown = jobs
    assert (queued.ended, queued.attempts) == (False, ())
    assert (moderated.stage, moderated.reason, moderated.posted_microusd) == (Stage.PROMPT_REVIEW, Reason.REFUSED, 0)
    assert (unknown.attempts[0].state, unknown.open_microusd) == (AttemptState.UNKNOWN, 100_000)


async def test_what_a_caller_wanted_is_kept_and_what_he_wrote_is_not(store: Store, path: Path) -> None:
    images = (ImageUrl("https://cdn.example/a.png?sig=secret"), ImageFile(b"png", "image/png", "secret.png"))
    wanted = RoutingPreferences(
        only=("alpha",), sort=Sort.PRICE, on_ambiguous=OnAmbiguous.HOLD, allow_fallbacks=False, deadline_s=90.0
    )
    video = a_video(prompt="a secret harbour", images=images, watermark=False)
    await store.add_job(the_job(1, video=video, preferences=wanted, metadata={"note": "secret"}))
    with recorded_jobs(path) as jobs:
        (found,) = jobs
    assert found.preferences == wanted
    assert (found.images, found.watermark) == (("url", "file"), False)
    assert b"secret" not in line_of(found)


async def test_only_jobs_that_came_since_are_read(store: Store, path: Path) -> None:
    for number in (1, 2, 3):
        await store.add_job(the_job(number, created_at=EPOCH + number))
    with recorded_jobs(path, EPOCH + 2) as jobs:
        assert [job.id for job in jobs] == ["video_2", "video_3"]
