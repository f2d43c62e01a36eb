"""A real Prometheus on a free port of 127.0.0.1, scraping given targets each second, for as long as a test needs it."""

import json
import math
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.system import command

JOB = "video-router"
_PATIENCE_S = 30.0


def require(program: str) -> str:
    """Return the path of a program of Prometheus; without it the test is skipped, in CI it fails."""
    return command(program, "prometheus")


@dataclass(frozen=True, slots=True)
class Vector:
    """One series of an answer: its labels, and its values without timestamps."""

    labels: Mapping[str, str]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        return self.values[-1]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server. Its methods block; call them in a thread where an event loop serves the targets."""

    url: str

    def query(self, expression: str, at: float | None = None) -> list[Vector]:
        """Evaluate now, or at a wall second; AssertionError with Prometheus' own words when it cannot."""
        found = self._get("query", query=expression, **({} if at is None else {"time": at}))
        if found["resultType"] == "scalar":
            return [Vector({}, (float(found["result"][1]),))]
        return [Vector(each["metric"], (float(each["value"][1]),)) for each in found["result"]]

    def query_range(self, expression: str, start: float, end: float, step_s: float = 1.0) -> list[Vector]:
        """Evaluate over wall seconds, as a panel does."""
        found = self._get("query_range", query=expression, start=start, end=end, step=step_s)
        return [Vector(each["metric"], tuple(float(value) for _, value in each["values"])) for each in found["result"]]

    def wait_for(self, expression: str, met: Callable[[list[Vector]], bool] = bool) -> list[Vector]:
        """Ask again and again until the answer is as wanted (not empty, by default)."""
        give_up_at = time.monotonic() + _PATIENCE_S
        while not met(found := self.query(expression)):
            if time.monotonic() > give_up_at:
                raise AssertionError(f"{expression} is still {found} after {_PATIENCE_S:.0f} s")
            time.sleep(0.1)
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing now, with their annotations as people get them."""
        found: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules with what became of their last evaluation."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def exemplars(self, expression: str, start: float, end: float) -> list[dict[str, str]]:
        """Return the labels of the exemplars that the series of an expression have."""
        found = self._get("query_exemplars", query=expression, start=start, end=end)
        return [dict(each["labels"]) for series in found for each in series["exemplars"]]

    def _get(self, path: str, **parameters: object) -> Any:
        try:
            with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:  # noqa: S310
                document = json.load(answer)
        except URLError as error:
            read = getattr(error, "read", bytes)
            raise AssertionError(f"{parameters}: {error} {read()[:500]!r}") from None
        assert document["status"] == "success", document
        return document["data"]


def numbers(vectors: Sequence[Vector]) -> list[float]:
    """Return all values that are numbers."""
    return [value for vector in vectors for value in vector.values if not math.isnan(value)]


@contextmanager
def prometheus(
    directory: Path,
    targets: Sequence[str] | Mapping[str, Sequence[str]],
    metrics_path: str = "/metrics",
    rules: Mapping[str, str] | None = None,
) -> Iterator[Prometheus]:
    """Run a server that scrapes `targets` (host:port, by job or all as `video-router`), with its data in `directory`.

    `rules` are YAML texts by the names of their files.
    """
    program, port = require("prometheus"), _free_port()
    jobs = targets if isinstance(targets, Mapping) else {JOB: targets}
    config = directory / "prometheus.yml"
    timing = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    document = {
        "global": timing,
        "rule_files": list(rules or {}),
        "scrape_configs": [
            {"job_name": job, "metrics_path": metrics_path, "static_configs": [{"targets": list(each)}]}
            for job, each in jobs.items()
        ],
    }
    config.write_text(json.dumps(document))
    for name, text in (rules or {}).items():
        (directory / name).write_text(text)
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            _wait_until_ready(server, process, directory / "prometheus.log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(server: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urlopen(f"{server.url}/-/ready", timeout=2):  # noqa: S310
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"prometheus did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
