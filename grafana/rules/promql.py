"""PromQL of rules over the catalogue of metrics: without a dashboard's variables, and with labels checked."""

import re
from typing import Final

from router.observe.families import Family, MetricKind

# All attempts but those that were left behind: whose job had its video from an earlier one meanwhile, or was cancelled.
JUDGED: Final = ('outcome!="late"', 'stage!="none"')


def series(family: Family, *matchers: str, suffix: str = "") -> str:
    """Select a metric; `matchers` are such as `kind="duplicate"`, of labels that it has."""
    for matcher in matchers:
        _check(family, re.split(r"[=!]", matcher)[0])
    chosen = f"{{{', '.join(matchers)}}}" if matchers else ""
    return f"{family.full_name}{suffix}{chosen}"


def increase(family: Family, by: str, window: str, *matchers: str, suffix: str = "") -> str:
    """Count what was added in a window, over all series of `by`."""
    return total(f"increase({series(family, *matchers, suffix=suffix)}[{window}])", by)


def total(expression: str, by: str) -> str:
    return f"sum by ({by}) ({expression})"


def ratio(part: str, whole: str) -> str:
    """Divide; where the whole is 0 there is no answer rather than NaN."""
    return f"{part}\n/\n({whole} > 0)"


def share_over(family: Family, by: str, bound: float, window: str, *matchers: str) -> str:
    """Say which share of a histogram's observations was over a bound, which has to be one of its buckets'."""
    if family.kind is not MetricKind.HISTOGRAM or bound not in family.buckets:
        raise ValueError(f"{family.name} has no bucket at {bound}; it has {family.buckets}")
    within = increase(family, by, window, *matchers, f'le="{float(bound)}"', suffix="_bucket")
    return f"1 - {ratio(within, increase(family, by, window, *matchers, suffix='_count'))}"


def _check(family: Family, label: str) -> None:
    known = (*family.labels, *(("le",) if family.kind is MetricKind.HISTOGRAM else ()))
    if label not in known:
        raise ValueError(f"{family.name} has no label {label!r}; it has: {', '.join(known) or 'none'}")
