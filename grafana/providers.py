"""The dashboard "Providers side by side": which provider is cheapest, which is fastest, and where does each fail?"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from grafana.durations import fastest
from grafana.failures import failing
from grafana.money import cheapest
from grafana.overview import side_by_side
from grafana.panels import DATASOURCE, AnyPanel
from router.observe import families as f

_ROWS: Sequence[tuple[str, Sequence[AnyPanel]]] = (
    ("In one table", side_by_side()),
    ("Which one is cheapest?", cheapest()),
    ("Which one is fastest?", fastest()),
    ("Where does each one fail?", failing()),
)


def _variable(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(DATASOURCE)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(dashboard.VariableOption(text=["All"], value=["$__all"], selected=True))
    )


def _label_values(family: f.Family, label: str, *scope: str) -> str:
    matchers = ", ".join(f'{each}=~"${each}"' for each in scope)
    selected = f"{family.full_name}{{{matchers}}}" if scope else family.full_name
    return f"label_values({selected}, {label})"


def providers() -> builders.Dashboard:
    """Build the dashboard."""
    board = (
        builders.Dashboard("Providers side by side")
        .uid("video-router-providers")
        .description("Which provider is cheapest, which is fastest, and where does each fail?")
        .tags(["video-router"])
        .readonly()
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("job", "Job", _label_values(f.BUILD_INFO, "job")))
        .with_variable(_variable("instance", "Instance", _label_values(f.BUILD_INFO, "instance", "job")))
        .with_variable(
            _variable("provider", "Provider", _label_values(f.JOBS_IN_FLIGHT, "provider", "job", "instance"))
        )
        .with_variable(_variable("model", "Model", _label_values(f.JOBS_ACCEPTED, "model", "job", "instance")))
    )
    number = 0
    for title, panels in _ROWS:
        number += 1
        board.with_row(builders.Row(title).id(number))
        for panel in panels:
            number += 1
            board.with_panel(panel.id(number))
    return board
