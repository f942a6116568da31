"""A request for which the memory is too small is answered by 503, and the requests after it as before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

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
