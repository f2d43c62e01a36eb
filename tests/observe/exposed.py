"""What metrics expose, as tests ask for it."""

from collections.abc import Iterable

from router.core.events import Event
from router.core.reporting import ReportingSettings
from router.observe.families import PREFIX
from router.observe.metrics import Metrics
from tests.observe import scenes

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(metrics: Metrics) -> Samples:
    return {
        (sample.name.removeprefix(f"{PREFIX}_"), frozenset(sample.labels.items())): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }


def changes(metrics: Metrics, events: Iterable[Event]) -> dict[str, float]:
    """What events change, as `name{label=value,...}`; buckets are left out."""
    before = samples(metrics)
    for event in events:
        metrics.listeners.hear(event)
    after = samples(metrics)
    found = {}
    for (name, values), value in after.items():
        if value != before.get((name, values), 0.0) and not name.endswith("_bucket"):
            written = ",".join(f"{label}={value}" for label, value in sorted(values))
            found[f"{name}{{{written}}}" if written else name] = round(value - before.get((name, values), 0.0), 9)
    return found


def value(metrics: Metrics, name: str, **wanted: str) -> float:
    return sum(
        value
        for (found, values), value in samples(metrics).items()
        if found == name and wanted.items() <= dict(values).items()
    )


def metrics_of(providers: int = 2) -> Metrics:
    metrics = Metrics(scenes.catalog_of(providers))
    metrics.use(scenes.catalog_of(providers), ReportingSettings(), ["studio"], 100, 3600.0)
    return metrics
