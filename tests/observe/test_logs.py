import io
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, ImageUrl, Reason, Stage, VideoRequest
from router.core.clock import Clock
from router.core.eligibility import ExclusionCause
from router.core.events import (
    AttemptEnded,
    ConfigReloaded,
    CostDoubted,
    Event,
    JobAccepted,
    JobEnded,
    ProviderOut,
    UnknownStatusSeen,
    WebhookResult,
    WebhookTaken,
    WriteEnded,
)
from router.core.job import AttemptState
from router.core.ranking import DecisionReason
from router.observe.lines import Level
from router.observe.lines import line as line_of
from router.observe.logs import Logs
from router.observe.scrubbing import scrubbed
from tests.observe import scenes

CLOCK = Clock(wall=lambda: scenes.NOW, monotonic=lambda: 0.0)
CANARY = "canary-4711"


def written(events: Iterable[Event], level: Level = Level.INFO) -> list[dict[str, object]]:
    stream = io.StringIO()
    logs = Logs(stream, CLOCK, level)
    for event in events:
        logs.listeners.hear(event)
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_an_accepted_job_is_logged_by_the_fingerprint_of_its_prompt():
    job = scenes.job_of(prompt="a boat")
    assert written([JobAccepted(job)]) == [
        {
            "time": "2026-11-18T11:06:40.000Z",
            "level": "info",
            "event": "job_accepted",
            "job": job.id,
            "trace": scenes.TRACE,
            "caller": "studio",
            "model": "sora-2",
            "seconds": 8,
            "size": "720x1280",
            "images": 0,
            "prompt_sha256_8": "1cb78dba",
            "prompt_length": 6,
        }
    ]


def test_a_rescued_job_reads_as_a_story():
    story = [(line["event"], line["level"], line.get("provider")) for line in written(scenes.rescue())]
    assert story == [
        ("job_accepted", "info", None),
        ("routed", "info", "p0"),
        ("attempt_ended", "warning", "p0"),
        ("money_settled", "info", "p0"),
        ("routed", "info", "p1"),
        ("failed_over", "warning", None),
        ("attempt_ended", "info", "p1"),
        ("money_settled", "info", "p1"),
        ("job_ended", "info", "p1"),
    ]


def test_a_routed_line_says_who_was_chosen_and_why_among_how_many_and_why_not_the_others():
    job, start = scenes.started(job := scenes.job_of(), scenes.attempt_of(job))
    excluded = {ExclusionCause.MODEL: 15, ExclusionCause.EJECTED: 1}
    (line,) = written([replace(start, candidates=3, excluded=excluded, reason=DecisionReason.TRIAL)])
    assert (line["event"], line["offering"], line["share"], line["quote_microusd"]) == (
        *("routed", "p0/sora-2"),
        *(0.75, 800_000),
    )
    assert (line["candidates"], line["excluded_model"], line["excluded_ejected"]) == (3, 15, 1)
    assert (line["reason"], line["expected_microusd"]) == ("trial", 880_000)


def test_a_failover_that_waits_says_whom_it_leaves_and_for_how_long():
    line = next(each for each in written(scenes.held_back()) if each["event"] == "failover_delayed")
    assert (line["level"], line["from_provider"], line["wait_s"]) == ("info", "p0", 0.4)


def test_every_line_of_a_job_names_its_job_and_trace_and_those_of_an_attempt_the_attempt():
    for line in written([*scenes.rescue(), *scenes.lost_answer(), *scenes.late_duplicate()]):
        assert str(line["job"]).startswith("video_")
        assert line["trace"] == scenes.TRACE
        if line["event"] in ("routed", "attempt_ended", "money_settled"):
            assert str(line["attempt"]).startswith(f"{line['job']}-")


def test_an_ended_attempt_says_where_why_and_how_long():
    line = written(scenes.billed_refusal())[2]
    assert line["stage"] == "output_review"
    assert line["reason"] == "refused"
    assert line["duration_s"] == 60.0
    assert line["generate_s"] == 49.0


def settled(events: Iterable[Event]) -> list[tuple[object, ...]]:
    """Kind, amount, level and whether late, of each line about money."""
    lines = [line for line in written(events) if line["event"] == "money_settled"]
    return [(line["kind"], line["amount_microusd"], line["level"], line.get("late", False)) for line in lines]


def test_every_entry_that_closes_has_a_line_of_its_own_and_waste_is_a_warning():
    assert settled(scenes.delivery(cost_microusd=700_000)) == [("delivered", 700_000, "info", False)]
    assert settled(scenes.billed_refusal()) == [("failed_billed", 800_000, "warning", False)]
    assert settled(scenes.rescue())[0] == ("voided", 800_000, "info", False)
    assert settled(scenes.lost_answer()) == []
    line = next(line for line in written(scenes.delivery(cost_microusd=1)) if line["event"] == "money_settled")
    assert (line["quote_microusd"], line["amount_microusd"]) == (800_000, 1)


def test_a_late_attempt_ends_once_and_its_money_is_told_when_it_is_known():
    lines = written(scenes.late_duplicate())
    assert sum(line["event"] == "attempt_ended" for line in lines) == 2
    assert settled(scenes.late_duplicate())[-1] == ("duplicate", 800_000, "warning", True)


