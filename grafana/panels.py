"""Panels that cannot lack a title, a description, a unit, a legend, or a word for no data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
# Jobs end minutes apart: a window of a minute would mostly hold none.
JOBS_INTERVAL = "5m"
# Value and colour of a state on a timeline.
State = tuple[str, str]
AnyPanel = timeseries.Panel | stat.Panel | table.Panel | statetimeline.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, table.Panel, statetimeline.Panel)


@dataclass(frozen=True, slots=True)
class Text:
    """What a panel says in words."""

    title: str
    description: str
    no_data: str


@dataclass(frozen=True, slots=True)
class Column:
    """A number of a table, with the unit that it is shown in."""

    title: str
    expression: str
    unit: str
    decimals: int = 0


def _query(expression: str, legend: str, ref_id: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(ref_id).datasource(DATASOURCE)


def _ref_id(number: int) -> str:
    return chr(ord("A") + number)


def _dressed(panel: P, text: Text, unit: str, width: int, height: int) -> P:
    panel.title(text.title).description(text.description).no_value(text.no_data).unit(unit)
    panel.datasource(DATASOURCE).span(width).height(height)
    return panel


def _legend() -> common_builders.VizLegendOptions:
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
) -> timeseries.Panel:
    """Lines, or areas on top of each other; `queries` maps legends to expressions."""
    panel = _dressed(timeseries.Panel(), text, unit, width, 8).min(0).legend(_legend())
    panel.tooltip(
        common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )
    for number, (legend, expression) in enumerate(queries.items()):
        panel.with_target(_query(expression, legend, _ref_id(number)).range())
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL)).fill_opacity(40)
    else:
        # What happens rarely is points, not lines.
        panel.show_points(common.VisibilityMode.AUTO).span_nulls(False)
    return panel if interval is None else panel.interval(interval)


def figure(text: Text, expression: str, legend: str, unit: str, *, decimals: int = 2, width: int = 6) -> stat.Panel:
    """One number for each series, as it is now or over the whole range."""
    panel = _dressed(stat.Panel(), text, unit, width, 5).decimals(decimals)
    panel.reduce_options(common_builders.ReduceDataOptions().values(False).calcs(["lastNotNull"]))
    panel.graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.VALUE)
    panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    return panel.with_target(_query(expression, legend, "A").instant())


def columns(
    text: Text, keys: Mapping[str, str], numbers: Sequence[Column], *, sort_by: str, width: int = 24, height: int = 8
) -> table.Panel:
    """A table with a row for each combination of `keys` (label to title)."""
    panel = _dressed(table.Panel(), text, numbers[0].unit, width, height).show_header(True)
    for number, column in enumerate(numbers):
        query = _query(column.expression, column.title, _ref_id(number)).instant().format(PromQueryFormat.TABLE)
        panel.with_target(query)
        panel.override_by_name(
            column.title,
            [
                dashboard.DynamicConfigValue(id_val="unit", value=column.unit),
                dashboard.DynamicConfigValue(id_val="decimals", value=column.decimals),
            ],
        )
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    # Grafana names the only query's column Value, and those of several Value #A, Value #B, ...
    values = ["Value"] if len(numbers) == 1 else [f"Value #{_ref_id(number)}" for number in range(len(numbers))]
    titles = dict(keys) | dict(zip(values, (column.title for column in numbers), strict=True))
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(titles)},
        "renameByName": titles,
    }
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=organize))
    return panel.sort_by([common_builders.TableSortByFieldState().display_name(sort_by).desc(True)])


def timeline(
    text: Text, expression: str, legend: str, states: Mapping[int, State], width: int = 24
) -> statetimeline.Panel:
    """A bar for each series, coloured by its state."""
    panel = _dressed(statetimeline.Panel(), text, units.NoUnit, width, 8)
    results = {
        str(value): dashboard.ValueMappingResult(text=name, color=color, index=number)
        for number, (value, (name, color)) in enumerate(states.items())
    }
    panel.mappings([dashboard.ValueMap(options=results)])
    panel.color_scheme(dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    panel.show_value(common.VisibilityMode.NEVER).merge_values(True).legend(_legend()).row_height(0.8)
    return panel.with_target(_query(expression, legend, "A").range())
