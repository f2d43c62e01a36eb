"""Pictures of every dashboard from a real Prometheus: of the right size, and nothing refused."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from grafana.preview.canvas import COLUMN_IN, ROW_IN
from grafana.preview.document import Kind, Panel, Target, read
from grafana.preview.numbers import written
from grafana.preview.page import DPI, HEADER_IN, WIDTH_IN, draw, height_in
from grafana.preview.source import Source
from router.observe.metrics import Metrics
from tests.grafana.queries import DASHBOARDS
from tests.grafana.test_queries_on_prometheus import served
from tests.observe import scenes
from tests.prometheus import Prometheus, prometheus


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that saw a router idle, and then something of everything, twice."""
    metrics = Metrics(scenes.catalog_of())
    metrics.watch_routing(scenes.memory_of(scenes.catalog_of()))
    accepted = "sum(video_router_jobs_accepted_total)"
    with served(metrics) as target, prometheus(tmp_path_factory.mktemp("prometheus"), [target]) as running:
        running.wait_for(accepted)
        for _ in range(2):
            before = running.query(accepted)[0].last
            for event in scenes.a_day():
                metrics.listeners.hear(event)
            running.wait_for(accepted, lambda found, before=before: found[0].last > before)  # type: ignore[misc]
        yield running


def inked(pixels: "np.ndarray[Any, Any]", panel: Panel) -> float:
    """The share of a panel below its title that is not white."""
    x, y = panel.x * COLUMN_IN * DPI, (HEADER_IN + panel.y * ROW_IN) * DPI
    width, height = panel.width * COLUMN_IN * DPI, panel.height * ROW_IN * DPI
    inner = pixels[int(y + 32) : int(y + height - 10), int(x + 10) : int(x + width - 10), :3]
    return float((inner.min(axis=2) < 0.8).mean())


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_becomes_a_picture_of_its_own_size(server: Prometheus, path: Path, tmp_path: Path) -> None:
    dashboard, now = read(path), time.time()
    picture = tmp_path / "picture.png"
    drawn = draw(dashboard, Source(server.url, now - 30, now), 1.0, picture)
    pixels = matplotlib.image.imread(picture)
    assert drawn.refused == ()
    assert len(drawn.empty) < len(dashboard.panels) / 2, drawn.empty
    assert pixels.shape[:2] == (int(height_in(dashboard) * DPI), int(WIDTH_IN * DPI))
    for panel in dashboard.panels:
        if panel.kind is not Kind.ROW:
            assert inked(pixels, panel) > 0.001, panel.title


def test_what_prometheus_refuses_is_said_and_the_rest_is_drawn(server: Prometheus, tmp_path: Path) -> None:
    document = json.loads(DASHBOARDS[0].read_text())
    panels = [panel for panel in document["panels"] if panel.get("targets")]
    panels[0]["targets"][0]["expr"] = "sum(("
    document["annotations"]["list"] = [{"name": "A mark", "expr": "rate(", "iconColor": "red"}]
    (tmp_path / "broken.json").write_text(json.dumps(document))
    now = time.time()
    drawn = draw(read(tmp_path / "broken.json"), Source(server.url, now - 30, now), 1.0, tmp_path / "picture.png")
    assert [each.partition(":")[0] for each in drawn.refused] == ["A mark", panels[0]["title"]]
    assert all("parse error" in each for each in drawn.refused)


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0.9931, "percentunit", 1, "99.3 %"),
        (0.085, "currencyUSD", None, "$0.0850"),
        (-8.12, "currencyUSD", 2, "-$8.12"),
        (1234.5, "currencyUSD", 2, "$1,234.50"),
        (0.00042, "s", None, "420 µs"),
        (90.0, "s", 1, "1.5 min"),
        (7_200.0, "s", 0, "2 h"),
        (12_500.0, "short", 1, "12.5 k"),
        (3.0 * 2**20, "bytes", 0, "3 MiB"),
        (float("nan"), "s", None, "–"),
        (float("inf"), "s", None, "∞"),
    ],
)
def test_numbers_are_written_as_a_person_reads_them(value: float, unit: str, decimals: int | None, text: str) -> None:
    assert written(value, unit, decimals) == text


def test_a_variable_means_all_wherever_it_stands() -> None:
    target = Target("A", 'up{job=~"$job|", instance=~"$instance"}[$__range]', "")
    assert target.filled(15, 15, 90) == 'up{job=~".+|", instance=~".+"}[90s]'
