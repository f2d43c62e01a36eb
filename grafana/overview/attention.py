"""The row "What wants a look?": alerts that fire, and providers that are out."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text, link
from grafana.pictures import breakers, outages
from grafana.promql import ROUTER, firing
from grafana.rules.files import groups
from grafana.rules.rule import Alert
from grafana.tables import Column, columns


def attention() -> list[AnyPanel]:
    """Build the row's panels."""
    return [_alerts(), breakers(ROUTER, width=8), outages(ROUTER, width=8)]


def _alerts() -> AnyPanel:
    keys = {"alertname": "Alert", "severity": "Severity", "provider": "Provider"}
    return columns(
        Text(
            "Alerts that fire",
            "A page wants somebody now, a ticket in working hours. The runbook of each is in grafana/README.md.",
            "All is quiet.",
        ),
        keys,
        [Column("Firing", f"count by ({', '.join(keys)}) ({firing(_names())})", units.Short)],
        sort_by="Severity",
        width=8,
        words={"page": ("page", "red"), "ticket": ("ticket", "yellow")},
        links=[link("Failures", "video-router-failures"), link("Router internals", "video-router-internals")],
    )


def _names() -> list[str]:
    rules = [rule for group in groups()["alerts.yaml"] for rule in group.rules]
    return sorted({rule.name for rule in rules if isinstance(rule, Alert)})
