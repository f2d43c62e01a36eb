"""The row "What can each one take?": places in use, breakers, and how long an offering is still sold."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, over_time
from grafana.pictures import breakers, drains, outages
from grafana.promql import PROVIDER
from grafana.tables import Column, columns
from router.observe import families as f

_DAY_S = 86_400
ENDING = Levels(30 * _DAY_S, 7 * _DAY_S, falling=True)


def capacity() -> list[AnyPanel]:
    """Build the row's panels."""
    return [_places(), _ends(), *(draw(PROVIDER, width=8) for draw in (breakers, outages, drains))]


def _places() -> AnyPanel:
    return over_time(
        Text(
            "Jobs at work against places",
            "Jobs that a provider works on, and the most that it gets at once now: a rate limit lowers it for a while.",
            "No provider is known.",
        ),
        {
            "{{provider}} at work": PROVIDER.total(f.JOBS_IN_FLIGHT, "provider", 'provider!="none"'),
            "{{provider}} places": PROVIDER.total(f.PROVIDER_LIMIT, "provider"),
        },
        units.Short,
    )


def _ends() -> AnyPanel:
    by = "provider, offering"
    return columns(
        Text(
            "Offerings that end",
            "How long each offering with an end date in the configuration is still sold; afterwards nothing is sent to"
            " it.",
            "No offering has an end date.",
        ),
        {"provider": "Provider", "offering": "Offering"},
        [Column("Ends in", f"{PROVIDER.most(f.OFFERING_END, by)} - time()", units.Seconds, 0, ENDING)],
        sort_by="Ends in",
        ascending=True,
        width=12,
    )
