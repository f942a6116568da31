"""The memory of a request comes back, and one for which the memory is too small is answered by 503."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest

from terminology import Settings, create_app
from tests.support.builders import body_of, code_system, concept, tx_resource, value_set

# -- what comes back -----------------------------------------------------------------------------

LARGE = 50_000
GENDER = "http://hl7.org/fhir/administrative-gender"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
SYSTEMS = (GENDER, "http://unitsofmeasure.org", "urn:ietf:bcp:47", "urn:ietf:bcp:13", "http://loinc.org")
HEADERS = (
    *(
        "ACCEPT",
        "ACCEPT_LANGUAGE",
        "AUTHORIZATION",
        "CONTENT_TYPE",
        "FORWARDED",
        "HOST",
        "IF_NONE_MATCH",
        "PREFER",
    ),
    *("X_CACHE_ID", "X_REQUEST_ID", "X_TOO_COSTLY_THRESHOLD"),
)

Parts = dict[str, Any]


def requests_with(text: str) -> Iterator[tuple[str, Parts]]:
    """Requests that have a text in every place; some are answered and some refused."""
    for system in SYSTEMS:
        yield "CodeSystem/$lookup", {"system": system, "code": text}
        yield "CodeSystem/$validate-code", {"url": system, "code": text}
        yield "CodeSystem/$subsumes", {"system": system, "codeA": text, "codeB": "male"}
    for name in ("version", "displayLanguage", "property", "unknown"):
        yield "CodeSystem/$lookup", {"system": GENDER, "code": "male", name: text}
    yield "CodeSystem/$lookup", {"system": text, "code": "male"}
    for url in (text, f"http://snomed.info/sct?fhir_vs=ecl/{text}", f"http://loinc.org/vs/{text}"):
        yield "ValueSet/$expand", {"url": url}
    for name in ("filter", "system-version", "useSupplement", "displayLanguage"):
        yield "ValueSet/$expand", {"url": GENDERS, name: text}
    yield "ValueSet/$validate-code", {"url": GENDERS, "system": GENDER, "code": text, "display": text}
    yield "ConceptMap/$translate", {"system": GENDER, "code": text, "url": text}
    yield "$closure", {"name": text}


def resources_with(text: str) -> Iterator[Parts]:
    """A code system and value sets that have a text in every place."""
    properties = [{"code": "p", "type": "string"}, {"code": text, "type": text}]
    values = [
        {"code": "p", f"valueA{text}": "x"},
        {"code": "p", "valueString": text},
        {"code": text, "valueCode": text},
    ]
    yield code_system("urn:x", concept("a", text, property=values), text, property=properties)
    for property_, op in (("p", "regex"), ("p", "="), (text, "exists")):
        include = {"system": "urn:x", "filter": [{"property": property_, "op": op, "value": text}]}
        yield value_set("urn:vs", include)


def ask(
    app: Any, path: str, query: str = "", body: Parts | None = None, headers: Parts | None = None
) -> None:
    """A request without a client that keeps the URLs it has sent."""
    content = json.dumps(body).encode() if body is not None else b""
    environ = {
        "REQUEST_METHOD": "GET" if body is None else "POST",
        "PATH_INFO": f"/fhir/r4/{path}",
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(content),
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": "application/fhir+json",
    }
    list(app(environ | (headers or {}), lambda status, headers, problem=None: None))


def send(app: Any, text: str) -> None:
    """Each request with a text of its own, so that nothing is found again."""
    texts = (f"{text}{number}" + "x" * LARGE for number in range(1_000))
    for path, values in requests_with(next(texts)):
        nodes = [{"name": name, "valueString": value} for name, value in values.items()]
        ask(app, path, body=body_of(*nodes))
        ask(app, path, urlencode(values))
    for header in HEADERS:
        name = header if header == "CONTENT_TYPE" else f"HTTP_{header}"
        ask(app, "CodeSystem/$lookup", f"system={GENDER}&code=male", headers={name: f"text/{next(texts)}"})
    long = next(texts)
    for query in (f"url={long}", f"_id={long}", f"{long}=1"):
        ask(app, "CodeSystem", query)
        entry = {
            "request": {"method": "GET", "url": f"CodeSystem?{query}"},
            "fullUrl": f"http://localhost/{long}",
        }
        ask(app, "", body={"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    system, *value_sets = resources_with(next(texts))
    lookup = body_of(tx_resource(system), system={"valueUri": "urn:x"}, code={"valueCode": "a"})
    ask(app, "CodeSystem/$lookup", body=lookup)
    for value_set_ in value_sets:
        sent = body_of(tx_resource(system), {"name": "valueSet", "resource": value_set_})
        ask(app, "ValueSet/$expand", body=sent)


def test_the_memory_of_large_requests_comes_back() -> None:
    app = create_app(Settings(environment={}))
    send(app, "first")
    ask(app, "metadata")  # its bytes are kept, which are those of no request
    gc.collect()
    tracemalloc.start()
    try:
        send(app, "second")
        ask(app, "metadata")
        gc.collect()
        kept, most = tracemalloc.get_traced_memory()
        largest = max(trace.size for trace in tracemalloc.take_snapshot().traces)
    finally:
        tracemalloc.stop()
    assert most > 2 * LARGE
    assert largest < LARGE, "no text is kept"
    assert kept < 20 * LARGE


# -- what there is no memory for -----------------------------------------------------------------

# The process may take so many bytes more than it has when the request comes.
ASK = """
import json, logging, resource, sys
from terminology import Settings, create_app

