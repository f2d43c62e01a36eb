"""What a Prometheus' alerts were in the course of time, with their annotations as people got them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.prometheus import Prometheus


@dataclass(slots=True)
class SeenAlert:
    """One alert as Prometheus told it over time, its last state `inactive` when it is over."""

    name: str
    labels: Mapping[str, str]
    states: list[str] = field(default_factory=list)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def became(self, state: str) -> None:
        if not self.states or self.states[-1] != state:
            self.states.append(state)


class AlertWatch:
    """Looks at a Prometheus' alerts all the time, and keeps every state that each was in."""

    def __init__(self, server: Prometheus, patience_s: float) -> None:
        self._server = server
        self.patience_s = patience_s
        self._seen: dict[tuple[tuple[str, str], ...], SeenAlert] = {}

    async def run(self) -> None:
        while True:
            now = await asyncio.to_thread(self._server.alerts)
            keys = {tuple(sorted(each["labels"].items())): each for each in now}
            for key, each in keys.items():
                labels = each["labels"]
                seen = self._seen.setdefault(key, SeenAlert(labels["alertname"], labels))
                seen.became(each["state"])
                seen.annotations = each["annotations"]
            for key, seen in self._seen.items():
                if key not in keys:
                    seen.became("inactive")
            await asyncio.sleep(0.2)

    def of(self, alert: str, /, **labels: str) -> list[SeenAlert]:
        wanted = {"alertname": alert, **labels}
        return [each for each in self._seen.values() if wanted.items() <= each.labels.items()]

    async def until(self, state: str, alert: str, /, **labels: str) -> None:
        """Wait until one such alert is in a state now."""
        give_up_at = time.monotonic() + self.patience_s
        while not any(each.states[-1] == state for each in self.of(alert, **labels)):
            assert time.monotonic() < give_up_at, f"{alert} {labels} is not {state}"
            await asyncio.sleep(0.1)

    @property
    def all(self) -> list[SeenAlert]:
        return list(self._seen.values())
