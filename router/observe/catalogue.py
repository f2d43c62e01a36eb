"""The metrics as a page for people: `python -m router.observe.catalogue > router/observe/METRICS.md`."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from router.core.events import BreakerKind, BreakerState, ExchangeResult, Operation
from router.core.reporting import DurationClass
from router.observe import families as f
from router.observe import labels
from router.observe.families import FAMILIES, Family
from router.observe.labels import NONE, OTHER, SUCCEEDED, AmbiguousResolution, JobOutcome, UncertainResolution


def _words(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(word) for group in groups for word in group))


_CLOSED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "breaker": _words(BreakerKind),
        "code": _words(sorted(labels.CODE_OF.values()), (OTHER,)),
        "duration_class": _words(DurationClass),
        "kind": _words(labels.COST_KINDS),
        "method": _words(sorted(labels.METHODS), (OTHER,)),
        "on_time": labels.ON_TIME,
        "operation": _words(Operation),
        "outcome": _words(labels.ATTEMPT_OUTCOMES, (OTHER,)),
        "reason": _words(sorted(labels.REASONS), (OTHER,)),
        "result": _words(ExchangeResult),
        "scope": labels.BUDGET_SCOPES,
        "sink": _words(labels.SINKS, (OTHER,)),
        "stage": _words(sorted(labels.STAGES), (OTHER,)),
        "state": _words(BreakerState),
    }
)
_CLOSED_OF: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        (f.JOBS_FINISHED.name, "outcome"): _words(JobOutcome),
        (f.STAGE_DURATION.name, "stage"): labels.TIMED_STAGES,
        (f.BREAKER_TRANSITIONS.name, "state"): labels.BREAKER_MOVES,
        (f.DECISIONS.name, "reason"): labels.DECISION_REASONS,
        (f.ROUTED_COST.name, "reason"): _words(labels.DECISION_REASONS, (OTHER,)),
        (f.UNKNOWN_ERRORS.name, "stage"): labels.UNKNOWN_ERROR_STAGES,
        (f.FAILED_POLLS.name, "reason"): labels.POLL_REASONS,
        (f.PROVIDER_OUT.name, "reason"): labels.OUT_REASONS,
        (f.PROVIDER_OUTAGE.name, "reason"): labels.OUTAGE_REASONS,
        (f.AMBIGUOUS_SUBMITS.name, "resolution"): _words(AmbiguousResolution),
        (f.UNCERTAIN_SETTLED.name, "resolution"): _words(UncertainResolution),
        (f.CONFIG_RELOADS.name, "result"): labels.RELOADS,
        (f.WEBHOOKS.name, "result"): labels.WEBHOOKS,
        (f.MIRROR_OPERATIONS.name, "operation"): labels.MIRROR_OPERATIONS,
    }
)
_OPEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "caller": "the first callers of the configuration, `other`",
        "digest": "12 hexadecimal digits",
        "family": "metrics that may fold",
        "from_provider": "providers of the configuration, `other`",
        "model": "models of the configuration, `other`",
        "name": "providers and callers of the configuration",
        "offering": "offerings of the configuration that have an end",
        "provider": f"providers of the configuration, `{OTHER}`, `{NONE}`",
        "route": "templates of the front door's routes, `unmatched`, `other`",
        "seconds": "durations of the configuration",
        "size": "sizes of the configuration, the longer side first",
        "to_provider": "providers of the configuration, `other`",
        "version": "the running version",
    }
)
_LISTED_MAX: Final = 100
_UNITS: Final = (
    ("usd_per_second", "USD per second"),
    ("timestamp_seconds", "seconds since the epoch"),
    ("seconds", "seconds"),
    ("ratio", "0 to 1"),
    ("usd", "USD"),
)


def closed_values(family: Family, label: str) -> tuple[str, ...] | None:
    """Return the words that a label can be, None for one whose words come from the configuration or the process."""
    return _CLOSED_OF.get((family.name, label), _CLOSED.get(label))


def unit(family: Family) -> str:
    """Name a metric's unit, which its name ends with; a plain count has none."""
    name = family.name.removesuffix("_total")
    return next((words for suffix, words in _UNITS if name.endswith(suffix)), "")


def page() -> str:
    """Return the Markdown of the page."""
    rows = [_row(family) for family in FAMILIES]
    words = [f"| `{label}` | {text} |" for label, text in sorted(_label_rows().items())]
    return "\n".join([*_HEAD, *rows, "", *_LABELS_HEAD, *words, ""])


def _row(family: Family) -> str:
    bounds = f" Buckets to {', '.join(f'{bound:g}' for bound in family.buckets)}." if family.buckets else ""
    named = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.full_name}` | {family.kind} | {unit(family)} | {named} | {family.documentation}{bounds} |"


def _label_rows() -> dict[str, str]:
    found = {label: _listed(values) for label, values in _CLOSED.items()} | dict(_OPEN)
    for (name, label), values in _CLOSED_OF.items():
        found[f"{label}` of `{name}"] = _listed(values)
    return found


def _listed(values: Sequence[str]) -> str:
    """List words; the HTTP statuses, which are many, by the first and the last."""
    shown = values if len(values) < _LISTED_MAX else (f"{values[0]} to {values[-2]}", values[-1])
    return ", ".join(f"`{value}`" for value in shown)


_HEAD: Final = (
    "# Metrics",
    "",
    "Made by `python -m router.observe.catalogue > router/observe/METRICS.md` from `families.py` and `labels.py`.",
    f"Attempts and jobs have outcomes of their own: an attempt that failed may belong to a job that `{SUCCEEDED}`.",
    "",
    "| metric | type | unit | labels | what it is |",
    "|---|---|---|---|---|",
)
_LABELS_HEAD: Final = (
    "## Labels",
    "",
    "No other word ever becomes one. What an upstream or a caller says is `other` unless it is in its list.",
    "",
    "| label | values |",
    "|---|---|",
)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - this is what it is for
