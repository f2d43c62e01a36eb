"""Tens of thousands of answers nobody ever gave: nothing raises, and nothing that failed becomes a success."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, Reason, Running, Stage, Succeeded
from providers.certification import Check, Subject, subjects
from providers.certification.answers import no_failure_becomes_a_success, values_stay_within_limits
from providers.certification.samples import NOT_SUCCESSES, STATUSES
from providers.reading import read_poll, read_submit
from providers.registry import BUILT_IN, dialects

SUBJECTS = {subject.name: subject for name in dialects() for subject in subjects(name)}
# Without the profiles it is 21,000; a profile reads its dialect's answers by almost the same code.
BODIES = 7_000
BODIES_OF_A_PROFILE = 1_000
EXAMPLES = 1_500


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_disturbed_failure_becomes_a_success(name: str) -> None:
    bodies = BODIES if name in BUILT_IN else BODIES_OF_A_PROFILE
    result = Check(no_failure_becomes_a_success).run(replace(SUBJECTS[name], bodies=bodies, seed=1))
    assert result.cases == bodies
    assert list(result.violations) == []


@pytest.mark.parametrize("name", SUBJECTS)
def test_whatever_is_read_of_a_disturbed_answer_stays_within_limits(name: str) -> None:
    result = Check(values_stay_within_limits).run(replace(SUBJECTS[name], bodies=1_000, seed=2))
    assert list(result.violations) == []


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20)
FIELDS = """
    id task_id data status state progress progress_pct error code message detail output outputs url video_url
    fail_reason result metadata usage cost_usd object request_id expires_at
"""
field_names = st.sampled_from(FIELDS.split())
words = st.sampled_from(
    ["queued", "SUCCESS", "completed", "failed", "cancelled", "video", "https://cdn.example.test/v.mp4", "97%", "x"]
)
documents = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(field_names | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)
headers = st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=40), max_size=3)
adapters = st.sampled_from(sorted(SUBJECTS)).map(SUBJECTS.__getitem__)
bodies = documents.map(orjson.dumps) | st.binary(max_size=200)


@settings(max_examples=EXAMPLES)
@given(adapters, st.sampled_from(STATUSES), headers, bodies)
def test_only_a_2xx_with_an_id_or_a_url_is_good_news(
    subject: Subject, status: int, head: dict[str, str], body: bytes
) -> None:
    response = HttpResponse(status, head, body)
    submitted, polled = read_submit(subject.adapter, response), read_poll(subject.adapter, response)
    if isinstance(submitted, Accepted):
        assert 200 <= status < 300
        assert submitted.remote_id.strip(".")
    else:
        assert submitted.retry_after_s is None or 0 <= submitted.retry_after_s <= 86_400
    if isinstance(polled, Succeeded):
        assert 200 <= status < 300
        assert b"id" in body or b"url" in body or b"output" in body or b"fail_reason" in body or b"object" in body
        assert polled.url is None or polled.url.startswith(("http://", "https://"))
    if isinstance(polled, Running):
        assert 200 <= status < 300
        assert polled.progress is None or 0 <= polled.progress <= 100


@given(adapters, st.sampled_from(STATUSES), bodies)
def test_an_unprovable_submit_is_always_ambiguous(subject: Subject, status: int, body: bytes) -> None:
    submitted = read_submit(subject.adapter, HttpResponse(status, {}, b"<html>" + body))
    assert isinstance(submitted, Failure)
    assert submitted.reason is (Reason.RATE_LIMITED if status == 429 else Reason.AMBIGUOUS)


@given(adapters, st.sampled_from(NOT_SUCCESSES), documents)
def test_an_error_status_never_ends_a_job_that_its_body_does_not_call_failed(
    subject: Subject, status: int, document: object
) -> None:
    polled = read_poll(subject.adapter, HttpResponse(status, {}, orjson.dumps({"job": document})))
    assert isinstance(polled, Failure)
    assert polled.stage is Stage.POLL
