"""A caller that keeps a router before these upstreams busy: `python -m providers.sandbox.caller --url URL`."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import aiohttp
import typer
from rich.console import Console

Product: TypeAlias = tuple[str, int, str]

# config/demo.yaml has its digest. Everybody may know it: behind that configuration is nothing but these upstreams.
KEY: Final = "sk-sandbox-caller"
ENDED: Final = ("completed", "failed")
_POLL_S: Final = 0.5
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_SAID_EVERY: Final = 20
_VIDEO_S_MAX: Final = 1200.0
# Every upstream is the only or the cheapest one for something here.
_PRODUCTS: Final[tuple[Product, ...]] = (
    ("sora-2", 10, "720x1280"),
    ("sora-2", 15, "1280x720"),
    ("sora-2", 8, "720x1280"),
    ("sora-2-pro", 10, "1280x720"),
    ("sora-2-pro", 12, "720x1280"),
    ("sora-2-pro", 15, "1792x1024"),
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """How many videos, how often, of which products (model, seconds, size), and the seed that chooses among them."""

    videos: int
    per_minute: float
    products: tuple[Product, ...] = _PRODUCTS
    seed: int = 0


async def call(
    session: aiohttp.ClientSession, url: str, wishes: Wishes, say: Callable[[Counter[str]], None] = lambda _: None
) -> Counter[str]:
    """Ask for all the videos, each in its time, and count how they ended; what went wrong on the way is an error.

    `say` is told how far it is after each score of videos asked for.
    """
    rng = random.Random(wishes.seed)  # noqa: S311 - which videos, not secrets
    ends: Counter[str] = Counter()
    async with asyncio.TaskGroup() as group:
        for number in range(wishes.videos):
            if number % _SAID_EVERY == _SAID_EVERY - 1:
                say(ends)
            group.create_task(_count_one(session, url, rng.choice(wishes.products), ends))
            await asyncio.sleep(rng.expovariate(wishes.per_minute / 60))
    return ends


async def _count_one(session: aiohttp.ClientSession, url: str, product: Product, ends: Counter[str]) -> None:
    try:
        async with asyncio.timeout(_VIDEO_S_MAX):
            ends[await _one(session, url, product)] += 1
    except (aiohttp.ClientError, TimeoutError):
        ends["error"] += 1


async def _one(session: aiohttp.ClientSession, url: str, product: Product) -> str:
    """Make one video as a caller of the OpenAI Videos API does: create, poll, fetch."""
    model, seconds, size = product
    body = {"prompt": "a paper boat on a river", "model": model, "seconds": str(seconds), "size": size}
    async with session.post(f"{url}/v1/videos", json=body) as answer:
        video: dict[str, Any] = await answer.json()
    while video["status"] not in ENDED:
        await asyncio.sleep(_POLL_S)
        async with session.get(f"{url}/v1/videos/{video['id']}") as answer:
            video = await answer.json()
    if video["status"] == "completed":
        async with session.get(f"{url}/v1/videos/{video['id']}/content") as answer:
            async for _ in answer.content.iter_chunked(1 << 16):
                pass
    return str(video["status"])


def main(
    url: Annotated[str, typer.Option(help="The router, without /v1.")] = "http://127.0.0.1:8080",
    per_minute: Annotated[float, typer.Option(min=0.1, max=600, help="Videos asked for in a minute.")] = 30.0,
    videos: Annotated[int, typer.Option(min=1, max=100_000, help="Videos after which it ends.")] = 10_000,
    key: Annotated[str, typer.Option(help="The caller's key; that of config/demo.yaml is no secret.")] = KEY,
) -> None:
    """Ask a router for videos, now and then, until so many were made. Do not point it at one that spends money."""
    headers = {"Authorization": f"Bearer {key}"}

    async def run() -> Counter[str]:
        async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT, raise_for_status=True) as session:
            return await call(session, url.rstrip("/"), Wishes(videos, per_minute), _say)

    ends = asyncio.run(run())
    _say(ends)
    if not ends["completed"]:
        raise typer.Exit(1)


def _say(ends: Counter[str]) -> None:
    Console().print(", ".join(f"{count} {end}" for end, count in sorted(ends.items())), highlight=False)


if __name__ == "__main__":
    typer.run(main)
