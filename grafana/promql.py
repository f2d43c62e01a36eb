"""PromQL over the router's own catalogue of metrics: a name or a label that does not exist cannot be written."""

from router.observe.families import Family, MetricKind

RANGE = "$__range"
SUCCEEDED = 'outcome="succeeded"'
# Every query keeps to what the dashboard's variables select.
_VARIABLES = {
    "job": 'job=~"$job"',
    "instance": 'instance=~"$instance"',
    "provider": 'provider=~"$provider"',
    "from_provider": 'from_provider=~"$provider"',
    "model": 'model=~"$model"',
}


def selector(family: Family, *matchers: str, suffix: str = "") -> str:
    """Select a metric for the variables' values; `matchers` are further ones, such as `kind="duplicate"`."""
    chosen = [written for label, written in _VARIABLES.items() if label in ("job", "instance", *family.labels)]
    return f"{family.full_name}{suffix}{{{', '.join((*chosen, *matchers))}}}"


def rate(family: Family, by: str, *matchers: str, suffix: str = "") -> str:
    return f"sum by ({by}) (rate({selector(family, *matchers, suffix=suffix)}[$__rate_interval]))"


def increase(family: Family, by: str, *matchers: str, window: str = "$__rate_interval") -> str:
    return f"sum by ({by}) (increase({selector(family, *matchers)}[{window}]))"


def quantile(share: float, family: Family, by: str, *matchers: str, window: str = "$__rate_interval") -> str:
    if family.kind is not MetricKind.HISTOGRAM:
        raise ValueError(f"{family.name} is no histogram")
    buckets = selector(family, *matchers, suffix="_bucket")
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({buckets}[{window}])))"


def mean(family: Family, by: str) -> str:
    return ratio(rate(family, by, suffix="_sum"), rate(family, by, suffix="_count"))


def total(family: Family, by: str, *matchers: str) -> str:
    return f"sum by ({by}) ({selector(family, *matchers)})"


def ratio(part: str, whole: str) -> str:
    """Divide; where the whole is 0 there is no answer rather than NaN."""
    return f"{part} / ({whole} > 0)"


def share(part: str, whole: str, ignoring: str) -> str:
    """Divide many by one: `ignoring` is the label that only the part has."""
    return f"{part} / ignoring ({ignoring}) group_left () ({whole} > 0)"
