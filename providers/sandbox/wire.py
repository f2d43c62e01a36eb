"""What a dialect must say for itself, and the answers that are the same on every wire."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import orjson
from aiohttp import web

from providers.sandbox.faults import Fault
from providers.sandbox.prices import PriceList
from providers.sandbox.upstream import Order, SandboxJob, Upstream

Json: TypeAlias = dict[str, Any]
PROMPT_LIMIT = 32_000
IMAGE_LIMIT_CHARS = 20_971_520

_NGINX = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
# Envoy's words for an answer that never came.
RESET = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"


class Trouble(StrEnum):
    """Every refusal and error a dialect has its own words for."""

    BAD_KEY = "bad_key"
    BALANCE = "balance"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    BAD_GATEWAY = "bad_gateway"
    OVERLOADED = "overloaded"
    LOST = "lost"
    ERROR_IN_200 = "error_in_200"
    IMAGE_REVIEW = "image_review"
    PROMPT_REVIEW = "prompt_review"
    UNKNOWN_JOB = "unknown_job"
    UNKNOWN_MODEL = "unknown_model"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"


TROUBLE_OF: Mapping[Fault, Trouble] = {
    Fault.RATE_LIMITED: Trouble.RATE_LIMITED,
    Fault.HTTP_500: Trouble.INTERNAL,
    Fault.HTTP_502: Trouble.BAD_GATEWAY,
    Fault.HTTP_503: Trouble.OVERLOADED,
    Fault.ERROR_IN_200: Trouble.ERROR_IN_200,
    Fault.INSUFFICIENT_BALANCE: Trouble.BALANCE,
    Fault.BAD_KEY: Trouble.BAD_KEY,
    Fault.IMAGE_REVIEW: Trouble.IMAGE_REVIEW,
    Fault.PROMPT_REVIEW: Trouble.PROMPT_REVIEW,
    Fault.POLL_500: Trouble.INTERNAL,
    Fault.POLL_429: Trouble.RATE_LIMITED,
    Fault.LIST_500: Trouble.INTERNAL,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer before it is put on the wire."""

    status: int
    body: Json = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """The aiohttp form."""
        return web.Response(
            status=self.status,
            body=orjson.dumps(self.body),
            content_type="application/json",
            headers=dict(self.headers),
        )


def answered(status: int, body: Json | str | None, headers: Mapping[str, str]) -> web.Response:
    """An answer in anybody's words: JSON, or a text that is HTML when it begins like it."""
    if not isinstance(body, str):
        return Answer(status, body or {}, headers).response()
    media_type = "text/html" if body.lstrip().startswith("<") else "text/plain"
    return web.Response(status=status, text=body, content_type=media_type, headers=dict(headers))


def proxy_page(status: int) -> web.Response:
    """The page of a proxy whose server did not answer as it should, or not in time."""
    words = f"{status} {'Gateway Time-out' if status == 504 else 'Bad Gateway'}"
    return web.Response(status=status, text=_NGINX.format(words), content_type="text/html")


class RefusedError(Exception):
    """An exchange that ends with an error answer in the dialect's words."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


class Wire(Protocol):
    """One dialect's formats. A module with these functions is a wire."""

    async def read_order(self, request: web.Request, prices: PriceList, /) -> Order:
        """Read and check a create; raise RefusedError as this provider would refuse it."""

    def make_id(self, rng: random.Random, order: Order, /) -> str:
        """A new job's id."""

    def accepted(self, upstream: Upstream, job: SandboxJob, /) -> Answer:
        """The answer to a create."""

    def polled(self, upstream: Upstream, job: SandboxJob, /) -> Answer:
        """The answer to a poll."""

    def trouble(self, trouble: Trouble, detail: str = "", /) -> Answer:
        """The words for a trouble; `detail` is what they quote, if anything."""


async def read_json(request: web.Request, trouble: Callable[[Trouble, str], Answer]) -> Json:
    """The body as a JSON object, or the dialect's refusal."""
    try:
        document = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise RefusedError(trouble(Trouble.UNREADABLE, "body is not JSON")) from None
    if not isinstance(document, dict):
        raise RefusedError(trouble(Trouble.UNREADABLE, "body is not a JSON object"))
    return document


def is_image_link(value: object) -> bool:
    """Whether this is a URL or data URL of acceptable length."""
    return (
        isinstance(value, str)
        and value.startswith(("http://", "https://", "data:image/"))
        and len(value) <= IMAGE_LIMIT_CHARS
    )
