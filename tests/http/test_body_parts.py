"""Bodies of millions of tiny parts: refused before they are read."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from terminology.http.media import JSON, XML
from terminology.wire import json
from terminology.wire.exchange import FORM

SIZE = 9_000_000


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize(
    ("media", "part", "text"),
    [
        (JSON, "{},", "at most 1,000,000 are allowed in JSON"),
        (JSON, '"",', "at most 1,000,000 are allowed in JSON"),
        (XML, "<parameter/>", "at most 500,000 are allowed in XML"),
        (FORM, "a=&", "at most 10,000 are allowed in a form"),
        (FORM, "%41", "at most 500,000 are allowed in a form"),
    ],
)
def test_a_body_of_too_many_parts_is_refused_unread(
    client: FlaskClient, release: str, media: str, part: str, text: str
) -> None:
    body = part * (SIZE // len(part))
    answer = client.post(
        f"/fhir/{release}/ValueSet/$expand", data=body, content_type=media, headers={"Accept": JSON}
    )
    assert answer.status_code == 413
    (issue,) = json.read(answer.data)["issue"]
    assert issue["code"] == "too-costly"
    assert text in issue["details"]["text"]


def test_a_code_system_of_a_hundred_thousand_codes_is_read(client: FlaskClient) -> None:
    concepts = [{"code": f"c{n}", "display": f"The concept {n}"} for n in range(100_000)]
    system = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/s",
        "status": "active",
        "content": "complete",
        "concept": concepts,
    }
    parameters = [
        {"name": "tx-resource", "resource": system},
        {"name": "url", "valueUri": "http://example.org/s"},
        {"name": "code", "valueCode": "c99999"},
    ]
    body = json.write({"resourceType": "Parameters", "parameter": parameters})
    answer = client.post("/fhir/r5/CodeSystem/$validate-code", data=body, content_type=JSON)
    assert answer.status_code == 200
    assert "The concept 99999" in answer.text
