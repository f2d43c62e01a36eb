"""The dashboard "Overview and SLOs", for whoever is on call."""

from grafana_foundation_sdk.builders import dashboard as builders

from grafana.board import board
from grafana.overview.attention import attention
from grafana.overview.latency import latency
from grafana.overview.money import money
from grafana.overview.promises import promises
from grafana.overview.traffic import traffic


def overview() -> builders.Dashboard:
    rows = (
        ("Do we keep our word?", promises()),
        ("What wants a look?", attention()),
        ("What is under way?", traffic()),
        ("How long do callers wait?", latency()),
        ("What does it cost?", money()),
    )
    return board("overview", rows)
