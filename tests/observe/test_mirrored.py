"""What happens with the mirror is counted, and its trouble is told without end neither to metrics nor to logs."""

from router.core.events import MirrorOperation, MirrorUsed
from tests.observe.test_logs import written
from tests.observe.test_metrics import changes, metrics_of


def test_what_is_done_with_the_mirror_is_counted_and_what_it_holds_is_shown() -> None:
    found = MirrorUsed(MirrorOperation.FOUND, 2_000, 2)
    assert changes(metrics_of(), [found]) == {"mirror_bytes": 2_000, "mirror_videos": 2}
    hit, evicted = MirrorUsed(MirrorOperation.HIT, 2_000, 2), MirrorUsed(MirrorOperation.EVICTED, 1_500, 1, count=3)
    assert changes(metrics_of(), [found, hit, hit, evicted]) == {
        "mirror_bytes": 1_500,
        "mirror_videos": 1,
        "mirror_operations_total{operation=hit}": 2,
        "mirror_operations_total{operation=evicted}": 3,
    }


def test_a_disk_that_is_full_is_told_of_once_for_many_videos() -> None:
    full = MirrorUsed(MirrorOperation.FAILED, 1_000, 1, "No space left on device")
    lines = written([full] * 100)
    assert [line["event"] for line in lines] == ["mirror_failed"]
    assert lines[0]["cause"] == "No space left on device"
