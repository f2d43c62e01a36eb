"""What a caller reads of a job that failed: what to change, and what became of each attempt."""

from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.budget import CALLER_BUDGET_USED, PROVIDER_BUDGETS_USED
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.order import Deletion
from router.core.policy import POSSIBLE
from router.http.failures import error_object, failure_message
from router.http.naming import Naming
from router.http.video_object import deletion_object
from tests.builders import EPOCH, a_job, an_attempt
from tests.http.doors import MemoryEngine, a_shop, an_open_door

NAMING = Naming(a_shop())


def a_failed_job(failure: Failure, *attempts: Attempt, **changes: Any) -> Job:
    return a_job(state=JobState.FAILED, ended_at=EPOCH + 9, failure=failure, attempts=attempts, **changes)


def failed(number: int, provider: str, stage: Stage, reason: Reason, billed: bool | None = False) -> Attempt:
    state = AttemptState.LATE if billed is None else AttemptState.FAILED
    return an_attempt(number, provider=provider, state=state, stage=stage, reason=reason, billed=billed)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("stage", Stage)
def test_every_failure_has_a_code_and_words_without_links(stage: Stage, reason: Reason) -> None:
    words = "不行https://relay.example/x?sig=secret\n在cdn.relay.example.com/y?sig=secret " + "long " * 200
    error = error_object(a_failed_job(Failure(stage, reason, words)), NAMING)
    assert error is not None
    assert (error["stage"], error["reason"]) == (stage.value, reason.value)
    assert error["code"] in (f"{stage}.{reason}", "moderation_blocked", "submit_unknown", "cancelled")
    assert "secret" not in error["message"]
    assert "\n" not in error["message"]
    assert len(error["message"]) < 500


@pytest.mark.parametrize(
    ("code", "whose"),
    [
        (None, "the job's spending limit"),
        (CALLER_BUDGET_USED, "your daily budget"),
        (PROVIDER_BUDGETS_USED, "the operator's daily budget"),
    ],
)
def test_a_job_that_a_budget_ended_says_whose_it_was(code: str | None, whose: str) -> None:
    error = error_object(a_failed_job(Failure(Stage.ROUTE, Reason.BUDGET, "", code)), NAMING)
    assert error is not None
    assert error["code"] == "route.budget"
    assert whose in error["message"].lower()
    assert ("00:00 UTC" in error["message"]) == (code is not None)


@pytest.mark.parametrize(
    "words",
    [
        "Incorrect API key provided: sk-canary1234567890. Fix it",
        "令牌sk-canary1234567890无权访问此模型",
        "Authorization: Bearer canary.of.a.key was turned down",
        'the header {"api-key": "canary1234567890"} has no access to this model',
        "no such model at 10.0.0.5:3000/v1/videos?sig=canary",
    ],
)
def test_an_upstream_that_repeats_the_operators_key_does_not_show_it_to_callers(words: str) -> None:
    for stage, reason in ((Stage.SUBMIT, Reason.INVALID), (Stage.PROMPT_REVIEW, Reason.REFUSED)):
        message = failure_message(Failure(stage, reason, words), NAMING)
        assert " said: " in message
        assert "canary" not in message
        assert "10.0.0.5" not in message


@pytest.mark.parametrize(("stage", "reason"), [(stage, reason) for stage in POSSIBLE for reason in POSSIBLE[stage]])
def test_a_message_says_what_to_do_next(stage: Stage, reason: Reason) -> None:
    message = failure_message(Failure(stage, reason), NAMING).lower()
    assert any(advice in message for advice in ("change", "again", "ask ", "order it"))


def test_openais_code_for_a_refusal_hides_neither_its_stage_nor_its_reason() -> None:
    for stage in (Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW):
        error = error_object(a_failed_job(Failure(stage, Reason.REFUSED)), NAMING)
        assert error is not None
        assert (error["code"], error["stage"], error["reason"]) == ("moderation_blocked", stage, Reason.REFUSED)


def test_a_providers_empty_account_is_not_told_as_the_callers() -> None:
    error = error_object(a_failed_job(Failure(Stage.SUBMIT, Reason.BALANCE, "user quota is not enough")), NAMING)
    assert error is not None
    assert error["code"] == "submit.balance"
    assert "nothing is wrong with the request" in error["message"]
    assert "quota" not in error["message"]


def test_what_an_upstream_says_of_an_invalid_request_reaches_the_caller() -> None:
    said = "image size 500x500 does not match 720x1280, see https://docs.relay.example/sizes?key=1"
    message = failure_message(Failure(Stage.SUBMIT, Reason.INVALID, said), NAMING)
    assert message.endswith("The provider said: image size 500x500 does not match 720x1280, see [link]")


