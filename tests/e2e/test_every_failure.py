"""One scenario for every stage and reason that the policy table knows, on real sockets.

Each with another provider at hand and without: the job's end, who was asked next, the breakers, the books, the labels,
and what the caller is told.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from providers import jizhiai
from providers.adapter import Adapter, HttpRequest, HttpResponse
from providers.canonical import Failure, Reason, Running, Stage, Succeeded, VideoRequest
from router.core.policy import Pair, pairs
from router.engine import attempt_run
from tests.rig import POLLING, Rig, a_rig, assert_books_agree

FIRST, NEXT = "jizhiai", "shenma"
IMAGE = {"images": ["https://pictures.example.com/a.png"]}
# One outcome is enough to move a breaker, so whatever counts shows at once.
BREAKER = {"volume_min": 1, "failure_share": 0.5, "window_s": 60}
Then: TypeAlias = Literal["stops", "fails over", "lives on"]
Money: TypeAlias = Literal["voided", "posted", "pending", "delivered"]
Breaker: TypeAlias = Literal["neutral", "submit", "poll", "generate", "poll and generate", "cools down", "out"]


class Unwritten:
    """The first provider's dialect with a writer that breaks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(jizhiai, name)

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        raise KeyError(model)


class Strange(Unwritten):
    """The first provider's dialect as somebody else reads it, who has a word for what nobody understands."""

    submit_request = staticmethod(jizhiai.submit_request)

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        reading = jizhiai.read_poll(response)
        ended = isinstance(reading, Failure) and reading.stage is Stage.GENERATE
        return Failure(Stage.GENERATE, Reason.OTHER) if ended else reading


@dataclass(frozen=True)
class Scenario:
    """What the first provider does, and what has to follow."""

    fault: Mapping[str, Any]
    then: Then
    money: Money
    breaker: Breaker
    code: str | None = None
    outcome: str = "failed"
    request: Mapping[str, Any] = field(default_factory=dict)
    polling: Mapping[str, float] = field(default_factory=dict)
    provider: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    adapter: Adapter | None = None


def answer(http_status: int, code: str, message: str, **more: Any) -> dict[str, Any]:
    """An answer in the relay's flat shape."""
    body = {"code": code, "message": message, "data": None}
    return {"fault": "answer", "http_status": http_status, "body": body, **more}


def poll(http_status: int, code: str, message: str) -> dict[str, Any]:
    return answer(http_status, code, message, at="poll", times=2)


def ends(words: str, code: str | None = None) -> dict[str, Any]:
    return {"fault": "fail_with", "words": words, **({"code": code} if code else {})}


IMPATIENT = {"stall_s": 0.3, "deadline_s": 20}
HASTY = {"stall_s": 20, "deadline_s": 0.5}
LATE: dict[str, Any] = {"then": "fails over", "money": "pending", "breaker": "generate", "outcome": "late"}
WAITED_OUT: dict[str, Any] = {"then": "lives on", "money": "delivered", "breaker": "poll"}
BLAMED: dict[str, Any] = {"then": "fails over", "money": "voided", "breaker": "generate"}
BLAMELESS: dict[str, Any] = {"then": "fails over", "money": "voided", "breaker": "neutral"}
REFUSED: dict[str, Any] = {"money": "voided", "breaker": "neutral", "code": "moderation_blocked"}

