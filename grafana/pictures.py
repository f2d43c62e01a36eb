"""Panels that are read by colour: breakers over time, and how often something took how long."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import heatmap, statetimeline
from grafana_foundation_sdk.models import common, dashboard, units
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panels import JOBS_INTERVAL, State, Text, dressed, legend_below, link, query, worded
from grafana.promql import INTERVAL, Scope, is_traced
from router.observe import families as f

_BREAKER_STATES = {"0": ("closed", "green"), "1": ("half open", "yellow"), "2": ("open", "red")}
_DRAIN_STATES = {"0": ("takes jobs", "green"), "1": ("drained", "yellow")}
_OUTAGE_STATES = {"0": ("in", "green"), "1": ("out", "red")}


def timeline(
    text: Text, expression: str, legend: str, states: Mapping[str, State], width: int = 24, height: int = 8
) -> statetimeline.Panel:
    """A bar for each series, coloured by its state."""
    panel = dressed(statetimeline.Panel(), text, units.NoUnit, width, height)
    panel.mappings([worded(states)])
    panel.color_scheme(dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    panel.show_value(common.VisibilityMode.NEVER).merge_values(True).legend(legend_below()).row_height(0.8)
    return panel.with_target(query(expression, legend).range())


def breakers(scope: Scope, width: int = 24) -> statetimeline.Panel:
    """The worst state that any replica's breaker is in."""
    by = "provider, breaker"
    opened, half_open = (scope.most(f.BREAKER_STATE, by, f'state="{state}"') for state in ("open", "half_open"))
    panel = timeline(
        Text(
            "Breakers",
            "Open: the provider gets no jobs. Half open: one probe decides. By submits, by polls and downloads, and by"
            " how accepted jobs end.",
            "No breaker is known.",
        ),
        f"clamp_max(2 * {opened} + {half_open}, 2)",
        "{{provider}} {{breaker}}",
        _BREAKER_STATES,
        width,
    )
    failures = link("Failures of this provider", "video-router-failures", provider="${__field.labels.provider}")
    return panel.data_links([failures])


def outages(scope: Scope, width: int = 24) -> statetimeline.Panel:
    """Whether a key or a balance is refused; a scrape sees it although it may be over by the next one."""
    return timeline(
        Text(
            "Outages: key or balance refused",
            "Out: each one needs a person, who renews the key or pays in. The router tries again from time to time.",
            "Outages are not watched.",
        ),
        f"max by (provider, reason) (max_over_time({scope.selector(f.PROVIDER_OUTAGE)}[{INTERVAL}]))",
        "{{provider}} {{reason}}",
        _OUTAGE_STATES,
        width,
    )


def drains(scope: Scope, width: int = 24) -> statetimeline.Panel:
    """Whether a provider gets nothing more, at any replica."""
    return timeline(
        Text(
            "Drained",
            "Drained: the provider finishes what it has and gets nothing more, because an operator or the configuration"
            " says so.",
            "No provider is known.",
        ),
        scope.most(f.PROVIDER_DRAINED, "provider"),
        "{{provider}}",
        _DRAIN_STATES,
        width,
    )


def spread(text: Text, buckets: str, unit: str, width: int = 12) -> heatmap.Panel:
    """How many fell into each bucket over time; `buckets` is what happened in the interval, by `le`."""
    panel = dressed(heatmap.Panel(), text, units.Short, width, 8).interval(JOBS_INTERVAL).calculate(False)
    panel.y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
    panel.color(
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("YlOrRd")
        .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
    )
    panel.cell_values(heatmap.CellValues().unit(units.Short).decimals(0)).show_value(common.VisibilityMode.NEVER)
    panel.rows_frame(heatmap.RowsHeatmapOptions().layout(common.HeatmapCellLayout.LE))
    panel.mode(common.TooltipDisplayMode.SINGLE).show_y_histogram()
    panel.show_legend()
    panel.exemplars_color("rgba(255,0,255,0.7)")
    panel.filter_values(heatmap.FilterValueRange().le(1e-9))
    return panel.with_target(
        query(buckets, "{{le}}").format(PromQueryFormat.HEATMAP).range().exemplar(is_traced(buckets))
    )
