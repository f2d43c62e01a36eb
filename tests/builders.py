"""Values for tests: each builder gives a plain, valid one, and takes what the test is about as keywords."""

from dataclasses import dataclass, replace
from typing import Any

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Accepted, Failure, Running, Size, Succeeded, Variant, VideoRequest
from router.core.catalog import Catalog, Offering, Price, PriceTier, PriceUnit, Provider
from router.core.clock import Clock
from router.core.job import Attempt, Job

PORTRAIT = Size(720, 1280)
LANDSCAPE = Size(1280, 720)
EPOCH = 1_700_000_000.0


class ManualTime:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.clock = Clock(wall=lambda: EPOCH + self.passed_s, monotonic=lambda: self.passed_s)

    def advance(self, seconds: float) -> None:
        self.passed_s += seconds


@dataclass(frozen=True, slots=True)
class PlainAdapter:
    """A dialect without peculiarities; `cannot` is what it answers to `unsupported`."""

    cannot: str | None = None

    def unsupported(self, video: VideoRequest, model: str) -> str | None:
        return self.cannot

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        return HttpRequest("POST", "/jobs", json={"prompt": video.prompt, "model": model, "seconds": video.seconds})

    def read_submit(self, response: HttpResponse) -> Accepted | Failure:
        return Accepted(response.document()["id"])

    def poll_request(self, remote_id: str) -> HttpRequest:
        return HttpRequest("GET", f"/jobs/{remote_id}")

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        return Succeeded() if response.document()["done"] else Running(queued=False)

    def content_request(self, remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
        return HttpRequest("GET", f"/jobs/{remote_id}/content")


def a_price(amount_microusd: int = 100_000, unit: PriceUnit = PriceUnit.PER_CLIP) -> Price:
    return Price(unit, (PriceTier(amount_microusd),))


def a_provider(name: str = "alpha", **changes: Any) -> Provider:
    return replace(Provider(name=name, dialect="plain", adapter=PlainAdapter()), **changes)


def an_offering(provider: str = "alpha", **changes: Any) -> Offering:
    offering = Offering(
        id=f"{provider}/clip",
        provider=provider,
        model="clip",
        upstream_model="clip-v1",
        sizes=(PORTRAIT, LANDSCAPE),
        seconds=(5, 10, 15),
        price=a_price(),
    )
    return replace(offering, **changes)


def a_catalog(*offerings: Offering, **providers: Provider) -> Catalog:
    """Offer `offerings`; those of their providers that are not given are plain ones."""
    names = dict.fromkeys(offering.provider for offering in offerings)
    return Catalog.of(tuple(providers.get(name) or a_provider(name) for name in names), offerings)


def a_video(**changes: Any) -> VideoRequest:
    return replace(VideoRequest(prompt="a quiet harbour", model="clip", seconds=10, size=PORTRAIT), **changes)


def an_attempt(number: int = 1, **changes: Any) -> Attempt:
    attempt = Attempt(
        id=f"attempt_{number}",
        job_id="video_1",
        number=number,
        offering_id="alpha/clip",
        provider="alpha",
        upstream_model="clip-v1",
        seconds=10,
        quote_microusd=100_000,
        submitted_at=EPOCH,
    )
    return replace(attempt, **changes)


def a_job(**changes: Any) -> Job:
    job = Job(id="video_1", caller="tester", video=a_video(), created_at=EPOCH, deadline_at=EPOCH + 3600.0)
    return replace(job, **changes)
