import pytest

from router.observe.traceparent import parse_traceparent, sampled_trace_id
from tests.observe import scenes

UNSAMPLED = scenes.TRACE_PARENT.removesuffix("01") + "00"


def test_a_kept_trace_can_be_looked_up():
    assert sampled_trace_id(scenes.TRACE_PARENT) == scenes.TRACE


def test_a_trace_that_is_not_kept_is_no_example():
    assert parse_traceparent(UNSAMPLED) == scenes.TRACE
    assert sampled_trace_id(UNSAMPLED) is None


@pytest.mark.parametrize(
    "header", [None, "", "rubbish", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01"]
)
def test_what_names_no_trace_has_no_id(header: str | None):
    assert parse_traceparent(header) is None
    assert sampled_trace_id(header) is None
