"""Every fault of a create, a job's life and a poll, on every dialect."""

import asyncio
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Stage
from providers.sandbox import Fault, FaultError, FaultRule
from providers.sandbox.faults import parse_rules
from tests.sandbox.buyer import CREATE_PATHS, DIALECTS, LIFE_S, Buyer


@pytest.fixture(params=DIALECTS)
async def buyer(request, open_for) -> Buyer:
    return await open_for(request.param)


async def create_with(buyer: Buyer, body: Any = None, **rule: Any):
    await buyer.sandbox.set_faults([rule])
    return await buyer.create(body)


def bought(buyer: Buyer) -> int:
    return buyer.sandbox.books().totals.accepted


async def test_a_refused_connect_leaves_control_reachable_and_ends_when_cleared(buyer):
    job_id = await buyer.buy()
    control = buyer.sandbox.control_url + "/_sandbox"
    rules = {"faults": [{"fault": "refuse_connect"}]}
    assert (await buyer.ask("PUT", f"{control}/faults", json=rules)).status == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await buyer.poll(job_id)
    assert (await buyer.ask("GET", f"{control}/books")).document["totals"]["accepted"] == 1
    assert (await buyer.ask("DELETE", f"{control}/faults")).document == {"faults": []}
    assert (await buyer.poll(job_id)).status == 200


async def test_connections_kept_alive_are_refused_too(buyer):
    await buyer.buy()
    await buyer.sandbox.set_faults([{"fault": "refuse_connect"}])
    with pytest.raises(aiohttp.ClientConnectorError):
        await buyer.create()
    assert bought(buyer) == 1


async def test_the_upstreams_own_port_can_be_told_to_refuse(buyer):
    rules = {"faults": [{"fault": "refuse_connect"}]}
    heard = await buyer.ask("PUT", "/_sandbox/faults", json=rules)
    assert (heard.status, heard.document["faults"][0]["fault"]) == (200, "refuse_connect")
    with pytest.raises(aiohttp.ClientConnectorError):
        await buyer.create()


async def test_a_cut_before_accepting_bills_nothing(buyer):
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await create_with(buyer, fault="cut_before_accept")
    assert bought(buyer) == 0


async def test_a_cut_after_accepting_bills_a_job_nobody_was_told_of(buyer):
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await create_with(buyer, fault="cut_after_accept")
    entry = buyer.entry()
    assert entry.answer_lost
    assert entry.billed_microusd > 0


async def test_a_late_answer_is_billed_before_it_comes(buyer):
    await buyer.sandbox.set_faults([{"fault": "late_answer", "delay_s": 0.4}])
    with pytest.raises(asyncio.TimeoutError):
        await buyer.create(timeout=aiohttp.ClientTimeout(total=0.1))
    assert bought(buyer) == 1
    async with asyncio.timeout(5):
        while not buyer.entry().answer_lost:
            await asyncio.sleep(0.01)


async def test_a_late_answer_comes(buyer):
    assert (await create_with(buyer, fault="late_answer", delay_s=0.01)).status == 200
    assert not buyer.entry().answer_lost


@pytest.mark.parametrize("retry_after_s", [None, 7])
async def test_a_rate_limit_says_when_to_come_back_if_told_to(buyer, retry_after_s):
    heard = await create_with(buyer, fault="rate_limited", retry_after_s=retry_after_s)
    assert heard.status == 429
    assert heard.headers.get("Retry-After") == (None if retry_after_s is None else "7")
    assert bought(buyer) == 0


@pytest.mark.parametrize(
    ("fault", "status"), [("http_500", 500), ("http_502", 502), ("http_503", 503), ("error_in_200", 200)]
)
async def test_an_error_is_json_and_accepts_nothing(buyer, fault, status):
    heard = await create_with(buyer, fault=fault)
    assert heard.status == status
    assert heard.document.get("error") or heard.document["code"]
    assert bought(buyer) == 0


