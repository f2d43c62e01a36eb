"""The dashboard "Providers side by side": which one is cheapest, which one is fastest, and where does each fail?"""

from grafana_foundation_sdk.builders import dashboard as builders

from grafana.board import board
from grafana.providers.capacity import capacity
from grafana.providers.choice import choice
from grafana.providers.comparison import comparison
from grafana.providers.endings import endings
from grafana.providers.prices import prices
from grafana.providers.times import times


def providers() -> builders.Dashboard:
    rows = (
        ("In one table", comparison()),
        ("Why does one get the jobs?", choice()),
        ("Which one is cheapest?", prices()),
        ("Which one is fastest?", times()),
        ("Where does each one fail?", endings()),
        ("What can each one take?", capacity()),
    )
    return board("providers", rows)
