import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Running, Stage, Succeeded
from router.core.trail import DOWNLOADS_MAX, NOTES_MAX, Download, Said, Trail, TrailRecorder, is_traced

SILENT = Failure(Stage.POLL, Reason.UNREACHABLE)
READINGS = st.one_of(
    st.builds(Running, st.booleans(), st.none() | st.integers(0, 100), st.none() | st.just("PONDERING")),
    st.builds(Failure, st.sampled_from([Stage.POLL, Stage.GENERATE]), st.sampled_from(Reason)),
    st.just(Succeeded()),
)


def recorded(*readings: Running | Succeeded | Failure) -> Trail:
    recorder = TrailRecorder()
    for at, reading in enumerate(readings):
        recorder.polled(reading, float(at))
    return recorder.trail()


def test_polls_that_say_the_same_are_one_note():
    queued, half = Running(queued=True), Running(queued=False, progress=50)
    trail = recorded(queued, queued, half, half, half, Succeeded("https://x/?signed"))
    assert [(note.at, note.said, note.progress, note.polls) for note in trail.notes] == [
        (0.0, Said.QUEUED, None, 2),
        (2.0, Said.RUNNING, 50, 3),
        (5.0, Said.SUCCEEDED, None, 1),
    ]
    assert (trail.polls, trail.polls_failed) == (6, 0)


def test_failed_polls_are_folded_by_reason_until_something_new_is_said():
    unreadable, half = Failure(Stage.POLL, Reason.UNREADABLE), Running(queued=False, progress=50)
    trail = recorded(half, SILENT, half, unreadable, SILENT, Running(queued=False, progress=51), SILENT)
    assert [(note.said, note.reason, note.polls) for note in trail.notes] == [
        (Said.RUNNING, None, 2),
        (Said.SILENT, Reason.UNREACHABLE, 2),
        (Said.SILENT, Reason.UNREADABLE, 1),
        (Said.RUNNING, None, 1),
        (Said.SILENT, Reason.UNREACHABLE, 1),
    ]
    assert (trail.polls, trail.polls_failed) == (7, 4)


def test_a_word_that_no_table_knows_is_noted_without_the_word():
    (note,) = recorded(Running(queued=False, unknown_word="PONDERING")).notes
    assert note.said is Said.UNRECOGNISED
    assert "PONDERING" not in repr(note)


def test_the_last_percentage_told_is_kept_when_later_polls_tell_none():
    recorder = TrailRecorder()
    for reading in (Running(queued=False, progress=40), Running(queued=False), SILENT):
        recorder.polled(reading, 0.0)
    assert recorder.progress == 40


def test_downloads_beyond_the_limit_are_only_counted():
    recorder = TrailRecorder()
    for at in range(DOWNLOADS_MAX + 5):
        recorder.downloaded(Download(at, at + 0.5, Reason.UNREADABLE, "http status 404"))
    trail = recorder.trail()
    assert (len(trail.downloads), trail.downloads_begun) == (DOWNLOADS_MAX, DOWNLOADS_MAX + 5)


@given(st.lists(READINGS, max_size=300))
def test_every_poll_is_counted_and_no_more_notes_are_kept_than_allowed(readings: list[Running | Succeeded | Failure]):
    trail = recorded(*readings)
    assert len(trail.notes) <= NOTES_MAX
    assert trail.polls == len(readings)
    noted = sum(note.polls for note in trail.notes)
    assert noted == trail.polls if len(trail.notes) < NOTES_MAX else noted <= trail.polls
    silent = sum(note.polls for note in trail.notes if note.said is Said.SILENT)
    assert silent == trail.polls_failed if len(trail.notes) < NOTES_MAX else silent <= trail.polls_failed


def test_of_a_trace_that_nobody_keeps_polls_and_progress_are_counted_only():
    recorder = TrailRecorder(traced=False)
    for progress in range(50):
        recorder.polled(Running(queued=False, progress=progress), 1.0)
    recorder.downloaded(Download(1.0, 2.0))
    assert recorder.progress == 49
    assert recorder.trail() == Trail(polls=50, downloads_begun=1)


@pytest.mark.parametrize(
    ("trace_parent", "traced"),
    [
        (None, False),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", True),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", False),
        ("", False),
        ("zz", False),
    ],
)
def test_whether_a_trace_is_kept_is_the_last_bit_of_its_header(trace_parent: str | None, traced: bool):
    assert is_traced(trace_parent) == traced
