"""A create whose answer is lost, before an upstream that lists its jobs: one purchase, one video."""

from pathlib import Path
from typing import Any

import pytest

from providers.sandbox.habits import Habits
from router.core.job import AttemptState
from tests.rig import Rig, a_rig, assert_books_agree

# Half of the answers lost would take it out.
LOOKS: dict[str, Any] = {"openai": {"lookup": {"settle_s": 2}, "breaker": {"volume_min": 1000}}}
CERTAIN: dict[str, Any] = {"openai": {"lookup": {"settle_s": 1, "proves_absence": True}}}
ALONE: dict[str, Any] = {"openai": {"lookup": {"mode": "exclusive", "settle_s": 2}}}
ACCEPTED_AND_LOST = ["cut_after_accept", "reset_after_accept", "half_answer", "truncated_answer"]


def states(rig: Rig) -> list[tuple[str, str]]:
    return [(row.provider, row.state) for row in rig.rows()]


@pytest.mark.parametrize("fault", ACCEPTED_AND_LOST)
async def test_a_lost_answer_is_found_by_its_prompt(tmp_path: Path, fault: str) -> None:
    habits = Habits(echoes_prompt=True, list_after_s=0.5)
    async with a_rig(tmp_path, "openai", providers=LOOKS, habits=habits) as rig:
        await rig.sandboxes["openai"].set_faults([{"fault": fault}])
        video = await rig.made()
        assert video.status == "completed"
        content = await rig.client.videos.download_content(video.id)
        assert content.content[4:8] == b"ftyp"
        assert rig.sandboxes["openai"].books().requests["create"] == 1
        assert states(rig) == [("openai", AttemptState.SUCCEEDED)]
        assert_books_agree(rig)


async def test_of_many_lost_answers_each_finds_its_own(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "openai", providers=LOOKS, habits=Habits(echoes_prompt=True)) as rig:
        await rig.sandboxes["openai"].set_faults([{"fault": "cut_after_accept", "share": 0.5}])
        made = [await rig.client.videos.create(prompt=f"scene {number}", seconds="10") for number in range(30)]
        assert {(await rig.ended(video.id)).status for video in made} == {"completed"}
        accepted = rig.sandboxes["openai"].books().accepted
        # Every video was fetched for one job, and none for two.
        assert [entry.fetches for entry in accepted] == [1] * 30
        assert len(rig.rows()) == 30
        assert_books_agree(rig)


async def test_a_submit_that_never_arrived_is_bought_elsewhere_without_a_duplicate(tmp_path: Path) -> None:
    cheap = {"openai": {**CERTAIN["openai"], "offerings": [_cheap()]}}
    async with a_rig(tmp_path, "openai", "jizhiai", providers=cheap, habits=Habits(echoes_prompt=True)) as rig:
        await rig.sandboxes["openai"].set_faults([{"fault": "cut_before_accept"}])
        video = await rig.made()
        assert video.status == "completed"
        assert states(rig) == [("openai", AttemptState.FAILED), ("jizhiai", AttemptState.SUCCEEDED)]
        assert rig.rows()[0].voided
        assert_books_agree(rig)


async def test_in_an_account_of_its_own_the_plain_dialect_finds_it_too(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "openai", providers=ALONE) as rig:
        await rig.sandboxes["openai"].set_faults([{"fault": "cut_after_accept"}])
        assert (await rig.made()).status == "completed"
        assert_books_agree(rig)


async def test_without_a_list_a_lost_answer_is_held(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "openai", providers=LOOKS, habits=Habits(lists=False)) as rig:
        await rig.sandboxes["openai"].set_faults([{"fault": "cut_after_accept"}])
        video = await rig.made()
        assert (video.status, video.error.code) == ("failed", "submit_unknown")
        assert states(rig) == [("openai", AttemptState.UNKNOWN)]
        assert_books_agree(rig)


def _cheap() -> dict[str, Any]:
    sizes, price = ["720x1280", "1280x720"], {"per_clip": "0.05"}
    return {"model": "sora-2", "sizes": sizes, "seconds": [10], "price": price}
