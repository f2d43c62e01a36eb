"""The row "Places for jobs": those of the router, and those at its providers."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, over_time
from grafana.promql import PROVIDER, ROUTER, ratio
from router.observe import families as f

_FULL = Levels(0.8, 0.95)


def places() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        over_time(
            Text(
                "Router's places in use",
                "Jobs in flight of the most that each router takes on; beyond, creates are turned away.",
                "No router is scraped.",
            ),
            {
                "{{instance}}": ratio(
                    ROUTER.total(f.JOBS_IN_FLIGHT, "instance"), ROUTER.total(f.JOBS_IN_FLIGHT_LIMIT, "instance")
                )
            },
            units.PercentUnit,
            width=8,
            levels=_FULL,
        ),
        over_time(
            Text(
                "Providers' places in use",
                "Jobs at work of the most that a provider gets now. A provider that is full is passed over, or waited"
                " for.",
                "No provider is known.",
            ),
            {
                "{{provider}}": ratio(
                    PROVIDER.total(f.JOBS_IN_FLIGHT, "provider"), PROVIDER.total(f.PROVIDER_LIMIT, "provider")
                )
            },
            units.PercentUnit,
            width=8,
            levels=_FULL,
        ),
        over_time(
            Text(
                "Jobs in flight",
                "Jobs whose caller waits, by the provider at work; none is between two attempts.",
                "No router is scraped.",
            ),
            {"{{provider}}": PROVIDER.total(f.JOBS_IN_FLIGHT, "provider")},
            units.Short,
            stacked=True,
            width=8,
        ),
    ]