SCENARIOS: dict[Pair, Scenario] = {
    (Stage.SUBMIT, Reason.INVALID): Scenario(answer(400, "invalid_parameter", "seconds must be one of 8"), **BLAMELESS),
    (Stage.SUBMIT, Reason.UNSUPPORTED): Scenario({"fault": "slow_download"}, **BLAMELESS, adapter=Unwritten()),
    (Stage.SUBMIT, Reason.AUTH): Scenario({"fault": "bad_key"}, "fails over", "voided", "out"),
    (Stage.SUBMIT, Reason.BALANCE): Scenario({"fault": "insufficient_balance"}, "fails over", "voided", "out"),
    (Stage.SUBMIT, Reason.RATE_LIMITED): Scenario(
        {"fault": "rate_limited", "retry_after_s": 30}, "fails over", "voided", "cools down"
    ),
    (Stage.SUBMIT, Reason.OVERLOADED): Scenario({"fault": "http_503"}, "fails over", "voided", "submit"),
    (Stage.SUBMIT, Reason.UNREACHABLE): Scenario({"fault": "refuse_connect"}, "fails over", "voided", "submit"),
    (Stage.SUBMIT, Reason.AMBIGUOUS): Scenario(
        {"fault": "cut_after_accept"}, "stops", "pending", "submit", code="submit_unknown", outcome="unknown"
    ),
    (Stage.IMAGE_REVIEW, Reason.REFUSED): Scenario(
        {"fault": "image_review", "at": "job"}, "stops", **REFUSED, request={"extra_body": IMAGE}
    ),
    (Stage.PROMPT_REVIEW, Reason.REFUSED): Scenario({"fault": "prompt_review", "at": "job"}, "stops", **REFUSED),
    (Stage.QUEUE, Reason.STALLED): Scenario({"fault": "never_starting"}, **LATE, polling=IMPATIENT),
    (Stage.QUEUE, Reason.EXPIRED): Scenario({"fault": "never_starting"}, **LATE, polling=HASTY),
    (Stage.GENERATE, Reason.INVALID): Scenario(
        ends("Inpaint image must match the requested width and height"), **BLAMELESS
    ),
    (Stage.GENERATE, Reason.AUTH): Scenario(ends("Incorrect API key provided", "invalid_api_key"), **BLAMED),
    (Stage.GENERATE, Reason.BALANCE): Scenario(ends("用户额度不足, 剩余额度: ＄0.000000"), **BLAMED),
    (Stage.GENERATE, Reason.RATE_LIMITED): Scenario(ends("Rate limit reached", "rate_limit_exceeded"), **BLAMED),
    (Stage.GENERATE, Reason.OVERLOADED): Scenario(ends("No available accounts"), **BLAMED),
    (Stage.GENERATE, Reason.INTERNAL): Scenario({"fault": "fail_at_95"}, **BLAMED),
    (Stage.GENERATE, Reason.STALLED): Scenario({"fault": "never_finishing"}, **LATE, polling=IMPATIENT),
    (Stage.GENERATE, Reason.EXPIRED): Scenario({"fault": "never_finishing"}, **LATE, polling=HASTY),
    (Stage.GENERATE, Reason.CANCELLED): Scenario({"fault": "cancelled"}, **BLAMELESS),
    (Stage.GENERATE, Reason.OTHER): Scenario({"fault": "fail_at_95"}, **BLAMELESS, adapter=Strange()),
    (Stage.OUTPUT_REVIEW, Reason.REFUSED): Scenario({"fault": "output_review"}, "fails over", **REFUSED),
    (Stage.POLL, Reason.AUTH): Scenario(poll(401, "invalid_api_key", "令牌不合法"), **WAITED_OUT),
    (Stage.POLL, Reason.BALANCE): Scenario(poll(403, "insufficient_user_quota", "用户额度不足"), **WAITED_OUT),
    (Stage.POLL, Reason.RATE_LIMITED): Scenario({"fault": "poll_429", "times": 2}, **WAITED_OUT),
    (Stage.POLL, Reason.OVERLOADED): Scenario({"fault": "poll_500", "times": 2}, **WAITED_OUT),
    (Stage.POLL, Reason.UNREACHABLE): Scenario({"fault": "poll_cut", "times": 4}, **WAITED_OUT),
    (Stage.POLL, Reason.INVALID): Scenario(poll(400, "task_not_exist", "task_not_exist"), **WAITED_OUT),
    (Stage.POLL, Reason.UNREADABLE): Scenario({"fault": "poll_garbage", "times": 2}, **WAITED_OUT),
    (Stage.POLL, Reason.EXPIRED): Scenario(
        {"fault": "poll_500"}, **{**LATE, "breaker": "poll and generate"}, polling=HASTY
    ),
    (Stage.DOWNLOAD, Reason.UNREADABLE): Scenario(
        {"fault": "no_link"}, "fails over", "posted", "generate", polling={"download_s_max": 0.2}
    ),
    (Stage.DOWNLOAD, Reason.UNREACHABLE): Scenario(
        {"fault": "slow_download"},
        "stops",
        "posted",
        "neutral",
        polling={"download_s_max": 0.2},
        provider={"asset_hosts": []},
    ),
    # By then the job's own time is over: there is none left to ask anybody else.
    (Stage.DOWNLOAD, Reason.EXPIRED): Scenario(
        {"fault": "link_404"},
        "stops",
        "pending",
        "generate",
        outcome="late",
        polling={"download_s_max": 20},
        policy={"job_deadline_s": 0.6, "min_attempt_s": 0.2},
    ),
}


def test_every_pair_of_the_table_that_an_attempt_can_end_with_has_a_scenario() -> None:
    assert set(SCENARIOS) == {pair for pair in pairs() if pair[0] is not Stage.ROUTE}


