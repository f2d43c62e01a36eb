"""Which pages of a list are worth their exchanges."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from router.core.catalog import Polling
from router.core.sweeping import GATHER_S_MAX, ListShape, gather_s, goes_on, stretch

DEPTHS = st.lists(st.floats(0.0, 3_000.0), max_size=60)


@given(DEPTHS, st.integers(1, 100))
def test_no_other_run_of_pages_saves_more_polls_than_the_chosen_one(depths: list[float], limit: int) -> None:
    held = Counter(int(depth // limit) for depth in depths)

    def saved(first: int, last: int) -> int:
        return sum(count for page, count in held.items() if first <= page <= last) - (last - first + 1)

    best = max((saved(first, last) for first in held for last in held if first <= last), default=0)
    chosen = stretch(depths, limit)
    assert (saved(*chosen) if chosen else 0) == max(0, best)
    assert chosen is None or best > 0


@given(DEPTHS, st.integers(1, 100))
def test_reading_goes_on_as_long_as_some_run_of_pages_from_there_saves_a_poll(depths: list[float], limit: int) -> None:
    pages = [int(depth // limit) for depth in depths]
    gains = [sum(other <= page for other in pages) - (page + 1) for page in pages]
    assert goes_on(depths, limit) is any(gain > 0 for gain in gains)


def test_a_page_for_one_job_is_a_poll_of_it() -> None:
    assert stretch([5.0], 100) is None
    assert stretch([5.0, 205.0, 405.0], 100) is None
    assert stretch([5.0, 6.0, 205.0, 405.0], 100) == (0, 0)
    assert stretch([5.0, 206.0, 207.0, 405.0], 100) == (2, 2)


def test_until_a_list_is_known_ours_are_expected_to_be_all_of_it() -> None:
    shape = ListShape()
    assert shape.depths([9.0, 5.0, 1.0], 10.0) == [0.0, 1.0, 2.0]
    shape.per_s = 4.0
    assert shape.depths([9.0, 5.0, 11.0], 10.0) == [4.0, 20.0, 0.0]


def test_a_cursor_is_taken_only_if_it_surely_lies_before_what_is_sought() -> None:
    shape = ListShape(per_s=1.0, skew_s=0.0)
    shape.found_ways([(100.0, "a"), (80.0, "b"), (60.0, "c")])
    assert shape.way_in(70.0) == (80.0, "b")
    assert shape.way_in(76.0) == (100.0, "a")
    assert shape.way_in(96.0) is None


def test_a_clock_that_is_not_known_yet_may_be_minutes_off() -> None:
    shape = ListShape(per_s=1.0)
    shape.found_ways([(100.0, "a"), (300.0, "b")])
    assert shape.way_in(70.0) == (300.0, "b")
    shape.skew_s = 3.0
    assert shape.moment(70.0) == 73.0
    assert shape.way_in(shape.moment(70.0)) == (100.0, "a")


def test_the_oldest_cursors_are_forgotten() -> None:
    shape = ListShape()
    for number in range(1_000):
        shape.found_ways([(float(number), str(number))])
    assert len(shape.ways_in) == 100
    assert shape.ways_in[-1] == (999.0, "999")


@given(st.floats(0.0, 1e6), st.integers(10, 100))
def test_polls_are_gathered_for_seconds_only(span_s: float, limit: int) -> None:
    polling = Polling()
    assert polling.interval_s_min / 2 <= gather_s(polling, span_s, limit) <= GATHER_S_MAX


def test_the_longer_the_list_the_rarer_it_is_read() -> None:
    assert gather_s(Polling(), 100.0, 100) < gather_s(Polling(), 200.0, 100) < gather_s(Polling(), 200.0, 50)