@pytest.mark.parametrize("fault", ["http_500", "http_502", "http_503", "html_502", "html_504", "error_in_200"])
async def test_an_error_may_follow_an_accepted_job(buyer, fault):
    heard = await create_with(buyer, fault=fault, accepted=True)
    assert heard.status == int(fault[-3:])
    assert buyer.entry().answer_lost


async def test_a_503_after_an_accepted_job_has_not_the_words_that_say_nothing_was_accepted(buyer):
    refused = await create_with(buyer, fault="http_503")
    accepted = await create_with(buyer, fault="http_503", accepted=True)
    assert (refused.status, accepted.status) == (503, 503)
    assert "upstream connect error" in accepted.document["error"]["message"]
    assert "upstream connect error" not in refused.document["error"]["message"]


async def test_an_html_error_is_a_proxys_page(buyer):
    heard = await create_with(buyer, fault="html_502")
    assert (heard.status, heard.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert b"nginx" in heard.body
    assert bought(buyer) == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("insufficient_balance", {"openai": 429, "jizhiai": 403, "shenma": 429}),
        ("bad_key", dict.fromkeys(DIALECTS, 401)),
        ("prompt_review", dict.fromkeys(DIALECTS, 400)),
    ],
)
async def test_a_refused_create_is_not_billed(buyer, fault, expected):
    heard = await create_with(buyer, fault=fault)
    assert heard.status == expected[buyer.dialect]
    assert bought(buyer) == 0


async def test_an_empty_balance_hides_behind_a_429_but_not_its_code(open_for):
    buyer = await open_for("shenma")
    heard = await create_with(buyer, fault="insufficient_balance")
    assert heard.document["code"] == "insufficient_user_quota"
    assert "负载已饱和" in heard.document["message"]


async def test_an_image_review_needs_an_image(buyer):
    assert (await create_with(buyer, fault="image_review")).status == 200
    assert (await buyer.create(buyer.order_with_image())).status == 400
    assert bought(buyer) == 1


@pytest.mark.parametrize(
    ("rule", "stage", "least_progress"),
    [
        ({"fault": "image_review", "at": "job"}, Stage.IMAGE_REVIEW, 0),
        ({"fault": "prompt_review", "at": "job"}, Stage.PROMPT_REVIEW, 0),
        ({"fault": "output_review"}, Stage.OUTPUT_REVIEW, 90),
        ({"fault": "fail_at_95"}, Stage.GENERATE, 95),
    ],
)
async def test_a_job_fails_at_its_stage_and_is_refunded(buyer, clock, rule, stage, least_progress):
    for _ in range(5):
        await create_with(buyer, buyer.order_with_image(), **rule)
    clock.advance(LIFE_S)
    for entry in buyer.sandbox.books().accepted:
        heard = await buyer.poll(entry.id)
        assert heard.status == 200
        assert b"fail" in heard.body.lower()
        assert b"_assets" not in heard.body
        assert (entry.status, entry.failed_stage, entry.net_microusd) == ("failed", stage, 0)
        now = buyer.sandbox.upstream.moment(buyer.sandbox.upstream.find(entry.id))
        assert now.progress == least_progress or (least_progress == 90 <= now.progress <= 98)


async def test_progress_sticks_although_the_video_is_ready(buyer, clock):
    await buyer.sandbox.set_faults([{"fault": "stuck_progress"}])
    for job_id in [await buyer.buy() for _ in range(5)]:
        clock.advance(LIFE_S)
        heard = await buyer.poll(job_id)
        assert b"_assets" in heard.body
        assert buyer.entry().status == "in_progress"
        assert (await buyer.fetch(job_id)).headers["Content-Type"] == "video/mp4"


async def test_progress_may_stick_under_a_status_that_says_done(open_for, clock):
    buyer = await open_for("openai", faults=[{"fault": "stuck_progress", "status": "completed"}])
    job_id = await buyer.buy()
    clock.advance(LIFE_S)
    video = (await buyer.poll(job_id)).document
    assert video["status"] == "completed"
    assert 90 <= video["progress"] < 100


