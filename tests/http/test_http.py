"""HTTP as FHIR clients use it: negotiation, headers, reads, and every way to fail."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client, TestResponse

from terminology import Settings, create_app
from terminology.core.errors import UnavailableError
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.request_headers import RequestHeader
from tests.support.cats import CATS, SUPPLEMENT, URL
from tests.support.engine import catalogue_of
from tests.support.maps import MAPS

LOOKUP = f"/fhir/r4/CodeSystem/$lookup?system={URL}&code=cat"
PARAMETERS = {
    "resourceType": "Parameters",
    "parameter": [{"name": "coding", "valueCoding": {"system": URL, "code": "cat"}}],
}
ALL_CATS = {
    "resourceType": "ValueSet",
    "id": "all-cats",
    "url": f"{URL}/all",
    "status": "active",
    "compose": {"include": [{"system": URL}]},
}
DATED = {**CATS, "meta": {"lastUpdated": "2026-01-02T03:04:05Z"}}


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    settings = Settings(environment={}, data="", largest_body=100_000)
    return create_app(settings, catalogue=catalogue_of([DATED, SUPPLEMENT, ALL_CATS, *MAPS])).test_client()


def outcome(response: TestResponse, status: int) -> dict[str, Any]:
    """The one issue of an error. Every error is an OperationOutcome with a text, in JSON."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/fhir+json; charset=utf-8"
    body = response.get_json()
    assert body["resourceType"] == "OperationOutcome"
    (issue,) = body["issue"]
    assert issue["severity"] in ("error", "fatal") and issue["details"]["text"]
    return dict(issue)


# -- negotiation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/fhir+json",
        "application/fhir+json; charset=utf-8",
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+json;fhirVersion=4.0.1;q=0.9, text/html;q=0.1",
        "application/json+fhir",
        "text/json",
        "application/*",
    ],
)
def test_whatever_asks_for_JSON_gets_FHIR_JSON(http: FlaskClient, accept: str) -> None:
    response = http.get(LOOKUP, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.content_type == "application/fhir+json; charset=utf-8"


def test_format_overrides_accept_also_with_a_plus_lost_on_the_way(http: FlaskClient) -> None:
    for format_ in ("json", "application/fhir+json", "application%2Ffhir%2Bjson"):
        assert http.get(f"{LOOKUP}&_format={format_}", headers={"Accept": "image/png"}).status_code == 200


def test_a_format_that_cannot_be_written_is_406(http: FlaskClient) -> None:
    issue = outcome(http.get(LOOKUP, headers={"Accept": "image/png"}), 406)
    assert "application/fhir+json" in issue["details"]["text"]


def test_a_fhirVersion_that_a_root_does_not_speak_is_406_in_and_415_out(http: FlaskClient) -> None:
    outcome(http.get(LOOKUP, headers={"Accept": "application/fhir+json; fhirVersion=5.0"}), 406)
    response = http.post(
        "/fhir/r4/CodeSystem/$lookup",
        data=json.dumps(PARAMETERS),
        content_type="application/fhir+json; fhirVersion=5.0",
    )
    outcome(response, 415)


@pytest.mark.parametrize("root", ["r4", "r4b"])
@pytest.mark.parametrize("version", ["4.0", "4.0.1", "4.3", "4.3.0"])
def test_R4_and_R4B_are_one_family_in_Accept_and_Content_Type(
    http: FlaskClient, root: str, version: str
) -> None:
    stated = f"application/fhir+json; fhirVersion={version}"
    asked = LOOKUP.replace("/r4/", f"/{root}/")
    assert http.get(asked, headers={"Accept": stated}).status_code == 200
    answer = http.post(
        f"/fhir/{root}/CodeSystem/$lookup",
        data=json.dumps(PARAMETERS),
        content_type=stated,
        headers={"Accept": stated},
    )
    assert answer.status_code == 200
    metadata = http.get(f"/fhir/{root}/metadata", headers={"Accept": stated}).get_json()
    assert metadata["fhirVersion"].startswith(version), "which is the one that is asked for"
    assert metadata["implementation"]["url"].endswith(f"/fhir/{root}")
    outcome(http.get("/fhir/r5/metadata", headers={"Accept": stated}), 406)


@pytest.mark.parametrize(
    ("version", "answered"),
    [("4.0", "4.0.1"), ("4.3", "4.3.0"), ("5.0", "5.0.0"), ("5.0.0", "5.0.0"), (None, "4.0.1")],
)
def test_the_root_without_a_release_speaks_what_fhirVersion_asks_for(
    http: FlaskClient, version: str | None, answered: str
) -> None:
    accept = "application/fhir+json" + (f"; fhirVersion={version}" if version else "")
    assert http.get("/fhir/metadata", headers={"Accept": accept}).get_json()["fhirVersion"] == answered


@pytest.mark.parametrize(
    "content_type",
    ["application/fhir+json; charset=utf-8", "application/json", "application/fhir+json;charset=UTF-8", ""],
)
def test_a_body_of_any_JSON_type_is_read(http: FlaskClient, content_type: str) -> None:
    response = http.post(
        "/fhir/r5/CodeSystem/$lookup", data=json.dumps(PARAMETERS), content_type=content_type
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/fhir+json; charset=latin-1", "multipart/form-data"]
)
def test_a_body_that_cannot_be_read_is_415(http: FlaskClient, content_type: str) -> None:
    outcome(http.post("/fhir/r5/CodeSystem/$lookup", data="x=y", content_type=content_type), 415)


# -- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "not JSON"),
        ('{"a": 1, "a": 2}', "A JSON object has the key 'a' twice"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_00 + "]" * 100_00, "nested deeper"),
        ('{"a":' * 300 + "1" + "}" * 300, "nested deeper"),
        ("[]", "not an object"),
        ('{"a": 1e99999999999999999999999}', "a number that is too large"),
        ('{"a": ' + "9" * 5000 + "}", "does not fit into 64 bits"),
        ('{"a": 18446744073709551616}', "does not fit into 64 bits"),
        ('{"a": "\\ud800"}', "half a character"),
        (json.dumps({"system": URL, "code": "cat"}), "must be a Parameters resource"),
        (json.dumps({"resourceType": "Patient"}), "must be a Parameters resource, but is a Patient"),
        (json.dumps({"resourceType": [{"name": "x" * 300}]}), "resourceType must be a string"),
        (json.dumps({"resourceType": "Parameters", "parameter": {}}), "must be a list"),
        (json.dumps({"resourceType": "Parameters", "parameter": [{"valueCode": "cat"}]}), "with a 'name'"),
        (
            json.dumps({"resourceType": "Parameters", "parameter": [{"name": "code", "valueCoding": {}}]}),
            "'code' must be",
        ),
        (
            json.dumps({"resourceType": "Parameters", "parameter": [{"name": "code", "valueBoolean": True}]}),
            "'code' must be a text, in valueCode, valueUri or valueString, but is True",
        ),
        (
            json.dumps(
                {
                    "resourceType": "Parameters",
                    "parameter": [{"name": "displayLanguage", "valueCode": "xx!!"}],
                }
            ),
            "Invalid displayLanguage: 'xx!!'",
        ),
        (
            json.dumps(
                {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": [{}, {}]}]}
            ),
            "'coding' must be one Coding, in valueCoding, but its valueCoding is a list of 2",
        ),
    ],
)
def test_a_malformed_body_is_400_and_says_what_is_wrong(http: FlaskClient, body: str, said: str) -> None:
    response = http.post("/fhir/r4/CodeSystem/$lookup", data=body, content_type="application/fhir+json")
    assert said in outcome(response, 400)["details"]["text"]


