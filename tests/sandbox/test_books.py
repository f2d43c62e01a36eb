"""The books: what is billed, refunded and counted."""

import hashlib

import pytest

from providers.sandbox import Books, Price, Sandbox
from tests.sandbox.buyer import DIALECTS, LIFE_S


@pytest.mark.parametrize(
    ("dialect", "changes", "billed_microusd"),
    [
        ("openai", {"seconds": "12"}, 1_200_000),
        ("openai", {"model": "sora-2-pro", "seconds": "8"}, 2_400_000),
        ("openai", {"model": "sora-2-pro", "seconds": "8", "size": "1792x1024"}, 4_000_000),
        ("jizhiai", {"duration": 10}, 120_000),
        ("jizhiai", {"duration": 15}, 180_000),
        ("shenma", {"duration": "10"}, 150_000),
        ("shenma", {"duration": "15"}, 200_000),
    ],
)
async def test_a_job_is_billed_by_the_price_list(open_for, dialect, changes, billed_microusd):
    buyer = await open_for(dialect)
    await buyer.buy(buyer.order(**changes))
    totals = buyer.sandbox.books().totals
    assert (totals.billed_microusd, totals.net_microusd) == (billed_microusd, billed_microusd)


async def test_a_price_list_of_ones_own_is_the_catalogue_too(open_for):
    buyer = await open_for("openai", prices=[Price("kling", 7, (10,), per_second=True)])
    await buyer.buy(buyer.order(model="kling", seconds="10"))
    assert buyer.entry().billed_microusd == 70
    assert (await buyer.create()).status == 400


@pytest.mark.parametrize(
    ("refund_failures", "refund_refusals", "refunded"), [(True, False, [True, False]), (False, True, [False, True])]
)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_failures_and_refusals_are_refunded_as_the_terms_say(
    open_for, clock, dialect, refund_failures, refund_refusals, refunded
):
    terms = {"refund_failures": refund_failures, "refund_refusals": refund_refusals}
    faults = [{"fault": "fail_at_95", "times": 1}, {"fault": "output_review"}]
    buyer = await open_for(dialect, faults=faults, **terms)
    await buyer.buy()
    await buyer.buy()
    assert buyer.sandbox.books().totals.refunded_microusd == 0
    clock.advance(LIFE_S)
    books = buyer.sandbox.books()
    assert [entry.refunded_microusd == entry.billed_microusd for entry in books.accepted] == refunded
    assert books.totals.net_microusd == sum(entry.net_microusd for entry in books.accepted)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_books_over_the_wire_are_the_books(open_for, clock, dialect):
    buyer = await open_for(dialect)
    job_id = await buyer.buy(buyer.order_with_image())
    await buyer.poll(job_id)
    clock.advance(LIFE_S)
    await buyer.fetch(job_id)
    for url in (buyer.sandbox.base_url, buyer.sandbox.control_url):
        document = (await buyer.ask("GET", url + "/_sandbox/books", headers={})).document
        assert Books.parse(document) == buyer.sandbox.books()
    (entry,) = document["accepted"]
    assert entry["prompt_sha256"] == hashlib.sha256(b"a red kite").hexdigest()
    assert (entry["id"], entry["images"], entry["status"], entry["fetches"]) == (job_id, 1, "completed", 1)
    assert (document["requests"]["create"], document["totals"]["accepted"]) == (1, 1)
    assert b"a red kite" not in repr(document).encode()


async def test_a_full_sandbox_accepts_nothing_more(open_for):
    buyer = await open_for("jizhiai", max_jobs=2)
    assert [(await buyer.create()).status for _ in range(3)] == [200, 200, 503]
    assert buyer.sandbox.books().totals.accepted == 2


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"time_scale": 0}, "time_scale is 0"),
        ({"max_jobs": 0}, "max_jobs is 0"),
        ({"dialect": "veo"}, "'veo' is not a valid DialectName"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(options, hint):
    with pytest.raises(ValueError, match=hint):
        async with Sandbox.start(**({"dialect": "openai"} | options)):
            pass


@pytest.mark.parametrize(("amount", "seconds", "hint"), [(-1, (4,), "negative"), (1, (5,), "no clip of")])
def test_a_price_that_cannot_be_is_refused(amount, seconds, hint):
    with pytest.raises(ValueError, match=hint):
        Price("sora-2", amount, seconds)
