"""The tracer provider that the standard OTEL_* environment variables ask for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

_OTLP_MODULES: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
}
_INSTALLS: Final = {
    "http/protobuf": "pip install 'video-router[otlp]'",
    "grpc": "pip install opentelemetry-exporter-otlp-proto-grpc",
}
# What the SDK names a service that nobody has named.
_UNNAMED: Final = "unknown_service"


class TracingError(ValueError):
    """The environment asks for tracing that cannot be had; the message says what to change."""


def tracer_provider(environment: Mapping[str, str]) -> TracerProvider | None:
    """Build what OTEL_TRACES_EXPORTER names (none, console, otlp; none when unset); raises TracingError.

    The SDK itself reads OTEL_TRACES_SAMPLER and its argument, the resource's attributes and the exporter's endpoint,
    headers and limits from the environment; the sampler it takes when none is named follows the caller's decision.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    names = [name.strip() for name in environment.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    exporters = [_exporter(name, environment) for name in names if name != "none"]
    if not exporters:
        return None
    # Whoever stops the router sends the last spans and does not wait for ever, as the SDK's own hook would.
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _resource() -> Resource:
    found = Resource.create()
    if str(found.attributes[SERVICE_NAME]).startswith(_UNNAMED):
        return found.merge(Resource({SERVICE_NAME: "video-router"}))
    return found


def _exporter(name: str, environment: Mapping[str, str]) -> SpanExporter:
    match name:
        case "console":
            return ConsoleSpanExporter(formatter=lambda span: span.to_json(indent=None) + "\n")
        case "otlp":
            return _otlp_exporter(environment)
        case _:
            raise TracingError(f"OTEL_TRACES_EXPORTER={name[:32]!r} is not known; use none, console or otlp")


def _otlp_exporter(environment: Mapping[str, str]) -> SpanExporter:
    protocol = environment.get(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    )
    if protocol not in _OTLP_MODULES:
        raise TracingError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol[:32]!r} is not known; use {' or '.join(_OTLP_MODULES)}"
        )
    try:
        build: Callable[[], SpanExporter] = import_module(_OTLP_MODULES[protocol]).OTLPSpanExporter
    except ImportError:
        raise TracingError(
            f"OTEL_TRACES_EXPORTER=otlp over {protocol} needs another package: {_INSTALLS[protocol]}, "
            "or use none or console"
        ) from None
    try:
        return build()
    except Exception as error:  # noqa: BLE001 - whatever it does not like, there are no traces
        # Its words may quote what the variables hold, a collector's key among them.
        raise TracingError(
            f"OTEL_TRACES_EXPORTER=otlp: an OTEL_EXPORTER_OTLP_* variable cannot be used ({type(error).__name__})"
        ) from None
