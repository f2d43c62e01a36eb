"""What a caller says of his own job, kept by the whole router: never beyond the operator's word, never past his own."""

from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from tests.rig import Rig, a_rig, assert_books_agree

BOUND = {"max_duplicate_usd": "1.00"}
LOST = [{"fault": "cut_after_accept"}]
FAILING = [{"fault": "fail_at_95"}]


async def ended(rig: Rig, faults: list[dict[str, Any]], **routing: Any) -> str:
    """Make a video whose first provider misbehaves; return its error's code, or that it is completed."""
    await rig.sandboxes["jizhiai"].set_faults(faults)
    video = await rig.made(extra_body={"routing": routing})
    assert_books_agree(rig)
    return str(video.error.code if video.error else video.status)


@pytest.mark.parametrize(
    ("policy", "provider", "caller", "outcome"),
    [
        ("hold", None, {"on_ambiguous": "failover"}, "completed"),
        ("hold", None, {"on_ambiguous": "failover", "max_duplicate_usd": "0.11"}, "submit_unknown"),
        ("hold", None, {"max_duplicate_usd": "1.00"}, "submit_unknown"),
        ("hold", "hold", {"on_ambiguous": "failover"}, "submit_unknown"),
        ("hold", "failover", {}, "completed"),
        ("hold", "failover", {"on_ambiguous": "hold"}, "submit_unknown"),
        ("failover", None, {"on_ambiguous": "hold"}, "submit_unknown"),
        ("failover", None, {"max_duplicate_usd": "0"}, "submit_unknown"),
        ("failover", "hold", {}, "submit_unknown"),
    ],
)
async def test_a_lost_answer_means_what_the_first_who_says_anything_says(
    policy: str, provider: str | None, caller: dict[str, str], outcome: str, tmp_path: Path
) -> None:
    own = {"jizhiai": {"on_ambiguous": provider}} if provider else {}
    said = {"on_ambiguous": policy, **BOUND}
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=own, policy=said) as rig:
        assert await ended(rig, LOST, **caller) == outcome
        first, *others = rig.rows()
        assert (first.open_microusd, len(others)) == (120_000, outcome == "completed")


async def test_a_job_is_submitted_no_more_often_than_its_caller_allows(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma") as rig:
        assert await ended(rig, FAILING, max_attempts=1) == "generate.internal"
        assert [row.provider for row in rig.rows()] == ["jizhiai"]


async def test_a_job_fails_over_no_more_than_its_caller_wants(tmp_path: Path) -> None:
    policy = {"failover_on": {"output_review": "never"}}
    async with a_rig(tmp_path, "jizhiai", "shenma", policy=policy) as rig:
        assert await ended(rig, FAILING, failover_on={"generate": "never"}) == "generate.internal"
        reviewed = [{"fault": "output_review"}]
        # What the operator forbids, no caller allows.
        assert await ended(rig, reviewed, failover_on={"output_review": "always"}) == "moderation_blocked"
        assert await ended(rig, FAILING, failover_on={"generate": "once"}) == "completed"
        assert [row.provider for row in rig.rows()] == ["jizhiai", "jizhiai", "jizhiai", "shenma"]


async def test_a_job_costs_no_more_than_its_caller_allows_with_all_its_attempts(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", policy=BOUND) as rig:
        # What may have been bought counts as bought.
        assert await ended(rig, LOST, on_ambiguous="failover", max_spend_usd="0.26") == "route.budget"
        assert [(row.provider, row.open_microusd) for row in rig.rows()] == [("jizhiai", 120_000)]
        assert await ended(rig, LOST, on_ambiguous="failover", max_spend_usd="0.27") == "completed"


async def test_a_job_is_given_up_when_its_callers_time_is_over(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", time_scale=10.0) as rig:
        assert await ended(rig, [], deadline_s=1) in ("queue.expired", "generate.expired")


async def test_what_callers_may_ask_for_changes_with_the_file(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma") as rig:
        file = tmp_path / "router.yaml"
        document = yaml.safe_load(file.read_text())
        with pytest.raises(openai.BadRequestError, match=r"policy\.max_duplicate_usd") as refused:
            await ended(rig, LOST, on_ambiguous="failover")
        assert refused.value.param == "routing.on_ambiguous"
        document["policy"] |= BOUND
        file.write_text(yaml.safe_dump(document))
        assert "policy.max_duplicate_usd: unset -> 1.00" in (await rig.router.reload()).changes
        assert await ended(rig, LOST, on_ambiguous="failover") == "completed"
