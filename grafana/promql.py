"""PromQL over the router's own catalogue of metrics: a name or a label that does not exist cannot be written."""

from collections.abc import Iterable
from dataclasses import dataclass

from grafana.rules.promql import JUDGED
from router.observe import families as f
from router.observe.families import Family, MetricKind

INTERVAL = "$__rate_interval"
RANGE = "$__range"
SUCCEEDED = 'outcome="succeeded"'
# An attempt without a stage did not fail: its job had its video from an earlier one meanwhile, or was cancelled.
FAILED = 'outcome!="succeeded", stage!="none"'
# What Prometheus and the process's own collector say of a router is no family of its catalogue.
UP = "up"
# Their buckets keep the trace of what fell into them last.
TRACED = (f.HTTP_DURATION, f.JOB_DURATION, f.FAILED_ATTEMPT_DURATION, f.FAILED_ATTEMPT_PROGRESS)
FIRING = "ALERTS"
_MATCHERS = {
    "provider": 'provider=~"$provider"',
    "from_provider": 'from_provider=~"$provider"',
    "model": 'model=~"$model"',
}
_ROUTERS = ('job=~"$job"', 'instance=~"$instance"')


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables that a dashboard has beside job and instance; its queries keep to what they select."""

    variables: tuple[str, ...] = ()

    def selector(self, family: Family, *matchers: str, suffix: str = "") -> str:
        """Select a metric for the variables' values; `matchers` are further ones, such as `kind="duplicate"`."""
        chosen = [_MATCHERS[label] for label in family.labels if label.removeprefix("from_") in self.variables]
        return _selected(f"{family.full_name}{suffix}", *chosen, *matchers)

    def rate(self, family: Family, by: str, *matchers: str, suffix: str = "") -> str:
        return f"sum by ({by}) (rate({self.selector(family, *matchers, suffix=suffix)}[{INTERVAL}]))"

    def increase(self, family: Family, by: str, *matchers: str, window: str = INTERVAL, suffix: str = "") -> str:
        return f"sum by ({by}) (increase({self.selector(family, *matchers, suffix=suffix)}[{window}]))"

    def judged_rate(self, by: str) -> str:
        """Count the attempts whose end tells of their provider: of those that were left behind none is known."""
        return f"sum by ({by}) ({self._judged('rate', INTERVAL)})"

    def judged_increase(self, by: str, window: str) -> str:
        """Count them over a window."""
        return f"sum by ({by}) ({self._judged('increase', window)})"

    def _judged(self, function: str, window: str) -> str:
        return " or ".join(f"{function}({self.selector(f.ATTEMPTS, matcher)}[{window}])" for matcher in JUDGED)

    def quantile(self, share: float, family: Family, by: str, *matchers: str, window: str = INTERVAL) -> str:
        """Estimate a quantile; where nothing was observed there is no answer rather than NaN."""
        if family.kind is not MetricKind.HISTOGRAM:
            raise ValueError(f"{family.name} is no histogram")
        kept = f"le, {by}" if by else "le"
        buckets = f"rate({self.selector(family, *matchers, suffix='_bucket')}[{window}])"
        return f"histogram_quantile({share}, sum by ({kept}) ({buckets})) >= 0"

    def mean(self, family: Family, by: str) -> str:
        return ratio(self.rate(family, by, suffix="_sum"), self.rate(family, by, suffix="_count"))

    def total(self, family: Family, by: str, *matchers: str) -> str:
        return f"sum by ({by}) ({self.selector(family, *matchers)})"

    def most(self, family: Family, by: str, *matchers: str) -> str:
        """Take the highest value: for what each replica says of itself or of what all of them share."""
        return f"max by ({by}) ({self.selector(family, *matchers)})"

    def least(self, family: Family, by: str, *matchers: str) -> str:
        """Take the lowest value: the most careful of what replicas believe."""
        return f"min by ({by}) ({self.selector(family, *matchers)})"

    def age(self, family: Family, by: str) -> str:
        """Tell how long ago a timestamp's earliest moment was; 0 stands for no moment."""
        return f"time() - min by ({by}) ({self.selector(family)} > 0)"


def is_traced(expression: str) -> bool:
    """Whether a query is of buckets that keep traces."""
    return any(f"{family.full_name}_bucket{{" in expression for family in TRACED)


ROUTER = Scope()
PROVIDER = Scope(("provider",))
OFFERING = Scope(("provider", "model"))


def about_target(name: str) -> str:
    """Select what a scrape says beside the router's own metrics, such as `up` or `process_open_fds`."""
    return _selected(name)


def firing(alerts: Iterable[str]) -> str:
    """Select those of the named alerts that fire now; one about the absence of everything has no job."""
    return f'{FIRING}{{alertstate="firing", job=~"$job|", alertname=~"{"|".join(alerts)}"}}'


def ratio(part: str, whole: str) -> str:
    """Divide; where the whole is 0 there is no answer rather than NaN."""
    return f"{part} / ({whole} > 0)"


def share(part: str, whole: str, ignoring: str) -> str:
    """Divide many by one: `ignoring` are the labels that only the part has."""
    return f"{part} / ignoring ({ignoring}) group_left () ({whole} > 0)"


def hourly(rate: str) -> str:
    return f"{rate} * 3600"


def _selected(name: str, *matchers: str) -> str:
    return f"{name}{{{', '.join((*_ROUTERS, *matchers))}}}"
