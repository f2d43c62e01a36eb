"""Finding a lost submit in a list: never another's job, never one that is known, never by the list's order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import ImageFile, ListedJob, ListedPage, Size, VideoRequest
from router.core.lookup import (
    CLOCK_SKEW_S,
    CUT_PROMPT_CHARS,
    LookupMode,
    Match,
    Matched,
    Sought,
    Unclear,
    Unmatched,
    is_past,
    match,
)

PORTRAIT = Size(720, 1280)
LONG = "A red kite climbs over the dunes while two children run after its tail, seen from far above the sea."
VIDEO = VideoRequest(LONG, "sora-2", 8, PORTRAIT)
SOUGHT = Sought("video_1-1", VIDEO, "sora-2", sent_at=1_000_000.0, until=1_000_060.0)
JOB = ListedJob("up_1", 1_000_010.0, "sora-2", 8, PORTRAIT, LONG)
PICTURED = replace(SOUGHT, video=replace(VIDEO, images=(ImageFile(b"\x89PNG", "image/png"),)))
IDENTIFIED, EXCLUSIVE = LookupMode.IDENTIFIED, LookupMode.EXCLUSIVE


def found(
    *listed: ListedJob,
    sought: Sought = SOUGHT,
    claimed: frozenset[str] = frozenset(),
    rivals: int = 0,
    mode: LookupMode = IDENTIFIED,
) -> Match:
    return match(sought, listed, claimed, rivals, mode)


def test_a_job_that_repeats_the_prompt_is_ours():
    assert found(JOB) == Matched("up_1")


def test_a_job_that_carries_our_reference_is_ours_whatever_else_it_tells():
    strange = ListedJob("up_9", 1.0, "other", 4, Size(1, 1), "something else", reference="video_1-1")
    assert found(JOB, strange, rivals=3) == Matched("up_9")


def test_a_job_with_our_reference_that_is_claimed_already_leaves_it_unclear():
    assert found(replace(JOB, reference="video_1-1"), claimed=frozenset({"up_1"})) == Unclear()


@pytest.mark.parametrize("mode", [IDENTIFIED, EXCLUSIVE])
def test_a_job_with_another_reference_is_anothers(mode: LookupMode):
    assert found(replace(JOB, reference="video_2-1"), mode=mode) == Unmatched()


@pytest.mark.parametrize("mode", [IDENTIFIED, EXCLUSIVE])
def test_a_job_that_another_attempt_owns_is_not_ours(mode: LookupMode):
    assert found(JOB, claimed=frozenset({"up_1"}), mode=mode) == Unmatched()


@pytest.mark.parametrize("mode", [IDENTIFIED, EXCLUSIVE])
@pytest.mark.parametrize("created_at", [1_000_000.0 - CLOCK_SKEW_S - 1, 1_000_060.0 + CLOCK_SKEW_S + 1])
def test_a_job_made_at_another_time_is_not_ours(mode: LookupMode, created_at: float):
    assert found(replace(JOB, created_at=created_at), mode=mode) == Unmatched()


@pytest.mark.parametrize("created_at", [1_000_000.0 - CLOCK_SKEW_S, 1_000_060.0 + CLOCK_SKEW_S, None])
def test_a_clock_may_be_wrong_and_a_time_may_be_untold(created_at: float | None):
    assert found(replace(JOB, created_at=created_at)) == Matched("up_1")


def test_of_several_that_repeat_the_prompt_the_oldest_is_ours():
    assert found(replace(JOB, remote_id="up_2", created_at=1_000_005.0), JOB, rivals=1) == Matched("up_2")


def test_a_prompt_is_the_same_with_other_white_space():
    assert found(replace(JOB, prompt="  " + LONG.replace(" ", "\n ") + " ")) == Matched("up_1")


@pytest.mark.parametrize("ellipsis", ["", "...", "…", " …"])
def test_a_prompt_may_have_been_cut(ellipsis: str):
    assert found(replace(JOB, prompt=LONG[:80] + ellipsis)) == Matched("up_1")


def test_two_cut_prompts_are_not_told_apart():
    cut = replace(JOB, prompt=LONG[:80])
    assert found(cut, replace(cut, remote_id="up_2")) == Unclear()
    assert found(cut, rivals=1) == Unclear()


def test_a_prompt_cut_too_short_is_another():
    assert found(replace(JOB, prompt=LONG[: CUT_PROMPT_CHARS - 1])) == Unmatched()


def test_an_unlike_prompt_is_anothers_in_a_shared_account_and_suspicious_in_our_own():
    rewritten = replace(JOB, prompt="A cinematic shot of a kite")
    assert found(rewritten) == Unmatched()
    assert found(rewritten, mode=EXCLUSIVE) == Unclear()


def test_a_job_that_tells_no_prompt_is_neither_taken_nor_ruled_out_in_a_shared_account():
    assert found(replace(JOB, prompt=None)) == Unclear()


def test_a_job_that_tells_no_prompt_is_ours_where_the_account_is():
    assert found(replace(JOB, prompt=None), mode=EXCLUSIVE) == Matched("up_1")


def test_two_jobs_without_a_prompt_are_not_told_apart():
    untold = replace(JOB, prompt=None)
    assert found(untold, replace(untold, remote_id="up_2"), mode=EXCLUSIVE) == Unclear()


def test_a_job_without_a_prompt_may_be_a_rivals():
    assert found(replace(JOB, prompt=None), mode=EXCLUSIVE, rivals=1) == Unclear()


def test_a_job_listed_twice_is_one_job():
    untold = replace(JOB, prompt=None)
    assert found(untold, untold, mode=EXCLUSIVE) == Matched("up_1")


def test_the_same_words_with_images_are_not_the_same_video():
    assert found(JOB, sought=PICTURED) == Matched("up_1")
    assert found(JOB, sought=PICTURED, rivals=1) == Unclear()
    assert found(JOB, replace(JOB, remote_id="up_2"), sought=PICTURED) == Unclear()


@pytest.mark.parametrize("other", [{"seconds": 4}, {"size": Size(1280, 720)}, {"model": "sora-2-2025-12-08"}])
def test_our_prompt_in_another_shape_is_not_taken_and_not_ruled_out(other: dict[str, object]):
    assert found(replace(JOB, **other)) == Unclear()


def test_what_is_not_told_cannot_contradict():
    assert found(ListedJob("up_1", prompt=LONG)) == Matched("up_1")


@pytest.mark.parametrize("other", [{"seconds": 4}, {"size": Size(1280, 720)}])
def test_another_length_or_size_without_a_prompt_is_anothers(other: dict[str, object]):
    assert found(replace(JOB, prompt=None, **other), mode=EXCLUSIVE) == Unmatched()


def test_a_model_by_another_name_rules_nothing_out():
    assert found(replace(JOB, prompt=None, model="deployment-7"), mode=EXCLUSIVE) == Unclear()


@pytest.mark.parametrize("mode", [IDENTIFIED, EXCLUSIVE])
def test_where_creates_carry_a_reference_a_job_without_one_is_not_taken(mode: LookupMode):
    referenced = replace(SOUGHT, referenced=True)
    assert found(JOB, sought=referenced, mode=mode) == Unclear()
    assert found(JOB, replace(JOB, remote_id="up_2", reference="video_1-1"), sought=referenced) == Matched("up_2")
    assert found(replace(JOB, reference="video_2-1"), sought=referenced, mode=mode) == Unmatched()


def test_an_empty_list_holds_nothing():
    assert found() == found(mode=EXCLUSIVE) == Unmatched()


def test_a_lookup_that_is_off_concludes_nothing():
    assert found(JOB, mode=LookupMode.OFF) == found(mode=LookupMode.OFF) == Unclear()


def page(*moments: float | None) -> ListedPage:
    return ListedPage(tuple(ListedJob(f"up_{n}", moment) for n, moment in enumerate(moments)), "next")


BEFORE = SOUGHT.sent_at - CLOCK_SKEW_S - 1


def test_a_page_that_reaches_back_before_the_submit_is_the_last_to_read():
    assert is_past(page(SOUGHT.sent_at, None, BEFORE), SOUGHT)
    assert is_past(page(BEFORE), SOUGHT)


@pytest.mark.parametrize(
    "moments", [(), (None,), (SOUGHT.sent_at,), (BEFORE + 2, BEFORE + 1), (BEFORE - 9, BEFORE), (BEFORE, 2e6, BEFORE)]
)
def test_a_page_that_does_not_or_is_in_another_order_is_not(moments: tuple[float | None, ...]):
    assert not is_past(page(*moments), SOUGHT)


PROMPTS = st.sampled_from([None, "", LONG, f" {LONG}\n", LONG[:70], LONG[:70] + "…", LONG[:20], LONG + "!", "a cat"])
JOBS = st.builds(
    ListedJob,
    remote_id=st.sampled_from([f"up_{n}" for n in range(5)]),
    created_at=st.none() | st.floats(SOUGHT.sent_at - 400, SOUGHT.until + 400),
    model=st.sampled_from([None, "sora-2", "sora-2-pro"]),
    seconds=st.sampled_from([None, 4, 8]),
    size=st.sampled_from([None, PORTRAIT, Size(1280, 720)]),
    prompt=PROMPTS,
    reference=st.sampled_from([None, None, None, "video_1-1", "video_2-1"]),
)
LISTS = st.lists(JOBS, max_size=6, unique_by=lambda job: job.remote_id)
CLAIMS = st.frozensets(st.sampled_from([f"up_{n}" for n in range(5)]), max_size=3)
MODES = st.sampled_from([IDENTIFIED, EXCLUSIVE])
SEEKERS = st.sampled_from([SOUGHT, PICTURED])
RIVALS = st.integers(0, 2)


@given(SEEKERS, LISTS, CLAIMS, RIVALS, MODES)
def test_what_is_found_is_unclaimed_and_nobody_elses(
    sought: Sought, listed: list[ListedJob], claimed: frozenset[str], rivals: int, mode: LookupMode
):
    reading = match(sought, listed, claimed, rivals, mode)
    if isinstance(reading, Matched):
        job = next(job for job in listed if job.remote_id == reading.remote_id)
        told = (job.prompt or "").strip().removesuffix("…")
        assert job.remote_id not in claimed
        assert job.reference in (None, sought.reference)
        if job.reference is None:
            assert LONG.startswith(told)
            assert told == LONG or len(told) >= CUT_PROMPT_CHARS or (not told and mode is EXCLUSIVE)
            assert told == LONG or not rivals


@given(SEEKERS, LISTS, CLAIMS, RIVALS, MODES, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(
    sought: Sought, listed: list[ListedJob], claimed: frozenset[str], rivals: int, mode: LookupMode, rng
):
    mixed = list(listed)
    rng.shuffle(mixed)
    assert match(sought, mixed, claimed, rivals, mode) == match(sought, listed, claimed, rivals, mode)


@given(SEEKERS, LISTS, CLAIMS, RIVALS, st.sampled_from([LONG, LONG[:70], None]))
def test_nothing_is_called_absent_while_a_job_may_be_it(
    sought: Sought, listed: list[ListedJob], claimed: frozenset[str], rivals: int, prompt: str | None
):
    ours = ListedJob("up_ours", SOUGHT.sent_at + 5, "sora-2", 8, PORTRAIT, prompt)
    for mode in (IDENTIFIED, EXCLUSIVE):
        assert match(sought, [*listed, ours], claimed, rivals, mode) != Unmatched()