def test_bytes_that_are_not_UTF_8_are_400(http: FlaskClient) -> None:
    response = http.post("/fhir/r4/CodeSystem/$lookup", data=b'{"a":"\xff"}', content_type="application/json")
    assert "not UTF-8" in outcome(response, 400)["details"]["text"]


def test_a_body_that_is_too_large_is_413(http: FlaskClient) -> None:
    response = http.post("/fhir/r4/CodeSystem/$lookup", data=b" " * 100_001, content_type="application/json")
    assert "100,000 bytes" in outcome(response, 413)["details"]["text"]


def test_the_place_of_a_bad_parameter_is_said(http: FlaskClient) -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "system", "valueUri": URL}, {"name": "date", "valueDate": "soon"}],
    }
    issue = outcome(http.post("/fhir/r4/CodeSystem/$lookup", json=body), 400)
    assert issue["expression"] == ["Parameters.parameter[1]"]


def test_a_value_that_a_client_could_not_type_is_read_as_text(http: FlaskClient) -> None:
    """fhirpath.js writes "undefined" for a parameter whose type it does not know."""
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "SYSTEM", "undefined": URL}, {"name": "code", "valueString": "cat"}],
    }
    assert http.post("/fhir/r4/CodeSystem/$lookup", json=body).status_code == 200


def test_a_map_may_be_the_body_itself_and_the_code_stand_in_the_url(http: FlaskClient) -> None:
    response = http.post("/fhir/r5/ConceptMap/$translate?sourceCode=plain", json=MAPS[0])
    assert response.get_json()["parameter"][0] == {"name": "result", "valueBoolean": True}
    outcome(http.post("/fhir/r5/ConceptMap/$translate", json=MAPS[0]), 400)


