"""Recordings that alerts and people build upon: what money bought, how attempts ended, who takes jobs now."""

from typing import Final

from grafana.rules.pace import Pace
from grafana.rules.promql import JUDGED, increase, ratio, series, total
from grafana.rules.rule import Group, Record
from router.observe import families as f

PROVIDER: Final = "job, provider"
REPLICA: Final = "job, instance"
WASTED_KINDS: Final = 'kind=~"failed_billed|duplicate"'
WINDOWS: Final = ("1h", "6h", "1d")

IN_FLIGHT: Final = "job_instance:video_router_jobs_in_flight:sum"
EJECTED: Final = "job_instance_provider:video_router_provider_ejected:max"


def cost_per_second(window: str) -> str:
    return f"job_provider:video_router_cost_usd_per_video_second:ratio_increase{window}"


def list_price_per_second(window: str) -> str:
    return f"job_provider:video_router_list_price_usd_per_video_second:ratio_increase{window}"


def wasted_share(window: str) -> str:
    return f"job_provider:video_router_wasted_per_cost:ratio_increase{window}"


def succeeded_share(window: str) -> str:
    return f"job_provider:video_router_succeeded_per_attempts:ratio_increase{window}"


def selling(by: str) -> str:
    """Whoever may get jobs: one that was drained, or taken out of the configuration, is still shown, but gets none."""
    drained = f"min by ({by}) ({series(f.PROVIDER_DRAINED)}) == 1"
    return f"(\n  max by ({by}) ({series(f.PROVIDER_LIMIT)}) > 0\nunless\n  {drained}\n)"


def recordings(pace: Pace) -> list[Group]:
    """Build the recordings that are no promise to a caller."""
    by_provider = [record for window in WINDOWS for record in _by_provider(window, pace)]
    return [Group("video-router-now", _now(pace)), Group("video-router-providers", by_provider, pace("1m"))]


def _now(pace: Pace) -> list[Record]:
    by = "job, instance, provider"
    # A half-open breaker lets one trial through: for everybody else the provider is ejected still.
    breakers = series(f.BREAKER_STATE, 'breaker=~"submit|generate"', 'state=~"open|half_open"')
    ejected = f"max by ({by}) (\n  {breakers}\nor\n  {series(f.PROVIDER_OUTAGE)}\n)"
    # One whose offerings have all ended is never asked, and so never ejected.
    asked = increase(f.EXCHANGES, by, pace("1d"), 'operation="submit"')
    ejected = f"{ejected}\nand\n{selling(by)}\nand\n{asked} > 0"
    return [Record(IN_FLIGHT, f"sum by ({REPLICA}) ({series(f.JOBS_IN_FLIGHT)})"), Record(EJECTED, ejected)]


def _by_provider(window: str, pace: Pace) -> list[Record]:
    within = pace(window)
    cost, seconds = increase(f.COST, PROVIDER, within), increase(f.VIDEO_SECONDS, PROVIDER, within)
    wasted = increase(f.COST, PROVIDER, within, WASTED_KINDS)
    succeeded = increase(f.ATTEMPTS, PROVIDER, within, 'outcome="succeeded"')
    return [
        Record(cost_per_second(window), ratio(cost, seconds)),
        Record(list_price_per_second(window), ratio(increase(f.DELIVERED_QUOTE, PROVIDER, within), seconds)),
        Record(wasted_share(window), ratio(wasted, cost)),
        Record(succeeded_share(window), ratio(succeeded, _judged(within))),
    ]


def _judged(window: str) -> str:
    """Count the attempts whose end tells of their provider: of those that were left behind none is known."""
    parts = (f"increase({series(f.ATTEMPTS, matcher)}[{window}])" for matcher in JUDGED)
    return total(" or ".join(parts), PROVIDER)
