"""What a hostile client may try, and what it cannot do: the lines of docs/threat-model.md that no other test holds."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.catalogue.protocol import Catalogue
from tests.support.authentication import TokenIssuer, api_key, auth_file
from tests.support.builders import body_of, code_system, concept, concept_map, tx_resource, value_set
from tests.support.conization import CPT
from tests.support.service import begun, head, received, status

EVIL = "hostile text of a client"
LOOKUP = "CodeSystem/$lookup?system=urn:ietf:bcp:47&code="
# Questions whose answers come from the content of the server.
QUESTIONS = [
    f"CodeSystem/$lookup?system={CPT}&code=57520&property=*",
    f"CodeSystem/$validate-code?url={CPT}&code=57520&display=x",
    f"ConceptMap/$translate?system={CPT}&code=57520",
    "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender",
    f"CodeSystem?url={CPT}",
    "ValueSet?url=http://hl7.org/fhir/ValueSet/administrative-gender",
]


def hostile_resources(client: FlaskClient) -> list[dict[str, Any]]:
    """Resources with the canonicals of the server's own, a language pack and a supplement that applies always."""
    gender = "http://hl7.org/fhir/administrative-gender"
    always = "http://example.org/StructureDefinition/code-system-supplement-applies-always"
    pack = "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type"
    extra = [concept("57520", EVIL, designation=[{"language": "en", "value": EVIL}])]
    supplements = [
        code_system(f"own{n}", *extra, content="supplement", supplements=CPT, extension=[extension])
        for n, extension in enumerate(
            ({"url": always, "valueBoolean": True}, {"url": pack, "valueCode": "lang-pack"})
        )
    ]
    maps = client.get("/fhir/r5/ConceptMap?_count=50").get_json()["entry"]
    target = {"code": "evil", "display": EVIL, "relationship": "equivalent"}
    return [
        code_system(CPT, concept("57520", EVIL), concept("evil", EVIL), version="9999"),
        code_system(CPT, concept("57520", EVIL)),
        code_system(gender, concept("male", EVIL)),
        value_set(
            "http://hl7.org/fhir/ValueSet/administrative-gender",
            {"system": gender, "concept": [{"code": "male", "display": EVIL}]},
        ),
        *supplements,
        *(
            concept_map(
                m["resource"]["url"], CPT, "http://evil.example.org", [{"code": "57520", "target": [target]}]
            )
            for m in maps
        ),
        {
            "resourceType": "NamingSystem",
            "status": "active",
            "kind": "codesystem",
            "name": "x",
            "date": "2026-01-01",
            "uniqueId": [
                {"type": "uri", "value": "http://evil.example.org", "preferred": True},
                {"type": "uri", "value": CPT},
            ],
        },
    ]


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_what_a_request_carries_changes_no_other_answer(client: FlaskClient, release: str) -> None:
    """Neither one of the same client nor of another, on the whole way as on the fast path, before and after."""

    def answers() -> list[Any]:
        found = []
        for question in QUESTIONS:
            for _ in range(2):
                answer = client.get(f"/fhir/{release}/{question}").get_json()
                for name in ("id", "timestamp", "identifier"):
                    answer.pop(name, None)
                    answer.get("expansion", {}).pop(name, None)
                found.append(answer)
        return found

    before = answers()
    hostile = [tx_resource(resource) for resource in hostile_resources(client)]
    seen = 0
    for question in QUESTIONS[:4]:
        url = f"/fhir/{release}/{question}"
        for headers in ({}, {"Authorization": "Bearer x"}):
            answer = client.post(url, json=body_of(*hostile), headers=headers)
            seen += EVIL in answer.get_data(as_text=True)
    assert seen, "the client sees its own resources"
    assert answers() == before
    assert EVIL not in str(before)


def test_no_URL_that_a_client_names_is_fetched(client: FlaskClient, tmp_path: Path) -> None:
    """Wherever a URL may stand in a request, nobody is connected to."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[object] = []

    def accept() -> None:
        try:
            while True:
                connections.append(listener.accept())
        except OSError:
            pass

    thread = threading.Thread(target=accept)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir/x"
    includes = value_set("own", {"valueSet": [url]}, {"system": url})
    supplement = code_system("own", content="supplement", supplements=url)
    try:
        for release in ("r4", "r5"):
            for path in (
                f"CodeSystem/$lookup?system={url}&code=a&useSupplement={url}",
                f"ValueSet/$expand?url={url}&context={url}&system-version={url}|1",
                f"ValueSet/$validate-code?url={url}&system={url}&code=a",
                f"ConceptMap/$translate?url={url}&system={url}&code=a&targetsystem={url}&source={url}",
                f"CodeSystem?url={url}&_profile={url}",
            ):
                client.get(f"/fhir/{release}/{path}")
            resources = [tx_resource(includes), tx_resource(supplement)]
            client.post(f"/fhir/{release}/ValueSet/$expand?url={includes['url']}", json=body_of(*resources))
            entries = [{"fullUrl": url, "request": {"method": "GET", "url": url}}]
            client.post(
                f"/fhir/{release}", json={"resourceType": "Bundle", "type": "batch", "entry": entries}
            )
            headers = {"Origin": url, "Referer": url, "X-Forwarded-Host": url, "Forwarded": f"host={url}"}
            client.get(f"/fhir/{release}/metadata", headers=headers)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert connections == []


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "....//etc/passwd",
        "%00",
        "a%00.json",
    ],
)
def test_no_path_leads_to_a_file(client: FlaskClient, path: str) -> None:
    for place in (
        f"/fhir/r4/{path}",
        f"/fhir/r4/CodeSystem/{path}",
        f"/{path}",
        f"/fhir/r4/CodeSystem?_id={path}",
    ):
        response = client.get(place)
        assert response.status_code in (200, 404)
        assert "root:" not in response.get_data(as_text=True)
        assert response.status_code == 404 or response.get_json()["total"] == 0


def test_secrets_are_neither_logged_nor_answered(
    catalogue: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = TokenIssuer()
    issuer.key_set(tmp_path)
    key, entry = api_key("ehr", "system/CodeSystem.rs")
    path = auth_file(tmp_path, keys=[entry], issuers=[issuer.entry()])
    app = create_app(Settings(environment={}, data="", auth=path), catalogue=catalogue)
    client = app.test_client()
    caplog.set_level(logging.DEBUG)
    secrets = [key, f"{key}x", issuer.token(), TokenIssuer().token()]
    answers = []
    for secret in secrets:
        for headers in (
            {"Authorization": f"Bearer {secret}"},
            {"Authorization": secret},
            {"X-API-Key": secret},
        ):
            for question in (f"{LOOKUP}de", f"{LOOKUP}none", "ValueSet", "nothing"):
                answers.append(client.get(f"/fhir/r4/{question}", headers=headers).get_data(as_text=True))
    for secret in secrets:
        assert secret not in caplog.text
        assert not any(secret in answer for answer in answers)


def test_a_service_that_others_can_reach_says_that_it_knows_no_users(tmp_path: Path) -> None:
    process = begun("--host", "0.0.0.0", "--port", "0", stderr=-2)
    assert process.stdout is not None
    try:
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith("Listening on "):
                break
        assert any("Warning: every machine that reaches 0.0.0.0" in line for line in printed)
        port = int(printed[-1].split("/")[2].split(":")[1])
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.sendall(
                head("PUT", "/fhir/r4/CodeSystem/x", "Connection: close", "Content-Length: 0") + b"\r\n"
            )
            assert status(received(connection)) in (403, 405)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
