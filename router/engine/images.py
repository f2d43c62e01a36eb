"""The bytes of input images, which are in memory only while a create arrives and while a submit leaves."""

import logging
from dataclasses import replace
from typing import Final

from providers.canonical import ImageFile, VideoRequest
from router.engine.store import Store

_LOG = logging.getLogger(__name__)
_LARGE_BYTES: Final = 1 << 18


def without_bytes(video: VideoRequest) -> VideoRequest:
    """Return the request with its ImageFiles emptied: all that routing and callers look at."""
    if not _has_files(video):
        return video
    images = (replace(image, data=b"") if isinstance(image, ImageFile) else image for image in video.images)
    return replace(video, images=tuple(images))


async def with_bytes(store: Store, job_id: str, video: VideoRequest) -> VideoRequest | None:
    """Return the request as its caller sent it; None when the bytes of a live job are gone, which is a defect."""
    if not _has_files(video):
        return video
    data = await store.images(job_id)
    images = list(video.images)
    for position, image in enumerate(video.images):
        if not isinstance(image, ImageFile):
            continue
        if position not in data:
            _LOG.error("the bytes of an input image of job %s are gone", job_id)
            return None
        images[position] = replace(image, data=data[position])
    return replace(video, images=tuple(images))


def has_large_files(video: VideoRequest) -> bool:
    """Whether its images are so large that to encode them would stop everybody else for milliseconds."""
    return sum(len(image.data) for image in video.images if isinstance(image, ImageFile)) > _LARGE_BYTES


def _has_files(video: VideoRequest) -> bool:
    return any(isinstance(image, ImageFile) for image in video.images)
