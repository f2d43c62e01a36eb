"""Panels that cannot lack a title, a description, a unit, a legend, or a word for no data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard

from grafana.promql import is_traced

DATASOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
# Jobs end minutes apart: a window of a minute would mostly hold none.
JOBS_INTERVAL = "5m"
Link: TypeAlias = Builder[dashboard.DashboardLink]
# Name and colour of what a value stands for.
State = tuple[str, str]
AnyPanel = timeseries.Panel | stat.Panel | table.Panel | statetimeline.Panel | heatmap.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, table.Panel, statetimeline.Panel, heatmap.Panel)


@dataclass(frozen=True, slots=True)
class Text:
    """What a panel says in words."""

    title: str
    description: str
    no_data: str


@dataclass(frozen=True, slots=True)
class Levels:
    """Where green ends: yellow wants a look, red wants somebody to act. Low values are the bad ones if `falling`."""

    look: float
    act: float
    falling: bool = False

    def steps(self) -> list[dashboard.Threshold]:
        order = [("red", None), ("yellow", self.act), ("green", self.look)]
        if not self.falling:
            order = [("green", None), ("yellow", self.look), ("red", self.act)]
        return [dashboard.Threshold(value=value, color=color) for color, value in order]


def thresholds(levels: Levels | None) -> dashboard_builders.ThresholdsConfig:
    """Colour by levels; without any nothing is said to be good or bad."""
    plain = [dashboard.Threshold(value=None, color="text")]
    steps = plain if levels is None else levels.steps()
    return dashboard_builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def query(expression: str, legend: str, number: int = 0) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(expression).legend_format(legend)
    return made.ref_id(ref_id(number)).datasource(DATASOURCE)


def ref_id(number: int) -> str:
    return chr(ord("A") + number)


def dressed(panel: P, text: Text, unit: str, width: int, height: int) -> P:
    panel.title(text.title).description(text.description).no_value(text.no_data).unit(unit)
    panel.datasource(DATASOURCE).span(width).height(height)
    return panel


def legend_below() -> common_builders.VizLegendOptions:
    return (
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def over_time(
    text: Text,
    queries: Mapping[str, str],
    unit: str,
    *,
    stacked: bool = False,
    interval: str | None = None,
    width: int = 12,
    height: int = 8,
    levels: Levels | None = None,
) -> timeseries.Panel:
    """Lines, or areas on top of each other; `queries` maps legends to expressions, `levels` are drawn as lines."""
    panel = dressed(timeseries.Panel(), text, unit, width, height).axis_soft_min(0).legend(legend_below())
    panel.tooltip(
        common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )
    for number, (legend, expression) in enumerate(queries.items()):
        panel.with_target(query(expression, legend, number).range().exemplar(is_traced(expression)))
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL)).fill_opacity(40)
    else:
        # What happens rarely is points, not lines.
        panel.show_points(common.VisibilityMode.AUTO).span_nulls(False)
    if levels is not None:
        dashed = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel.thresholds(thresholds(levels)).thresholds_style(dashed)
    return panel if interval is None else panel.interval(interval)


def coloured(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Give series whose names mean something good or bad their colours."""
    for name, colour in colours.items():
        fixed = dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour).build()
        panel.override_by_name(name, [dashboard.DynamicConfigValue(id_val="color", value=fixed)])
    return panel


def figure(
    text: Text,
    queries: Mapping[str, str],
    unit: str,
    *,
    decimals: int = 2,
    width: int = 6,
    height: int = 5,
    levels: Levels | None = None,
    words: Mapping[str, State] = MappingProxyType({}),
) -> stat.Panel:
    """One number for each series, as it is now or over a whole window; `queries` maps legends to expressions.

    `words` are shown in the place of values that stand for a state.
    """
    panel = dressed(stat.Panel(), text, unit, width, height).decimals(decimals).thresholds(thresholds(levels))
    panel.reduce_options(common_builders.ReduceDataOptions().values(False).calcs(["lastNotNull"]))
    panel.graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.VALUE)
    panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    for number, (legend, expression) in enumerate(queries.items()):
        panel.with_target(query(expression, legend, number).instant())
    return panel.mappings([worded(words)]) if words else panel


def worded(words: Mapping[str, State]) -> dashboard.ValueMap:
    """Show values as words of their own colours."""
    results = {
        value: dashboard.ValueMappingResult(text=name, color=color, index=number)
        for number, (value, (name, color)) in enumerate(words.items())
    }
    return dashboard.ValueMap(options=results)


def link(title: str, uid: str, **variables: str) -> Link:
    """Lead from a value to another dashboard, with the time range and the variables; some may be of that value."""
    kept = ["${__url_time_range}", *(f"${{{name}:queryparam}}" for name in ("datasource", "job", "instance"))]
    given = [f"var-{name}={value}" for name, value in variables.items()]
    url = f"/d/{uid}?{'&'.join((*kept, *given))}"
    return dashboard_builders.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url)
