"""Tables: one row for each thing that is compared, or a row and a column for two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import prometheus, table
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panels import Levels, Link, State, Text, dressed, query, ref_id, thresholds, worded


@dataclass(frozen=True, slots=True)
class Column:
    """A number of a table, with the unit that it is shown in; levels colour its cells."""

    title: str
    expression: str
    unit: str
    decimals: int = 0
    levels: Levels | None = None


def columns(
    text: Text,
    keys: Mapping[str, str],
    numbers: Sequence[Column],
    *,
    sort_by: str,
    width: int = 24,
    ascending: bool = False,
    links: Sequence[Link] = (),
    words: Mapping[str, State] = MappingProxyType({}),
) -> table.Panel:
    """A table with a row for each combination of `keys` (label to title); `links` are on the first key.

    `words` are values of keys that are shown in colour.
    """
    panel = dressed(table.Panel(), text, numbers[0].unit, width, 8).show_header(True)
    panel.thresholds(thresholds(None))
    for number, column in enumerate(numbers):
        panel.with_target(_cells(column.expression, column.title, number))
        panel.override_by_name(column.title, _looks(column))
    for title in keys.values() if words else ():
        mapped = dashboard.DynamicConfigValue(id_val="mappings", value=[worded(words)])
        panel.override_by_name(title, [mapped, _COLOURED_TEXT])
    if links:
        panel.override_by_name(
            next(iter(keys.values())),
            [dashboard.DynamicConfigValue(id_val="links", value=[each.build() for each in links])],
        )
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    # Grafana names the only query's column Value, and those of several Value #A, Value #B, ...
    values = ["Value"] if len(numbers) == 1 else [f"Value #{ref_id(number)}" for number in range(len(numbers))]
    titles = dict(keys) | dict(zip(values, (column.title for column in numbers), strict=True))
    panel.with_transformation(_organized(titles))
    return panel.sort_by([common_builders.TableSortByFieldState().display_name(sort_by).desc(not ascending)])


def matrix(
    text: Text, expression: str, rows: str, across: str, unit: str, levels: Levels, *, width: int = 24
) -> table.Panel:
    """A table of one number with the values of one label down, those of another across, and all cells coloured."""
    panel = dressed(table.Panel(), text, unit, width, 10).show_header(True).decimals(1)
    panel.thresholds(thresholds(levels)).cell_options(_COLOURED)
    panel.override_by_name(
        f"{rows}\\{across}", [dashboard.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "auto"})]
    )
    shape = {"columnField": across, "rowField": rows, "valueField": "Value", "emptyValue": "null"}
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="groupingToMatrix", options=shape))
    return panel.with_target(_cells(expression, f"{{{{{rows}}}}} {{{{{across}}}}}", 0))


_COLOURED = common.TableColoredBackgroundCellOptions(mode=common.TableCellBackgroundDisplayMode.BASIC)

_COLOURED_TEXT = dashboard.DynamicConfigValue(id_val="custom.cellOptions", value=common.TableColorTextCellOptions())


def _cells(expression: str, legend: str, number: int) -> prometheus.Dataquery:
    return query(expression, legend, number).instant().format(PromQueryFormat.TABLE)


def _looks(column: Column) -> list[dashboard.DynamicConfigValue]:
    looks = [
        dashboard.DynamicConfigValue(id_val="unit", value=column.unit),
        dashboard.DynamicConfigValue(id_val="decimals", value=column.decimals),
    ]
    if column.levels is not None:
        looks += [
            dashboard.DynamicConfigValue(id_val="thresholds", value=thresholds(column.levels).build()),
            dashboard.DynamicConfigValue(id_val="custom.cellOptions", value=_COLOURED),
        ]
    return looks


def _organized(titles: Mapping[str, str]) -> dashboard.DataTransformerConfig:
    options = {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(titles)},
        "renameByName": dict(titles),
    }
    return dashboard.DataTransformerConfig(id_val="organize", options=options)
