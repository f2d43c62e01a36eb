"""A stranger's adapter may hand over anything: what reaches the engine is within its limits, or a failure."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, Reason, Running, Stage, Succeeded
from providers.fields import COST_MICROUSD
from providers.reading import read_poll, read_submit

OK = HttpResponse(200, {}, b"{}")
LINK = "https://cdn.example.test/v.mp4"
odd: Any = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=200)
    | st.binary(max_size=5)
    | st.just([1])
    | st.sampled_from([*Stage, *Reason, LINK])
)


def submitted(reading: object) -> Accepted | Failure:
    return read_submit(SimpleNamespace(read_submit=lambda _: reading), OK)  # type: ignore[arg-type]


def polled(reading: object) -> Running | Succeeded | Failure:
    return read_poll(SimpleNamespace(read_poll=lambda _: reading), OK)  # type: ignore[arg-type]


def test_what_is_within_limits_is_passed_on_as_it_is() -> None:
    refused = Failure(Stage.IMAGE_REVIEW, Reason.REFUSED, "no", "c", 3.0, 5, recognised=False)
    for reading in (Accepted("video_1"), refused, Failure(Stage.SUBMIT, Reason.UNSUPPORTED)):
        assert submitted(reading) == reading
    for reading in (
        Running(queued=True, progress=3, unknown_word="polishing", url=LINK),
        Succeeded(LINK, 100_000, 1_790_000_000.0),
        Failure(Stage.POLL, Reason.AUTH, retry_after_s=2.0),
        Failure(Stage.GENERATE, Reason.CANCELLED, cost_microusd=7),
        refused,
    ):
        assert polled(reading) == reading


def test_numbers_links_and_words_out_of_their_limits_are_clamped_or_dropped() -> None:
    assert polled(Running(queued=False, progress=250, url="/v.mp4")) == Running(queued=False, progress=100)
    assert polled(Running(queued=False, progress=-3)) == Running(queued=False, progress=0)
    assert polled(Succeeded("file:///etc/passwd", -1, math.nan)) == Succeeded()
    assert polled(Succeeded(LINK, COST_MICROUSD + 1, -5.0)) == Succeeded(LINK)
    failed = polled(Failure(Stage.GENERATE, Reason.INTERNAL, retry_after_s=math.inf, cost_microusd=-1))
    assert failed == Failure(Stage.GENERATE, Reason.INTERNAL)


@pytest.mark.parametrize(
    "reading",
    [
        Accepted(""),
        Accepted("a b"),
        Failure(Stage.POLL, Reason.INVALID),
        Failure(Stage.SUBMIT, Reason.REFUSED),
        Failure(Stage.PROMPT_REVIEW, Reason.BALANCE),
        Failure(Stage.SUBMIT, Reason.UNREACHABLE),
        Failure("nowhere", "because"),  # type: ignore[arg-type]
    ],
)
def test_an_outcome_that_a_create_cannot_have_is_ambiguous(reading: object) -> None:
    failure = submitted(reading)
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)


@pytest.mark.parametrize(
    "reading",
    [
        Failure(Stage.SUBMIT, Reason.INVALID),
        Failure(Stage.POLL, Reason.REFUSED),
        Failure(Stage.GENERATE, Reason.AMBIGUOUS),
        Failure(Stage.DOWNLOAD, Reason.EXPIRED),
        Failure("nowhere", "because"),  # type: ignore[arg-type]
    ],
)
def test_an_outcome_that_a_poll_cannot_have_is_a_failed_poll(reading: object) -> None:
    failure = polled(reading)
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.reason) == (Stage.POLL, Reason.UNREADABLE)


@given(odd, odd, odd, odd, odd, odd)
def test_no_value_of_a_stranger_passes_the_limits(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> None:
    for reading in (Accepted(a), Failure(a, b, c, d, e, f), Running(a, b, c, d), Succeeded(a, b, c)):
        for read in (submitted(reading), polled(reading)):
            match read:
                case Failure():
                    assert isinstance(read.stage, Stage)
                    assert isinstance(read.reason, Reason)
                    assert isinstance(read.message, str)
                    assert read.cost_microusd is None or 0 <= read.cost_microusd <= COST_MICROUSD
                case Running():
                    assert read.progress is None or 0 <= read.progress <= 100
                    assert read.url is None or read.url.startswith("http")
                case Succeeded():
                    assert read.cost_microusd is None or 0 <= read.cost_microusd <= COST_MICROUSD
                    assert read.expires_at is None or read.expires_at > 0
                case Accepted():
                    assert read.remote_id.isprintable()
