"""The certification of what an adapter may offer: each way to break it is found by the check that promises it."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from providers.adapter import HttpRequest, HttpResponse, PolledPage
from providers.canonical import Failure, ListedPage
from providers.certification import CHECKS, ExchangeError, Subject, certified, read_exchange, requests, subjects
from providers.listing import read_list, read_polled
from providers.registry import FUNCTIONS
from providers.webhooks import ended_job
from tests.providers.test_certification import ACME, BROKEN, GOOD, acme


def lookup_request(cursor: str | None) -> HttpRequest:
    return HttpRequest("GET", "/jobs", query={} if cursor is None else {"before": cursor})


def polls_request(cursor: str | None, limit: int) -> HttpRequest:
    return replace(lookup_request(cursor), query={**lookup_request(cursor).query, "most": str(limit)})


def referenced(request: HttpRequest, reference: str) -> HttpRequest:
    return replace(request, json={**(request.json or {}), "order_number": reference})


def cancel_request(remote_id: str) -> HttpRequest:
    return HttpRequest("DELETE", f"/jobs/{quote(remote_id, safe='')}")


def hooked(request: HttpRequest, url: str) -> HttpRequest:
    return replace(request, json={**(request.json or {}), "callback": url})


def read_webhook(headers: Any, body: bytes) -> str | None:
    return ended_job(body)


OFFERS: dict[str, Callable[..., Any]] = {
    "lookup_request": lookup_request,
    "read_lookup": read_list,
    "polls_request": polls_request,
    "read_polls": read_polled,
    "referenced": referenced,
    "cancel_request": cancel_request,
    "read_webhook": read_webhook,
    "hooked": hooked,
}


def page(*ids: str, has_more: bool) -> dict[str, Any]:
    return {"data": [{"id": each} for each in ids], "has_more": has_more}


def recorded(name: str, body: Any, expected: dict[str, Any]) -> Any:
    response = {"status": 200, "headers": {}, "body": body}
    document = {"source": "the reference", "kind": "list", "response": response, "expected": expected}
    return read_exchange(f"{name}.json", json.dumps(document).encode())


PAGES = (
    recorded(
        "goes_on",
        page("a", "b", has_more=True),
        {"type": "ListedPage", "jobs": [{"remote_id": "a"}, {}], "cursor": "b"},
    ),
    recorded(
        "ends",
        {"data": [{"id": "c", "job": "c", "phase": "ready", "status": "completed"}], "has_more": False},
        {"type": "ListedPage", "jobs": [{"remote_id": "c"}], "cursor": None},
    ),
    recorded("closed", {"error": "closed"}, {"type": "Failure", "stage": "poll", "reason": "unreadable"}),
)


def able(without: tuple[str, ...] = (), **functions: Any) -> Any:
    """The good adapter with everything that can be offered, some of it replaced or left out."""
    offers = {name: function for name, function in {**OFFERS, **functions}.items() if name not in without}
    return SimpleNamespace(**{name: getattr(acme, name) for name in FUNCTIONS}, **offers)


ABLE = Subject("able", able(), GOOD.exchanges + PAGES, bodies=80)
# What is asked of every adapter alike is tried elsewhere.
ABOUT_OFFERS = [check for check in CHECKS if check.cases.__module__ != requests.__name__]


def broken_offers(subject: Subject) -> set[str]:
    return {check.name for check in ABOUT_OFFERS if not check.run(subject).held}


def reads_pages_at_500(response: HttpResponse) -> ListedPage | Failure:
    return read_list(replace(response, status=200))


def takes_nothing_for_an_empty_list(response: HttpResponse) -> ListedPage | Failure:
    reading = read_list(response)
    return ListedPage(()) if response.ok and isinstance(reading, Failure) else reading


def drops_the_images(request: HttpRequest, reference: str) -> HttpRequest:
    return referenced(replace(request, json={**(request.json or {}), "pictures": []}), reference)


def reads_polls_at_500(response: HttpResponse) -> PolledPage | Failure:
    return read_polled(replace(response, status=200))


def renames_what_is_listed(response: HttpResponse) -> PolledPage | Failure:
    reading = read_polled(response)
    if isinstance(reading, Failure):
        return reading
    return replace(reading, jobs=tuple(replace(job, remote_id=f"job_{job.remote_id}") for job in reading.jobs))


def never_sees_an_end(response: HttpResponse) -> PolledPage | Failure:
    reading = read_polled(response)
    if isinstance(reading, Failure):
        return reading
    return replace(reading, jobs=tuple(replace(job, ended=False) for job in reading.jobs))


UNABLE: dict[str, tuple[Any, set[str]]] = {
    "asks for a list and reads none": (
        able(without=("read_lookup",)),
        {"what is offered is whole"},
    ),
    "asks for polls by list and reads none": (able(without=("read_polls",)), {"what is offered is whole"}),
    "asks for any number of polls": (
        able(polls_request=lambda cursor, limit: lookup_request(cursor)),
        {"a list of polls is a relative get"},
    ),
    "loses the cursor of a list of polls": (
        able(polls_request=lambda cursor, limit: polls_request(None, limit)),
        {"a list of polls is a relative get"},
    ),
    "asks for polls by POST": (
        able(polls_request=lambda cursor, limit: replace(polls_request(cursor, limit), method="POST")),
        {"a list of polls is a relative get"},
    ),
    "believes the list of an upstream that broke": (
        able(read_polls=reads_polls_at_500),
        {"a list is as many polls"},
    ),
    "gives listed jobs names of its own": (able(read_polls=renames_what_is_listed), {"a list is as many polls"}),
    "takes what has ended for running": (able(read_polls=never_sees_an_end), {"a list is as many polls"}),
    "offers a word for a function": (able(cancel_request="DELETE"), {"what is offered is whole"}),
    "lists by POST": (
        able(lookup_request=lambda cursor: replace(lookup_request(cursor), method="POST")),
        {"a list is a relative get"},
    ),
    "asks for the same page again": (
        able(lookup_request=lambda cursor: lookup_request(None)),
        {"a list is a relative get"},
    ),
    "raises when asked for a list": (able(lookup_request=len), {"a list is a relative get"}),
    "reads pages under any status": (
        able(read_lookup=reads_pages_at_500),
        {"only 2xx is good news"},
    ),
    "takes nothing for an empty list": (
        able(read_lookup=takes_nothing_for_an_empty_list),
        {"exchanges read as recorded", "no failure becomes a success", "nonsense is no news"},
    ),
    "forgets the cursor": (
        able(read_lookup=lambda response: replace(read_list(response), cursor=None)),
        {"exchanges read as recorded", "lists are recorded"},
    ),
    "forgets the reference": (
        able(referenced=lambda request, reference: request),
        {"a reference changes nothing else"},
    ),
    "trades the images for a reference": (able(referenced=drops_the_images), {"a reference changes nothing else"}),
    "says one reference for all": (
        able(referenced=lambda request, reference: referenced(request, "video_7f3a-1")),
        {"a reference changes nothing else"},
    ),
    "gives an address and reads no webhook": (able(without=("read_webhook",)), {"what is offered is whole"}),
    "forgets the address": (
        able(hooked=lambda request, url: request),
        {"a webhook address changes nothing else"},
    ),
    "trades the images for an address": (able(hooked=drops_the_images), {"a webhook address changes nothing else"}),
    "takes every webhook for one of the same job": (
        able(read_webhook=lambda headers, body: "video_1"),
        {"a webhook names a job or none"},
    ),
    "breaks at a webhook of nonsense": (
        able(read_webhook=lambda headers, body: 1 // (len(body) - 2)),
        {"a webhook names a job or none"},
    ),
    "cancels by GET": (
        able(cancel_request=lambda remote_id: replace(cancel_request(remote_id), method="GET")),
        {"a cancel is a relative request"},
    ),
    "cancels another job": (
        able(cancel_request=lambda remote_id: HttpRequest("DELETE", f"/jobs/{remote_id}")),
        {"a cancel is a relative request"},
    ),
}


def test_an_adapter_that_offers_everything_is_certified() -> None:
    assert [violation for result in certified(ABLE) for violation in result.violations] == []


@pytest.mark.parametrize("how", UNABLE)
def test_a_broken_offer_fails_the_check_that_promises_otherwise(how: str) -> None:
    adapter, expected = UNABLE[how]
    exchanges = ABLE.exchanges if hasattr(adapter, "read_lookup") else GOOD.exchanges
    assert broken_offers(replace(ABLE, adapter=adapter, exchanges=exchanges)) == expected


def test_every_check_has_an_adapter_that_breaks_it() -> None:
    expected = [checks for _, checks in (*BROKEN.values(), *UNABLE.values())]
    assert set().union(*expected) | {"exchanges cover every outcome"} == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    ("lost", "check"),
    [("goes_on", "lists are recorded"), ("ends", "lists are recorded"), ("closed", "exchanges cover every outcome")],
)
def test_a_page_nobody_recorded_is_named(lost: str, check: str) -> None:
    kept = tuple(item for item in ABLE.exchanges if item.name != lost)
    assert broken_offers(replace(ABLE, exchanges=kept, bodies=50)) == {check}


def test_a_page_is_compared_by_those_fields_that_its_file_names() -> None:
    body = {"data": [{"id": "a", "seconds": "8", "size": "720x1280"}], "has_more": False}
    jobs = [{"remote_id": "a", "size": "720x1280"}]
    exchange = recorded("one", body, {"type": "ListedPage", "jobs": jobs, "cursor": None})
    assert exchange.differences(exchange.read_by(ABLE.adapter)) == []
    other = recorded("one", body, {"type": "ListedPage", "jobs": [{"remote_id": "a", "seconds": 4}]})
    assert other.differences(other.read_by(ABLE.adapter)) == [
        "jobs: got [{'remote_id': 'a', 'seconds': 8}], expected [{'remote_id': 'a', 'seconds': 4}]"
    ]
    for jobs in ([], [{}, {}]):
        longer = recorded("one", body, {"type": "ListedPage", "jobs": jobs})
        assert longer.differences(longer.read_by(ABLE.adapter))


def test_a_list_of_a_dialect_is_not_asked_of_a_profile_without_one(tmp_path: Any) -> None:
    by_name = {subject.name: subject for subject in subjects("openai")}
    assert "list" in {item.kind for item in by_name["openai"].exchanges}
    assert {item.kind for item in by_name["openai/new-api"].exchanges} == {"submit", "poll"}


def test_a_list_of_a_size_that_is_no_text_is_refused() -> None:
    with pytest.raises(ExchangeError, match=r"expected\.jobs: accepted: a list of objects"):
        recorded("one", page(has_more=False), {"type": "ListedPage", "jobs": "a"})


def test_a_dialect_that_offers_nothing_is_certified() -> None:
    assert not {name for name in OFFERS if hasattr(acme, name)}
    assert broken_offers(replace(subjects(ACME)[0], bodies=50)) == set()