# -- routes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nowhere", 404, "nothing at"),
        ("GET", "/fhir/r4/nowhere", 404, "nothing at"),
        ("GET", "/fhir/r4/.well-known/smart-configuration", 404, "nothing at"),
        ("GET", "/fhir/r4/Patient/1", 404, "The resource type 'Patient' is not supported"),
        ("GET", "/fhir/r4/CodeSystem/nobody", 404, "no CodeSystem with the id 'nobody'"),
        ("GET", "/fhir/r4/CodeSystem/$nothing", 404, "Supported operations: "),
        ("GET", "/fhir/r4/$nothing", 404, "$nothing"),
        ("GET", "/fhir/r4/CodeSystem/cats/_history/0", 404, "no version '0'"),
        ("DELETE", "/fhir/r4/CodeSystem/cats", 405, "; use GET or HEAD"),
        ("PUT", "/fhir/r4/CodeSystem/cats", 405, "; use GET or HEAD"),
        ("POST", "/fhir/r4/CodeSystem", 405, "POST is not supported"),
        (
            "PATCH",
            "/fhir/r4/CodeSystem/$lookup",
            405,
            "PATCH is not supported on '/fhir/r4/CodeSystem/$lookup'",
        ),
        ("TRACE", "/fhir/r4/CodeSystem/cats", 405, "TRACE is not supported"),
        ("DELETE", "/", 405, "DELETE is not supported on '/'"),
        ("GET", "/fhir", 405, "http://localhost/fhir/metadata"),
        ("GET", "/fhir/r5/", 405, "http://localhost/fhir/r5/CodeSystem?_summary=true"),
        ("GET", "/fhir/r4/CodeSystem/_history", 404, "CodeSystem/[id]/_history"),
        ("GET", "/fhir/r6/metadata", 404, "'/fhir/r6/metadata'"),
    ],
)
def test_every_way_to_go_astray_is_an_OperationOutcome(
    http: FlaskClient, method: str, path: str, status: int, said: str
) -> None:
    response = http.open(path, method=method)
    assert said in outcome(response, status)["details"]["text"]
    assert (status == 405) == ("Allow" in response.headers)


def test_an_unforeseen_failure_is_a_500_with_an_id_and_no_traceback(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminology.wire.rest.respond", lambda *_: 1 / 0)
    response = http.get(LOOKUP, headers={"X-Request-Id": "the-incident"})
    assert outcome(response, 500)["diagnostics"] == "the-incident"
    assert "ZeroDivision" not in response.text


@pytest.mark.parametrize(
    "path", ["/fhir/r4/metadata/", "/fhir/r4/CodeSystem/", "/fhir/r4/CodeSystem/cats/", "/fhir/metadata"]
)
def test_a_slash_at_the_end_does_no_harm(http: FlaskClient, path: str) -> None:
    assert http.get(path).status_code == 200


def test_the_ballot_is_served_only_behind_its_flag() -> None:
    http = create_app(
        Settings(environment={}, data="", r6=True), catalogue=catalogue_of([CATS])
    ).test_client()
    assert http.get("/fhir/r6/metadata").get_json()["fhirVersion"] == "6.0.0-ballot5"


def test_the_app_mounts_inside_another_one() -> None:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    def outer(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"outer"]

    app = DispatcherMiddleware(
        outer, {"/tx": create_app(Settings(environment={}, data=""), catalogue=catalogue_of([CATS]))}
    )
    http = Client(app, TestResponse)
    bundle = http.get("/tx/fhir/r5/CodeSystem").get_json()
    assert bundle["entry"][0]["fullUrl"] == "http://localhost/tx/fhir/r5/CodeSystem/cats"


def test_create_app_refuses_an_argument_of_another_type_at_once() -> None:
    """Settings are the first argument, and an argument of another type is refused at once."""
    settings = Settings(environment={}, data="")
    assert create_app(settings).test_client().get("/fhir/metadata").status_code == 200
    with pytest.raises(TypeError, match="settings must be Settings, not Content"):
        create_app(catalogue_of([CATS]))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="catalogue must be a Catalogue, not Settings"):
        create_app(settings, catalogue=settings)  # type: ignore[arg-type]


# -- headers -------------------------------------------------------------------------------------


def test_HEAD_is_GET_without_a_body(http: FlaskClient) -> None:
    for path in (LOOKUP, "/fhir/r4/CodeSystem/cats", "/fhir/r4/CodeSystem", "/fhir/r4/metadata"):
        response = http.head(path)
        assert response.status_code == 200 and response.data == b""
        assert response.content_length == http.get(path).content_length


@pytest.mark.parametrize(
    ("cors_origin", "origin", "allowed"),
    [
        ("", "http://localhost:3000", "http://localhost:3000"),
        ("", "https://127.0.0.1", "https://127.0.0.1"),
        ("", "http://[::1]:1", "http://[::1]:1"),
        ("", "https://x.example", None),
        ("", "http://localhost.x.example", None),
        ("", "http://x.example#localhost", None),
        ("", "null", None),
        ("", None, None),
        ("https://x.example", "https://x.example", "https://x.example"),
        ("https://x.example", "http://localhost", "http://localhost"),
        ("https://x.example", "https://y.example", "https://x.example"),
        ("*", "https://x.example", "*"),
        ("*", "http://localhost", "*"),
    ],
)
def test_a_browser_may_call_from_this_machine_and_where_the_setting_says(
    cors_origin: str, origin: str | None, allowed: str | None
) -> None:
    settings = Settings(environment={}, data="", bundled=False, cors_origin=cors_origin)
    http = create_app(settings, catalogue=catalogue_of([CATS])).test_client()
    headers = {"Origin": origin} if origin else {}
    asked = http.options("/fhir/r4/CodeSystem/$lookup", headers=headers)
    for response in (asked, http.get(LOOKUP, headers=headers), http.get(LOOKUP, headers=headers)):
        assert response.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Origin" in response.headers["Vary"]
        assert ("ETag" in response.headers.get("Access-Control-Expose-Headers", "")) is (allowed is not None)
    assert asked.status_code == 204
    assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]


