"""Checks of lists that stand in for polls; an adapter that does not offer that has nothing to promise."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from providers.adapter import HttpRequest, HttpResponse, PolledPage
from providers.canonical import Failure, ListedPage, Running, Stage
from providers.capabilities import ListedPolls, listed_polls_of
from providers.certification.calling import Case, called, response_text, shortened
from providers.certification.exchange import Exchange
from providers.certification.requests import built_request, id_kept, not_relative, wrong
from providers.certification.samples import HOSTILE_BODIES, IDS, NOT_SUCCESSES
from providers.certification.subject import Subject, Violation
from providers.reading import read_poll, read_polls

LIMITS: Final = (100, 10)


def a_list_of_polls_is_a_relative_get(subject: Subject) -> Iterator[Case]:
    """A list in the place of polls is a GET of a relative path; it says how many, and goes on behind a cursor."""
    yield None
    if (lister := listed_polls_of(subject.adapter)) is None:
        return
    for cursor in (None, *IDS):
        asked = f"polls_request({shortened(repr(cursor), 40)}, {LIMITS[0]})"
        first, second = (called(lister.polls_request, cursor, limit) for limit in LIMITS)
        if not isinstance(first, HttpRequest) or not isinstance(second, HttpRequest):
            yield built_request(asked, second if isinstance(first, HttpRequest) else first)
            continue
        problem = not_relative(first) or (None if first != second else "say how many jobs are wanted")
        if first.method != "GET" or first.json is not None or first.form:
            problem = "a list may be asked for again; use GET without a body"
        yield wrong(asked, first, problem)
        if cursor is not None:
            yield id_kept("polls_request", lambda name: lister.polls_request(name, LIMITS[0]), cursor)


def a_list_is_as_many_polls(subject: Subject) -> Iterator[Case]:
    """A recorded list names the jobs that it lists, each with a poll's answer; a failed one says nothing of any."""
    yield None
    if (lister := listed_polls_of(subject.adapter)) is None:
        return
    for exchange in subject.exchanges:
        if exchange.kind == "list":
            yield _misread(subject, lister, exchange)
            for status in NOT_SUCCESSES if exchange.outcome is ListedPage else ():
                yield _believed(lister, replace(exchange.response, status=status))
    for body in HOSTILE_BODIES:
        yield _believed(lister, HttpResponse(200, {}, body))


def _misread(subject: Subject, lister: ListedPolls, exchange: Exchange) -> Case:
    reading, listed = read_polls(lister, exchange.response), exchange.read_by(subject.adapter)
    asked = f"{exchange.name}: read_polls of {response_text(exchange.response)}"
    if isinstance(reading, Failure) or exchange.outcome is Failure:
        same = isinstance(reading, Failure) and exchange.outcome is Failure
        return None if same else Violation(asked, _said(reading), "read a list where there is one, and only there")
    names = {job.remote_id for job in listed.jobs} if isinstance(listed, ListedPage) else set()
    if strange := [job.remote_id for job in reading.jobs if job.remote_id not in names]:
        return Violation(asked, shortened(repr(strange)), "name the jobs as `read_lookup` does")
    for job in reading.jobs:
        told = read_poll(subject.adapter, job.answer)
        goes_on = isinstance(told, Running) or (isinstance(told, Failure) and told.stage is Stage.POLL)
        if not goes_on and not job.ended:
            return Violation(asked, f"{job.remote_id} is not `ended`", "set `ended` where `read_poll` reads an end")
    return None


def _believed(lister: ListedPolls, response: HttpResponse) -> Case:
    """A page read out of what is none; an empty one says as little as a failed one."""
    reading = called(lister.read_polls, response)
    if not isinstance(reading, PolledPage) or not reading.jobs:
        return None
    change = "read a list only out of a 2xx with a list of jobs; else answer stage poll"
    return Violation(f"read_polls of {response_text(response)}", _said(reading), change)


def _said(reading: PolledPage | Failure) -> str:
    return f"{len(reading.jobs)} jobs" if isinstance(reading, PolledPage) else f"Failure of reason {reading.reason}"