async def test_a_job_may_never_finish(buyer, clock):
    await create_with(buyer, fault="never_finishing")
    clock.advance(30 * 24 * 3600)
    assert b"_assets" not in (await buyer.poll(buyer.entry().id)).body
    assert buyer.entry().status == "in_progress"


async def test_a_job_may_fail_in_words_of_ones_own_and_is_refunded(buyer, clock):
    for _ in range(5):
        await create_with(buyer, fault="fail_with", words="the oven is cold", code="oven_cold", progress=7)
    clock.advance(LIFE_S)
    for entry in buyer.sandbox.books().accepted:
        heard = await buyer.poll(entry.id)
        assert b"the oven is cold" in heard.body
        assert (entry.status, entry.failed_stage, entry.net_microusd) == ("failed", Stage.GENERATE, 0)


async def test_a_job_may_be_cancelled_and_is_refunded(buyer, clock):
    for _ in range(5):
        await create_with(buyer, fault="cancelled")
    clock.advance(LIFE_S)
    for entry in buyer.sandbox.books().accepted:
        assert b"cancelled" in (await buyer.poll(entry.id)).body.lower()
        assert (entry.status, entry.net_microusd) == ("cancelled", 0)


async def test_a_job_may_never_leave_the_queue(buyer, clock):
    await create_with(buyer, fault="never_starting")
    clock.advance(30 * 24 * 3600)
    assert (await buyer.poll(buyer.entry().id)).status == 200
    assert buyer.entry().status == "queued"


async def test_a_job_may_be_done_without_a_link(buyer, clock):
    for _ in range(5):
        await create_with(buyer, fault="no_link")
    clock.advance(LIFE_S)
    for entry in buyer.sandbox.books().accepted:
        assert b"_assets" not in (await buyer.poll(entry.id)).body
        assert entry.status == "completed"
        if buyer.dialect == "openai":
            assert (await buyer.fetch(entry.id)).status == 404


async def test_any_answer_can_be_given_to_a_create_or_a_poll(buyer):
    told = {"fault": "answer", "http_status": 422, "body": {"detail": "no"}, "retry_after_s": 9}
    await buyer.sandbox.set_faults([told])
    heard = await buyer.create()
    assert (heard.status, heard.document, heard.headers["Retry-After"]) == (422, {"detail": "no"}, "9")
    assert bought(buyer) == 0
    await buyer.sandbox.set_faults([{**told, "at": "poll", "body": "<html>gone</html>"}])
    heard = await buyer.poll(await buyer.buy())
    assert (heard.status, heard.body, heard.headers["Content-Type"][:9]) == (422, b"<html>gone</html>", "text/html")


async def test_any_answer_can_follow_an_accepted_job(buyer):
    heard = await create_with(buyer, fault="answer", http_status=504, accepted=True)
    assert heard.status == 504
    assert buyer.entry().answer_lost


async def test_a_poll_may_be_cut_off(buyer):
    job_id = await buyer.buy()
    await buyer.sandbox.set_faults([{"fault": "poll_cut"}])
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await buyer.poll(job_id)
    await buyer.sandbox.set_faults([])
    assert (await buyer.poll(job_id)).status == 200


@pytest.mark.parametrize(("fault", "status"), [("poll_500", 500), ("poll_429", 429), ("poll_html", 502)])
async def test_polls_fail_without_harm_to_the_job(buyer, clock, fault, status):
    job_id = await buyer.buy()
    await buyer.sandbox.set_faults([{"fault": fault, "times": 2}])
    assert [(await buyer.poll(job_id)).status for _ in range(3)] == [status, status, 200]
    clock.advance(LIFE_S)
    assert (await buyer.fetch(job_id)).status == 200