def test_the_id_of_a_request_is_echoed_or_made(http: FlaskClient) -> None:
    assert http.get(LOOKUP, headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    assert http.get("/nowhere").headers["X-Request-Id"]


def test_a_read_has_a_version_and_an_unchanged_one_is_304(http: FlaskClient) -> None:
    first = http.get("/fhir/r4/CodeSystem/cats")
    tag = first.headers["ETag"]
    assert tag == f'W/"{first.get_json()["meta"]["versionId"]}"'
    assert first.headers["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert http.get("/fhir/r4/CodeSystem/cats", headers={"If-None-Match": tag}).status_code == 304
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert http.get("/fhir/r4/CodeSystem/cats", headers=since).status_code == 304
    assert http.get("/fhir/r4/CodeSystem/cats", headers={"If-None-Match": 'W/"other"'}).status_code == 200
    version = first.get_json()["meta"]["versionId"]
    assert http.get(f"/fhir/r4/CodeSystem/cats/_history/{version}").get_json() == first.get_json()


def test_answers_vary_by_what_they_depend_on(http: FlaskClient) -> None:
    vary = http.get(LOOKUP).headers["Vary"]
    assert all(name in vary for name in ("Accept", "Accept-Language", "Origin"))


def test_Accept_Language_is_the_default_language_of_displays(
    http: FlaskClient,
) -> None:
    """Accept-Language is the language of displays, unless a parameter says otherwise."""

    def display(path: str, language: str) -> str:
        parameters = http.get(path, headers={"Accept-Language": language}).get_json()["parameter"]
        return str(next(p["valueString"] for p in parameters if p["name"] == "display"))

    assert display(LOOKUP, "de") == "Katze"
    assert display(LOOKUP + "&displayLanguage=fr", "de") == "Chat"
    assert display(LOOKUP, "*") == "Cat"
    assert display(LOOKUP, "not a language") == "Cat"


def test_pretty_is_for_people(http: FlaskClient) -> None:
    assert b"\n  " in http.get(LOOKUP + "&_pretty=true").data
    assert b"\n" not in http.get(LOOKUP).data


def test_If_Match_does_nothing_to_a_read(http: FlaskClient) -> None:
    """If-Match is for those who change something, and does nothing to a read."""
    response = http.get("/fhir/r4/CodeSystem/cats", headers={"If-Match": 'W/"other"'})
    assert response.status_code == 200 and response.get_json()["id"] == "cats"


def test_a_version_is_that_of_the_content_whenever_it_was_loaded() -> None:
    def tag(document: dict[str, Any]) -> str:
        app = create_app(Settings(environment={}, data=""), catalogue=catalogue_of([document]))
        return app.test_client().get("/fhir/r5/CodeSystem/cats").headers["ETag"]

    later = {**CATS, "meta": {"lastUpdated": "2027-01-01T00:00:00Z"}}
    assert tag(DATED) == tag(later) != tag({**later, "title": "Other"})


def test_the_history_of_a_resource_is_its_one_version(http: FlaskClient) -> None:
    read = http.get("/fhir/r4/CodeSystem/cats")
    bundle = http.get("/fhir/r4/CodeSystem/cats/_history").get_json()
    (entry,) = bundle["entry"]
    assert (bundle["type"], bundle["total"], entry["resource"]) == ("history", 1, read.get_json())
    assert entry["request"] == {"method": "PUT", "url": "CodeSystem/cats"}
    assert entry["response"] == {
        "status": "200",
        "etag": read.headers["ETag"],
        "lastModified": "2026-01-02T03:04:05Z",
    }


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/fhir/r4", "POST"),
        ("/fhir/r4/metadata", "GET, HEAD"),
        ("/fhir/r4/CodeSystem/cats", "GET, HEAD"),
        ("/fhir/r4/CodeSystem/_search", "GET, HEAD, POST"),
        ("/fhir/r4/CodeSystem/$lookup", "GET, HEAD, POST"),
        ("/fhir/r4/$closure", "POST"),
    ],
)
def test_OPTIONS_and_405_name_the_same_methods(http: FlaskClient, path: str, methods: str) -> None:
    asked = http.options(path)
    assert (asked.status_code, asked.data) == (204, b"") and "Content-Type" not in asked.headers
    assert asked.headers["Allow"] == http.delete(path).headers["Allow"] == f"{methods}, OPTIONS"


