"""The cheapest provider cut off in every way the sandbox knows: the caller gets a video, and the books agree."""

from pathlib import Path
from typing import Any

import pytest

from router.core.ledger import CostKind
from tests.rig import a_rig, assert_books_agree

FAILOVER: dict[str, Any] = {
    "policy": {"on_ambiguous": "failover", "max_duplicate_usd": "1.00", "max_spend_usd": "5.00", "job_deadline_s": 30}
}

# Every fault that keeps the cheapest provider's video from the caller, and the stage and reason to file it under.
CUT_OFF = {
    "refuse_connect": ({}, "submit", "unreachable"),
    "cut_before_accept": ({}, "submit", "ambiguous"),
    "cut_after_accept": ({}, "submit", "ambiguous"),
    "late_answer": ({"delay_s": 2}, "submit", "ambiguous"),
    "rate_limited": ({}, "submit", "rate_limited"),
    "rate_limited with Retry-After": ({"retry_after_s": 30}, "submit", "rate_limited"),
    "http_500": ({}, "submit", None),
    "http_502": ({}, "submit", None),
    "http_503": ({}, "submit", None),
    "html_502": ({}, "submit", "ambiguous"),
    "error_in_200": ({}, "submit", None),
    "insufficient_balance": ({}, "submit", "balance"),
    "bad_key": ({}, "submit", "auth"),
    "output_review": ({}, "output_review", "refused"),
    "fail_at_95": ({}, "generate", "internal"),
    "never_finishing": ({}, "generate", "stalled"),
    "link_404": ({}, "download", "unreadable"),
    "link_truncated": ({}, "download", "unreadable"),
    "link_not_video": ({}, "download", "unreadable"),
}


@pytest.mark.parametrize("fault", CUT_OFF)
async def test_a_cut_off_provider_costs_no_video(fault: str, tmp_path: Path) -> None:
    parameters, stage, reason = CUT_OFF[fault]
    async with a_rig(tmp_path, "jizhiai", "shenma", **FAILOVER) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": fault.split(maxsplit=1)[0], **parameters}])
        video = await rig.made()
        assert video.status == "completed", video.error
        first, second = sorted(rig.rows(), key=lambda row: row.number)
        assert (first.provider, first.stage) == ("jizhiai", stage)
        assert reason is None or first.reason == reason
        assert (second.provider, second.cost_kind) == ("shenma", CostKind.DELIVERED)
        assert_books_agree(rig)


# Faults that delay or disturb, but leave the first provider's video to be had.
DISTURBED = {
    "stuck_progress": {"status": "completed"},
    "stuck_progress with a link": {"status": "in_progress"},
    "link_late": {"fetches": 1},
    "slow_download": {"delay_s": 0.05},
    "poll_500": {"times": 3},
    "poll_429": {"times": 2},
    "poll_html": {"times": 3},
    "poll_garbage": {"times": 3},
}


@pytest.mark.parametrize("fault", DISTURBED)
async def test_a_disturbance_is_waited_out(fault: str, tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", **FAILOVER) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": fault.split(maxsplit=1)[0], **DISTURBED[fault]}])
        video = await rig.made()
        assert video.status == "completed", video.error
        assert [(row.provider, row.cost_kind) for row in rig.rows()] == [("jizhiai", CostKind.DELIVERED)]
        assert_books_agree(rig)


@pytest.mark.parametrize("fault", ["image_review", "prompt_review"])
@pytest.mark.parametrize("at", ["create", "job"])
async def test_a_refused_input_is_not_offered_to_anybody_else(fault: str, at: str, tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", **FAILOVER) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": fault, "at": at}])
        images = {"images": ["https://pictures.example.com/a.png"]} if fault == "image_review" else {}
        video = await rig.made(extra_body=images)
        assert video.status == "failed"
        assert video.error.code == "moderation_blocked"
        assert [(row.provider, row.stage) for row in rig.rows()] == [("jizhiai", fault)]
        assert rig.sandboxes["shenma"].books().totals.accepted == 0
        assert_books_agree(rig)


async def test_a_lost_answer_is_held_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma") as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "cut_after_accept"}])
        video = await rig.made()
        assert (video.status, video.error.code) == ("failed", "submit_unknown")
        (row,) = rig.rows()
        assert (row.open_microusd, row.posted_microusd or 0) == (120_000, 0)
        assert rig.sandboxes["jizhiai"].books().requests["create"] == 1
        assert rig.sandboxes["shenma"].books().totals.accepted == 0
        assert_books_agree(rig)


async def test_no_failover_beyond_what_may_be_bought_twice(tmp_path: Path) -> None:
    policy = {"on_ambiguous": "failover", "max_duplicate_usd": "0.11"}
    async with a_rig(tmp_path, "jizhiai", "shenma", policy=policy) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "cut_after_accept"}])
        assert (await rig.made()).error.code == "submit_unknown"
        assert rig.sandboxes["shenma"].books().totals.accepted == 0
