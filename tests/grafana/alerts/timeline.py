"""Series over time and what alerts make of them, in the words of `promtool test rules`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

JOB: Final = "video-router"
ROUTER: Final = "a:9091"
RUNBOOK: Final = "grafana/README.md#"
# A restart: counters begin at 0 again.
RESET: Final = None


class Kind(StrEnum):
    """What a check shows of an alert. Every alert has each of them."""

    FIRES = "fires"
    QUIET = "is quiet when all is well"
    FEW = "is quiet when little happens"
    RESET = "is not misled by a restart"
    RECOVERS = "ends when the trouble does"


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing alert with all of its labels; a description without figures is taken from its rule."""

    severity: str
    labels: Mapping[str, str]
    summary: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What an alert is to be like at a moment, in steps of its timeline. `window` tells burn rates apart."""

    kind: Kind
    alert: str
    step: int
    firing: tuple[Firing, ...] = ()
    windows: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Series with a sample at each step, and checks along the way."""

    says: str
    series: Mapping[str, str]
    checks: Sequence[Check]
    step_m: int = 1

    def document(self, rules: "Mapping[tuple[str, str], dict[str, Any]]") -> dict[str, Any]:
        """Write it as promtool wants it; `rules` are the alerting rules by name and window."""
        return {
            "name": self.says,
            "interval": f"{self.step_m}m",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "alert_rule_test": [
                {
                    "eval_time": f"{check.step * self.step_m}m",
                    "alertname": check.alert,
                    "exp_alerts": [_expected(check.alert, each, rules) for each in check.firing],
                }
                for check in self.checks
            ],
        }


def page(labels: Mapping[str, str], summary: str, description: str | None = None) -> Firing:
    return Firing("page", labels, summary, description)


def ticket(labels: Mapping[str, str], summary: str, description: str | None = None) -> Firing:
    return Firing("ticket", labels, summary, description)


def fires(alert: str, step: int, *firing: Firing) -> Check:
    return Check(Kind.FIRES, alert, step, firing)


def quiet(alert: str, step: int) -> Check:
    return Check(Kind.QUIET, alert, step)


def few(alert: str, step: int) -> Check:
    return Check(Kind.FEW, alert, step)


def reset(alert: str, step: int, *firing: Firing) -> Check:
    return Check(Kind.RESET, alert, step, firing)


def recovers(alert: str, step: int) -> Check:
    return Check(Kind.RECOVERS, alert, step)


def counter(*segments: tuple[float, int] | None, start: float = 0) -> str:
    """Count up from `start` by so much a step, for so many steps, and so on; RESET begins at 0 again."""
    values = [start]
    for segment in segments:
        if segment is RESET:
            values.append(0)
            continue
        (by, steps), before = segment, values[-1]
        values.extend(before + by * (number + 1) for number in range(steps))
    return _line(values)


def gauge(*segments: tuple[float, int]) -> str:
    """Hold each value for so many steps."""
    return _line([value for value, steps in segments for _ in range(steps)])


def gone(before: str, steps: int) -> str:
    """Have no sample for so many steps, after what was before."""
    return " ".join([before, "stale", *["_"] * (steps - 1)])


def by_provider(provider: str = "p0", **labels: str) -> dict[str, str]:
    return {"job": JOB, "provider": provider, **labels}


def by_router(instance: str = ROUTER, **labels: str) -> dict[str, str]:
    return {"job": JOB, "instance": instance, **labels}


def series(metric: str, instance: str = ROUTER, **labels: str) -> str:
    """Name a series of a router; a metric without prefix is one of the catalogue's."""
    name = metric if metric in ("up", "process_start_time_seconds") else f"video_router_{metric}"
    matched = ", ".join(f'{label}="{value}"' for label, value in by_router(instance, **labels).items())
    return f"{name}{{{matched}}}"


def _line(values: Sequence[float]) -> str:
    return " ".join(f"{value:.10g}" for value in values)


def _expected(alert: str, firing: Firing, rules: "Mapping[tuple[str, str], dict[str, Any]]") -> dict[str, Any]:
    told = rules[(alert, firing.labels.get("window", ""))]["annotations"]
    description = told["description"] if firing.description is None else firing.description
    return {
        "exp_labels": {"severity": firing.severity, **firing.labels},
        "exp_annotations": {
            "summary": firing.summary,
            "description": description,
            "runbook": f"{RUNBOOK}{alert.lower()}",
            "dashboard": told["dashboard"],
        },
    }
