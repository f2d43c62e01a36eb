"""Random requests, catalogues and situations from one seed: quicker than hypothesis, for a hundred thousand of them."""

from dataclasses import dataclass, replace
from functools import cache
from random import Random

from providers.canonical import ImageFile, ImageUrl, VideoRequest
from router.core.budget import UNLIMITED, Left
from router.core.catalog import Catalog, Offering
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.evidence import Outcome, TrackRecords
from router.core.preferences import DurationPolicy, RoutingPreferences, Sort
from router.core.reporting import DurationClass
from router.core.routing import Decision, Situation, decide
from router.core.routing_settings import ExplorationSettings, PanicPolicy, RoutingPolicy, RoutingSettings
from tests.builders import EPOCH, LANDSCAPE, PORTRAIT, ManualTime, a_price, a_provider, a_video, an_offering

PROVIDERS = ("alpha", "beta", "gamma", "delta")
RECORDS = 500
MODELS = ("clip", "film")
OFFERINGS = tuple(f"{name}/{number}" for number, name in enumerate(PROVIDERS * 2))


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a decision depends on."""

    video: VideoRequest
    catalog: Catalog
    situation: Situation
    seed: int

    def decide(self) -> Decision:
        return decide(self.video, self.catalog, self.situation, Random(self.seed))

    def dearer(self, offering_id: str, factor: float) -> "State":
        """Raise one offering's price."""

        def raised(offering: Offering) -> Offering:
            if offering.id != offering_id:
                return offering
            return replace(offering, price=a_price(int(offering.price.tiers[0].amount_microusd * factor) + 1))

        offerings = tuple(raised(offering) for offering in self.catalog.offerings)
        providers = tuple(self.catalog.providers.values())
        return replace(self, catalog=Catalog.of(providers, offerings, self.catalog.groups))


def a_state(rng: Random) -> State:
    numbers = sorted(rng.sample(range(len(OFFERINGS)), rng.choice((1, 2, 3, 4, 6))))
    offerings = tuple(_offering(rng, number) for number in numbers)
    catalog = Catalog.of(tuple(map(a_provider, PROVIDERS)), offerings, {"any": MODELS})
    video = a_video(
        model=rng.choice(("clip", "clip", "clip", "film", "any")),
        seconds=rng.choice((10, 10, 10, 4, 11)),
        images=rng.choice(((), (), (), (ImageUrl("https://example.org/a.png"),), (ImageFile(b"x", "image/png"),))),
    )
    return State(video, catalog, _situation(rng, offerings), rng.getrandbits(32))


def _offering(rng: Random, number: int) -> Offering:
    return replace(
        an_offering(PROVIDERS[number % len(PROVIDERS)], model=rng.choice(("clip", "clip", "clip", "film"))),
        id=OFFERINGS[number],
        sizes=rng.choice(((PORTRAIT, LANDSCAPE),) * 5 + ((LANDSCAPE,),)),
        seconds=rng.choice(((5, 10, 15),) * 4 + ((4, 8, 12),)),
        price=a_price(rng.choice((0, 100_000, 100_200, 120_000, rng.randrange(5_000_000)))),
        weight=rng.choice((0.0, 0.5, 1.0, 1.0, 3.0)),
        priority=rng.choice((1, 1, 2)),
        images_max=rng.choice((1, 1, 0)),
        image_inputs=frozenset({"url", "file"}),
        available_until=rng.choice((None,) * 8 + (EPOCH, EPOCH + 1.0)),
    )


def _situation(rng: Random, offerings: tuple[Offering, ...]) -> Situation:
    return Situation(
        standings={name: _standing(rng) for name in PROVIDERS},
        records=_records(rng.randrange(RECORDS)),
        now=EPOCH,
        preferences=_preferences(rng),
        settings=RoutingSettings(
            policy=rng.choice(tuple(RoutingPolicy)),
            microusd_per_minute=rng.choice((0, 0, 50_000)),
            undelivered_microusd=rng.choice((0, 1_000_000)),
            exploration=ExplorationSettings(share=rng.choice((0.0, 0.1, 1.0)), outcomes_min=rng.choice((0, 5))),
            panic=rng.choice(tuple(PanicPolicy)),
        ),
        tried=frozenset(rng.sample(sorted(each.id for each in offerings), rng.choice((0, 0, 0, 1)))),
        spend_left_microusd=rng.choice((None, None, None, 0, 2_000_000)),
        left=rng.choice((UNLIMITED, UNLIMITED, Left({"alpha": 0}), Left({"beta": 1_000_000}, 2_000_000, 60.0))),
        attempts_left=rng.choice((1, 2, 3)),
        left_s=rng.choice((None, 60.0, 3600.0)),
        turns={each.id: rng.uniform(-1.0, 1.0) for each in offerings},
        trials_microusd=rng.choice((0, 50_000, 2_000_000)),
    )


def _standing(rng: Random) -> ProviderStanding:
    match rng.choice(("well",) * 6 + ("busy", "full", "ejected", "cooling", "drained", "probing", "probing")):
        case "busy":
            return ProviderStanding(in_flight=rng.randrange(100))
        case "full":
            return ProviderStanding(in_flight=100)
        case "ejected":
            return ProviderStanding(barred="is ejected for another 7 s", retry_after_s=7.0)
        case "cooling":
            return ProviderStanding(barred="cools down", barred_cause=ExclusionCause.COOLING)
        case "drained":
            return ProviderStanding(drained=True)
        case "probing":
            return ProviderStanding(probing=True, probe_due_s=rng.choice((0.0, 10.0, 10_000.0)))
        case _:
            return ProviderStanding()


@cache
def _records(seed: int) -> TrackRecords:
    """Build one of a few: that is what takes time."""
    rng, records = Random(seed), TrackRecords(ManualTime().clock, 3600.0)
    records.use(3600.0, {name: rng.random() < 0.3 for name in PROVIDERS}, OFFERINGS)
    for offering_id in OFFERINGS:
        provider, kind = offering_id.partition("/")[0], DurationClass.SHORT
        success, after_s = rng.choice((1.0, 0.95, 0.6, 0.0)), rng.choice((30.0, 120.0, 900.0))
        for _ in range(rng.choice((0, 0, 1, 3, 6, 20))):
            delivered = rng.random() < success
            records.add(Outcome(offering_id, provider, kind, after_s, delivered, billed=rng.random() < 0.2))
        if rng.random() < 0.3:
            records.entered(offering_id, kind, -after_s)
    return records


def _preferences(rng: Random) -> RoutingPreferences:
    if rng.random() < 0.5:
        return RoutingPreferences()
    return RoutingPreferences(
        only=rng.choice(((), (), ("alpha", "beta"))),
        ignore=rng.choice(((), (), ("gamma",))),
        price_microusd_max=rng.choice((None, None, 150_000)),
        duration_policy=rng.choice((None, *DurationPolicy)),
        order=rng.choice(((), (), (), ("delta", "alpha"))),
        sort=rng.choice((None, None, *Sort)),
        allow_fallbacks=rng.random() < 0.8,
        models=rng.choice(((), (), ("film",), ("any",))),
    )