def test_a_preflight_lets_FHIR_clients_send_their_headers(http: FlaskClient) -> None:
    asked = {"Origin": "https://x.example", "Access-Control-Request-Method": "GET"}
    allowed = http.options("/fhir/r4/nowhere", headers=asked).headers["Access-Control-Allow-Headers"]
    sent = {"X-Medplum", "X-Requested-With", "If-Match", "traceparent"}
    assert sent | {header.value for header in RequestHeader} <= set(allowed.split(", "))


def test_a_request_id_that_is_long_or_cannot_be_printed_is_not_echoed(http: FlaskClient) -> None:
    for bad in ("x" * 200, "a b", "h\u00e9"):
        assert http.get(LOOKUP, headers={"X-Request-Id": bad}).headers["X-Request-Id"] != bad


def test_the_address_alone_leads_to_the_base(http: FlaskClient) -> None:
    response = http.get("/")
    assert (response.status_code, response.headers["Location"], response.data) == (302, "/fhir", b"")


def test_slashes_too_many_do_no_harm(http: FlaskClient) -> None:
    assert http.get("/fhir//r4//CodeSystem//cats").get_json()["id"] == "cats"


def test_a_strict_client_is_told_of_a_parameter_that_would_be_ignored(http: FlaskClient) -> None:
    strict = {"Prefer": "handling=strict"}
    issue = outcome(http.get(f"{LOOKUP}&colour=red", headers=strict), 400)
    assert issue["details"]["text"].startswith("$lookup has no parameter 'colour'. Known parameters: code")
    assert http.get(f"{LOOKUP}&_format=json&_pretty=true", headers=strict).status_code == 200
    assert http.get(f"{LOOKUP}&colour=red").status_code == 200


def test_a_parameter_that_is_missing_has_its_place(http: FlaskClient) -> None:
    response = http.post("/fhir/r5/CodeSystem/$lookup", json={"resourceType": "Parameters"})
    assert outcome(response, 400)["expression"] == ["Parameters.parameter"]


def test_a_post_to_the_base_must_be_a_bundle(http: FlaskClient) -> None:
    """The body of a POST to the base must be a Bundle, and the message says so."""
    issue = outcome(http.post("/fhir/r4", json={"resourceType": "Patient"}), 400)
    text = "POST [base] takes a Bundle of type 'batch'; the body is a resource of type 'Patient'"
    assert issue["details"]["text"] == text


@pytest.mark.parametrize(
    "question", ["$expand", "$validate-code?system=http://hl7.org/fhir/administrative-gender&code=male"]
)
def test_a_context_has_no_effect_where_the_value_set_is_the_one_in_the_url(
    client: FlaskClient, question: str
) -> None:
    path = f"/fhir/r5/ValueSet/administrative-gender/{question}"
    mark = "&" if "?" in question else "?"
    answer, in_context = (client.get(path), client.get(f"{path}{mark}context=http://example.org/any"))
    assert answer.status_code == in_context.status_code == 200
    parts = ("parameter", "compose")
    assert [answer.get_json().get(part) for part in parts] == [in_context.get_json().get(p) for p in parts]


# -- how much is shown ---------------------------------------------------------------------------


def test_summary_and_elements_cut_a_resource_down_and_say_so(http: FlaskClient) -> None:
    summary = http.get("/fhir/r4/CodeSystem/cats?_summary=true").get_json()
    assert "concept" not in summary and summary["url"] == URL
    assert summary["meta"]["tag"][0]["code"] == "SUBSETTED"
    elements = http.get("/fhir/r4/CodeSystem/cats?_elements=property").get_json()
    assert elements.keys() == {"resourceType", "id", "meta", "url", "status", "content", "property"}
    assert "tag" not in http.get("/fhir/r4/CodeSystem/cats").get_json()["meta"]
    outcome(http.get("/fhir/r4/CodeSystem/cats?_summary=some"), 400)


# -- batch ---------------------------------------------------------------------------------------


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url}, **more}


def test_a_batch_answers_each_entry_by_itself_and_in_order(http: FlaskClient) -> None:
    entries = [
        entry("GET", f"CodeSystem/$lookup?system={URL}&code=cat"),
        entry("POST", "CodeSystem/$lookup", resource=PARAMETERS),
        entry("GET", "/CodeSystem/nobody"),
        entry("GET", "http://localhost/fhir/r4/CodeSystem/cats"),
        {"resource": {}},
        entry("GET", "metadata"),
        entry("POST", "", resource={"resourceType": "Bundle", "type": "batch"}),
        entry("POST", "CodeSystem/$lookup", resource=[PARAMETERS]),
        entry("GET", "http://[x"),
    ]
    for path in ("/fhir/r4", "/fhir/r4/"):
        response = http.post(path, json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        answer = response.get_json()
        assert (response.status_code, answer["type"]) == (200, "batch-response")
        assert [e["response"]["status"] for e in answer["entry"]] == [
            "200",
            "200",
            "404",
            "200",
            "400",
            "200",
            "400",
            "400",
            "400",
        ]
        assert answer["entry"][2]["response"]["outcome"]["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resourceType": "Bundle", "type": "transaction"}, 422),
        ({"resourceType": "Parameters"}, 400),
        ({"resourceType": "Patient"}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 501}, 422),
    ],
)
def test_what_is_no_batch_is_refused(http: FlaskClient, body: dict[str, Any], status: int) -> None:
    outcome(http.post("/fhir/r4", json=body), status)


