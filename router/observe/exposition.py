"""The page of all metrics. It is the library's to the byte; what never changes in a line is written once."""

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

_number: Final[Callable[[float], str]] = floatToGoString
_OPEN_METRICS: Final = "application/openmetrics-text"
_TYPES: Final = frozenset({"counter", "gauge", "histogram", "summary"})
# Label sets come and go with configurations.
_LINES_KEPT: Final = 20_000


class Exposition:
    """Renders a registry in the formats that Prometheus asks for, from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._beginnings: dict[tuple[str, ...], str] = {}

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Render all metrics as the Accept header wishes, with their content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):
            # A version that is no number: whoever cannot say what he wants gets plain text.
            encode, content_type = choose_encoder("")
        metrics = list(self._registry.collect())
        if not all(map(_is_plain, metrics)):
            return encode(self._registry), content_type
        if len(self._beginnings) > _LINES_KEPT:
            self._beginnings.clear()
        if content_type.startswith(_OPEN_METRICS):
            return self._rendered(metrics, _open_head, _with_exemplar) + b"# EOF\n", content_type
        return self._rendered(metrics, _text_head, _without_exemplar), content_type

    def _rendered(self, metrics: list[Metric], head: Callable[[Metric], str], ending: Callable[[Sample], str]) -> bytes:
        known, texts = self._beginnings, list[str]()
        for metric in metrics:
            texts.append(head(metric))
            for sample in metric.samples:
                key = (sample.name, *sample.labels.values())
                beginning = known.get(key)
                if beginning is None:
                    beginning = known[key] = _beginning(sample)
                texts += (beginning, _number(sample.value), ending(sample) if sample.exemplar else "\n")
        return "".join(texts).encode()


def _is_plain(metric: Metric) -> bool:
    """Whether it is of a kind that the router has; what else is registered is left to the library."""
    return (
        metric.type in _TYPES
        and not metric.unit
        and all(sample.timestamp is None and sample.native_histogram is None for sample in metric.samples)
    )


def _text_head(metric: Metric) -> str:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    words = metric.documentation.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {words}\n# TYPE {name} {metric.type}\n"


def _open_head(metric: Metric) -> str:
    return f"# HELP {metric.name} {_escaped(metric.documentation)}\n# TYPE {metric.name} {metric.type}\n"


def _beginning(sample: Sample) -> str:
    return f"{sample.name}{_braced(sample.labels) if sample.labels else ''} "


def _without_exemplar(_sample: Sample) -> str:
    return "\n"


def _with_exemplar(sample: Sample) -> str:
    match sample.exemplar:
        case Exemplar(labels=labels, value=value, timestamp=None):
            return f" # {_braced(labels)} {_number(value)}\n"
        case Exemplar(labels=labels, value=value, timestamp=timestamp):
            return f" # {_braced(labels)} {_number(value)} {timestamp}\n"
        case _:
            return "\n"


def _braced(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
