"""Spans of requests, as a collector of OpenTelemetry gets them from a service that runs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.builders import code_system
from tests.support.collector import Collector, attributes, collecting
from tests.support.paths import ROOT
from tests.support.service import GET, LOOKUP, PATIENCE, begun, head, serving, status, until
from tests.support.upstreams import upstreams_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SIZES = "http://example.org/sizes"
LOOK_UP_A_SIZE = f"/fhir/r5/CodeSystem/$lookup?system={SIZES}&code=s"


def variables(collector: Collector | str, **others: str) -> str:
    """A program that sets the variables of OpenTelemetry: spans are sent soon."""
    address = collector if isinstance(collector, str) else collector.address
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "100", **others}
    return f"import os; os.environ.update({named!r})"


def request(path: str, *headers: str) -> bytes:
    return head("GET", path, "Connection: close", *headers) + b"\r\n"


def only(spans: list[Span]) -> Span:
    (span,) = spans
    return span


def test_a_request_is_a_span_with_operation_release_and_status() -> None:
    with collecting() as collector, serving("--tracing", program=variables(collector)) as service:
        for _ in range(3):  # by the application, and as a prepared request
            assert status(service.ask(request(LOOKUP, "X-Request-Id: mine"))) == 200
        until(lambda: len(collector.called("CodeSystem/$lookup")) == 3)
        for span in collector.spans:
            assert attributes(span) == {
                "http.request.method": "GET",
                "http.response.status_code": 200,
                "url.path": "/fhir/r4/CodeSystem/$lookup",
                "url.scheme": "http",
                "terminology.operation": "CodeSystem/$lookup",
                "terminology.release": "R4",
                "terminology.request_id": "mine",
            }
            assert span.kind == Span.SPAN_KIND_SERVER
            assert span.parent_span_id == b""
            assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < PATIENCE * 10**9
        assert len({span.trace_id for span in collector.spans}) == 3
        assert collector.resources[0]["service.name"] == "fhir-terminology-adapter"


def test_a_span_has_no_codes_and_no_texts_unless_they_are_asked_for() -> None:
    for options in ([], ["--log-queries"]):
        with (
            collecting() as collector,
            serving("--tracing", *options, program=variables(collector)) as service,
        ):
            service.ask(request(LOOKUP.replace("code=de", "code=xyzzy&access_token=eyJhbGciOi")))
            until(lambda: collector.spans)  # noqa: B023
            assert ("xyzzy" in str(collector.spans[0])) == bool(options)
            assert "eyJhbGciOi" not in str(collector.spans[0])


def test_a_fault_of_the_service_is_an_error_and_a_refusal_is_none() -> None:
    fault = (
        "from dataclasses import replace\n"
        "from terminology.wire.operation_table import OPERATIONS\n"
        "OPERATIONS['CodeSystem', 'lookup'] = replace(OPERATIONS['CodeSystem', 'lookup'], run=lambda *_: 1 / 0)"
    )
    with collecting() as collector:
        program = f"{variables(collector)}\n{fault}"
        with serving("--tracing", "--largest-body", "10", program=program) as service:
            assert status(service.ask(request(LOOKUP))) == 500
            assert status(service.ask(request("/fhir/r4/CodeSystem/none"))) == 404
            large = head("POST", "/fhir/r4", "Content-Length: 11", "Content-Type: application/fhir+json")
            assert status(service.ask(large + b"\r\n" + b"x" * 11)) == 413
            until(lambda: len(collector.spans) == 3)
    found = {attributes(span)["http.response.status_code"]: span for span in collector.spans}
    assert {number: span.status.code for number, span in found.items()} == {
        500: Status.STATUS_CODE_ERROR,
        404: Status.STATUS_CODE_UNSET,
        413: Status.STATUS_CODE_UNSET,
    }
    assert attributes(found[500])["error.type"] == "500"


def test_paths_that_clients_invent_make_no_names_and_probes_no_spans() -> None:
    with collecting() as collector, serving("--tracing", program=variables(collector)) as service:
        service.ask(request("/healthz"))
        service.ask(request("/readyz"))
        service.ask(head("BREW", "/fhir/r4/$coffee", "Connection: close") + b"\r\n")
        until(lambda: collector.spans)
        span = only(collector.spans)
        assert span.name == "other"
        assert attributes(span)["http.request.method"] == "_OTHER"


@pytest.mark.parametrize(
    "headers, is_taken",
    [
        ({"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=a"}, True),
        ({"traceparent": f"00-{TRACE}-{PARENT}-zz"}, False),
        ({"traceparent": f"00-{'0' * 32}-{PARENT}-01"}, False),
        ({"tracestate": "=,=,,=;"}, False),
    ],
)
def test_the_trace_of_a_client_is_taken_over_if_it_is_one(headers: Mapping[str, str], is_taken: bool) -> None:
    with collecting() as collector, serving("--tracing", program=variables(collector)) as service:
        lines = [f"{name}: {text}" for name, text in headers.items()]
        assert status(service.ask(request(LOOKUP, *lines))) == 200
        until(lambda: collector.spans)
        span = only(collector.spans)
        assert (span.trace_id.hex() == TRACE) == is_taken
        assert span.parent_span_id.hex() == (PARENT if is_taken else "")
        assert span.trace_state == ("vendor=a" if is_taken else "")


def test_a_client_that_takes_no_sample_gets_none() -> None:
    with collecting() as collector, serving("--tracing", program=variables(collector)) as service:
        service.ask(request(LOOKUP, f"traceparent: 00-{TRACE}-{PARENT}-00"))
        service.ask(GET)
        until(lambda: collector.spans)
        assert only(collector.spans).trace_id.hex() != TRACE


def test_a_trace_goes_on_in_an_upstream_that_is_asked(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "sizes.json").write_text(json.dumps(code_system(SIZES, "s")))
    with collecting() as collector:
        upstream_program = variables(collector, OTEL_SERVICE_NAME="upstream")
        program = variables(collector, OTEL_RESOURCE_ATTRIBUTES="service.name=here,deployment=a")
        with serving("--tracing", "--content", str(content), program=upstream_program) as upstream:
            file = upstreams_file(
                tmp_path,
                {"name": "far", "base": f"http://127.0.0.1:{upstream.port}/fhir/r5", "canonicals": [SIZES]},
            )
            with serving("--tracing", "--upstreams", str(file), program=program) as service:
                asked = request(LOOK_UP_A_SIZE, f"traceparent: 00-{TRACE}-{PARENT}-01")
                assert status(service.ask(asked)) == 200
                until(lambda: len(collector.called("CodeSystem/$lookup")) == 2)
    # The first question is for the release that the upstream speaks.
    question = collector.called("upstream far")[-1]
    assert question.kind == Span.SPAN_KIND_CLIENT
    first, second = sorted(
        collector.called("CodeSystem/$lookup"), key=lambda span: span.parent_span_id.hex() != PARENT
    )
    assert first.parent_span_id.hex() == PARENT
    assert question.parent_span_id == first.span_id
    assert second.parent_span_id == question.span_id
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert {resource["service.name"] for resource in collector.resources} == {"upstream", "here"}


def test_an_upstream_that_is_away_is_an_error_in_the_trace(tmp_path: Path) -> None:
    file = upstreams_file(
        tmp_path, {"name": "far", "base": "http://127.0.0.1:9/fhir/r5", "canonicals": [SIZES]}
    )
    with collecting() as collector:
        with serving("--tracing", "--upstreams", str(file), program=variables(collector)) as service:
            assert status(service.ask(request(LOOK_UP_A_SIZE))) == 503
            until(lambda: len(collector.spans) >= 2)
        question = collector.called("upstream far")[0]
        assert question.status.code == Status.STATUS_CODE_ERROR
        assert attributes(question) == {"peer.service": "far", "error.type": "503"}


def test_a_service_that_is_told_to_end_sends_the_spans_that_wait() -> None:
    with collecting() as collector:
        program = variables(collector, OTEL_BSP_SCHEDULE_DELAY="3600000")
        with serving("--tracing", program=program) as service:
            service.ask()
            service.process.terminate()
            assert service.ended()[0] == 0
        assert len(collector.spans) == 1


def test_a_collector_that_is_away_delays_nothing_and_is_told_of_once(tmp_path: Path) -> None:
    log = tmp_path / "errors"
    with collecting() as collector, log.open("w") as errors:
        collector.status = 400
        with serving("--tracing", program=variables(collector), stderr=errors) as service:
            for number in range(3):
                assert status(service.ask()) == 200
                until(lambda: collector.refused > number)  # noqa: B023
            collector.status = 200
            service.ask()
            until(lambda: collector.spans)
            until(lambda: "takes spans again" in log.read_text())
            service.process.terminate()
            assert service.ended()[0] == 0
    lines = [line for line in log.read_text().splitlines() if "OpenTelemetry" in line]
    assert len(lines) == 2
    assert "warning the collector of OpenTelemetry does not take spans, they are lost: " in lines[0]
    assert "400" in lines[0]


def test_a_service_ends_in_time_though_its_collector_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        program = variables(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with serving("--tracing", "--stop-timeout", "30", program=program) as service:
            assert status(service.ask()) == 200
            service.process.terminate()
            assert service.process.wait(25) == 0


def test_nothing_of_OpenTelemetry_is_imported_without_the_setting() -> None:
    code = (
        "import sys\n"
        "from terminology import Settings, create_app\n"
        "app = create_app(Settings(bundled=False, access_log='/dev/null'))\n"
        f"assert app.test_client().get({LOOKUP!r}).status_code == 200\n"
        "assert not any(name.partition('.')[0] == 'opentelemetry' for name in sys.modules)\n"
        "assert 'terminology.http.tracing' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    "program, problem",
    [
        (
            "import sys; sys.modules['opentelemetry'] = None",
            "Error: 'tracing' needs the package opentelemetry.context: in the checkout, pip install '.[otel]'; "
            "with a wheel, pip install 'WHEEL[otel]'",
        ),
        (
            variables("http://127.0.0.1:1", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"),
            "Error: 'tracing' speaks http/protobuf alone, and OTEL_EXPORTER_OTLP_PROTOCOL is grpc",
        ),
        (
            variables("http://127.0.0.1:1", OTEL_BSP_MAX_QUEUE_SIZE="0"),
            "Error: 'tracing' cannot begin with the variables OTEL_…: max_queue_size must be a positive integer.",
        ),
    ],
)
def test_tracing_that_cannot_begin_is_refused_in_one_line(program: str, problem: str) -> None:
    process = begun("--port", "0", "--tracing", program=program, stderr=subprocess.PIPE)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert said == f"{problem}\n"
