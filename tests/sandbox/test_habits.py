"""What an upstream of the OpenAI dialect does with its jobs: list them, repeat what it was sent, cancel them."""

import aiohttp
import pytest

from providers.sandbox import Habits
from providers.sandbox.habits import OPENAIS_OWN
from tests.sandbox.buyer import LIFE_S, Buyer


async def listed(buyer: Buyer) -> list[dict]:
    return (await buyer.ask("GET", "/v1/videos")).document["data"]


async def test_by_default_nothing_that_was_sent_is_repeated(open_for):
    buyer = await open_for("openai")
    await buyer.create(buyer.order(metadata={"attempt": "video_1-1"}))
    (job,) = await listed(buyer)
    assert (job["prompt"], job.get("metadata")) == (None, None)


async def test_prompt_and_metadata_are_repeated_where_they_are_kept(open_for):
    buyer = await open_for("openai", habits=Habits(echoes_prompt=True, keeps_metadata=True))
    job_id = await buyer.buy(buyer.order(metadata={"attempt": "video_1-1"}))
    (job,) = await listed(buyer)
    assert (job["prompt"], job["metadata"]) == ("a red kite", {"attempt": "video_1-1"})
    assert (await buyer.poll(job_id)).document["metadata"] == {"attempt": "video_1-1"}


async def test_metadata_comes_in_a_form_too(open_for):
    buyer = await open_for("openai", habits=Habits(keeps_metadata=True))
    form = aiohttp.FormData({"prompt": "a kite", "metadata[attempt]": "video_1-1"})
    assert (await buyer.ask("POST", "/v1/videos", data=form)).status == 200
    assert (await listed(buyer))[0]["metadata"] == {"attempt": "video_1-1"}


@pytest.mark.parametrize("metadata", [["x"], "x", {"a": 1}, {str(n): "x" for n in range(17)}])
async def test_metadata_that_is_none_is_refused(open_for, metadata):
    buyer = await open_for("openai")
    assert (await buyer.create(buyer.order(metadata=metadata))).status == 400
    assert buyer.sandbox.books().accepted == ()


async def test_a_job_is_listed_late(open_for, clock):
    buyer = await open_for("openai", habits=Habits(list_after_s=30))
    job_id = await buyer.buy()
    assert (await listed(buyer), (await buyer.poll(job_id)).status) == ([], 200)
    clock.advance(30)
    assert [job["id"] for job in await listed(buyer)] == [job_id]


async def test_a_page_behind_a_job_that_is_not_listed_yet_is_empty(open_for):
    buyer = await open_for("openai", habits=Habits(list_after_s=30))
    job_id = await buyer.buy()
    page = (await buyer.ask("GET", "/v1/videos", params={"after": job_id})).document
    assert (page["data"], page["has_more"]) == ([], False)


async def test_an_upstream_without_a_list_answers_404(open_for):
    buyer = await open_for("openai", habits=Habits(lists=False))
    assert (await buyer.ask("GET", "/v1/videos")).status == 404


@pytest.mark.parametrize("after_s", [0, 40])
async def test_a_deleted_job_that_runs_is_cancelled_and_refunded(open_for, clock, after_s):
    buyer = await open_for("openai", habits=Habits(cancels=True))
    job_id = await buyer.buy()
    clock.advance(after_s)
    before = (await buyer.poll(job_id)).document
    assert (await buyer.ask("DELETE", f"/v1/videos/{job_id}")).status == 200
    after = (await buyer.poll(job_id)).document
    assert (after["status"], after["progress"]) == ("cancelled", before["progress"])
    assert (buyer.entry().refunded_microusd, buyer.entry().deleted) == (400_000, False)
    clock.advance(LIFE_S)
    assert (await buyer.poll(job_id)).document["status"] == "cancelled"


async def test_a_cancelled_job_costs_what_the_terms_say(open_for):
    buyer = await open_for("openai", habits=Habits(cancels=True), refund_failures=False)
    await buyer.ask("DELETE", f"/v1/videos/{await buyer.buy()}")
    assert buyer.entry().net_microusd == 400_000


async def test_a_job_that_would_never_start_can_be_cancelled(open_for):
    buyer = await open_for("openai", habits=Habits(cancels=True), faults=[{"fault": "never_starting"}])
    job_id = await buyer.buy()
    await buyer.ask("DELETE", f"/v1/videos/{job_id}")
    assert (await buyer.poll(job_id)).document["status"] == "cancelled"


async def test_a_job_that_has_ended_is_deleted_and_not_cancelled(open_for, clock):
    buyer = await open_for("openai", habits=Habits(cancels=True))
    job_id = await buyer.buy()
    clock.advance(LIFE_S)
    await buyer.ask("DELETE", f"/v1/videos/{job_id}")
    assert (buyer.entry().deleted, buyer.entry().refunded_microusd) == (True, 0)


async def test_a_page_of_the_list_can_fail(open_for):
    buyer = await open_for("openai", faults=[{"fault": name, "times": 1} for name in ("list_500", "list_garbage")])
    await buyer.buy()
    assert (await buyer.ask("GET", "/v1/videos")).status == 500
    garbage = await buyer.ask("GET", "/v1/videos")
    assert (garbage.status, garbage.document) == (200, None)
    assert len(await listed(buyer)) == 1


async def test_a_page_of_the_list_can_be_cut(open_for):
    buyer = await open_for("openai", faults=[{"fault": "list_cut"}])
    with pytest.raises(aiohttp.ClientConnectionError):
        await buyer.ask("GET", "/v1/videos")


def test_habits_are_read_by_name():
    texts = ["echoes_prompt", "lists=false", "list_after_s=2.5", "cancels=true"]
    assert Habits.parse(texts) == Habits(False, 2.5, echoes_prompt=True, cancels=True)
    assert Habits.parse([]) == OPENAIS_OWN


@pytest.mark.parametrize("text", ["sings", "lists=maybe", "list_after_s", "list_after_s=-1", "list_after_s=inf", ""])
def test_what_is_no_habit_is_refused(text):
    with pytest.raises(ValueError, match=r"accepted: lists|must be 0 or more"):
        Habits.parse([text])


async def test_a_list_can_show_jobs_as_they_were(open_for, clock):
    buyer = await open_for("openai", faults=[{"fault": "list_late", "delay_s": LIFE_S}])
    await buyer.buy()
    clock.advance(LIFE_S)
    assert (await listed(buyer))[0]["status"] == "queued"


async def test_a_list_can_leave_out_every_third_job(open_for):
    buyer = await open_for("openai", faults=[{"fault": "list_missing"}])
    names = [await buyer.buy() for _ in range(4)]
    assert [job["id"] for job in await listed(buyer)] == [names[2], names[1]]


async def test_a_list_can_have_no_order_and_no_end(open_for):
    buyer = await open_for("openai", faults=[{"fault": "list_disordered", "times": 1}, {"fault": "list_endless"}])
    names = [await buyer.buy() for _ in range(6)]
    assert [job["id"] for job in await listed(buyer)] == sorted(names)
    page = (await buyer.ask("GET", "/v1/videos")).document
    assert ([job["id"] for job in page["data"]], page["has_more"]) == (names[::-1], True)
