"""Turns an offering's section into what is sold, if its dialect can ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import product

from providers.adapter import Adapter
from providers.canonical import Image, ImageFile, ImageKind, ImageUrl, Size, VideoRequest
from router.config.findings import Findings
from router.config.pricing import named, price_of
from router.config.problems import YamlPath
from router.config.provider_schema import OfferingSection
from router.core.catalog import Offering

_SAMPLES: Mapping[ImageKind, Image] = {
    "url": ImageUrl("https://example.com/image.png"),
    "file": ImageFile(b"\x89PNG\r\n\x1a\n", "image/png"),
}


@dataclass(frozen=True, slots=True)
class Market:
    """What every offering is read against."""

    rates: Mapping[str, Decimal | None]
    findings: Findings


@dataclass(frozen=True, slots=True)
class Assortment:
    """What an offering sells, which is known although its price or its provider may have errors."""

    id: str
    model: str
    sizes: tuple[Size, ...]
    seconds: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.id} sells {', '.join(map(str, self.sizes))} for {', '.join(map(str, self.seconds))} s"


def assortment_of(section: OfferingSection, provider: str) -> Assortment:
    """Return what the section offers, whether or not it can be bought."""
    return Assortment(offering_id(section, provider), section.model, tuple(section.sizes), tuple(section.seconds))


def offering_of(
    section: OfferingSection, provider: str, adapter: Adapter | None, path: YamlPath, market: Market
) -> Offering | None:
    """Return what is sold, or note what is wrong. Without an adapter only what needs none is checked."""
    findings = market.findings
    noted = len(findings.errors)
    price = price_of(section, market.rates, path, findings)
    _check_images(section, path, findings)
    if adapter is not None and len(findings.errors) == noted:
        _check_expressible(section, adapter, path, findings)
    _warn(section, path, market)
    if price is None or len(findings.errors) > noted:
        return None
    upstream_model = section.upstream_model or section.model
    return Offering(
        id=offering_id(section, provider),
        provider=provider,
        model=section.model,
        upstream_model=upstream_model,
        sizes=tuple(section.sizes),
        seconds=tuple(section.seconds),
        price=price,
        image_inputs=frozenset(section.image_inputs),
        images_max=section.images_max or 0,
        weight=section.weight,
        priority=section.priority,
        available_until=_midnight(section.available_until) if section.available_until else None,
        stall_s=section.stall_s,
        deadline_s=section.deadline_s,
    )


def offering_id(section: OfferingSection, provider: str) -> str:
    """Return PROVIDER/NAME."""
    return f"{provider}/{section.name or section.upstream_model or section.model}"


def obstacle(adapter: Adapter, offering: Offering, size: Size, seconds: int) -> str | None:
    """Say why a combination that is on sale cannot be asked for in the provider's dialect."""
    return adapter.unsupported(_sample(offering.model, size, seconds, ()), offering.upstream_model)


def _sample(model: str, size: Size, seconds: int, images: tuple[Image, ...]) -> VideoRequest:
    return VideoRequest("a sample", model, seconds, size, images)


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min, UTC).timestamp()


def _check_images(section: OfferingSection, path: YamlPath, findings: Findings) -> None:
    if section.image_inputs and section.images_max is None:
        findings.error((*path, "image_inputs"), "needs `images_max` beside it: how many images one video may have")
    if section.images_max is not None and not section.image_inputs:
        message = "needs `image_inputs` beside it: [url], [file] or [url, file]; remove it if no images are taken"
        findings.error((*path, "images_max"), message)


def _check_expressible(section: OfferingSection, adapter: Adapter, path: YamlPath, findings: Findings) -> None:
    every = list(product(section.sizes, section.seconds))
    unsaid = [(each, why) for each in every if (why := _unsupported(section, adapter, *each)) is not None]
    if len(unsaid) == len(every):
        findings.error(path, f"nothing of it can be asked for: {unsaid[0][1]}")
        return
    if unsaid:
        message = f"{named([each for each, _ in unsaid])} will never be bought: {unsaid[0][1]}"
        findings.warn(path, f"{message}; leave it out by splitting the offering in two, one with a `name`")
    for kind in section.image_inputs:
        if why := _never(section, adapter, every, (_SAMPLES[kind],)):
            findings.error((*path, "image_inputs"), f"`{kind}` can never be used: {why}")
        elif why := _never(section, adapter, every, (_SAMPLES[kind],) * (section.images_max or 1)):
            findings.error((*path, "images_max"), f"so many images can never be sent: {why}")
            return


def _never(
    section: OfferingSection, adapter: Adapter, every: list[tuple[Size, int]], images: tuple[Image, ...]
) -> str | None:
    """Say why no combination can be asked for with these images, if none can."""
    reasons = [_unsupported(section, adapter, size, seconds, images) for size, seconds in every]
    return None if None in reasons else reasons[0]


def _unsupported(
    section: OfferingSection, adapter: Adapter, size: Size, seconds: int, images: tuple[Image, ...] = ()
) -> str | None:
    video = _sample(section.model, size, seconds, images)
    return adapter.unsupported(video, section.upstream_model or section.model)


def _warn(section: OfferingSection, path: YamlPath, market: Market) -> None:
    _warn_of_gifts(section, path, market.findings)
    if section.price.example:
        message = "is an example; write what your contract says and remove `example`, or costs and routing are wrong"
        market.findings.warn((*path, "price"), message)


def _warn_of_gifts(section: OfferingSection, path: YamlPath, findings: Findings) -> None:
    for unit, tiers in (("per_second", section.price.per_second), ("per_clip", section.price.per_clip)):
        for index, tier in enumerate(tiers or ()):
            if not Decimal(tier.amount):
                place = findings.document.known((*path, "price", unit, index, "amount"))
                findings.warn(
                    place, "is free and so is asked first unless it fails often; if it is self-hosted that may be meant"
                )
