from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from router.core.overview import DailyBudget, Live, Overview, RecentFailure
from router.top.view import duration, plain, view
from tests.top import overviews

NARROW = """\
video-router 1.2.3  takes no jobs  up 2h13m  11:08:20 UTC  http://r
The store cannot be written: no create is taken, no job can end.
jobs  p0 1 (oldest 1m40s)  p1 1 (oldest 1m40s)
last 1h00m  succeeded 8  failed 1  rejected 1  unknown 1
money  spent 8.00 USD  wasted 1.60 USD  uncertain 1.60 USD (2, oldest 99s)

                            in                USD
provider breakers       flight  ok p50 p90  per s wasted uncertain
p0       submit open     12/12 29% 61s 61s 0.2000   1.60      0.80
         poll half_open
p1       closed          0/100 86% 61s 61s 0.1000      -      0.80
p0 is out for another 840 s: its key was refused
what is uncertain is listed by `video-router jobs unknown`

failed at             attempts whose
output_review.refused        2 p0 2
generate.stalled             2 p0 2
submit.overloaded            1 p0 1
submit.ambiguous             1 p1 1

time     provider failed at          job and attempt    cause
11:07:41 p0       submit.overloaded  video_01234567… #2 http status 503
11:07:40 -        route.no_candidate video_01234567…
"""
JOB = "video_0123456789abcdef0123456789abcdef"
FAILURES = (
    RecentFailure(
        "2026-11-18T11:07:41.000Z",
        *(JOB, "submit", "overloaded", 2, "p0", "p0/sora-2", "failed"),
        *("server_busy", "http status 503"),
    ),
    RecentFailure("2026-11-18T11:07:40.000Z", JOB, "route", "no_candidate"),
)


def drawn(overview: Overview, columns: int = 80, trouble: str | None = None, *, colours: str | None = None) -> str:
    stream = StringIO()
    console = Console(
        file=stream,
        width=columns,
        color_system=colours,
        force_terminal=colours is not None,
        _environ={},  # type: ignore[arg-type]
    )
    console.print(view(overview, "http://r", columns, trouble))
    return stream.getvalue()


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def the_trouble() -> Overview:
    return replace(overviews.in_trouble(), uptime_s=7980.0, last_failures=FAILURES)


def test_why_jobs_went_where_they_went_is_told_when_it_was_not_always_the_best():
    overview = overviews.a_day()
    first, second = overview.providers
    assert "routed" not in drawn(overview)
    tried = replace(first, window=replace(first.window, decisions={"best": 9, "trial": 3}))
    probed = replace(second, window=replace(second.window, decisions={"probe": 1, "best": 1}))
    assert "routed  best 10  trial 3  probe 1\n" in trimmed(drawn(replace(overview, providers=(tried, probed))))


def test_a_router_in_trouble_is_shown_whole_in_eighty_columns():
    assert trimmed(drawn(the_trouble())) == NARROW


def test_a_wide_terminal_shows_whole_ids_codes_and_counts():
    text = drawn(the_trouble(), 140)
    assert f"{JOB} #2" in text
    assert "server_busy" in text
    assert "2 of 7" in text


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 140, 300])
def test_no_line_is_wider_than_the_terminal(columns: int):
    assert max(map(len, drawn(the_trouble(), columns).splitlines())) <= columns


def test_states_are_told_by_words_and_by_colours():
    coloured = drawn(the_trouble(), colours="standard")
    assert "\x1b[1;31msubmit open\x1b[0m" in coloured
    assert "\x1b[1;33mpoll half_open\x1b[0m" in coloured
    assert "\x1b" not in drawn(the_trouble())


def test_a_view_that_is_not_the_newest_says_why_and_of_when_it_is():
    text = " ".join(drawn(overviews.a_day(), trouble="http://r cannot be reached").split())
    assert "out of reach" in text
    assert "http://r cannot be reached. What follows is of 11:08:20 UTC." in text


def test_an_ejected_provider_that_is_no_longer_barred_is_said_to_get_one_job():
    first, *others = the_trouble().providers
    tried = replace(the_trouble(), providers=(replace(first, barred=None), *others))
    assert "p0 gets the next job as its trial" in drawn(tried)


def test_a_drained_provider_is_said_to_finish_what_it_has():
    first, *others = the_trouble().providers
    drained = replace(the_trouble(), providers=(replace(first, barred=None, drained=True), *others))
    assert "p0 is drained: 12 in flight are finished, and it gets no more" in drawn(drained)
    assert "gets the next job as its trial" not in drawn(drained)


def test_a_budget_is_mentioned_when_it_is_nearly_used():
    budgets = (
        DailyBudget("provider", "p0", 10_000_000, 10_000_000),
        DailyBudget("caller", "studio", 50_000_000, 41_500_000),
        DailyBudget("caller", "intern", 50_000_000, 1_000_000),
    )
    text = drawn(replace(overviews.a_day(), budgets=budgets))
    assert "provider p0 has used 10.00 of 10.00 USD for today" in text
    assert "caller studio has used 41.50 of 50.00 USD for today" in text
    assert "intern" not in text


def test_a_router_that_did_nothing_says_so():
    text = drawn(replace(overviews.shown([]), uptime_s=1.0))
    assert "none under way" in text
    assert "no job ended" in text
    assert "failed at" not in text


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=20))
def test_nothing_of_an_overview_is_obeyed_as_markup_or_by_the_terminal(text: str):
    hostile = f"[red]{text}[/red]\x1b]0;owned\x07\x9b31m"
    overview = the_trouble()
    first, *others = overview.providers
    first = replace(first, provider=hostile, barred=hostile, window=replace(first.window, failures={hostile: 1}))
    failure = replace(FAILURES[0], job=hostile, provider=hostile, stage=hostile, code=hostile, cause=hostile)
    jobs = replace(overview.jobs, in_progress={hostile: Live(1, None)})
    overview = replace(
        overview,
        version=hostile,
        providers=(first, *others),
        last_failures=(failure,),
        jobs=jobs,
        outcomes={hostile: 1},
    )
    shown = drawn(overview, 300)
    assert "[red]" in shown
    assert shown.replace("\n", "").isprintable()


@given(st.text(st.characters(exclude_categories=())))
def test_plain_text_has_only_what_can_be_seen(text: str):
    assert plain(text).isprintable()
    assert len(plain(text)) <= 300


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0s"),
        (9.94, "9.9s"),
        (61.0, "61s"),
        (99.6, "1m40s"),
        (3599.9, "1h00m"),
        (7980, "2h13m"),
        (270_000, "3d03h"),
    ],
)
def test_durations_are_short(seconds: float, shown: str):
    assert duration(seconds) == shown