@pytest.mark.parametrize("root", ["r4", "r4b", "r5"])
def test_a_batch_entry_for_another_server_is_refused(http: FlaskClient, root: str) -> None:
    """An absolute url names its server, and its root; a path may begin with that of the base."""
    here, elsewhere = f"localhost/fhir/{root}", "CodeSystem/cats"
    right: list[dict[str, Any]] = [
        {"request": {"url": url}}
        for url in (f"http://{here}/{elsewhere}", f"https://LOCALHOST:443/fhir/{root}/{elsewhere}")
    ]
    right += [{"request": {"url": f"/fhir/{root}/{elsewhere}?_summary=true"}}]
    right += [{"request": {"url": elsewhere}, "fullUrl": url} for url in (f"http://{here}/x", "urn:uuid:1")]
    wrong: list[dict[str, Any]] = [
        {"request": {"url": url}}
        for url in (
            f"http://elsewhere.example/fhir/{root}/{elsewhere}",
            f"http://elsewhere.example/{elsewhere}",
            f"//elsewhere.example/fhir/{root}/{elsewhere}",
            f"http://localhost:81/fhir/{root}/{elsewhere}",
            f"http://{here}x/{elsewhere}",
            f"ftp://{here}/{elsewhere}",
            f"http://localhost/{elsewhere}",
        )
    ]
    wrong += [{"request": {"url": elsewhere}, "fullUrl": "http://elsewhere.example/fhir/CodeSystem/cats"}]
    entries = [*right, *wrong]
    for entry in entries:
        entry["request"]["method"] = "GET"
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answers = [entry["response"] for entry in http.post(f"/fhir/{root}", json=bundle).get_json()["entry"]]
    assert [answer["status"] for answer in answers] == ["200"] * len(right) + ["400"] * len(wrong)
    for answer in answers[len(right) :]:
        text = answer["outcome"]["issue"][0]["details"]["text"]
        assert f"The base is http://{here}, but the entry is for another server" in text


def test_a_batch_at_the_root_of_all_releases_has_no_entries_of_one(http: FlaskClient) -> None:
    """They would be answered in the release of the batch."""
    urls = ["CodeSystem/cats", "/fhir/CodeSystem/cats", "http://localhost/fhir/CodeSystem/cats"]
    wrong = ["/fhir/r5/CodeSystem/cats", "http://localhost/fhir/r4/CodeSystem/cats", "r4/CodeSystem/cats"]
    entries = [{"request": {"method": "GET", "url": url}} for url in (*urls, *wrong)]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answers = [entry["response"]["status"] for entry in http.post("/fhir", json=bundle).get_json()["entry"]]
    assert answers == ["200"] * 3 + ["400"] * 3


def test_the_resource_of_a_batch_entry_may_come_from_anywhere(http: FlaskClient) -> None:
    """``fullUrl`` is the identity of the resource of the entry, and not where the request goes."""
    whole = entry("POST", "CodeSystem/$lookup", resource=PARAMETERS)
    whole["fullUrl"] = "http://elsewhere.example/fhir/Parameters/1"
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [whole]}
    (answered,) = http.post("/fhir/r4", json=bundle).get_json()["entry"]
    assert answered["response"]["status"] == "200"


@pytest.mark.parametrize("root", ["r4", "r4b", "r5"])
@pytest.mark.parametrize(
    "path",
    [
        f"CodeSystem/$lookup?system={URL}&code=cat",
        f"CodeSystem/%24lookup?system={URL}&code=c%61t",
        f"Code%53ystem/$look%75p?system={URL}&code=cat",
        f"CodeSystem%2F$lookup?system={URL}&code=cat",
        "CodeSystem/c%61ts",
        "CodeSystem/cats/%24validate-code?code=cat",
        "CodeSystem/%C3%A9",
        "CodeSystem/c%2561ts",
        "CodeSystem/%FF",
    ],
)
def test_a_path_in_a_batch_entry_is_read_as_that_of_a_request(
    http: FlaskClient, root: str, path: str
) -> None:
    single = http.get(f"/fhir/{root}/{path}")
    for url in (path, f"/fhir/{root}/{path}", f"http://localhost/f%68ir/{root}/{path}"):
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry("GET", url)]}
        (answer,) = http.post(f"/fhir/{root}", json=bundle).get_json()["entry"]
        assert answer["response"]["status"] == str(single.status_code)
        assert answer.get("resource") == (single.get_json() if single.status_code == 200 else None)


def test_an_entry_for_another_root_is_refused_however_its_path_is_written(http: FlaskClient) -> None:
    for url in ("r5/CodeSystem/cats", "%725/CodeSystem/cats", "http://localhost/fhir/%725/CodeSystem/cats"):
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry("GET", url)]}
        (answer,) = http.post("/fhir/r4", json=bundle).get_json()["entry"]
        assert answer["response"]["status"] == "400"


