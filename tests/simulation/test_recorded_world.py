"""What a job meets where it was never sent is drawn from what others met there, and is said to be."""

from typing import Any

import pytest

from providers.canonical import Failure, Reason, Size, Stage
from router.core.catalog import ChargeRule
from router.core.history import RecordedJob
from router.core.job import AttemptState, JobState
from router.simulation.fate import Asked
from router.simulation.recorded_world import AROUND_S, NEAREST, Grounds, RecordedWorld, observed
from tests.builders import EPOCH, a_video, an_offering
from tests.simulation.test_journal import a_recorded_attempt, a_recorded_job

FAILED = {"state": AttemptState.FAILED, "stage": Stage.GENERATE, "reason": Reason.INTERNAL, "posted_microusd": 0}


def asked(job: str, provider: str = "alpha", at_s: float = 0.0, quote: int = 100_000, **changes: Any) -> Asked:
    rule = changes.pop("rule", ChargeRule())
    return Asked(job, an_offering(provider), rule, a_video(**changes), quote, 0, at_s, 0)


def at(number: int, seconds: float, **attempt: Any) -> RecordedJob:
    """A job with one attempt, `seconds` after the start."""
    times = {"submitted_at": EPOCH + seconds, "accepted_at": EPOCH + seconds + 1, "ended_at": EPOCH + seconds + 60}
    failed = attempt.get("state", AttemptState.SUCCEEDED) is not AttemptState.SUCCEEDED
    ended: dict[str, Any] = {"state": JobState.FAILED} if failed else {}
    return a_recorded_job(number, attempts=(a_recorded_attempt(**{**times, **attempt}),), **ended)


def test_a_job_meets_again_what_it_met_at_the_price_of_now() -> None:
    world = RecordedWorld([at(1, 0, posted_microusd=120_000), at(2, 0, **FAILED)], EPOCH)
    made, failed = world.known(asked("video_1", quote=200_000)), world.known(asked("video_2"))
    assert (made.grounds, made.fate.paid_microusd, made.fate.delivers) == (Grounds.RECORDED, 240_000, True)
    assert 58 < made.fate.end_s <= 60
    assert failed.fate.failure == Failure(Stage.GENERATE, Reason.INTERNAL, cost_microusd=0)


def test_what_was_billed_stays_billed_whatever_the_contract_says_now() -> None:
    billed = at(1, 0, **{**FAILED, "posted_microusd": 100_000})
    known = RecordedWorld([billed], EPOCH).known(asked("video_1", quote=50_000, rule=ChargeRule()))
    assert known.fate.paid_microusd == 50_000


def test_another_job_meets_what_the_nearest_ones_met() -> None:
    healthy = [at(number, 60.0 * number) for number in range(60)]
    outage = [at(100 + number, 4000.0 + 60 * number, **FAILED) for number in range(20)]
    world = RecordedWorld([*healthy, *outage], EPOCH)
    then = [world.known(asked(f"new_{number}", at_s=4600.0)) for number in range(50)]
    before = [world.known(asked(f"new_{number}", at_s=1000.0)) for number in range(50)]
    assert {known.grounds for known in (*then, *before)} == {Grounds.AROUND}
    assert not any(known.fate.delivers for known in then)
    assert all(known.fate.delivers for known in before)


def test_halfway_between_a_failure_and_the_next_successes_either_is_as_likely() -> None:
    failures = [at(number, 10.0 * number, **FAILED) for number in range(5)]
    world = RecordedWorld([*failures, *(at(100 + number, 1040.0 + number) for number in range(50))], EPOCH)
    shares = [
        sum(world.known(asked(f"new_{number}", at_s=seconds)).fate.delivers for number in range(400)) / 400
        for seconds in (140.0, 540.0, 940.0)
    ]
    assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.06)


def test_far_from_anything_seen_it_meets_what_anybody_met_at_any_time() -> None:
    world = RecordedWorld([at(number, 0, **FAILED) for number in range(NEAREST)], EPOCH)
    assert world.known(asked("new", at_s=AROUND_S - 1)).grounds is Grounds.AROUND
    assert world.known(asked("new", at_s=AROUND_S + 1)).grounds is Grounds.OVERALL


