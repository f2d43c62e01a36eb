"""Connections that are reset, and answers that break off or trickle, on every dialect."""

import asyncio
import socket

import aiohttp
import pytest

from tests.sandbox.buyer import CREATE_PATHS, DIALECTS, LIFE_S, Buyer


@pytest.fixture(params=DIALECTS)
async def buyer(request, open_for) -> Buyer:
    return await open_for(request.param)


def bought(buyer: Buyer) -> int:
    return buyer.sandbox.books().totals.accepted


async def test_a_reset_before_the_body_is_read_bills_nothing(buyer):
    await buyer.sandbox.set_faults([{"fault": "reset_before_body", "times": 1}])
    with pytest.raises(aiohttp.ClientOSError):
        await buyer.create()
    assert bought(buyer) == 0
    await buyer.buy()
    assert buyer.sandbox.books().requests == {"create": 2}


async def test_a_reset_does_not_wait_for_the_body(buyer):
    await buyer.sandbox.set_faults([{"fault": "reset_before_body"}])
    head = f"POST {CREATE_PATHS[buyer.dialect]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {buyer.sandbox.key}\r\n"
    address = buyer.sandbox.base_url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(connection.recv, 1)


async def test_a_reset_after_accepting_bills_a_job_nobody_was_told_of(buyer):
    await buyer.sandbox.set_faults([{"fault": "reset_after_accept"}])
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await buyer.create()
    assert buyer.entry().answer_lost


async def test_half_the_json_may_be_a_whole_answer(buyer):
    await buyer.sandbox.set_faults([{"fault": "half_answer"}])
    heard = await buyer.create()
    assert (heard.status, heard.document) == (200, None)
    assert buyer.entry().answer_lost


async def test_an_answer_may_end_before_its_content_length(buyer):
    await buyer.sandbox.set_faults([{"fault": "truncated_answer"}])
    with pytest.raises(aiohttp.ClientPayloadError):
        await buyer.create()
    assert buyer.entry().answer_lost


@pytest.mark.parametrize("fault", ["slow_headers", "slow_answer"])
async def test_an_answer_may_trickle_to_its_end(buyer, fault):
    await buyer.sandbox.set_faults([{"fault": fault, "delay_s": 0.05}])
    heard = await buyer.create()
    assert heard.status == 200
    assert (heard.document.get("id") or heard.document["task_id"]) == buyer.entry().id
    assert not buyer.entry().answer_lost


@pytest.mark.parametrize("fault", ["slow_headers", "slow_answer"])
async def test_an_answer_that_trickles_for_longer_than_anybody_waits_is_lost(buyer, fault):
    await buyer.sandbox.set_faults([{"fault": fault, "delay_s": 20.0}])
    with pytest.raises(asyncio.TimeoutError):
        await buyer.create(timeout=aiohttp.ClientTimeout(total=0.1))
    assert buyer.entry().answer_lost


async def test_a_poll_may_be_reset(buyer):
    job_id = await buyer.buy()
    await buyer.sandbox.set_faults([{"fault": "poll_reset"}])
    with pytest.raises(aiohttp.ClientOSError):
        await buyer.poll(job_id)
    await buyer.sandbox.clear_faults()
    assert (await buyer.poll(job_id)).status == 200


async def test_a_download_may_be_reset_or_answered_with_500(buyer, clock):
    await buyer.sandbox.set_faults([{"fault": "link_reset", "fetches": 1}])
    job_id = await buyer.buy()
    clock.advance(LIFE_S)
    with pytest.raises(aiohttp.ClientPayloadError):
        await buyer.fetch(job_id)
    assert (await buyer.fetch(job_id)).status == 200
    await buyer.sandbox.set_faults([{"fault": "link_500", "fetches": 1}])
    job_id = await buyer.buy()
    clock.advance(LIFE_S)
    assert [(await buyer.fetch(job_id)).status for _ in range(2)] == [500, 200]
