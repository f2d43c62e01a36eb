"""The frame of every dashboard: variables, links to the others, and marks for breaker moves and reloads."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from grafana.panels import DATASOURCE, AnyPanel
from grafana.promql import OFFERING, PROVIDER, ROUTER, Scope
from router.observe import families as f

Rows = Sequence[tuple[str, Sequence[AnyPanel]]]
_TAG = "video-router"


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard's name, the question that it answers, and the variables that apply to it."""

    name: str
    title: str
    question: str
    scope: Scope
    since: str = "now-6h"

    @property
    def uid(self) -> str:
        return f"video-router-{self.name}"


BOARDS = (
    Board(
        "overview", "Overview and SLOs", "Do callers get their videos, in time, and does anything want a look?", ROUTER
    ),
    Board(
        "providers",
        "Providers side by side",
        "Which provider is cheapest, which is fastest, and where does each fail?",
        OFFERING,
    ),
    Board(
        "failures",
        "Failure stages",
        "At which stage do attempts fail, why, how late, and what did the router do about it?",
        OFFERING,
    ),
    Board(
        "cost",
        "Cost",
        "What does a delivered second of video really cost, where is money wasted, and what do we save?",
        OFFERING,
        "now-7d",
    ),
    Board("internals", "Router internals", "Which resource of the router is busy, full, or failing?", PROVIDER),
)
_BY_NAME = {board.name: board for board in BOARDS}


class _Titled(dashboard.AnnotationQuery):
    """An annotation with the words that Grafana's Prometheus source shows; its generated schema leaves them out."""

    title = ""

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "titleFormat": self.title, "step": "60s"}


class _Mark(builders.AnnotationQuery):
    """What happened once, as a line through every panel."""

    def __init__(self, name: str, colour: str, expression: str, title: str) -> None:
        self._internal = _Titled(name=name, datasource=DATASOURCE, icon_color=colour, expr=expression)
        self._internal.title = title


def board(name: str, rows: Rows) -> builders.Dashboard:
    """Build a dashboard of `BOARDS`."""
    about = _BY_NAME[name]
    made = (
        builders.Dashboard(about.title)
        .uid(about.uid)
        .description(about.question)
        .tags([_TAG])
        .readonly()
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time(about.since, "now")
        .refresh("1m")
        .variables(_variables(about.scope))
        .links([_link(each) for each in BOARDS if each is not about])
        .annotations(_marks(about.scope))
    )
    number = 0
    for title, panels in rows:
        number += 1
        made.with_row(builders.Row(title).id(number))
        for panel in panels:
            number += 1
            made.with_panel(panel.id(number))
    return made


def _variables(scope: Scope) -> list[Builder[dashboard.VariableModel]]:
    sources = {"provider": f.JOBS_IN_FLIGHT, "model": f.JOBS_ACCEPTED}
    return [
        builders.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _variable("job", "Job", _label_values(f.BUILD_INFO, "job")),
        _variable("instance", "Instance", _label_values(f.BUILD_INFO, "instance", "job")),
        *(
            _variable(name, name.title(), _label_values(sources[name], name, "job", "instance"))
            for name in scope.variables
        ),
    ]


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


def _label_values(family: f.Family, label: str, *within: str) -> str:
    matchers = ", ".join(f'{each}=~"${each}"' for each in within)
    selected = f"{family.full_name}{{{matchers}}}" if within else family.full_name
    return f"label_values({selected}, {label})"


def _link(to: Board) -> builders.DashboardLink:
    return (
        builders.DashboardLink(to.title)
        .type(dashboard.DashboardLinkType.LINK)
        .url(f"/d/{to.uid}")
        .tooltip(to.question)
        .icon("dashboard")
        .keep_time(True)
        .include_vars(True)
    )


def _marks(scope: Scope) -> list[Builder[dashboard.AnnotationQuery]]:
    moves, breaker = "provider, breaker, state", "{{provider}}: {{breaker}} breaker"
    opened = scope.increase(f.BREAKER_TRANSITIONS, moves, 'state="open"')
    closed = scope.increase(f.BREAKER_TRANSITIONS, moves, 'state="closed"')
    taken = scope.increase(f.CONFIG_RELOADS, "instance, result", 'result="success"')
    refused = scope.increase(f.CONFIG_RELOADS, "instance, result", 'result="failure"')
    return [
        _Mark("Breaker opened", "red", f"{opened} > 0", f"{breaker} opened"),
        _Mark("Breaker closed", "green", f"{closed} > 0", f"{breaker} closed"),
        _Mark("Configuration reloaded", "blue", f"{taken} > 0", "{{instance}} took over a new configuration"),
        _Mark("Configuration refused", "orange", f"{refused} > 0", "{{instance}} refused a new configuration"),
    ]