# Headers of a batch that hold for its entries, each with a request that it changes the answer to.
OF_ENTRIES = {
    RequestHeader.ACCEPT_LANGUAGE: ("de", f"CodeSystem/$lookup?system={URL}&code=cat"),
    RequestHeader.CACHE_ID: ("no-such-cache", f"CodeSystem/$lookup?system={URL}&code=cat"),
    RequestHeader.PREFER: ("handling=strict", "CodeSystem?colour=red"),
    RequestHeader.TOO_COSTLY_THRESHOLD: ("1", f"ValueSet/$expand?url={URL}/all"),
}
# Those that are about the message, or about one resource, or have no effect alone.
OF_THE_BATCH = {
    RequestHeader.ACCEPT,
    RequestHeader.API_KEY,  # see tests/http/test_authentication.py
    RequestHeader.AUTHORIZATION,
    RequestHeader.CHANGE_REASON,  # of each entry, which an answer does not depend on
    RequestHeader.CONTENT_ENCODING,
    RequestHeader.CONTENT_TYPE,
    RequestHeader.FAULT,  # of the test-harness mode, for the whole request
    RequestHeader.REPLAY,
    RequestHeader.HOPS,  # see tests/upstreams
    RequestHeader.HOST,
    RequestHeader.IF_MATCH,
    RequestHeader.IF_MODIFIED_SINCE,
    RequestHeader.IF_NONE_EXIST,
    RequestHeader.IF_NONE_MATCH,
    RequestHeader.ORIGIN,
    RequestHeader.PREFLIGHT_METHOD,
    RequestHeader.REQUEST_ID,
    RequestHeader.TRACE_PARENT,  # of the whole request, see test_tracing.py
    RequestHeader.TRACE_STATE,
}


@pytest.mark.parametrize("header", OF_ENTRIES)
@pytest.mark.parametrize("root", ["r4", "r5"])
def test_a_header_of_a_batch_holds_for_its_entries(
    http: FlaskClient, root: str, header: RequestHeader
) -> None:
    value, path = OF_ENTRIES[header]
    plain, single = (http.get(f"/fhir/{root}/{path}", headers=h) for h in ({}, {header.value: value}))
    assert plain.status_code == 200
    assert (single.status_code, single.get_json()) != (200, plain.get_json())
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry("GET", path)]}
    answers = http.post(f"/fhir/{root}", json=bundle, headers={header.value: value})
    (answer,) = answers.get_json()["entry"]
    assert answer["response"]["status"] == str(single.status_code)
    assert answer.get("resource") == (single.get_json() if single.status_code == 200 else None)


def test_every_header_is_one_of_the_batch_or_of_its_entries() -> None:
    assert OF_THE_BATCH | OF_ENTRIES.keys() == set(RequestHeader)
    assert not OF_THE_BATCH & OF_ENTRIES.keys()


def test_an_entry_of_a_batch_may_say_which_version_the_client_has(http: FlaskClient) -> None:
    tag = http.get("/fhir/r4/CodeSystem/cats").headers["ETag"]
    request = {"method": "GET", "url": "CodeSystem/cats", "ifNoneMatch": tag}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": request}]}
    (entry,) = http.post("/fhir/r4", json=bundle).get_json()["entry"]
    assert entry["response"]["status"] == "304" and "resource" not in entry


