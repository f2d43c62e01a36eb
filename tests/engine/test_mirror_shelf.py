"""What the mirror counts: never more than it may hold, the oldest first to go; and which bytes a range means."""

from hypothesis import given
from hypothesis import strategies as st

from router.engine.mirror_file import Slice
from router.engine.mirror_folder import KeptVideo
from router.engine.mirror_shelf import MirrorShelf

BYTES_MAX = 100
STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.booleans()), max_size=60)


@given(STEPS)
def test_what_is_held_and_what_is_written_never_exceed_the_limit(steps: list[tuple[int, int, bool]]) -> None:
    shelf = MirrorShelf(BYTES_MAX)
    held: dict[str, int] = {}
    for at, (number, size, kept) in enumerate(steps):
        room = shelf.reserve(size)
        assert room.fits == (size <= BYTES_MAX)
        order = list(held)
        assert list(room.evicted) == order[: len(room.evicted)]
        for name in room.evicted:
            del held[name]
        assert sum(held.values()) + (size if room.fits else 0) <= BYTES_MAX
        if room.fits:
            shelf.release(size)
            if kept:
                held.pop(str(number), None)
                held[str(number)] = size
                shelf.put([KeptVideo(str(number), size, float(at))])
        assert (shelf.held_bytes, len(shelf)) == (sum(held.values()), len(held))


def test_what_is_being_written_leaves_less_room_for_others() -> None:
    shelf = MirrorShelf(BYTES_MAX)
    assert shelf.reserve(70).fits
    assert not shelf.reserve(40).fits
    assert shelf.reserve(30).fits
    shelf.release(70)
    assert shelf.reserve(40).fits


def test_a_lower_limit_and_age_take_the_oldest_out() -> None:
    shelf = MirrorShelf(BYTES_MAX)
    shelf.put(KeptVideo(name, 20, at) for name, at in (("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)))
    assert shelf.surplus(kept_since=2.0) == ("a",)
    shelf.bytes_max = 30
    assert shelf.surplus(kept_since=0.0) == ("b", "c")
    assert (shelf.held_bytes, "d" in shelf) == (20, True)


@given(st.integers(1, 50), st.none() | st.integers(0, 60), st.none() | st.integers(0, 60))
def test_a_range_means_the_bytes_that_it_says(length: int, first: int | None, last: int | None) -> None:
    body = bytes(range(length))
    asked = Slice.asked(
        {"Range": f"bytes={'' if first is None else first}-{'' if last is None else last}"}, '"t"', length
    )
    answer = body[asked.start : asked.start + asked.count]
    told = asked.headers('"t"', length)
    assert told["content-length"] == str(len(answer))
    match asked.status:
        case 206:
            wanted = body[-last:] if first is None and last else body[first : None if last is None else last + 1]
            assert answer == wanted
            assert told["content-range"] == f"bytes {asked.start}-{asked.start + len(answer) - 1}/{length}"
        case 416:
            assert (first or 0) >= length or (first is None and last == 0)
            assert told["content-range"] == f"bytes */{length}"
        case _:
            assert answer == body
            assert (first is None and last is None) or (first is not None and last is not None and last < first)
