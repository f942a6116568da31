"""Who gets a page and who gets FHIR, by the headers that real browsers and FHIR clients send."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import create_app
from terminology.http.media import wants_page

# The default values of the header, as MDN lists them (List of default Accept values), and those of text browsers.
BROWSERS = {
    "Firefox 132": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Firefox 92": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Firefox 65": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Chrome": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7",
    "Chrome and Safari of old": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,*/*;q=0.8",
    "Safari 5": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Edge of old": "text/html, application/xhtml+xml, image/jxr, */*",
    "Opera": "text/html, application/xml;q=0.9, application/xhtml+xml, image/png, image/webp, image/jpeg, image/gif, "
    "image/x-xbitmap, */*;q=0.1",
    "w3m": "text/html, text/*;q=0.5, image/*, application/*",
    "HTML alone": "text/html",
}
# What FHIR clients were seen to send, what programs send that set nothing, and what a page's own script sends.
PROGRAMS = {
    "fhirpath.js": "application/fhir+json; charset=utf-8",
    "fhir-kit-client": "application/fhir+json",
    "fhir-kit-client, SMART": "application/fhir+json,application/json",
    "SMART JS client": "application/json",
    "medplum": "application/fhir+json, */*; q=0.1",
    "fhir-pyrate, requests, curl, fetch": "*/*",
    "nothing": "",
    "HL7's Java client": "application/fhir+json; fhirVersion=4.0",
    "a quality above 1": "text/html;q=2, application/fhir+json",
    "HAPI, JSON": "application/fhir+json;q=1.0, application/json+fhir;q=0.9",
    "HAPI, both": "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9, "
    "application/json+fhir;q=0.9",
    "Firely": "application/fhir+json, application/fhir+xml;q=0.9, text/html;q=0.1",
    "XML": "application/fhir+xml",
    "plain XML": "application/xml",
    "Java 8 without a header of its own": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "Java 17 without a header of its own": "text/html, image/gif, image/jpeg, */*; q=0.2",
    "axios": "application/json, text/plain, */*",
    "node's fetch": "*/*",
    "FHIR and HTML alike": "application/fhir+json, text/html",
    "JSON and HTML alike": "text/html, application/json",
    "anything rather than HTML": "text/html;q=0.5, */*",
    "no HTML": "text/html;q=0, */*",
    "Internet Explorer 8": "image/jpeg, application/x-ms-application, image/gif, application/xaml+xml, */*",
    "an image": "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
}
LOOKUP = "/fhir/r4/CodeSystem/$lookup?system=http://www.ama-assn.org/go/cpt&code=57520"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app().test_client()


@pytest.mark.parametrize("browser", BROWSERS)
def test_browsers_get_a_page(client: FlaskClient, browser: str) -> None:
    answer = client.get(LOOKUP, headers={"Accept": BROWSERS[browser]})
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_get_FHIR(client: FlaskClient, program: str) -> None:
    for address in (LOOKUP, "/fhir/r5/CodeSystem", "/fhir", "/fhir/r4/nothing"):
        answer = client.get(address, headers={"Accept": PROGRAMS[program]})
        kind = "xml" if "xml" in PROGRAMS[program].split(",")[0] else "json"
        assert answer.content_type == f"application/fhir+{kind}; charset=utf-8", address
        assert "Content-Security-Policy" not in answer.headers


def test_the_answer_to_a_program_is_the_same_before_and_after_pages(client: FlaskClient) -> None:
    before = client.get(LOOKUP).data
    for _ in range(2):
        assert client.get(LOOKUP, headers={"Accept": BROWSERS["Chrome"]}).data.startswith(b"<!doctype html>")
        assert client.get(LOOKUP).data == before


@pytest.mark.parametrize(
    ("format_", "media"),
    [
        ("html", "text/html"),
        ("text/html", "text/html"),
        ("json", "application/fhir+json"),
        ("xml", "application/fhir+xml"),
    ],
)
@pytest.mark.parametrize("accept", [BROWSERS["Chrome"], "application/fhir+json", "*/*"])
def test_format_comes_before_accept(client: FlaskClient, format_: str, media: str, accept: str) -> None:
    answer = client.get(f"{LOOKUP}&_format={format_}", headers={"Accept": accept})
    assert (answer.status_code, answer.content_type) == (200, f"{media}; charset=utf-8")


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_only_who_reads_gets_a_page(client: FlaskClient, method: str) -> None:
    body: dict[str, Any] = {"json": {"resourceType": "Parameters"}} if method in ("post", "put") else {}
    answer = getattr(client, method)(LOOKUP, headers={"Accept": BROWSERS["Chrome"]}, **body)
    assert "html" not in (answer.content_type or "")


def test_an_error_is_a_page_or_an_OperationOutcome(client: FlaskClient) -> None:
    for address in (
        "/nothing",
        "/fhir/r5/CodeSystem/none",
        "/fhir/r5/Patient",
        f"/fhir/r5/CodeSystem?{'x' * 70_000}",
    ):
        page = client.get(address, headers={"Accept": BROWSERS["Chrome"]})
        fhir = client.get(address)
        assert page.status_code == fhir.status_code >= 400
        assert page.data.startswith(b"<!doctype html>")
        assert fhir.get_json()["resourceType"] == "OperationOutcome"


def test_the_answer_says_that_it_depends_on_accept(client: FlaskClient) -> None:
    assert "Accept" in client.get(LOOKUP, headers={"Accept": BROWSERS["Chrome"]}).headers["Vary"]


def test_a_header_that_cannot_be_read_asks_for_no_page() -> None:
    for accept in ("text/html;q=x", ";;,,", "*", "text", "html", "text/htmlx", "x" * 5_000):
        assert not wants_page(accept, None)
