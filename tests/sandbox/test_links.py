"""Fetching finished videos, in part and when the link is bad."""

import aiohttp
import pytest

from providers.canonical import Size
from providers.sandbox import clips
from tests.sandbox.buyer import DIALECTS, LIFE_S


@pytest.fixture(params=DIALECTS)
async def ready(request, open_for, clock):
    """Buy a job that meets these faults, wait until it is ready, and give the buyer and the job's id."""

    async def buy(*faults, **options):
        buyer = await open_for(request.param, faults=faults, **options)
        job_id = await buyer.buy()
        clock.advance(LIFE_S)
        return buyer, job_id

    return buy


def ordered(buyer) -> bytes:
    return clips.video(Size(720, 1280), buyer.entry().seconds)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=1000-", 1000, None), ("bytes=-50", -50, None), ("bytes=5-5", 5, 6)],
)
async def test_a_range_is_that_part_of_the_video(ready, asked, start, stop):
    buyer, job_id = await ready()
    whole = ordered(buyer)
    link = await buyer.link(job_id)
    heard = await buyer.ask("GET", link, headers={"Range": asked, "Authorization": f"Bearer {buyer.sandbox.key}"})
    part = whole[start:stop]
    first = whole.index(part)
    assert (heard.status, heard.body) == (206, part)
    assert heard.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"


async def test_a_range_past_the_end_cannot_be_satisfied(ready):
    buyer, job_id = await ready()
    headers = {"Range": "bytes=99999999-", "Authorization": f"Bearer {buyer.sandbox.key}"}
    heard = await buyer.ask("GET", await buyer.link(job_id), headers=headers)
    assert (heard.status, heard.headers["Content-Range"]) == (416, f"bytes */{len(ordered(buyer))}")


async def test_a_head_tells_the_length_alone(ready):
    buyer, job_id = await ready()
    heard = await buyer.ask("HEAD", await buyer.link(job_id))
    assert (heard.status, heard.body) == (200, b"")
    assert heard.headers["Content-Length"] == str(len(ordered(buyer)))
    assert heard.headers["Accept-Ranges"] == "bytes"


async def test_a_late_link_is_404_for_its_first_fetches(ready):
    buyer, job_id = await ready({"fault": "link_late", "fetches": 3})
    assert [(await buyer.fetch(job_id)).status for _ in range(4)] == [404, 404, 404, 200]
    assert buyer.entry().fetches == 4


async def test_a_late_link_may_wait_for_a_time_instead(ready, clock):
    buyer, job_id = await ready({"fault": "link_late", "delay_s": 2 * LIFE_S})
    assert [(await buyer.fetch(job_id)).status for _ in range(4)] == [404] * 4
    clock.advance(2 * LIFE_S)
    assert (await buyer.fetch(job_id)).status == 200


async def test_a_lost_link_stays_404(ready):
    buyer, job_id = await ready({"fault": "link_404"})
    assert {(await buyer.fetch(job_id)).status for _ in range(5)} == {404}


async def test_a_truncated_video_breaks_off_half_way_and_heals_when_told(ready):
    buyer, job_id = await ready({"fault": "link_truncated", "fetches": 1})
    with pytest.raises(aiohttp.ClientPayloadError):
        await buyer.fetch(job_id)
    assert (await buyer.fetch(job_id)).body == ordered(buyer)


async def test_a_link_may_lead_to_a_page(ready):
    buyer, job_id = await ready({"fault": "link_not_video"})
    heard = await buyer.fetch(job_id)
    assert (heard.status, heard.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


async def test_a_slow_download_is_whole_in_the_end(ready):
    buyer, job_id = await ready({"fault": "slow_download", "delay_s": 0.1})
    heard = await buyer.fetch(job_id)
    assert (heard.status, heard.body) == (200, ordered(buyer))


async def test_a_link_fault_belongs_to_the_jobs_it_was_drawn_for(ready, clock):
    buyer, bad = await ready({"fault": "link_404", "times": 1})
    good = await buyer.buy()
    clock.advance(LIFE_S)
    await buyer.sandbox.clear_faults()
    assert ((await buyer.fetch(bad)).status, (await buyer.fetch(good)).status) == (404, 200)
