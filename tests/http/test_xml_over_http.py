"""XML over HTTP: whatever is answered in JSON is answered in XML, and may be asked in it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.core.model import Document
from terminology.http.media import JSON, XML, negotiated
from terminology.wire import json, xml
from terminology.wire.fhir_versions import RELEASES
from tests.support.builders import body_of
from tests.support.engine import catalogue_of
from tests.support.paths import ROOT
from tests.tools import xml_elements

R4, R5 = RELEASES["r4"], RELEASES["r5"]

CATS = "http://example.org/CodeSystem/cats"
DOGS = "http://example.org/CodeSystem/dogs"
SYSTEM: Document = {
    "resourceType": "CodeSystem",
    "id": "cats",
    "meta": {"versionId": "7", "profile": ["http://example.org/p"]},
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Cats &amp; more</p></div>',
    },
    "url": CATS,
    "version": "2.0",
    "name": "Cats",
    "status": "active",
    "caseSensitive": True,
    "content": "complete",
    "property": [{"code": "mass", "type": "decimal"}],
    "concept": [
        {
            "code": "cat",
            "display": 'The "cat" <&>\n\tsits',
            "designation": [{"language": "de", "value": "Katze"}],
            "concept": [{"code": "tabby", "property": [{"code": "mass", "valueDecimal": json.read("4.50")}]}],
        }
    ],
}
MAP: Document = {
    "resourceType": "ConceptMap",
    "id": "cats-to-dogs",
    "url": "http://example.org/ConceptMap/cats-to-dogs",
    "status": "active",
    "group": [
        {
            "source": CATS,
            "target": DOGS,
            "element": [{"code": "cat", "target": [{"code": "dog", "relationship": "related-to"}]}],
        }
    ],
}
VALUES: Document = {
    "resourceType": "ValueSet",
    "id": "all-cats",
    "url": "http://example.org/ValueSet/all-cats",
    "status": "active",
    "compose": {"include": [{"system": CATS}]},
}


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    given = Settings(environment={}, largest_body=3_000_000)
    return create_app(given, catalogue=catalogue_of([SYSTEM, MAP, VALUES])).test_client()


def spoken(response: TestResponse, release: str, status: int = 200) -> Document:
    """The resource of an answer, which must be XML."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/fhir+xml; charset=utf-8"
    return xml.read_resource(response.data, RELEASES[release])


# -- negotiation ---------------------------------------------------------------------------------

WANTED = {
    "application/fhir+xml": XML,
    "application/xml": XML,
    "text/xml": XML,
    "application/xml+fhir": XML,
    "application/fhir+xml; charset=utf-8": XML,
    "application/fhir+xml;fhirVersion=5.0": XML,
    "application/fhir+xml;q=0.9, application/fhir+json": JSON,
    "application/fhir+json;q=0.5, application/fhir+xml;q=0.6": XML,
    "application/xml;q=0.9, */*;q=0.8": XML,
    "*/*, application/fhir+xml": XML,
    "application/fhir+json;q=0, */*": XML,
    "application/fhir+xml;q=0, */*": JSON,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": JSON,
    "application/fhir+xml;fhirVersion=4.0, application/fhir+json;fhirVersion=5.0;q=0.1": JSON,
    "*/*": JSON,
    "application/*": JSON,
    "": JSON,
}


@pytest.mark.parametrize(("accept", "media"), WANTED.items(), ids=WANTED)
def test_the_format_that_is_wanted_most_is_answered(accept: str, media: str) -> None:
    assert negotiated(accept, None, R5) == media


@pytest.mark.parametrize("format_", ["xml", "application/fhir+xml", "text/xml", "application/fhir xml"])
def test_format_overrides_accept(format_: str) -> None:
    assert negotiated(JSON, format_, R5) == XML


@pytest.mark.parametrize("accept", ["", "*/*", "application/*"])
def test_who_takes_any_format_is_answered_in_that_of_the_body(accept: str) -> None:
    assert negotiated(accept, None, R5, sent="application/fhir+xml; charset=utf-8") == XML
    assert negotiated(accept, None, R5, sent="application/x-www-form-urlencoded") == JSON


# -- over HTTP -----------------------------------------------------------------------------------

