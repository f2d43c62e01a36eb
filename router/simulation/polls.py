"""When polls find out how an accepted attempt ended, or that it is given up."""

from random import Random
from typing import Final, NamedTuple

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import Polling
from router.core.pacing import expired, first_poll_after_s, late_poll_after_s, next_poll_after_s, stalled
from router.simulation.fate import Fate

_STUCK_AT: Final = 95


class Seen(NamedTuple):
    """What is known of an attempt `after_s` its submit; no failure means a video."""

    after_s: float
    failure: Failure | None


def seen(polling: Polling, fate: Fate, left_s: float, rng: Random) -> Seen:
    """Poll as the engine does, until there is an end or the attempt has had its time; its job has `left_s`."""
    age_s, moved_s = fate.answer_s, fate.answer_s
    delay_s = first_poll_after_s(polling, rng)
    while True:
        age_s += min(delay_s, max(polling.interval_s_min, left_s - age_s))
        if age_s >= fate.end_s:
            return _ended(polling, fate, age_s)
        if moved_s < fate.silent_s:
            moved_s = age_s
        if age_s >= left_s or expired(polling, age_s):
            return Seen(age_s, Failure(Stage.GENERATE, Reason.EXPIRED, "it took too long"))
        if stalled(polling, age_s - moved_s):
            return Seen(age_s, Failure(Stage.GENERATE, Reason.STALLED, "it took too long"))
        progress = _STUCK_AT if age_s >= fate.silent_s else int(100 * age_s / fate.end_s)
        delay_s = next_poll_after_s(
            polling, age_s=age_s, progress=progress, consecutive_errors=0, retry_after_s=None, rng=rng
        )


def late_seen_after_s(polling: Polling, fate: Fate, age_s: float, rng: Random) -> float | None:
    """Seconds until the slow polls of an attempt given up at `age_s` find its end; None where they never do."""
    if fate.end_s > polling.deadline_s + polling.late_s_max:
        return None
    wait_s = late_poll_after_s(polling, rng)
    while age_s + wait_s < fate.end_s:
        wait_s += late_poll_after_s(polling, rng)
    return wait_s


def _ended(polling: Polling, fate: Fate, age_s: float) -> Seen:
    # A link that gives no video is asked for again until its time is up.
    lost = fate.failure is not None and fate.failure.stage is Stage.DOWNLOAD
    return Seen(age_s + polling.download_s_max if lost else age_s, fate.failure)
