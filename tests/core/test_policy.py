"""The policy table, pair by pair."""

from collections.abc import Collection, Mapping
from itertools import product

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.policy import (
    BY_REASON,
    BreakerEffect,
    Failover,
    FailoverOn,
    JobLimits,
    MoneyEffect,
    NextStep,
    OnAmbiguous,
    Pair,
    PolicyRow,
    consequences,
    goes_on,
    is_overridable,
    pairs,
    row_of,
)

PAIRS = list(product(Stage, Reason))
UNDER_WAY = [stage for stage in Stage if stage is not Stage.ROUTE]
STALLING = [stage for stage in UNDER_WAY if stage is not Stage.DOWNLOAD]
ABANDONED = [*product(UNDER_WAY, [Reason.EXPIRED]), *product(STALLING, [Reason.STALLED])]
FAILOVER = JobLimits(on_ambiguous=OnAmbiguous.FAILOVER, duplicate_microusd_max=300_000)
AMBIGUOUS = Failure(Stage.SUBMIT, Reason.AMBIGUOUS)


def on(
    failure: Failure,
    *,
    before: Collection[Pair] = (),
    uncertain: int = 0,
    limits: JobLimits | None = None,
    own: Mapping[Pair, Failover] | None = None,
) -> bool:
    return goes_on(
        failure,
        failed_before=before,
        uncertain_microusd=uncertain,
        limits=limits or JobLimits(),
        step=FailoverOn(own or {}).next_step(failure),
    )


def test_every_reason_has_a_row() -> None:
    assert set(BY_REASON) == set(Reason)


@pytest.mark.parametrize(("stage", "reason"), PAIRS)
def test_every_stage_and_reason_has_consequences_and_a_next_step(stage: Stage, reason: Reason) -> None:
    failure = Failure(stage, reason)
    row = consequences(failure)
    assert isinstance(row, PolicyRow)
    assert on(failure) is (row.next_step not in (NextStep.STOP, NextStep.ASK_OPERATOR))


@pytest.mark.parametrize("stage", [stage for stage in UNDER_WAY if stage not in (Stage.POLL, Stage.DOWNLOAD)])
def test_a_refusal_never_trips_a_breaker_and_is_paid_as_the_contract_says(stage: Stage) -> None:
    row = consequences(Failure(stage, Reason.REFUSED))
    assert row.breaker is BreakerEffect.NEUTRAL
    assert row.money is MoneyEffect.CONTRACT


@pytest.mark.parametrize("stage", UNDER_WAY)
def test_what_is_ambiguous_is_never_voided(stage: Stage) -> None:
    assert consequences(Failure(stage, Reason.AMBIGUOUS)).money is not MoneyEffect.VOID


@pytest.mark.parametrize("reason", Reason)
def test_no_failure_of_a_poll_is_a_failure_of_the_video(reason: Reason) -> None:
    assert consequences(Failure(Stage.POLL, reason)).money is MoneyEffect.STAYS_PENDING


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.EXPIRED])
def test_a_video_that_is_done_and_cannot_be_had_is_paid_for(reason: Reason) -> None:
    assert consequences(Failure(Stage.DOWNLOAD, reason)).money is MoneyEffect.POST


def test_a_video_that_we_cannot_fetch_by_our_own_fault_is_not_bought_again_and_blames_nobody() -> None:
    ours = Failure(Stage.DOWNLOAD, Reason.UNREACHABLE)
    assert consequences(ours) == PolicyRow(NextStep.STOP, BreakerEffect.NEUTRAL, MoneyEffect.POST)
    assert not on(ours, limits=FAILOVER)


def test_a_video_that_its_provider_cannot_hand_over_counts_against_it_and_is_bought_elsewhere() -> None:
    theirs = Failure(Stage.DOWNLOAD, Reason.UNREADABLE)
    assert consequences(theirs) == PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.POST)


@pytest.mark.parametrize(("stage", "reason"), PAIRS)
def test_only_a_refused_account_opens_a_breaker_and_only_a_rate_limit_cools_down(stage: Stage, reason: Reason) -> None:
    effect = consequences(Failure(stage, reason)).breaker
    if effect is BreakerEffect.OPENS:
        assert reason in (Reason.AUTH, Reason.BALANCE)
    if effect is BreakerEffect.COOLS_DOWN:
        assert reason is Reason.RATE_LIMITED