def test_a_length_that_was_never_seen_takes_as_much_longer_as_such_videos_do() -> None:
    world = RecordedWorld([at(1, 0)], EPOCH)
    short, hd = world.known(asked("new")), world.known(asked("new", size=Size(1080, 1920)))
    assert (short.grounds, hd.grounds) == (Grounds.AROUND, Grounds.OVERALL)
    assert hd.fate.end_s == pytest.approx(3.5 * short.fate.end_s)


def test_who_was_never_seen_does_as_routing_believes_of_a_stranger() -> None:
    world = RecordedWorld([at(1, 0)], EPOCH)
    known = [world.known(asked(f"new_{number}", "beta")) for number in range(1000)]
    assert {each.grounds for each in known} == {Grounds.ASSUMED}
    assert 0.93 < sum(each.fate.delivers for each in known) / 1000 < 0.97


@pytest.mark.parametrize(("billed", "paid"), [(False, 0), (True, 100_000)])
def test_what_a_review_refused_every_other_one_refuses_by_its_own_contract(billed: bool, paid: int) -> None:
    words = {"state": AttemptState.FAILED, "stage": Stage.PROMPT_REVIEW, "reason": Reason.REFUSED, "posted_microusd": 0}
    world = RecordedWorld([at(1, 0, **words), at(2, 0, offering_id="beta/clip", provider="beta")], EPOCH)
    known = world.known(asked("video_1", "beta", rule=ChargeRule(refused_billed=billed)))
    assert known.grounds is Grounds.REFUSED
    assert known.fate.failure == Failure(Stage.PROMPT_REVIEW, Reason.REFUSED)
    assert known.fate.paid_microusd == paid
    # The refusal was the job's: others do not meet it.
    assert world.known(asked("new", "beta")).fate.delivers


def test_an_output_that_one_review_let_pass_is_not_refused_everywhere() -> None:
    withheld = a_recorded_attempt(state=AttemptState.FAILED, stage=Stage.OUTPUT_REVIEW, reason=Reason.REFUSED)
    made = a_recorded_attempt(2, offering_id="beta/clip", provider="beta")
    world = RecordedWorld([a_recorded_job(1, attempts=(withheld, made))], EPOCH)
    assert world.known(asked("video_1", "alpha")).fate.failure is not None
    assert world.known(asked("video_1", "gamma")).grounds is Grounds.ASSUMED


def test_money_that_nobody_vouches_for_is_neither_paid_nor_forgotten() -> None:
    lost = {"state": AttemptState.UNKNOWN, "accepted_at": None, "stage": Stage.SUBMIT, "reason": Reason.AMBIGUOUS}
    world = RecordedWorld([at(1, 0, **lost, posted_microusd=0, open_microusd=100_000)], EPOCH)
    known = world.known(asked("video_1", quote=150_000))
    assert known.fate.refusal is not None
    assert (known.fate.paid_microusd, known.open_microusd) == (0, 150_000)


def test_what_stalled_is_silent_and_may_still_be_billed() -> None:
    words = {"stage": Stage.GENERATE, "reason": Reason.STALLED}
    late = observed(at(1, 0, state=AttemptState.LATE, **words).attempts[0])
    duplicate = observed(at(1, 0, state=AttemptState.SUCCEEDED, ended_at=EPOCH + 3000, **words).attempts[0])
    assert late is not None
    assert duplicate is not None
    assert (late.end_s, late.silent_s) == (float("inf"), 1.0)
    assert duplicate.failure is None
    assert 2900 < duplicate.end_s <= 3000


@pytest.mark.parametrize("state", [AttemptState.RUNNING, AttemptState.SUBMITTING, AttemptState.LATE])
def test_what_nobody_saw_the_end_of_says_nothing(state: AttemptState) -> None:
    ended_at = EPOCH + 60 if state is AttemptState.LATE else None
    under_way = a_recorded_job(1, state=JobState.IN_PROGRESS, ended_at=None, attempts=())
    assert observed(at(1, 0, state=state, ended_at=ended_at).attempts[0]) is None
    assert RecordedWorld([under_way], EPOCH).known(asked("video_1")).grounds is Grounds.ASSUMED


def test_whoever_asks_again_is_told_the_same() -> None:
    jobs = [at(number, 10.0 * number, **(FAILED if number % 3 else {})) for number in range(60)]
    one, other = RecordedWorld(jobs, EPOCH), RecordedWorld(jobs, EPOCH)
    for number in range(100):
        assert one.fate(asked(f"new_{number}", at_s=300)) == other.fate(asked(f"new_{number}", at_s=300))
