"""The caller's side: the official SDK, and nothing of ours but the base URL."""

import asyncio
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from openai import AsyncOpenAI
from openai.types import Video

from providers.sandbox.demo.mp4 import read_mp4
from providers.sandbox.demo.progress import Board
from providers.sandbox.demo.wishes import Wish

_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offering that could take the job; `share` is its chance to be asked first."""

    offering: str
    provider: str
    seconds: str
    price_usd: str
    quote_microusd: int
    share: float


_OF_CANDIDATE = tuple(field.name for field in fields(Candidate))


@dataclass(frozen=True, slots=True)
class Quote:
    """A dry run: who could take the job, in the order of one draw, and who could not, and why."""

    candidates: tuple[Candidate, ...]
    exclusions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a wish ended: a saved file, or the error its caller got."""

    wish: Wish
    quote: Quote
    job_id: str
    saved: Path | None
    error: str | None

    @property
    def as_expected(self) -> bool:
        """Whether it ended as the demo says it must."""
        return (self.error == "moderation_blocked") if self.wish.refused else (self.saved is not None)


async def quote(client: AsyncOpenAI, wish: Wish) -> Quote:
    """Ask the router, without buying anything, who would be asked."""
    answer: Any = await client.post("/videos/quote", body=wish.quote_body(), cast_to=object)
    return Quote(
        tuple(Candidate(**{name: each[name] for name in _OF_CANDIDATE}) for each in answer["candidates"]),
        tuple((each["offering"], each["message"]) for each in answer["excluded"]),
    )


async def fulfil(client: AsyncOpenAI, wish: Wish, number: int, folder: Path, board: Board) -> Outcome:
    """Create the video, follow it to its end, and save it."""
    quoted = await quote(client, wish)
    board.show(wish.name, 0, "sent")
    video = await client.videos.create(**wish.parameters())
    while video.status not in ("completed", "failed"):
        board.show(wish.name, video.progress, video.status)
        await asyncio.sleep(_POLL_S)
        video = await client.videos.retrieve(video.id)
    if video.status == "failed":
        code = video.error.code if video.error else "no error told"
        board.end(wish.name, code, refused=True)
        return Outcome(wish, quoted, video.id, None, code)
    saved = await _saved(client, video, folder / f"{number:02}-{re.sub('[^a-z]+', '-', wish.name.lower())}.mp4")
    board.end(wish.name, _described(saved))
    return Outcome(wish, quoted, video.id, saved, None)


async def _saved(client: AsyncOpenAI, video: Video, target: Path) -> Path:
    content = await client.videos.download_content(video.id)
    content.write_to_file(target)
    return target


def _described(saved: Path) -> str:
    data = saved.read_bytes()
    seen = read_mp4(data)
    return f"{saved.name}  {seen.seconds:.0f} s  {seen.width}x{seen.height}  {len(data) / 1024:.0f} KiB"
