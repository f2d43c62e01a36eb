"""The dashboard "Cost", for whoever compares what providers really cost."""

from grafana_foundation_sdk.builders import dashboard as builders

from grafana.board import board
from grafana.cost.budgets import budgets
from grafana.cost.paid import paid
from grafana.cost.prices import prices
from grafana.cost.savings import savings
from grafana.cost.waste import waste


def cost() -> builders.Dashboard:
    rows = (
        ("What does a delivered second cost?", paid()),
        ("What is wasted, and what is uncertain?", waste()),
        ("What do we save?", savings()),
        ("Who spends it, and how much is left?", budgets()),
        ("What should it cost?", prices()),
    )
    return board("cost", rows)
