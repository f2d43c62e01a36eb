"""What results are measured against: when a video is on time, and what it would have cost elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from providers.canonical import Size, VideoRequest
from router.core.catalog import Catalog
from router.core.job import Job

_LONG_OVER_S: Final = 12
_HD_OVER_PIXELS: Final = 1280


class DurationClass(StrEnum):
    """How long a video may be expected to take."""

    SHORT = "short"
    LONG = "long"
    HD = "hd"


def duration_class(video: VideoRequest) -> DurationClass:
    """Tell which class a video is in: hd by its longer side, else long when it has more than 12 seconds."""
    return class_of(video.size, video.seconds)


def class_of(size: Size, seconds: int) -> DurationClass:
    """Tell the class of a size and a duration."""
    if max(size.width, size.height) > _HD_OVER_PIXELS:
        return DurationClass.HD
    return DurationClass.LONG if seconds > _LONG_OVER_S else DurationClass.SHORT


# What a provider takes for such a video at worst, and as much again for one failover.
_ON_TIME_S: Final[Mapping[DurationClass, float]] = MappingProxyType(
    {DurationClass.SHORT: 300.0, DurationClass.LONG: 600.0, DurationClass.HD: 960.0}
)


@dataclass(frozen=True, slots=True)
class ReportingSettings:
    """When a job of each class is on time, in seconds from its acceptance; `baseline` is a provider, or nobody."""

    on_time_s: Mapping[DurationClass, float] = field(default_factory=lambda: _ON_TIME_S)
    baseline: str | None = None


def baseline_microusd(catalog: Catalog, baseline: str | None, model: str, video: VideoRequest) -> int | None:
    """Quote a video of a model by the baseline provider's prices; None when it does not sell exactly such a one."""
    if baseline is None:
        return None
    quotes = (
        offering.price.quote_microusd(video.size, video.seconds)
        for offering in catalog.offerings
        if offering.provider == baseline
        and offering.model == model
        and video.size in offering.sizes
        and video.seconds in offering.seconds
    )
    return min(quotes, default=None)


def overhead_s(job: Job) -> float:
    """How long an ended job had no attempt under way, in seconds; attempts may overlap."""
    if job.ended_at is None:
        return 0.0
    idle_s, busy_until = 0.0, job.created_at
    for attempt in sorted(job.attempts, key=lambda each: each.submitted_at):
        idle_s += max(0.0, attempt.submitted_at - busy_until)
        left_at = job.ended_at if attempt.ended_at is None else attempt.ended_at
        busy_until = max(busy_until, left_at)
    return idle_s + max(0.0, job.ended_at - busy_until)
