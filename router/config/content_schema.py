"""The section `content`: how finished videos come to callers, and where they are kept."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from router.config.section import Section
from router.core.limits import MirrorSettings

_MIRROR = MirrorSettings(Path())
FolderPath: TypeAlias = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ContentSection(Section):
    """How finished videos come to callers."""

    mode: Literal["stream", "mirror"] = Field(
        "stream",
        description="stream passes every download on from where the video was made; mirror keeps finished videos on "
        "this machine's disk, and serves them when the link to them has died, too.",
    )
    folder: FolderPath | None = Field(
        None,
        description="Folder of the mirror, which one router has for itself; a relative path starts at the folder of "
        "the configuration. It is made where its parent exists, with mode 0700.",
    )
    bytes_max: int = Field(
        _MIRROR.bytes_max,
        ge=1024**2,
        le=1024**5,
        description="Most that the mirror may hold, in bytes; the oldest videos make room for new ones.",
    )
    age_s_max: float = Field(
        _MIRROR.age_s_max, ge=1, le=315_360_000, description="Seconds after which a video is removed from the mirror."
    )
    free_bytes_min: int = Field(
        _MIRROR.free_bytes_min,
        ge=0,
        le=1024**5,
        description="Bytes of the folder's disk that are left to others; below, no more videos are kept.",
    )

    def build(self, beside: Path) -> MirrorSettings | None:
        """Return the mirror's settings, None where there is none; relative paths start at `beside`."""
        if self.mode == "stream" or self.folder is None:
            return None
        return MirrorSettings(beside / self.folder, self.bytes_max, self.age_s_max, self.free_bytes_min)