@pytest.mark.parametrize("pair", SCENARIOS, ids=lambda pair: f"{pair[0]}.{pair[1]}")
async def test_what_follows_where_another_provider_is_at_hand(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_run, "FETCH_PAST_DEADLINE_S", 0.1)
    scenario = SCENARIOS[pair]
    async with a_rig(tmp_path, FIRST, NEXT, **sections(scenario)) as rig:
        await rig.sandboxes[FIRST].set_faults([scenario.fault])
        video = await rig.made(**scenario.request)
        attempts = sorted(rig.rows(), key=lambda row: row.number)
        if scenario.then == "fails over":
            assert (video.status, [row.provider for row in attempts]) == ("completed", [FIRST, NEXT])
            assert rig.sandboxes[NEXT].books().totals.accepted == 1
        else:
            assert [row.provider for row in attempts] == [FIRST]
            assert rig.sandboxes[NEXT].books().totals.accepted == 0
        await check_first(rig, pair, scenario)


@pytest.mark.parametrize("pair", SCENARIOS, ids=lambda pair: f"{pair[0]}.{pair[1]}")
async def test_what_the_caller_is_told_where_there_is_nobody_else(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_run, "FETCH_PAST_DEADLINE_S", 0.1)
    scenario = SCENARIOS[pair]
    async with a_rig(tmp_path, FIRST, **sections(scenario)) as rig:
        await rig.sandboxes[FIRST].set_faults([scenario.fault])
        video = await rig.made(**scenario.request)
        if scenario.then == "lives on":
            assert (video.status, video.error) == ("completed", None)
        else:
            assert (video.status, video.error.code) == ("failed", scenario.code or f"{pair[0]}.{pair[1]}")
            error = video.error.model_dump()
            assert (error["stage"], error["reason"]) == pair
            charged = {"voided": False, "posted": True, "pending": None}[scenario.money]
            told = {"provider": FIRST, "stage": pair[0], "reason": pair[1], "charged": charged}
            assert error["attempts"] == [told]
            assert len(error["message"]) > 30
            # What an operator needs to tell a cut connection from an error page, or a dead link from one that is none.
            ended = [
                line for line in map(json.loads, rig.log.getvalue().splitlines()) if line["event"] == "attempt_ended"
            ]
            assert ("cause" in ended[0]) is (pair[0] in (Stage.SUBMIT, Stage.DOWNLOAD)), ended
        await check_first(rig, pair, scenario)


def sections(scenario: Scenario) -> dict[str, Any]:
    """The rig's sections: whatever counts against the first provider moves its breakers at once."""
    first = {"polling": {**POLLING, **scenario.polling}, "breaker": BREAKER, **scenario.provider}
    adapters = {"adapters": {FIRST: scenario.adapter}} if scenario.adapter else {}
    return {"providers": {FIRST: first}, "policy": scenario.policy, **adapters}


async def check_first(rig: Rig, pair: Pair, scenario: Scenario) -> None:
    """The first attempt's row and money, its provider's breakers, and what is counted of it."""
    row = min(rig.rows(), key=lambda row: row.number)
    if scenario.then != "lives on":
        assert (row.stage, row.reason) == pair
    assert money_of(row.cost_kind, row.open_microusd) == scenario.money
    assert_books_agree(rig)
    seen = await metrics(rig)
    moved = " and ".join(key for key in ("submit", "poll", "generate") if opened(seen, key))
    detail = (await rig.router.engine.readiness()).detail["providers"][FIRST]
    out = {"neutral": "", "cools down": "", "out": "submit"}
    assert moved == out.get(scenario.breaker, scenario.breaker)
    assert (detail["cooling_s"] > 0, detail["out_s"] > 0) == (
        scenario.breaker == "cools down",
        scenario.breaker == "out",
    )
    labels = {"provider": FIRST, "model": "sora-2", "outcome": scenario.outcome}
    if scenario.then == "lives on":
        assert value(seen, "failed_polls_total", provider=FIRST, reason=pair[1]) >= 1
    else:
        assert value(seen, "attempts_total", **labels, stage=pair[0], reason=pair[1]) == 1


def money_of(cost_kind: str | None, open_microusd: int) -> str:
    if open_microusd:
        return "pending"
    return {None: "voided", "failed_billed": "posted"}.get(cost_kind, str(cost_kind))


async def metrics(rig: Rig) -> list[tuple[str, dict[str, str], float]]:
    async with aiohttp.ClientSession() as session, session.get(f"{rig.router.admin_url}/metrics") as response:
        text = await response.text()
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def value(seen: list[tuple[str, dict[str, str], float]], name: str, **labels: str) -> float:
    return sum(
        number for found, has, number in seen if found == f"video_router_{name}" and labels.items() <= has.items()
    )


def opened(seen: list[tuple[str, dict[str, str], float]], breaker: str) -> bool:
    return value(seen, "breaker_transitions_total", provider=FIRST, breaker=breaker, state="open") > 0