def test_a_late_attempt_of_before_a_restart_does_not_end_again():
    *before, known = scenes.late_duplicate()
    stream = io.StringIO()
    logs = Logs(stream, CLOCK)
    logs.resume(event.job for event in before if isinstance(event, JobEnded))
    logs.listeners.hear(known)
    (line,) = map(orjson.loads, stream.getvalue().splitlines())
    assert (line["event"], line["kind"], line["late"]) == ("money_settled", "duplicate", True)


def test_writes_that_fail_are_told_at_once_and_then_counted():
    stream, now = io.StringIO(), [0.0]
    logs = Logs(stream, Clock(wall=lambda: scenes.NOW, monotonic=lambda: now[0]))
    for _ in range(100):
        now[0] += 0.5
        logs.listeners.hear(WriteEnded(0.1, ok=False, cause="the database cannot be used now: disk I/O error"))
    now[0] += 5
    for _ in range(3):
        logs.listeners.hear(WriteEnded(0.1, ok=True))
    lines = list(map(orjson.loads, stream.getvalue().splitlines()))
    assert [(line["event"], line["level"]) for line in lines] == [
        *[("store_write_failed", "error")] * 2,
        ("store_writes_again", "info"),
    ]
    assert [line["failures"] for line in lines[:2]] == [1, 60]
    assert lines[0]["cause"].endswith("disk I/O error")
    assert lines[2]["for_s"] == 54.5


def test_writes_that_fail_now_and_then_do_not_flood_the_log():
    stream = io.StringIO()
    logs = Logs(stream, CLOCK)
    for _ in range(100):
        logs.listeners.hear(WriteEnded(0.1, ok=False))
        logs.listeners.hear(WriteEnded(0.1, ok=True))
    assert len(stream.getvalue().splitlines()) == 2


def test_a_reload_says_what_changed_and_a_refused_one_is_an_error_that_says_why():
    taken = ConfigReloaded(True, "0123456789ab", scenes.NOW, ("providers.p1: added", "policy.max_spend_usd: 1 -> 2"))
    refused = ConfigReloaded(False, "ba9876543210", scenes.NOW, problems=("router.yaml:3: providers.p1: is wrong",))
    first, second = written([taken, refused])
    assert (first["event"], first["level"], first["digest"]) == ("config_reloaded", "info", "0123456789ab")
    assert first["changes"] == "providers.p1: added; policy.max_spend_usd: 1 -> 2"
    assert (second["event"], second["level"], second["problems"]) == (
        *("config_reload_failed", "error"),
        "router.yaml:3: providers.p1: is wrong",
    )


def test_of_very_many_problems_whole_ones_are_listed_and_the_others_counted():
    problems = tuple(f"router.yaml:{line}: providers.p1.api_key: {'x' * 100}" for line in range(100))
    (line,) = written([ConfigReloaded(False, "", scenes.NOW, problems=problems)])
    *listed, more = line["problems"].split("; ")
    assert tuple(listed) == problems[: len(listed)]
    assert more == f"and {100 - len(listed)} more"
    assert 7_000 < len(line["problems"]) < 8_100
    assert "digest" not in line


def test_what_somebody_must_look_at_now_is_an_error():
    urgent = [*scenes.lost_answer(), ProviderOut("p0", "balance", 900.0)]
    assert [line["event"] for line in written(urgent, Level.ERROR)] == ["attempt_ended", "job_ended", "provider_out"]


def test_a_cost_that_is_not_believed_is_a_warning_with_both_amounts():
    (line,) = written([CostDoubted("p0", 9_999_000_000, 800_000)], Level.WARNING)
    assert (line["event"], line["told_microusd"], line["quote_microusd"]) == ("cost_doubted", 9_999_000_000, 800_000)


def test_exchanges_are_not_logged():
    assert written(scenes.exchanges()) == []


def test_an_unknown_status_is_logged_once_for_each_word():
    seen = [UnknownStatusSeen("p0", word) for word in ("PONDERING", "PONDERING", "see https://x/?k=1")]
    lines = written(seen)
    assert [line.get("word") for line in lines] == ["PONDERING", None]


def test_a_flood_of_unknown_words_is_cut_off():
    assert len(written(UnknownStatusSeen("p0", f"w{number}") for number in range(1_000))) == 100