@pytest.mark.parametrize(("stage", "reason"), ABANDONED)
def test_an_abandoned_attempt_keeps_its_money_open_and_counts(stage: Stage, reason: Reason) -> None:
    expected = PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.STAYS_PENDING)
    assert consequences(Failure(stage, reason)) == expected


def test_a_refused_prompt_or_image_stops_the_job() -> None:
    assert not on(Failure(Stage.PROMPT_REVIEW, Reason.REFUSED))
    assert not on(Failure(Stage.IMAGE_REVIEW, Reason.REFUSED))


def test_a_refused_output_is_tried_elsewhere_once() -> None:
    refused = Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED)
    assert on(refused)
    assert not on(refused, before={(Stage.OUTPUT_REVIEW, Reason.REFUSED)})
    assert on(refused, before={(Stage.GENERATE, Reason.INTERNAL)})


@pytest.mark.parametrize("reason", [Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED])
def test_what_a_job_says_of_accounts_and_load_fills_the_window_and_takes_nobody_out_alone(reason: Reason) -> None:
    row = row_of(Stage.GENERATE, reason)
    assert row == PolicyRow(NextStep.FAILOVER, BreakerEffect.COUNTS, MoneyEffect.CONTRACT)


@pytest.mark.parametrize("stage", [Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.QUEUE, Stage.GENERATE])
@pytest.mark.parametrize("reason", Reason)
def test_the_money_of_an_accepted_job_is_never_just_voided(stage: Stage, reason: Reason) -> None:
    if reason not in (Reason.BUDGET, Reason.NO_CANDIDATE):
        assert row_of(stage, reason).money is not MoneyEffect.VOID


def test_nothing_is_listed_as_possible_twice_and_every_reason_is_possible_somewhere() -> None:
    assert len(list(pairs())) == len(set(pairs()))
    assert {reason for _, reason in pairs()} == set(Reason)


OVERRIDABLE = [pair for pair in pairs() if is_overridable(pair)]


@pytest.mark.parametrize("pair", OVERRIDABLE)
def test_an_operator_chooses_the_next_step_and_nothing_else(pair: Pair) -> None:
    failure = Failure(*pair)
    assert not on(failure, own={pair: Failover.NEVER})
    assert on(failure, own={pair: Failover.ALWAYS}, before={pair})
    assert on(failure, own={pair: Failover.ONCE})
    assert not on(failure, own={pair: Failover.ONCE}, before={pair})
    other = next(each for each in OVERRIDABLE if each != pair)
    assert on(failure, own={other: Failover.NEVER}) is on(failure)


def test_no_operator_decides_what_is_ambiguous_or_unread_by_a_table_of_steps() -> None:
    fixed = {pair for pair in pairs() if not is_overridable(pair)}
    polls = {pair for pair in pairs(Stage.POLL) if pair[1] is not Reason.EXPIRED}
    assert fixed == {(Stage.SUBMIT, Reason.AMBIGUOUS), *polls, *pairs(Stage.ROUTE)}


def test_an_ambiguous_submit_is_held_unless_the_operator_said_otherwise() -> None:
    assert not on(AMBIGUOUS)
    assert not on(AMBIGUOUS, limits=JobLimits(duplicate_microusd_max=10**9))


def test_failing_over_after_an_ambiguous_submit_ends_where_the_risk_does() -> None:
    assert on(AMBIGUOUS, uncertain=300_000, limits=FAILOVER)
    assert not on(AMBIGUOUS, uncertain=300_001, limits=FAILOVER)


@pytest.mark.parametrize(
    ("left_s", "attempts", "may"), [(1.0, 0, True), (0.0, 0, False), (121.0, 1, True), (119.0, 1, False)]
)
def test_another_attempt_needs_some_time_and_the_first_needs_none(left_s: float, attempts: int, may: bool) -> None:
    assert (JobLimits(attempt_s_min=120.0).may_begin_for_s(left_s, attempts) > 0) is may
