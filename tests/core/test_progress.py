"""Progress is drawn out to an end as far as its readings agree, and not believed any further."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.progress import Course, Window

DURATIONS = st.floats(1.0, 10_000.0)
SHARES = st.lists(st.floats(0.02, 0.999), min_size=1, max_size=12).map(sorted)


def course(duration_s: float, shares: list[float], step: int = 1) -> Course:
    """What a course is after true readings at these shares of its job's time."""
    told = [(step * int(100 / step * share), duration_s * share) for share in shares]
    found = Course(queued=told[0][0] == 0 if told else False)
    for progress, age_s in told:
        if progress:
            found.saw(progress, age_s, step)
    return found


@given(DURATIONS, SHARES, st.sampled_from([1, 5, 10, 25]))
def test_true_progress_never_excludes_the_end(duration_s: float, shares: list[float], step: int) -> None:
    found = course(duration_s, shares, step)
    if found.window is not None:
        assert found.window.from_s <= duration_s * 1.03
        assert found.window.to_s >= duration_s * 0.97
        assert found.came_true(duration_s * shares[-1], duration_s * 1.01)


@given(DURATIONS, SHARES)
def test_another_true_reading_never_widens_what_is_expected(duration_s: float, shares: list[float]) -> None:
    before, after = course(duration_s, shares[:-1]).window, course(duration_s, shares).window
    if before is not None and after is not None and shares[-1] <= 0.11:
        assert after.to_s - after.from_s <= before.to_s - before.from_s


@given(st.lists(st.tuples(st.integers(-5, 200), st.floats(0.0, 1e6)), max_size=20), st.integers(0, 99))
def test_no_lie_breaks_anything(readings: list[tuple[int, float]], step: int) -> None:
    found = Course()
    for progress, age_s in sorted(readings, key=lambda each: each[1]):
        if progress > 0:
            found.saw(progress, age_s, step)
    assert found.window is None or found.window.from_s <= found.window.to_s
    assert found.came_true(0.0, 1.0) in (True, False, None)


def test_a_reading_halfway_doubles_the_age() -> None:
    window = course(200.0, [0.5]).window
    assert window is not None
    assert 190.0 < window.from_s < 200.0 < window.to_s < 205.0


def test_progress_that_stands_still_near_the_end_is_given_up() -> None:
    found = Course()
    for age_s in (50.0, 52.0, 60.0):
        found.saw(99, age_s, 1)
    assert found.window is None
    assert found.came_true(60.0, 120.0) is False


def test_progress_that_falls_back_counts_against_it() -> None:
    found = Course()
    found.saw(80, 10.0, 1)
    found.saw(20, 20.0, 1)
    found.saw(10, 30.0, 1)
    assert found.window is None


def test_one_that_was_queued_is_drawn_out_from_one_reading_to_another() -> None:
    found = Course(queued=True)
    found.saw(20, 100.0, 1)
    assert found.window is None
    found.saw(60, 140.0, 1)
    assert found.window is not None
    assert found.window.meets(Window(180.0, 180.0))
    assert found.came_true(178.0, 181.0) is True


def test_a_queue_that_nobody_saw_is_no_lie() -> None:
    found = Course()
    found.saw(20, 100.0, 1)
    found.saw(60, 140.0, 1)
    assert found.came_true(178.0, 181.0) is True


def test_an_end_before_its_time_was_not_expected() -> None:
    assert course(1000.0, [0.1]).came_true(100.0, 130.0) is False
    assert Course().came_true(0.0, 100.0) is None
