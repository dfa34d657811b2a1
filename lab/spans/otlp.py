"""Spans as OTLP has them (protobuf over HTTP), by OpenTelemetry's own packages: an extra."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from lab.spans.span import Span
from mail.errors import UserError

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

SERVICE: Final = "mtalab"
_NS: Final = 1_000_000_000


class NoTraces(UserError):
    """OpenTelemetry's packages are not installed."""


def need_opentelemetry() -> None:
    """Raises NoTraces where the extra is not installed."""
    try:
        import opentelemetry.exporter.otlp.proto.common.trace_encoder
        import opentelemetry.sdk.trace  # noqa: F401 - only whether they are there
    except ImportError:
        raise NoTraces(
            "traces need OpenTelemetry, which is not installed",
            remedy="pip install 'mtalab[traces]'",
        ) from None


def encoded(spans: Sequence[Span], lab: str) -> bytes:
    """The body of a request that tells a collector of these spans.

    Raises:
        NoTraces: OpenTelemetry's packages are not installed.
    """
    need_opentelemetry()
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.resources import Resource

    resource = Resource(
        {
            "service.name": SERVICE,
            "service.version": version("mtalab"),
            "service.instance.id": lab,
        }
    )
    body: bytes = encode_spans([_readable(each, resource) for each in spans]).SerializeToString()
    return body


def refused_of(answer: bytes) -> tuple[int, str]:
    """How many spans a collector would not have, and why, from its answer."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    found = ExportTraceServiceResponse()
    try:
        found.ParseFromString(answer)
    except DecodeError:
        return 0, ""  # it took them, and says so in a way of its own
    return found.partial_success.rejected_spans, found.partial_success.error_message


def _readable(span: Span, resource: "Resource") -> "ReadableSpan":
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(number: int) -> SpanContext:
        sampled = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(span.trace_id, number, is_remote=False, trace_flags=sampled)

    return ReadableSpan(
        span.name,
        context(span.span_id),
        None if span.parent_id is None else context(span.parent_id),
        resource,
        dict(span.attributes),
        [Event(each.name, dict(each.attributes), _ns(each.at)) for each in span.events],
        kind=SpanKind.CLIENT if span.is_remote_call else SpanKind.INTERNAL,
        status=Status(StatusCode.UNSET if span.error is None else StatusCode.ERROR, span.error),
        start_time=_ns(span.begin),
        end_time=_ns(span.end),
        instrumentation_scope=InstrumentationScope(SERVICE, version("mtalab")),
    )


def _ns(at: float) -> int:
    return round(at * _NS)
