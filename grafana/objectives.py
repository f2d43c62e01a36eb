"""What is promised, and what shares are green: the dashboards' thresholds."""

from collections.abc import Callable
from dataclasses import dataclass

from grafana.panels import Levels
from grafana.promql import ROUTER, SUCCEEDED, ratio
from grafana.rules import slo
from router.observe import families as f

BUDGET_WINDOW = "30d"
# Six times too fast empties a month's budget in five days: somebody has to act.
_BURN_ACT = 6.0
_CREATES = ('route="/v1/videos"', 'method="POST"')


@dataclass(frozen=True, slots=True)
class Objective:
    """A promised share; `parts` are the expressions of what was good and of all, over a window."""

    promised: float
    parts: Callable[[str], tuple[str, str]]

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.promised, 6)

    @property
    def levels(self) -> Levels:
        """Yellow where the budget is being overspent, red where it lasts days."""
        return Levels(self.promised, round(1 - _BURN_ACT * self.budget, 6), falling=True)

    def kept(self, window: str) -> str:
        # Increases are extrapolated: the part may come out a little over the whole.
        return f"clamp_max({ratio(*self.parts(window))}, 1)"

    def burn(self, window: str) -> str:
        """How many times too fast the budget is used: at 1 it lasts exactly its window."""
        return f"(1 - {self.kept(window)}) / {self.budget}"

    def left(self) -> str:
        return f"1 - (1 - {self.kept(BUDGET_WINDOW)}) / {self.budget}"


def _delivered(window: str) -> tuple[str, str]:
    # Kinds of failure appear with their first one, which `increase` cannot see: what counts is the other counter's sum.
    counted = ROUTER.increase(f.JOBS_ON_TIME, "", window=window)
    return ROUTER.increase(f.JOBS_FINISHED, "", SUCCEEDED, window=window), counted


def _on_time(window: str) -> tuple[str, str]:
    on_time = ROUTER.increase(f.JOBS_ON_TIME, "", 'on_time="true"', window=window)
    return on_time, ROUTER.increase(f.JOBS_ON_TIME, "", window=window)


def _accepting(window: str) -> tuple[str, str]:
    creates = ROUTER.increase(f.HTTP_REQUESTS, "", *_CREATES, window=window)
    good = ROUTER.increase(f.HTTP_REQUESTS, "", *_CREATES, 'code!~"5.."', window=window)
    # Codes have no series before they were answered: without any good one the share is 0, not unknown.
    return f"({good} or 0 * {creates})", creates


DELIVERED = Objective(slo.DELIVERED.promised, _delivered)
ON_TIME = Objective(slo.ON_TIME.promised, _on_time)
ACCEPTING = Objective(0.999, _accepting)

BURN_LEVELS = Levels(1, _BURN_ACT)
LEFT_LEVELS = Levels(0.25, 0, falling=True)
