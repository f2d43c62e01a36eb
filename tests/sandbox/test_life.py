"""How long jobs take and how they progress."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Size
from providers.sandbox import clips
from providers.sandbox.faults import FATE_FAULTS, FaultRule
from providers.sandbox.life import Status, draw_fate, duration_s, moment

RULES = [None, *(FaultRule(fault=fault) for fault in sorted(FATE_FAULTS))]


@pytest.mark.parametrize(
    ("seconds", "size", "shortest_min", "longest_min"),
    [
        (4, Size(720, 1280), 1, 3),
        (10, Size(1280, 720), 1, 3),
        (15, Size(720, 1280), 3, 5),
        (25, Size(720, 1280), 3, 5),
        (10, Size(1024, 1792), 9, 11),
        (15, Size(1792, 1024), 11, 13),
    ],
)
def test_a_job_takes_as_long_as_real_ones(seconds: int, size: Size, shortest_min: int, longest_min: int):
    taken = [duration_s(seconds, size, random.Random(seed)) / 60 for seed in range(200)]
    assert shortest_min <= min(taken) < shortest_min + 0.3
    assert longest_min - 0.3 < max(taken) <= longest_min


@given(
    rule=st.sampled_from(RULES),
    seed=st.integers(0, 10_000),
    seconds=st.sampled_from(clips.SECONDS),
    times=st.lists(st.floats(0, 3000), min_size=2, max_size=20),
)
def test_progress_never_goes_back_and_an_end_is_final(
    rule: FaultRule | None, seed: int, seconds: int, times: list[float]
):
    fate = draw_fate(seconds, Size(720, 1280), rule, random.Random(seed))
    moments = [moment(fate, elapsed_s) for elapsed_s in sorted(times)]
    for before, after in itertools.pairwise(moments):
        assert 0 <= before.progress <= after.progress <= 100
        assert not before.ready or after.ready
        if before.status in (Status.COMPLETED, Status.FAILED):
            assert after == before


def test_the_same_seed_gives_the_same_life():
    first, second = (draw_fate(10, Size(720, 1280), None, random.Random(7)) for _ in range(2))
    assert first == second