def test_an_entry_that_nobody_foresaw_to_fail_fails_alone(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one for which the content cannot be reached."""

    def broken(catalogue: Any, request: Any) -> Any:
        if request.code == "away":
            raise UnavailableError("the database")
        raise ZeroDivisionError

    row = replace(OPERATIONS["CodeSystem", "lookup"], run=broken)
    monkeypatch.setitem(OPERATIONS, ("CodeSystem", "lookup"), row)
    urls = ["CodeSystem/$lookup?code=away", "CodeSystem/$lookup?code=x", "CodeSystem/cats"]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = http.post("/fhir/r4", json=bundle, headers={"X-Request-Id": "the-batch"})
    assert answer.status_code == 200
    away, unforeseen, whole = (entry["response"] for entry in answer.get_json()["entry"])
    assert [away["status"], unforeseen["status"], whole["status"]] == ["503", "500", "200"]
    assert away["outcome"]["issue"][0]["code"] == "transient"
    assert unforeseen["outcome"]["issue"][0]["diagnostics"] == "the-batch"


def test_a_validation_that_cannot_reach_the_content_fails_alone(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = OPERATIONS["CodeSystem", "batch-validate-code"]

    def broken(catalogue: Any, request: Any) -> Any:
        if request.code == "away":
            raise UnavailableError("the database")
        return row.run(catalogue, request)

    monkeypatch.setitem(OPERATIONS, ("CodeSystem", "batch-validate-code"), replace(row, run=broken))
    validations = [
        {"name": "validation", "resource": {"resourceType": "Parameters", "parameter": [
            {"name": "url", "valueUri": URL}, {"name": "code", "valueCode": code}]}}
        for code in ("away", "cat")
    ]  # fmt: skip
    body = {"resourceType": "Parameters", "parameter": validations}
    answer = http.post("/fhir/r4/CodeSystem/$batch-validate-code", json=body)
    assert answer.status_code == 200
    away, validated = (node["resource"] for node in answer.get_json()["parameter"])
    assert away["issue"][0]["code"] == "transient"
    assert validated["parameter"][0] == {"name": "result", "valueBoolean": True}


# -- the size of a request -----------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Accept", "Accept-Language", "If-None-Match", "Prefer", "X-Cache-Id"])
def test_a_header_that_is_too_long_is_431(http: FlaskClient, header: str) -> None:
    assert http.get(LOOKUP, headers={header: "x" * 16_384}).status_code != 431
    refused = http.get(LOOKUP, headers={header: "x" * 16_385})
    assert header in outcome(refused, 431)["details"]["text"]


def test_a_URL_that_is_too_long_is_414(http: FlaskClient) -> None:
    outcome(http.get(LOOKUP + "&x=" + "x" * 70_000), 414)


def test_a_search_has_a_limit_of_values_and_of_sorting(http: FlaskClient) -> None:
    for query, status in (
        ("url=" + ",".join("a" * 500), 200),
        ("url=" + ",".join("a" * 501), 422),
        ("&".join(["url=a"] * 501), 422),
        ("_sort=" + ",".join(["url"] * 10), 200),
        ("_sort=" + ",".join(["url"] * 11), 400),
    ):
        assert http.get(f"/fhir/r4/CodeSystem?{query}").status_code == status


def test_a_list_of_languages_has_a_limit(http: FlaskClient) -> None:
    many = ",".join(["de"] * 51)
    assert "50" in outcome(http.get(f"{LOOKUP}&displayLanguage={many}"), 422)["details"]["text"]
    assert http.get(LOOKUP, headers={"Accept-Language": many}).status_code == 200


def test_of_many_unknown_parameters_the_first_are_named(http: FlaskClient) -> None:
    many = "&".join(f"versio{a}{b}=1" for a in "abcdefgh" for b in "abcdefgh")
    warning = http.get(f"{LOOKUP}&{many}").headers["Warning"]
    assert 0 < warning.count("versio") <= 60


# -- below the application -----------------------------------------------------------------------

NO_REQUESTS = {
    "a URL that is too long": b"GET /fhir/r4/CodeSystem?url="
    + b"x" * 70_000
    + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "too many headers": b"GET /fhir/r4/metadata HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "no HTTP": b"GARBAGE\r\n\r\n",
    "a version of HTTP that there is not": b"GET /fhir/r4/metadata HTTP/9.9\r\nHost: localhost\r\n\r\n",
}


def talked(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(sent)
        with suppress(ConnectionResetError):
            return b"".join(iter(lambda: line.recv(65536), b""))
    return b""


@pytest.fixture(scope="module", params=["granian", "werkzeug"])
def served(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port behind which the service runs, with each web server; ended as Ctrl-C ends it."""
    without = "import terminology.http.web_server as s; s.find_spec = lambda name: None\n"
    start = "from terminology.cli.commands import main; main(['serve', '--port', '0'])"
    program = (without if request.param == "werkzeug" else "") + start
    process = subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(2, signal.default_int_handler)\n{program}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TERMINOLOGY_DATA": ""},
    )
    assert process.stdout is not None
    try:
        said = next(line for line in process.stdout if line.startswith("Listening on http://127.0.0.1:"))
        port = int(said.split("/")[2].split(":")[1])
        _until_answered(port)
        yield port
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /fhir/meta")  # a client that never ends its request keeps nobody waiting
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        assert process.stdout.read().endswith("Stopped.\n")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _until_answered(port: int) -> None:
    for _ in range(200):
        with suppress(OSError):
            if talked(port, b"GET /fhir/metadata HTTP/1.0\r\n\r\n"):
                return
        time.sleep(0.1)
    raise AssertionError("the service does not answer")


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_request_is_refused_without_HTML(served: int, name: str) -> None:
    head, _, body = talked(served, NO_REQUESTS[name]).partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] (400|414|431|505) ", head), head
    assert b"html" not in head.lower() + body.lower()
    assert body == b"" or json.loads(body)["resourceType"] == "OperationOutcome"


def test_the_service_answers_in_pieces_sent_and_without_a_body_to_HEAD(served: int) -> None:
    text = json.dumps({"resourceType": "Bundle", "type": "batch"}).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    head = b"POST /fhir/r4 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\nConnection: close\r\n"
    assert b'"batch-response"' in talked(served, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked)
    answer = talked(
        served, b"HEAD /fhir/r4/CodeSystem/cpt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert answer.partition(b"\r\n\r\n")[2] == b"" and answer.startswith(b"HTTP/1.1 200")