log = []
handler = logging.Handler()
handler.emit = lambda record: log.append([record.getMessage(), record.exc_info is not None])
logging.getLogger("terminology").addHandler(handler)
many = {"resourceType": "CodeSystem", "url": "urn:many", "status": "active", "content": "complete",
        "concept": [{"code": f"code-{number}", "display": f"Display of {number}"} for number in range(60_000)]}
from terminology.catalogue.content import Content
client = create_app(Settings(environment={}, largest_expansion=1_000_000), catalogue=Content([many])).test_client()
lookup = "/fhir/r4/CodeSystem/$lookup?system=urn:many&code=code-7"
assert client.get(lookup).status_code == 200
compose = {"include": [{"system": "urn:many"}]}
value_set = {"resourceType": "ValueSet", "url": "urn:vs", "status": "active", "compose": compose}
node = {"name": "valueSet", "resource": value_set}
operation = sys.argv[1]
requests = {
    "expand": ("/fhir/r4/ValueSet/$expand", {"resourceType": "Parameters", "parameter": [node]}),
    "batch": ("/fhir/r4", {"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "POST", "url": "ValueSet/$expand"},
         "resource": {"resourceType": "Parameters", "parameter": [node]}}]}),
    "body": ("/fhir/r4/ValueSet/$expand", {"resourceType": "Parameters", "parameter": [
        {"name": "tx-resource", "resource": many}, node]}),
    "xml": ("/fhir/r4/ValueSet/$expand?_format=xml", {"resourceType": "Parameters", "parameter": [node]}),
}
url, body = requests[operation]
body = json.dumps(body)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + int(sys.argv[2]), -1))
answer = client.post(url, data=body, content_type="application/fhir+json")
status, headers, text = answer.status_code, dict(answer.headers), answer.text
again = client.get(lookup).status_code
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(json.dumps([status, headers.get("Retry-After"), text[:2000], again, log]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is bounded on Linux alone")
@pytest.mark.parametrize("operation", ["expand", "batch", "body", "xml"])
def test_a_full_memory_is_503_and_not_a_dead_worker(operation: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ASK, operation, "12000000"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    status, retry_after, text, again, log = json.loads(ran.stdout)
    outcome: dict[str, Any] = json.loads(text) if operation != "xml" else {}
    if operation == "batch":
        assert status == 200
        [entry] = outcome["entry"]
        outcome, status = entry["response"]["outcome"], int(entry["response"]["status"][:3])
    else:
        assert retry_after == "5"
    assert status == 503
    if operation == "xml":
        assert "<OperationOutcome" in text and "does not have enough memory" in text
    else:
        assert outcome["issue"][0]["code"] == "transient"
        assert "does not have enough memory" in outcome["issue"][0]["details"]["text"]
    assert again == 200
    [[line, has_traceback]] = [row for row in log if "memory" in row[0]]
    assert line.endswith(": the memory is full") and not has_traceback