ASKED = [
    "metadata",
    "metadata?mode=terminology",
    "CodeSystem",
    "CodeSystem?url=http://example.org/none",
    "CodeSystem?_summary=true",
    "CodeSystem/cats",
    "CodeSystem/cats?_elements=url",
    "CodeSystem/cats/_history/7",
    "ConceptMap/cats-to-dogs",
    "ValueSet/all-cats",
    f"CodeSystem/$lookup?system={CATS}&code=cat",
    f"CodeSystem/$lookup?system={CATS}&code=tabby&property=*",
    f"ConceptMap/$translate?url={MAP['url']}&system={CATS}&code=cat",
    f"ConceptMap/$translate?url={MAP['url']}&system={CATS}&code=tabby",
    f"CodeSystem/$subsumes?system={CATS}&codeA=cat&codeB=tabby",
    f"CodeSystem/$validate-code?url={CATS}&code=cat&display=Dog",
    f"ValueSet/$validate-code?url={VALUES['url']}&system={CATS}&code=tabby",
    "ValueSet/all-cats/$expand",
    f"ValueSet/$expand?url={VALUES['url']}&property=mass&includeDesignations=true&filter=cat",
]
MOMENTARY = ("identifier", "timestamp")  # of an expansion
FAILING = [
    ("CodeSystem/none", 404),
    ("Patient/x", 404),
    ("nothing/at/all", 404),
    (f"CodeSystem/$lookup?system={CATS}&code=none", 404),
    ("CodeSystem/$lookup", 400),
    ("CodeSystem/$none", 404),
    ("CodeSystem?_summary=nonsense", 400),
]


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize(("path", "status"), [*((path, 200) for path in ASKED), *FAILING])
def test_the_answer_in_XML_is_the_answer_in_JSON(
    http: FlaskClient, release: str, path: str, status: int
) -> None:
    url = f"/fhir/{release}/{path}"
    in_json = http.get(url, headers={"Accept": "application/fhir+json"})
    in_xml = http.get(url, headers={"Accept": "application/fhir+xml"})
    expected = json.read_resource(in_json.data)
    assert (in_json.status_code, in_json.headers.get("ETag")) == (status, in_xml.headers.get("ETag"))
    found = spoken(in_xml, release, status)
    for document in (found, expected):
        for name in MOMENTARY if document["resourceType"] == "ValueSet" and "expansion" in document else ():
            assert document["expansion"].pop(name)
    assert found == expected


def test_format_and_pretty_go_together(http: FlaskClient) -> None:
    response = http.get("/fhir/r5/CodeSystem/cats?_format=xml&_pretty=true")
    assert spoken(response, "r5")["url"] == CATS
    assert b"\n  <url" in response.data


def test_a_conditional_read_and_a_HEAD_have_no_body(http: FlaskClient) -> None:
    headers = {"Accept": "application/fhir+xml"}
    head = http.head("/fhir/r5/CodeSystem/cats", headers=headers)
    assert (head.status_code, head.data) == (200, b"")
    assert head.content_type == "application/fhir+xml; charset=utf-8"
    again = http.get("/fhir/r5/CodeSystem/cats", headers={**headers, "If-None-Match": head.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/nowhere", "/fhir/r5/nothing", "/fhir/r5/CodeSystem/none"])
def test_an_error_comes_in_the_format_asked_for_wherever_it_arises(http: FlaskClient, path: str) -> None:
    found = spoken(http.get(path, headers={"Accept": "application/fhir+xml"}), "r5", 404)
    assert found["resourceType"] == "OperationOutcome" and found["issue"][0]["details"]["text"]
    assert spoken(http.get(f"{path}?_format=xml"), "r5", 404) == found
    assert http.get(path).get_json() == found


def test_a_method_that_is_not_allowed_is_said_in_XML(http: FlaskClient) -> None:
    response = http.delete("/fhir/r5/CodeSystem/cats", headers={"Accept": "application/fhir+xml"})
    assert spoken(response, "r5", 405)["resourceType"] == "OperationOutcome"
    assert "Allow" in response.headers


def test_an_unknown_format_is_406_and_the_answer_names_JSON_and_XML(http: FlaskClient) -> None:
    """A format that cannot be written is 406, and the answer names the two that can be."""
    response = http.get("/fhir/r5/CodeSystem/cats", headers={"Accept": "text/turtle"})
    assert (response.status_code, response.content_type) == (406, "application/fhir+json; charset=utf-8")
    said = response.get_json()["issue"][0]["details"]["text"]
    assert "application/fhir+json" in said and "application/fhir+xml" in said


def post(
    http: FlaskClient, path: str, body: Document | bytes, release: str = "r5", **options: Any
) -> TestResponse:
    data = body if isinstance(body, bytes) else xml.write(body, RELEASES[release])
    options.setdefault("content_type", "application/fhir+xml")
    return http.post(f"/fhir/{release}/{path}".rstrip("/"), data=data, **options)


LOOKUP = body_of({"name": "coding", "valueCoding": {"system": CATS, "code": "cat"}})


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize(
    "content_type",
    ["application/fhir+xml; charset=utf-8", "application/xml", "text/xml", "application/xml+fhir"],
)
def test_a_body_of_any_XML_type_is_read_and_answered_in_XML(
    http: FlaskClient, release: str, content_type: str
) -> None:
    answer = spoken(post(http, "CodeSystem/$lookup", LOOKUP, release, content_type=content_type), release)
    assert {"name": "display", "valueString": SYSTEM["concept"][0]["display"]} in answer["parameter"]


def test_a_body_in_one_format_may_be_answered_in_the_other(http: FlaskClient) -> None:
    response = post(http, "CodeSystem/$lookup", LOOKUP, headers={"Accept": "application/json"})
    assert response.get_json()["resourceType"] == "Parameters"
    url = "/fhir/r5/CodeSystem/$lookup"
    sent = http.post(url, json=LOOKUP, headers={"Accept": "text/xml"})
    assert spoken(sent, "r5") == response.get_json()


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_resources_may_travel_with_a_request_in_XML(http: FlaskClient, release: str) -> None:
    own = {**SYSTEM, "url": "http://example.org/own", "version": "1", "id": "own"}
    bystander = {"resourceType": "Patient", "id": "p", "active": True}
    body = body_of(
        {"name": "system", "valueUri": "http://example.org/own"},
        {"name": "code", "valueCode": "tabby"},
        {"name": "property", "valueCode": "mass"},
        {"name": "tx-resource", "resource": bystander},
        {"name": "tx-resource", "resource": own},
    )
    content = post(http, "CodeSystem/$lookup", body, release).data
    assert b'<valueDecimal value="4.50"/>' in content


def test_the_map_itself_may_be_the_body_and_is_read_as_its_release_has_it(http: FlaskClient) -> None:
    own = R4.downgrade({**MAP, "url": "http://example.org/own", "id": "own"})
    path = f"ConceptMap/$translate?system={CATS}&code=cat"
    answer = spoken(post(http, path, own, "r4"), "r4")
    assert {"name": "result", "valueBoolean": True} in answer["parameter"]
    refused = spoken(post(http, path, xml.write(own, R4), "r5"), "r5", 400)
    assert "has no element 'equivalence' in FHIR R5" in refused["issue"][0]["details"]["text"]


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_batch_in_XML_is_answered_in_XML(http: FlaskClient, release: str) -> None:
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": "GET", "url": "CodeSystem/cats"}},
            {"resource": LOOKUP, "request": {"method": "POST", "url": "CodeSystem/$lookup"}},
            {"request": {"method": "GET", "url": "CodeSystem/none"}},
        ],
    }
    answer = spoken(post(http, "", batch, release), release)
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["200", "200", "404"]
    assert answer["entry"][0]["resource"]["url"] == CATS
    assert answer["entry"][2]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert answer == http.post(f"/fhir/{release}", json=batch).get_json()


