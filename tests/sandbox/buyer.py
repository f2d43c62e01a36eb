"""A bare client of a sandbox: what each dialect's request and answer look like, without our adapters."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp

from providers.sandbox import BooksEntry, Sandbox

Json: TypeAlias = dict[str, Any]
DIALECTS = ("openai", "jizhiai", "shenma")
LIFE_S = 15 * 60
CREATE_PATHS = {
    "openai": "/v1/videos",
    "jizhiai": "/v1/video/create",
    "shenma": "/v2/videos/generations",
}


@dataclass(slots=True)
class Heard:
    """An answer whose body has been read."""

    status: int
    headers: Any
    body: bytes
    document: Any


@dataclass(slots=True)
class Buyer:
    session: aiohttp.ClientSession
    sandbox: Sandbox

    @property
    def dialect(self) -> str:
        return str(self.sandbox.dialect)

    def order(self, **changes: Any) -> Json:
        """A valid create body of the dialect's shortest clip; a change to None takes the field out."""
        own: dict[str, Json] = {
            "openai": {"seconds": "4", "size": "720x1280"},
            "jizhiai": {"images": [], "orientation": "portrait", "size": "small", "duration": 10},
            "shenma": {"images": [], "aspect_ratio": "9:16", "duration": "10"},
        }
        body = {"model": "sora-2", "prompt": "a red kite"} | own[self.dialect] | changes
        return {name: value for name, value in body.items() if value is not None}

    def order_with_image(self) -> Json:
        link = "https://pictures.example/kite.png"
        return self.order(
            **({"input_reference": {"image_url": link}} if self.dialect == "openai" else {"images": [link]})
        )

    async def ask(self, method: str, path: str, **options: Any) -> Heard:
        options.setdefault("headers", {"Authorization": f"Bearer {self.sandbox.key}"})
        url = path if "://" in path else self.sandbox.base_url + path
        async with self.session.request(method, url, **options) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            try:
                document = await response.json() if is_json else None
            except ValueError:
                document = None
            return Heard(response.status, response.headers, body, document)

    async def create(self, body: Json | None = None, **options: Any) -> Heard:
        return await self.ask(
            "POST", CREATE_PATHS[self.dialect], json=self.order() if body is None else body, **options
        )

    async def buy(self, body: Json | None = None) -> str:
        heard = await self.create(body)
        assert heard.status == 200, heard.body
        return str(heard.document.get("id") or heard.document["task_id"])

    async def poll(self, job_id: str) -> Heard:
        if self.dialect == "jizhiai":
            return await self.ask("GET", "/v1/video/query", params={"id": job_id})
        return await self.ask("GET", f"{CREATE_PATHS[self.dialect]}/{job_id}")

    async def link(self, job_id: str) -> str:
        """Where a ready job's bytes are: the content path or the absolute link in the answer."""
        if self.dialect == "openai":
            return f"/v1/videos/{job_id}/content"
        return find_link((await self.poll(job_id)).document)

    async def fetch(self, job_id: str, **options: Any) -> Heard:
        link = await self.link(job_id)
        return await self.ask("GET", link, **({"headers": {}} if "://" in link else {}) | options)

    def entry(self, number: int = -1) -> BooksEntry:
        return self.sandbox.books().accepted[number]


def find_link(value: Any) -> str:
    """The first link anywhere in an answer, without what a relay wraps it in."""
    if isinstance(value, str):
        return value.strip(" `") if "/_assets/" in value else ""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((link for part in parts if (link := find_link(part))), "")
