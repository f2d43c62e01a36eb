"""A small fake of the studio that `acme_video` speaks to, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from providers.canonical import Size
from providers.sandbox.clips import video

KEY = "studio-key-1"
POLLS_TO_THE_END = 2


@dataclass(slots=True)
class Studio:
    """What the studio was asked, and with which problem its jobs end, if with any."""

    problem: dict[str, str] | None = None
    host: str = ""
    jobs: list[dict[str, Any]] = field(default_factory=list)
    polls: dict[str, int] = field(default_factory=dict)
    keys_shown_for_files: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    async def create(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self.jobs.append(await request.json())
        return web.json_response({"job": f"studio/{len(self.jobs)}", "phase": "waiting"}, status=201)

    async def job(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        job = request.match_info["job"]
        self.polls[job] = self.polls.get(job, 0) + 1
        if self.polls[job] < POLLS_TO_THE_END:
            return web.json_response({"job": job, "phase": "drawing", "percent": 40})
        if self.problem is not None:
            return web.json_response({"job": job, "phase": "broken", "percent": 60, "problem": self.problem})
        return web.json_response({"job": job, "phase": "ready", "percent": 100, "file": f"{self.url}/files/film.mp4"})

    async def film(self, request: web.Request) -> web.Response:
        self.keys_shown_for_files.append(request.headers.get("Authorization"))
        return web.Response(body=video(Size(720, 1280), 10), content_type="video/mp4")

    @staticmethod
    def _refusal(request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {KEY}":
            return None
        return web.json_response({"problem": {"kind": "key", "text": "this key opens no door"}}, status=401)


@asynccontextmanager
async def a_studio(problem: dict[str, str] | None = None) -> AsyncIterator[Studio]:
    """Serve a studio on a free port of loopback."""
    studio = Studio(problem)
    application = web.Application()
    application.router.add_post("/jobs", studio.create)
    application.router.add_get("/jobs/{job}", studio.job)
    application.router.add_get("/files/film.mp4", studio.film)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        studio.host = f"{host}:{port}"
        yield studio
    finally:
        async with asyncio.timeout(5):
            await runner.cleanup()