@pytest.mark.parametrize(
    "content", ["<!DOCTYPE p [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><p>&e;</p>", "<Parameters", "{}"]
)
def test_a_body_that_is_refused_is_an_outcome_in_XML(http: FlaskClient, content: str) -> None:
    found = spoken(post(http, "CodeSystem/$lookup", content.encode()), "r5", 400)
    assert found["resourceType"] == "OperationOutcome"


def test_a_body_too_large_or_in_another_charset_is_refused_as_in_JSON(http: FlaskClient) -> None:
    """A body in XML that is too large or in another charset is refused as in JSON."""
    spoken(post(http, "CodeSystem/$lookup", b"<a>" * 2_000_000), "r5", 413)
    spoken(post(http, "CodeSystem/$lookup", LOOKUP, content_type="text/xml; charset=latin-1"), "r5", 415)
    spoken(post(http, "CodeSystem/$lookup", LOOKUP, content_type="text/xml; fhirVersion=4.0"), "r5", 415)


def test_XML_is_advertised(http: FlaskClient) -> None:
    formats = http.get("/fhir/r5/metadata").get_json()["format"]
    assert {"application/fhir+xml", "xml"} <= set(formats)


# -- other judges --------------------------------------------------------------------------------


def schema_of_r5() -> Path:
    """HL7's XML schema, which comes with the definitions of R5; skips the test when it cannot be had."""
    try:
        folder: Path = xml_elements.package("r5")
    except (RuntimeError, FileNotFoundError) as problem:
        pytest.skip(f"the definitions cannot be had: {problem}")
    return folder / "xml" / "fhir-single.xsd"


def answers(http: FlaskClient, release: str) -> Iterator[bytes]:
    """What is written of all that is asked above, and of all that is published."""
    for path in [*ASKED, *(path for path, _ in FAILING)]:
        yield http.get(f"/fhir/{release}/{path}", headers={"Accept": XML}).data
    for file in sorted((ROOT / "fhir_bundles" / release).glob("*.json")):
        yield xml.write(json.read_resource(file.read_bytes()), RELEASES[release])


def test_what_we_write_holds_to_the_XML_schema(http: FlaskClient) -> None:
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(schema_of_r5()))
    for content in answers(http, "r5"):
        schema.assertValid(etree.fromstring(content))
    with pytest.raises(etree.DocumentInvalid):
        schema.assertValid(etree.fromstring(xml.write(SYSTEM, R5).replace(b"concept>", b"group>")))


@pytest.mark.parametrize(("release", "package"), [("r4", "fhir.resources.R4B"), ("r5", "fhir.resources")])
def test_the_models_read_what_we_write(http: FlaskClient, release: str, package: str) -> None:
    pytest.importorskip("lxml.etree")
    for content in answers(http, release):
        kind = ElementTree.fromstring(content).tag.rpartition("}")[2]
        module = importlib.import_module(f"{package}.{kind.lower()}")
        model = getattr(module, kind).model_validate_xml(content)
        assert model.get_resource_type() == kind
