"""Spans of OpenTelemetry: one for each request, and one below it for each question to an upstream.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/

This module alone imports OpenTelemetry, and is imported only where ``tracing`` is set. A span has neither codes nor
texts, as a line of the access log. Spans wait in the memory, a bounded number of them, and are sent by a thread of the
SDK: a collector that is slow or away delays no answer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.util import Finalize
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from terminology.core import tracing
from terminology.core.errors import SettingError, UpstreamError
from terminology.core.software import VERSION
from terminology.http.common_headers import REQUEST_ID, STATUS
from terminology.http.outer_layers import OuterLayer, Writer
from terminology.http.targets import HEALTH, READINESS, RELEASE, target_of, without_credentials
from terminology.settings import Settings
from terminology.wire.request_headers import RequestHeader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The name of the service, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES has another one.
NAME = "fhir-terminology-adapter"
# The one protocol that is spoken here, and the variables that could name another.
PROTOCOL = "http/protobuf"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
# Seconds that a process which ends has for the spans that wait.
PATIENCE = 2
# The most characters of a query in a span, as in a line of the access log.
_LONGEST_QUERY = 2_000
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})
_HEADERS = [
    (header.value, header.wsgi_name) for header in (RequestHeader.TRACE_PARENT, RequestHeader.TRACE_STATE)
]
_PROPAGATOR = TraceContextTextMapPropagator()

log = logging.getLogger("terminology")


class _FirstMessage(logging.Handler):
    """The first message of the exporter about some spans: why the first attempt failed."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or record.getMessage()


class _ReportingExporter(SpanExporter):
    """Sends spans, and logs when they begin to be lost, and when they arrive again."""

    def __init__(self) -> None:
        self._exporter = OTLPSpanExporter()
        self._message = _FirstMessage()
        self._is_failing = False
        logger = logging.getLogger("opentelemetry.exporter")
        logger.handlers, logger.propagate = [self._message], False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._message.text = ""
        result = self._exporter.export(spans)
        is_failing = result is not SpanExportResult.SUCCESS
        if is_failing and not self._is_failing:
            log.warning(
                "the collector of OpenTelemetry does not take spans, they are lost: %s", self._message.text
            )
        elif self._is_failing and not is_failing:
            log.warning("the collector of OpenTelemetry takes spans again")
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def require_usable() -> None:
    """Raises SettingError for a variable of OpenTelemetry that cannot be used."""
    _processor().shutdown()  # type: ignore[no-untyped-call]


def _processor() -> BatchSpanProcessor:
    for variable in _PROTOCOLS:
        protocol = os.environ.get(variable, "").strip() or PROTOCOL
        if protocol != PROTOCOL:
            raise SettingError(f"'tracing' speaks {PROTOCOL} alone, and {variable} is {protocol}")
    try:
        return BatchSpanProcessor(_ReportingExporter())
    except ValueError as problem:
        raise SettingError(f"'tracing' cannot begin with the variables OTEL_…: {problem}") from None


class Tracing(Writer):
    """The spans of one application. For use by several threads."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingError for a variable of OpenTelemetry that cannot be used."""
        self._has_queries = settings.log_queries
        processor = _processor()
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("terminology", VERSION)
        super().__init__()
        Finalize(None, self.finish, exitpriority=0)

    def finish(self) -> None:
        """Send the spans that wait, if the collector takes them in time."""
        thread = Thread(target=self._provider.force_flush, daemon=True)
        thread.start()
        thread.join(PATIENCE)

    def begin(self, environ: WSGIEnvironment) -> _TracedRequest:
        """Begin the span of a request, in the trace that its headers name."""
        headers = {name: environ[key] for name, key in _HEADERS if key in environ}
        parent = _PROPAGATOR.extract(headers, Context())
        span = self._tracer.start_span("request", parent, SpanKind.SERVER)
        return _TracedRequest(self._tracer, span)

    def end(self, span: Span, environ: WSGIEnvironment) -> None:
        """End the span of a request that was answered."""
        if span.is_recording():
            method, status = environ["REQUEST_METHOD"], environ.get(STATUS, "500")[:3]
            target = target_of(method, environ["PATH_INFO"])
            span.update_name(target.interaction)
            span.set_attributes(
                {
                    "http.request.method": method if method in _METHODS else "_OTHER",
                    "http.response.status_code": int(status),
                    "url.path": target.path,
                    "url.scheme": environ["wsgi.url_scheme"],
                    "terminology.operation": target.interaction,
                    "terminology.release": environ.get(RELEASE) or target.release,
                    "terminology.request_id": environ.get(REQUEST_ID, ""),
                }
            )
            if self._has_queries and environ.get("QUERY_STRING"):
                query = without_credentials(environ["QUERY_STRING"])
                span.set_attribute("url.query", query[:_LONGEST_QUERY])
            if status[0] == "5":
                span.set_attribute("error.type", status)
                span.set_status(StatusCode.ERROR)
        span.end()


def _resource() -> Resource:
    """Who sends the spans. The variables of OpenTelemetry come before our own names."""
    variables = Resource.create()
    if str(variables.attributes[SERVICE_NAME]).startswith("unknown_service"):
        variables = variables.merge(Resource({SERVICE_NAME: NAME}))
    return Resource({SERVICE_VERSION: VERSION}).merge(variables)


class _TracedRequest(tracing.RequestTrace):
    def __init__(self, tracer: Tracer, span: Span) -> None:
        self.span = span
        self._tracer = tracer

    @contextmanager
    def question_to(self, server: str) -> Iterator[Mapping[str, str]]:
        context = set_span_in_context(self.span, Context())
        span = self._tracer.start_span(
            f"upstream {server}", context, SpanKind.CLIENT, {"peer.service": server}
        )
        headers = dict[str, str]()
        _PROPAGATOR.inject(headers, set_span_in_context(span, Context()))
        try:
            yield headers
        except UpstreamError as error:
            span.set_attribute("error.type", str(error.status))
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()


class Traced(OuterLayer):
    """The layer, around all others. Probes have no span."""

    def __init__(self, application: WSGIApplication, tracing_: Tracing) -> None:
        super().__init__(application)
        self._tracing = tracing_

    def around(self, application: WSGIApplication) -> Traced:
        return Traced(application, self._tracing)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in (HEALTH, READINESS):
            return self.application(environ, start_response)
        request = self._tracing.begin(environ)
        token = tracing.CURRENT.set(request)
        try:
            return self.application(environ, start_response)
        finally:
            tracing.CURRENT.reset(token)
            self._tracing.end(request.span, environ)
