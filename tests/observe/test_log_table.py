"""The table of log lines in the README is what is really written."""

import ast
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from providers.canonical import Failure, Reason, Stage
from router.app import _left_over
from router.core.clock import Clock
from router.core.eligibility import ExclusionCause
from router.core.events import (
    AttemptEnded,
    AttemptStarted,
    BreakerKind,
    BreakerMoved,
    BreakerState,
    ConfigReloaded,
    Event,
    JobEnded,
    LookupEnded,
    LookupResult,
    MirrorOperation,
    MirrorUsed,
    UnknownErrorSeen,
    WebhookResult,
    WebhookTaken,
    WriteEnded,
)
from router.core.overview import Overview
from router.observe.lines import Level
from router.observe.logs import Logs
from tests.observe import scenes
from tests.observe.test_board import shown

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "router" / "observe" / "README.md").read_text()
ALWAYS = {"time", "level", "event"}
# Those that are not written by `Logs`.
STDLIB, PROCESS = {"log"}, {"listening", "resumed", "stopping", "stopped"}


@dataclass(frozen=True)
class Row:
    levels: frozenset[str]
    fields: frozenset[str]


def documented() -> dict[str, Row]:
    section = README.partition("## Log lines")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"]
    return {
        event.strip("`"): Row(frozenset(levels.split(", ")), frozenset(re.findall(r"`([^`]+)`", fields)))
        for event, levels, fields, _ in rows
    }


def everything() -> Iterator[Event]:
    yield from scenes.a_day()
    for event in scenes.rescue():
        if isinstance(event, AttemptStarted):
            yield replace(event, excluded=dict.fromkeys(ExclusionCause, 1))
        elif isinstance(event, AttemptEnded):
            yield replace(event, cause="http status 503", progress=90, attempt=replace(event.attempt, code="busy"))
    _, over = scenes.failed(scenes.job_of(), Failure(Stage.ROUTE, Reason.NO_CANDIDATE, code="none_left"))
    assert isinstance(over, JobEnded)
    failure = Failure(Stage.SUBMIT, Reason.OTHER, "the moon is full", "moon", recognised=False)
    yield BreakerMoved("p0", BreakerKind.POLL, BreakerState.OPEN, BreakerState.CLOSED)
    yield from (over, UnknownErrorSeen("p0", failure, "a boat"), WriteEnded(0.1, ok=True))
    yield LookupEnded("p0", "video_0-1", LookupResult.UNCLEAR)
    yield from (WebhookTaken("p0", WebhookResult.HINTED), WebhookTaken("p0", WebhookResult.UNPROVEN, "no signature"))
    yield from (MirrorUsed(MirrorOperation.FOUND, 9, 1), MirrorUsed(MirrorOperation.FAILED, 9, 1, "no space left"))
    yield ConfigReloaded(True, "0123456789ab", scenes.NOW, changes=("a: added",))
    yield ConfigReloaded(True, "0123456789ab", scenes.NOW, warnings=("a: ends in 1 day",))
    yield ConfigReloaded(False, "0123456789ab", scenes.NOW, problems=("b: is wrong",))


def written() -> dict[str, Row]:
    """Every event with the levels and the fields that it is seen with."""
    stream = io.StringIO()
    logs = Logs(stream, Clock(wall=lambda: scenes.NOW, monotonic=lambda: 0.0), Level.DEBUG)
    for event in everything():
        logs.listeners.hear(event)
    found: dict[str, Row] = {}
    for line in map(orjson.loads, stream.getvalue().splitlines()):
        before = found.get(line["event"], Row(frozenset(), frozenset()))
        fields = {folded(name) for name in line.keys() - ALWAYS}
        found[line["event"]] = Row(before.levels | {line["level"]}, before.fields | fields)
    return found


def folded(field: str) -> str:
    """Name a family of fields as the table does."""
    if field.startswith("excluded_"):
        return "excluded_*"
    return "*_s" if field.removesuffix("_s") in map(str, Stage) else field


def said() -> dict[str, frozenset[str]]:
    """What a process says of itself, by the calls in its source."""
    tree = ast.parse((ROOT / "router" / "app.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_say"]
    found: dict[str, frozenset[str]] = {}
    for call in calls:
        assert isinstance(call.args[0], ast.Constant)
        named = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
        spread = set(_left_over((scenes.job_of(),))) if any(keyword.arg is None for keyword in call.keywords) else set()
        found[str(call.args[0].value)] = frozenset(named | spread)
    return found


def test_every_line_of_an_event_is_in_the_table_with_its_levels_and_fields():
    table = documented()
    assert {event: row for event, row in table.items() if event not in STDLIB | PROCESS} == written()


def test_what_a_process_says_of_itself_is_in_the_table():
    assert {event: row.fields for event, row in documented().items() if event in PROCESS} == said()


def test_every_field_of_the_overview_is_named_in_the_readme():
    section = README.partition("## The overview")[2]
    overview = orjson.loads(orjson.dumps(shown(scenes.a_day())))
    window, failure = overview["providers"][0]["window"], overview["last_failures"][0]
    for name in (*Overview.__slots__, *overview["jobs"], *overview["providers"][0], *window, *failure):
        assert f"`{name}`" in section, name
