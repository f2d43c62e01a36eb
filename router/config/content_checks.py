"""What the section `content` must agree on with itself, and with the disk that it names."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from router.config.content_schema import ContentSection
from router.config.findings import Findings, valid
from router.core.limits import MirrorSettings
from router.engine.mirror_folder import why_unusable

_FEW_BYTES = 256 * 1024**2
_SHORT_S = 3600.0


def check_content(root: Mapping[str, object], beside: Path, findings: Findings) -> None:
    """See whether there is a folder to keep videos in, and warn of limits that keep next to nothing."""
    content = valid(ContentSection, root.get("content", {}))
    if content is None:
        return
    mirror = content.build(beside)
    if mirror is not None:
        for key, message in _doubts(mirror):
            findings.warn(("content", key), message)
    elif content.mode == "mirror":
        message = "mirror needs `folder` beside it, where finished videos are kept, such as /var/lib/mirror"
        findings.error(("content", "mode"), message)
    elif content.folder is not None:
        findings.warn(("content", "folder"), "has no effect under `mode: stream`; write `mode: mirror`, or remove it")


def _doubts(mirror: MirrorSettings) -> Iterator[tuple[str, str]]:
    if mirror.bytes_max < _FEW_BYTES:
        yield "bytes_max", f"holds few videos, and none that is larger than that; allow at least {_FEW_BYTES}"
    if mirror.age_s_max < _SHORT_S:
        yield "age_s_max", f"videos are gone before their links are; allow at least {_SHORT_S:g} seconds"
    if (why := why_unusable(mirror.folder)) is not None:
        yield "folder", f"no video can be kept: {why}"
        return
    place = mirror.folder if mirror.folder.exists() else mirror.folder.parent
    disk_bytes = shutil.disk_usage(place).total
    if mirror.bytes_max + mirror.free_bytes_min > disk_bytes:
        message = f"is never reached: the disk has {disk_bytes} bytes, less than this and free_bytes_min; lower it"
        yield "bytes_max", message