async def test_a_poll_may_be_told_when_to_come_back(buyer):
    job_id = await buyer.buy()
    await buyer.sandbox.set_faults([{"fault": "poll_429", "retry_after_s": 3}])
    assert (await buyer.poll(job_id)).headers["Retry-After"] == "3"


async def test_a_poll_may_answer_garbage(buyer):
    job_id = await buyer.buy()
    await buyer.sandbox.set_faults([{"fault": "poll_garbage"}])
    heard = await buyer.poll(job_id)
    assert (heard.status, heard.document) == (200, None)


async def test_a_rule_strikes_only_what_it_matches(buyer):
    await buyer.sandbox.set_faults([{"fault": "http_500", "match": {"prompt_contains": "storm"}}])
    assert (await buyer.create()).status == 200
    assert (await buyer.create(buyer.order(prompt="a storm at sea"))).status == 500
    await buyer.sandbox.set_faults([{"fault": "http_500", "match": {"model": "sora-2-pro"}}])
    assert (await buyer.create()).status == 200
    assert (await buyer.create(buyer.order(model="sora-2-pro"))).status == 500


async def test_a_share_strikes_about_that_often_and_the_same_way_for_a_seed(open_for):
    heard = []
    for name in ("first", "second"):
        buyer = await open_for("jizhiai", name=name, seed=5, faults=[{"fault": "http_503", "share": 0.3}])
        heard.append([(await buyer.create()).status for _ in range(100)])
        (active,) = buyer.sandbox.faults()
        assert active.struck == heard[-1].count(503)
    assert heard[0] == heard[1]
    assert 15 <= heard[0].count(503) <= 45


async def test_stopping_does_not_wait_for_a_late_answer(open_for, session):
    buyer = await open_for("openai", faults=[{"fault": "late_answer", "delay_s": 3600}])
    create = asyncio.create_task(buyer.ask("POST", CREATE_PATHS["openai"], json=buyer.order()))
    async with asyncio.timeout(5):
        while not bought(buyer):
            await asyncio.sleep(0.01)
    buyer.sandbox.close_waits()
    assert (await create).status == 200


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ({"fault": "nope"}, "'refuse_connect', 'reset_before_body'"),
        ({}, "faults[0].fault: Field required"),
        ({"fault": "link_404", "delay_s": 1}, "it is read by: hook_late, late_answer, link_late, list_late, slow"),
        ({"fault": "refuse_connect", "times": 1}, "times says nothing about refuse_connect"),
        ({"fault": "http_500", "times": 1, "share": 0.5}, "not both"),
        ({"fault": "http_500", "share": 1.5}, "less than or equal to 1"),
        ({"fault": "http_500", "times": 0}, "greater than or equal to 1"),
        ({"fault": "prompt_review", "at": "poll"}, "happens at: create, job"),
        ({"fault": "answer", "at": "job"}, "happens at: create, poll"),
        ({"fault": "http_500", "words": "no"}, "it is read by: fail_with"),
        ({"fault": "http_500", "match": {"colour": "red"}}, "accepted: prompt_contains, model"),
        (
            {"fault": "http_500", "probability": 1},
            "faults[0].probability: there is no such parameter; accepted: fault, share",
        ),
    ],
)
async def test_a_rule_that_cannot_be_is_refused_with_what_could(open_for, rule, hint):
    buyer = await open_for("openai")
    heard = await buyer.ask("PUT", "/_sandbox/faults", json={"faults": [rule]})
    assert heard.status == 400
    assert hint in heard.document["error"]["message"]
    assert buyer.sandbox.faults() == ()


@given(fault=st.sampled_from(Fault))
def test_every_fault_is_a_rule_by_its_name_alone(fault: Fault):
    assert parse_rules([{"fault": str(fault)}]) == (FaultRule(fault=fault),)


def test_more_rules_than_anyone_needs_are_refused():
    with pytest.raises(FaultError, match="at most 100"):
        parse_rules([{"fault": "http_500"}] * 101)
