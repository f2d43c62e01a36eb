"""Asks Prometheus what a panel would ask it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

_TIMEOUT_S = 30


class QueryError(Exception):
    """Prometheus refused a query; the text is its own."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series of an answer, values beside their wall seconds."""

    labels: Mapping[str, str]
    times: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        return self.values[-1]

    @property
    def shown(self) -> bool:
        """Whether there is a number in it."""
        return any(math.isfinite(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Source:
    """A Prometheus, and the range that is looked at."""

    url: str
    start: float
    end: float

    @property
    def range_s(self) -> float:
        return self.end - self.start

    def now(self, expression: str) -> list[Series]:
        """Evaluate at the end of the range."""
        found = self._post("query", query=expression, time=self.end)
        if found["resultType"] == "scalar":
            return [_series({}, [found["result"]])]
        return [_series(each["metric"], [each["value"]]) for each in found["result"]]

    def over_time(self, expression: str, step_s: float) -> list[Series]:
        """Evaluate at every step of the range."""
        found = self._post("query_range", query=expression, start=self.start, end=self.end, step=step_s)
        return [_series(each["metric"], each["values"]) for each in found["result"]]

    def _post(self, path: str, **parameters: object) -> dict[str, Any]:
        request = Request(f"{self.url.rstrip('/')}/api/v1/{path}", data=urlencode(parameters).encode())  # noqa: S310
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the operator names the address
                data: dict[str, Any] = json.load(answer)["data"]
        except HTTPError as error:
            raise QueryError(f"{parameters['query']}: {error.read(500).decode(errors='replace')}") from None
        return data


def _series(labels: Mapping[str, str], points: list[Any]) -> Series:
    return Series(labels, tuple(float(at) for at, _ in points), tuple(float(value) for _, value in points))