def test_no_planted_secret_reaches_a_line():
    video = VideoRequest(CANARY, "sora-2", 8, scenes.PORTRAIT, (ImageUrl(f"https://x/{CANARY}.png?sig={CANARY}"),))
    failure = Failure(Stage.SUBMIT, Reason.REFUSED, f"your prompt {CANARY} is bad", code=f"bad {CANARY}")
    job = replace(scenes.job_of(), video=video, metadata={"note": CANARY})
    attempt = replace(
        scenes.attempt_of(job),
        remote_id=CANARY,
        content_url=f"https://cdn/{CANARY}?sig={CANARY}",
        code=f"sk-{CANARY}",
    )
    accepted = JobAccepted(job)
    job, start = scenes.started(job, attempt)
    job, end = scenes.ended(job, attempt, AttemptState.FAILED, None, Stage.SUBMIT, Reason.REFUSED)
    job, over = scenes.failed(job, failure)
    events: list[Event] = [accepted, start, end, over, ProviderOut("p0", CANARY, 1.0)]
    lines = written(events, Level.DEBUG)
    assert len(lines) == len(events)
    assert CANARY not in str(lines)


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.integers() | st.floats(), st.booleans())
def test_a_line_is_one_line_of_json_whatever_is_in_it(text: str, number: float, flag: bool):
    written = line_of(scenes.NOW, Level.INFO, "log", {"message": text, "number": number, "flag": flag, "none": None})
    assert written.splitlines() == [written.rstrip("\n")]
    assert not {unicodedata.category(char) for char in written[:-1]} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(char) for char in written} & {"LRO", "RLO", "LRE", "RLE", "LRI", "RLI", "FSI"}
    read = orjson.loads(written)
    assert list(read)[:3] == ["time", "level", "event"]
    assert read["message"] == text.encode("utf-8", "replace").decode()
    assert "none" not in read


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_no_text_of_an_event_breaks_out_of_its_line(text: str):
    job = replace(scenes.job_of(), id=text, caller=text, trace_parent=text)
    job, end = scenes.ended(job, replace(scenes.attempt_of(job), code=text), AttemptState.FAILED, None)
    events: list[Event] = [JobAccepted(job), replace(end, cause=text), UnknownStatusSeen(text, text)]
    events += [ConfigReloaded(True, text, scenes.NOW, (text,), (text,)), ProviderOut(text, text, 1.0)]
    assert [line["event"] for line in written(events)] == [
        *("job_accepted", "attempt_ended", "unknown_status"),
        *("config_reloaded", "provider_out"),
    ]


def test_a_forged_line_stays_inside_its_field():
    job = replace(scenes.job_of(), id='x"}\n{"event":"job_ended"')
    assert [line["event"] for line in written([JobAccepted(job)])] == ["job_accepted"]


def test_a_job_without_a_trace_has_none_in_its_lines():
    for trace_parent in (None, "", "00-junk", f"00-{'0' * 32}-{'0' * 16}-01"):
        line = written([JobAccepted(replace(scenes.job_of(), trace_parent=trace_parent))])[0]
        assert "trace" not in line


def test_a_job_that_never_was_attempted_is_logged():
    _, over = scenes.failed(scenes.job_of(), Failure(Stage.ROUTE, Reason.NO_CANDIDATE))
    line = written([over])[0]
    assert (line["outcome"], line["stage"], line["level"]) == ("failed", "route", "warning")
    assert isinstance(over, JobEnded)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://u:p@cdn.example/v.mp4?X-Sig=abc#t now", "GET https://cdn.example/v.mp4?[scrubbed] now"),
        (
            "Cannot connect to host cdn:443 (https://cdn/v?k=1)",
            "Cannot connect to host cdn:443 (https://cdn/v?[scrubbed])",
        ),
        ('"GET /v1/videos?after=video_1 HTTP/1.1" 200', '"GET /v1/videos?[scrubbed] HTTP/1.1" 200'),
        ("Authorization: Bearer abc.def", "Authorization: [scrubbed] [scrubbed]"),
        ("{'api_key': 'abc', 'n': 1}", "{'api_key': '[scrubbed]', 'n': 1}"),
        ("used sk-proj-abcdef123 twice", "used [scrubbed] twice"),
        ("is that so? yes", "is that so? yes"),
    ],
)
def test_text_that_is_not_ours_is_scrubbed(text: str, shown: str):
    assert scrubbed(text) == shown


def test_a_long_text_is_cut_after_it_is_scrubbed():
    text = "x" * 490 + " https://cdn/v?sig=" + CANARY
    assert len(scrubbed(text)) <= 500
    assert CANARY not in scrubbed("x" * 600 + CANARY)


def test_lines_below_the_level_are_not_written():
    assert {line["level"] for line in written(scenes.a_day(), Level.WARNING)} == {"warning", "error"}


def test_an_attempt_of_any_state_can_be_logged():
    for state in AttemptState:
        job = scenes.job_of()
        ended = AttemptEnded(job, replace(scenes.attempt_of(job), state=state), ())
        assert [line["event"] for line in written([ended])] == ["attempt_ended"]


def test_webhooks_are_told_of_when_they_begin_and_when_they_are_turned_away_and_no_more_than_that():
    came = [WebhookTaken(name, result) for name in ("p0", "p1") for result in (WebhookResult.HINTED,) * 50]
    forged = [WebhookTaken("p0", WebhookResult.UNPROVEN, "no signature of it is right")] * 500
    lines = written(came + forged)
    assert [(line["event"], line["provider"]) for line in lines] == [
        ("webhooks_arrive", "p0"),
        ("webhooks_arrive", "p1"),
        ("webhook_refused", "p0"),
    ]
    assert (lines[2]["result"], lines[2]["cause"]) == ("unproven", "no signature of it is right")
