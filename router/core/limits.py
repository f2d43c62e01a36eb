"""What the front door lets in: its limits, its callers, and what a create that leaves things out asks for."""

from dataclasses import dataclass, field
from pathlib import Path

from providers.canonical import Size


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits of one request and of the service; `poll_after_ms` is how soon a caller is told to ask again.

    `images_max` bounds the input images of one job whatever an offering takes; `jobs_live_max` is how many jobs may be
    unfinished at once before a create is turned away; `streams_max` is how many finished videos are streamed at once.
    `show_providers` False keeps providers' names, aliases, models and offerings from callers.
    """

    poll_after_ms: int = 2000
    body_bytes_max: int = 32 * 1024 * 1024
    image_bytes_max: int = 10 * 1024 * 1024
    images_max: int = 4
    prompt_chars_max: int = 32_000
    jobs_live_max: int = 10_000
    streams_max: int = 200
    streams_per_caller_max: int = 50
    show_providers: bool = True


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """Where finished videos are kept, how much of them and for how long; `free_bytes_min` is left to others there."""

    folder: Path
    bytes_max: int = 50 * 1024**3
    age_s_max: float = 7 * 86_400.0
    free_bytes_min: int = 1024**3


@dataclass(frozen=True, slots=True)
class Caller:
    """Who may ask; `key_sha256` is the SHA-256 of the bearer key as 64 lower-case hexadecimal digits.

    `daily_budget_microusd` is the most that a UTC day's attempts for this caller may cost; None sets no limit.
    """

    name: str
    key_sha256: str = field(repr=False)
    daily_budget_microusd: int | None = None


@dataclass(frozen=True, slots=True)
class RequestDefaults:
    """What a create that names no model, no length or no size means. Sold by at least one offering."""

    model: str
    seconds: int
    size: Size
