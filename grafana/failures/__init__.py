"""The dashboard "Failure stages": where attempts fail, why, how late, and what the router did about it."""

from grafana_foundation_sdk.builders import dashboard as builders

from grafana.board import board
from grafana.failures.consequences import consequences
from grafana.failures.lateness import lateness
from grafana.failures.reasons import reasons
from grafana.failures.stages import stages
from grafana.failures.unknowns import unknowns


def failures() -> builders.Dashboard:
    rows = (
        ("At which stage?", stages()),
        ("Why?", reasons()),
        ("How late?", lateness()),
        ("What did the router do about it?", consequences()),
        ("What wants a person?", unknowns()),
    )
    return board("failures", rows)
