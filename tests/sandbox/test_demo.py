"""What the demo claims is really checked: the accounts, and that a video is one."""

import pytest

from providers.canonical import Size
from providers.sandbox.books import Books, Totals
from providers.sandbox.clips import video
from providers.sandbox.demo.accounts import ProviderRow, Report, compare
from providers.sandbox.demo.mp4 import Mp4, read_mp4

EXPOSITION = """
# TYPE video_router_attempts_total counter
video_router_attempts_total{{provider="sandbox-shenma",outcome="succeeded"}} {attempts}
video_router_attempts_total{{provider="sandbox-shenma",outcome="unknown"}} 1
video_router_attempts_total{{provider="sandbox-openai",outcome="succeeded"}} 7
# TYPE video_router_cost_usd_total counter
video_router_cost_usd_total{{provider="sandbox-shenma",kind="delivered"}} {delivered}
video_router_cost_usd_total{{provider="sandbox-shenma",kind="failed_billed"}} 0.05
# TYPE video_router_uncertain_usd gauge
video_router_uncertain_usd{{provider="sandbox-shenma"}} {uncertain}
"""
AGREED = {"attempts": 2, "delivered": 0.3, "uncertain": 0.15}
LEDGER = Report((ProviderRow("sandbox-shenma", 3, 300_000, 50_000, 150_000),), ())


def books(net_microusd: int) -> Books:
    return Books((), Totals(3, net_microusd, 0, net_microusd), {})


@pytest.mark.parametrize(
    ("changes", "billed", "agrees"),
    [
        ({}, 350_000, True),
        ({}, 500_000, True),
        ({}, 500_001, False),
        ({}, 349_999, False),
        ({"attempts": 3}, 350_000, False),
        ({"delivered": 0.300001}, 350_000, False),
        ({"uncertain": 0}, 350_000, False),
    ],
)
def test_accounts_agree_to_the_micro_usd_or_not_at_all(changes, billed, agrees):
    (shenma,) = compare(LEDGER, EXPOSITION.format(**{**AGREED, **changes}), {"shenma": books(billed)})
    assert shenma.agrees is agrees


def test_a_purchase_that_the_ledger_does_not_know_is_a_disagreement():
    (jizhiai,) = compare(LEDGER, EXPOSITION.format(**AGREED), {"jizhiai": books(120_000)})
    assert not jizhiai.agrees


def test_a_clip_tells_its_length_and_size():
    assert read_mp4(video(Size(1024, 1792), 8)) == Mp4(8.0, 1024, 1792)


@pytest.mark.parametrize("length", [0, 7, 30, 60, 200])
def test_a_page_and_the_first_bytes_of_an_mp4_are_no_video(length):
    for data in (b"<html>" * 100, video(Size(720, 1280), 4)):
        with pytest.raises(ValueError, match="MP4"):
            read_mp4(data[:length])