def test_a_dotted_field_is_no_link() -> None:
    message = failure_message(Failure(Stage.SUBMIT, Reason.INVALID, "input.prompt is too long (v2.1)"), NAMING)
    assert message.endswith("said: input.prompt is too long (v2.1)")


async def test_a_failed_video_tells_every_attempt_in_order_and_what_was_charged() -> None:
    engine = MemoryEngine()
    attempts = (
        failed(1, "relay-a", Stage.SUBMIT, Reason.BALANCE),
        failed(2, "relay-b", Stage.GENERATE, Reason.STALLED, billed=None),
        failed(3, "relay-a", Stage.OUTPUT_REVIEW, Reason.REFUSED, billed=True),
    )
    refused = Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED)
    job = engine.add(state=JobState.FAILED, ended_at=EPOCH, failure=refused, attempts=attempts)
    async with an_open_door(engine) as opened, opened.session.get(f"{opened.url}/v1/videos/{job.id}") as response:
        assert (await response.json())["error"]["attempts"] == [
            {"provider": "relay-a", "stage": "submit", "reason": "balance", "charged": False},
            {"provider": "relay-b", "stage": "generate", "reason": "stalled", "charged": None},
            {"provider": "relay-a", "stage": "output_review", "reason": "refused", "charged": True},
        ]


async def test_a_video_that_has_not_failed_has_no_error() -> None:
    engine = MemoryEngine()
    job = engine.completed()
    async with an_open_door(engine) as opened, opened.session.get(f"{opened.url}/v1/videos/{job.id}") as response:
        assert (await response.json())["error"] is None


def test_a_job_that_its_caller_deleted_is_cancelled_and_no_provider_is_blamed() -> None:
    error = error_object(a_failed_job(Failure(Stage.ROUTE, Reason.CANCELLED, "its caller deleted it")), NAMING)
    assert error is not None
    assert (error["code"], error["stage"], error["reason"]) == ("cancelled", "route", "cancelled")
    assert "may still be charged" in error["message"]
    assert "upstream" not in error["message"]


@pytest.mark.parametrize(("billed", "warned"), [(None, True), (False, False), (True, False)])
def test_a_job_that_failed_over_from_a_lost_answer_is_not_just_to_be_tried_again(
    billed: bool | None, warned: bool
) -> None:
    lost = failed(1, "relay-a", Stage.SUBMIT, Reason.AMBIGUOUS, billed)
    last = failed(2, "relay-b", Stage.SUBMIT, Reason.UNREACHABLE)
    for failure, attempts in (
        (Failure(Stage.SUBMIT, Reason.UNREACHABLE), (lost, last)),
        (Failure(Stage.ROUTE, Reason.EXPIRED), (lost,)),
    ):
        error = error_object(a_failed_job(failure, *attempts), NAMING)
        assert error is not None
        assert ("An attempt before that may still be charged" in error["message"]) == warned


def test_a_lost_answer_is_said_to_be_for_the_operator_to_find_out() -> None:
    error = error_object(a_failed_job(Failure(Stage.SUBMIT, Reason.AMBIGUOUS)), NAMING)
    assert error is not None
    assert error["code"] == "submit_unknown"
    assert "operator can find out" in error["message"]


@pytest.mark.parametrize(
    ("attempts", "open_money", "says"),
    [
        ((), False, "Nothing was sent to a provider yet"),
        ((failed(1, "relay-a", Stage.SUBMIT, Reason.BALANCE),), False, "cost nothing"),
        ((failed(1, "relay-a", Stage.GENERATE, Reason.INTERNAL, billed=True),), False, "Nothing more is charged"),
        ((an_attempt(state=AttemptState.RUNNING),), True, "may still be finished and charged"),
        ((an_attempt(state=AttemptState.RUNNING),), True, "GET it with ?include=deleted"),
    ],
)
def test_a_deletion_says_of_a_live_job_what_it_costs_as_far_as_anybody_knows(
    attempts: tuple[Attempt, ...], open_money: bool, says: str
) -> None:
    deletion = Deletion(a_job(attempts=attempts), cancelled=True, may_be_charged=open_money)
    document = deletion_object(deletion)
    assert (document["deleted"], document["cancelled"], document["may_be_charged"]) == (True, True, open_money)
    assert says in document["message"]


def test_a_deletion_of_an_ended_job_is_openais_own() -> None:
    document = deletion_object(Deletion(a_job(), cancelled=False, may_be_charged=True))
    assert document == {"id": "video_1", "object": "video.deleted", "deleted": True}
