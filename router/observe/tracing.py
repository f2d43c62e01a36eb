"""The tracer provider that the standard OTEL_* environment variables ask for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

_OTLP_MODULES: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
}
_PACKAGES: Final = {
    "http/protobuf": "opentelemetry-exporter-otlp-proto-http",
    "grpc": "opentelemetry-exporter-otlp-proto-grpc",
}


class TracingError(ValueError):
    """The environment asks for tracing that cannot be had; the message says what to change."""


def tracer_provider(environment: Mapping[str, str]) -> TracerProvider | None:
    """Build what OTEL_TRACES_EXPORTER names (none, console, otlp; none when unset); raises TracingError.

    The SDK itself reads OTEL_TRACES_SAMPLER and its argument, the service's name and the exporter's endpoint from the
    environment; the sampler it takes when none is named follows the caller's decision.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    names = [name.strip() for name in environment.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    exporters = [_exporter(name, environment) for name in names if name != "none"]
    if not exporters:
        return None
    service = {} if "OTEL_SERVICE_NAME" in environment else {SERVICE_NAME: "video-router"}
    provider = TracerProvider(resource=Resource.create(service))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(name: str, environment: Mapping[str, str]) -> SpanExporter:
    match name:
        case "console":
            return ConsoleSpanExporter()
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
        module = import_module(_OTLP_MODULES[protocol])
    except ImportError:
        raise TracingError(
            f"OTEL_TRACES_EXPORTER=otlp needs the package {_PACKAGES[protocol]}; install it, or use none or console"
        ) from None
    exporter: SpanExporter = module.OTLPSpanExporter()
    return exporter
