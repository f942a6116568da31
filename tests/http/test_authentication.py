"""Authentication over HTTP: who may ask what, on the fast path as on the whole way, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from terminology import Settings, create_app
from terminology.catalogue.protocol import Catalogue
from terminology.cli.commands import main
from terminology.wire.fhir_versions import RELEASES
from tests.support.asking import value
from tests.support.authentication import TokenIssuer, api_key, auth_file
from tests.support.builders import body_of
from tests.support.service import head, serving, status

LOOKUP = "CodeSystem/$lookup?system=urn:ietf:bcp:47&code="
OWN = TokenIssuer()
TOKEN_ENDPOINT = "https://auth.example.org/token"


class Clients:
    """Clients with keys: ``reader`` may read, ``searcher`` search CodeSystems, ``newcomer`` read below r5."""

    def __init__(self, catalogue: Catalogue, folder: Path, **content: Any) -> None:
        self.keys: dict[str, str] = {}
        entries = []
        for user, scope, roots in (
            ("reader", "system/*.rs", []),
            ("searcher", "system/CodeSystem.s", []),
            ("newcomer", "system/*.rs", ["r5"]),
            ("other", "system/*.rs", []),
        ):
            self.keys[user], entry = api_key(user, scope, roots=roots)
            entries.append(entry)
        OWN.key_set(folder)
        issuers = [OWN.entry(tokenEndpoint=TOKEN_ENDPOINT)]
        path = auth_file(folder, **{"keys": entries, "issuers": issuers, **content})
        app = create_app(Settings(environment={}, data="", auth=path), catalogue=catalogue)
        self.http: FlaskClient = app.test_client()

    def ask(self, path: str, user: str = "", release: str = "r4", **named: Any) -> TestResponse:
        headers = {"X-API-Key": self.keys[user]} if user else {}
        headers |= named.pop("headers", {})
        return self.http.open(f"/fhir/{release}/{path}", headers=headers, **named)


@pytest.fixture
def clients(catalogue: Catalogue, tmp_path: Path) -> Clients:
    return Clients(catalogue, tmp_path)


def issue(response: TestResponse) -> dict[str, Any]:
    document = response.get_json()
    assert document["resourceType"] == "OperationOutcome"
    return document["issue"][0]


def test_without_credentials_only_the_capabilities_are_open(clients: Clients) -> None:
    for path in (f"{LOOKUP}de", "CodeSystem", "CodeSystem/administrative-gender", "ValueSet/$expand"):
        response = clients.ask(path)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="fhir"'
        assert issue(response)["code"] == "login"
    for path in ("metadata", "metadata?mode=terminology", "$versions", ".well-known/smart-configuration"):
        assert clients.ask(path).status_code == 200
    assert clients.ask("CodeSystem", method="OPTIONS").status_code == 204


def test_a_cache_that_users_share_may_not_keep_an_answer(clients: Clients) -> None:
    for answer in (clients.ask(f"{LOOKUP}de", "reader"), clients.ask(f"{LOOKUP}de")):
        assert answer.headers["Cache-Control"] == "private"
        assert {"Authorization", "X-API-Key"} < set(answer.headers["Vary"].split(", "))
    assert clients.http.get("/readyz").headers["Cache-Control"] == "no-store"


def test_a_key_counts_in_either_header_and_a_token_in_one(clients: Clients) -> None:
    key = clients.keys["reader"]
    for headers in (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key}"},
        {"Authorization": f"Bearer {OWN.token()}"},
    ):
        assert clients.ask(f"{LOOKUP}de", headers=headers).status_code == 200
    for headers in (
        {"X-API-Key": OWN.token()},
        {"X-API-Key": f"{key}x"},
        {"Authorization": key},
        {"Authorization": "Basic cmVhZGVyOng="},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {key}, Bearer {key}"},
        {"Authorization": "Bearer x", "X-API-Key": key},
    ):
        response = clients.ask(f"{LOOKUP}de", headers=headers)
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        assert key not in response.get_data(as_text=True)


def test_the_fast_path_asks_for_the_same_rights(clients: Clients) -> None:
    """A request that was prepared for one user is not answered for another one who has other rights."""
    for code in ("de", "fr", "it"):
        assert clients.ask(f"{LOOKUP}{code}", "reader").status_code == 200
        assert clients.ask(f"{LOOKUP}{code}").status_code == 401
        assert clients.ask(f"{LOOKUP}{code}", headers={"X-API-Key": "nobody.x"}).status_code == 401
        assert clients.ask(f"{LOOKUP}{code}", "searcher").status_code == 403
        assert clients.ask(f"{LOOKUP}{code}", "newcomer").status_code == 403
        assert clients.ask(f"{LOOKUP}{code}", "newcomer", "r5").status_code == 200
        assert clients.ask(f"{LOOKUP}{code}", "other").status_code == 200


def test_the_root_of_all_releases_asks_for_rights_to_the_one_it_speaks(clients: Clients) -> None:
    url = f"/fhir/{LOOKUP}de"
    headers = {"X-API-Key": clients.keys["newcomer"]}
    assert clients.http.get(url, headers=headers).status_code == 403
    accept = {"Accept": "application/fhir+json; fhirVersion=5.0"}
    assert clients.http.get(url, headers={**headers, **accept}).status_code == 200


def test_a_refusal_is_in_the_format_that_was_asked_for(clients: Clients) -> None:
    response = clients.ask(f"{LOOKUP}de&_format=xml")
    assert response.status_code == 401
    assert response.mimetype == "application/fhir+xml"
    assert "<OperationOutcome" in response.get_data(as_text=True)


def test_everybody_may_do_what_the_file_says_of_anonymous(catalogue: Catalogue, tmp_path: Path) -> None:
    clients = Clients(catalogue, tmp_path, anonymous=["system/CodeSystem.rs"])
    assert clients.ask(f"{LOOKUP}de").status_code == 200
    assert clients.ask("ValueSet").status_code == 401
    wrong = clients.ask(f"{LOOKUP}de", headers={"X-API-Key": "wrong.key"})
    assert wrong.status_code == 401


def test_each_entry_of_a_batch_needs_its_right(clients: Clients) -> None:
    entries = [{"request": {"method": "GET", "url": url}} for url in ("CodeSystem?_count=0", f"{LOOKUP}de")]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = clients.ask("", "searcher", method="POST", json=batch).get_json()
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["200", "403"]
    assert clients.ask("", method="POST", json=batch).status_code == 401


def closure(clients: Clients, version: str | None = None, **who: Any) -> int:
    values = {"version": {"valueString": version}} if version is not None else {}
    body = body_of(name={"valueString": "tumours"}, **values)
    return clients.ask("$closure", method="POST", json=body, **who).status_code


def test_a_closure_table_is_that_of_its_user_alone(clients: Clients) -> None:
    """Another user cannot read it, whatever headers are sent; a new token of the same user can."""
    assert closure(clients, user="reader") == 200
    assert closure(clients, "0", user="reader") == 200
    assert closure(clients, "0", user="other") == 404
    assert closure(clients, "0") == 401
    forged = {"X-API-Key": clients.keys["other"], "X-User": "reader", "X-Forwarded-User": "reader"}
    assert closure(clients, "0", headers=forged) == 404
    first, second = ({"Authorization": f"Bearer {OWN.token(jti=jti)}"} for jti in ("1", "2"))
    assert closure(clients, headers=first) == 200
    assert closure(clients, "0", headers=second) == 200


def test_a_cache_is_that_of_its_user_alone(clients: Clients) -> None:
    system = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/own",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "a", "display": "secret"}],
    }
    body = body_of({"name": "tx-resource", "resource": system}, mode={"valueCode": "start"})
    started = clients.ask("$cache-control", "reader", method="POST", json=body).get_json()
    id_ = value(started, "cache-id")
    path = "CodeSystem/$lookup?system=http://example.org/own&code=a"
    own = clients.ask(path, "reader", headers={"X-Cache-Id": id_})
    assert (own.status_code, "secret" in own.get_data(as_text=True)) == (200, True)
    for user in ("other", ""):
        foreign = clients.ask(path, user, headers={"X-Cache-Id": id_})
        assert foreign.status_code in (401, 404, 422)
        assert "secret" not in foreign.get_data(as_text=True)


def test_the_capabilities_say_how_to_log_in(clients: Clients) -> None:
    for release in ("r4", "r5"):
        security = clients.ask("metadata", release=release).get_json()["rest"][0]["security"]
        coding = security["service"][0]["coding"][0]
        assert coding["code"] == "SMART-on-FHIR"
        is_there = clients.ask(
            f"CodeSystem/$validate-code?url={coding['system']}&code={coding['code']}", "reader", release
        ).get_json()
        assert release == "r4" or {"name": "result", "valueBoolean": True} in is_there["parameter"]
        (extension,) = security["extension"][0]["extension"]
        assert extension["valueUri"] == TOKEN_ENDPOINT
        assert "X-API-Key" in security["service"][1]["text"]


def test_the_configuration_of_SMART_is_below_each_root(clients: Clients) -> None:
    for root in ("r4", "r4b", "r5"):
        response = clients.ask(".well-known/smart-configuration", release=root)
        assert response.mimetype == "application/json"
        document = response.get_json()
        assert document["token_endpoint"] == TOKEN_ENDPOINT
        needed = "grant_types_supported", "capabilities", "code_challenge_methods_supported"
        assert all(document[name] for name in needed)
    assert clients.http.get("/fhir/.well-known/smart-configuration").status_code == 200
    assert clients.ask(".well-known/smart-configuration", method="POST").status_code == 405


def test_without_an_issuer_there_is_no_configuration_of_SMART(catalogue: Catalogue, tmp_path: Path) -> None:
    for clients in (Clients(catalogue, tmp_path, issuers=[]),):
        response = clients.ask(".well-known/smart-configuration")
        assert (response.status_code, issue(response)["code"]) == (404, "not-found")
    open_service = create_app(Settings(environment={}, data=""), catalogue=catalogue).test_client()
    assert open_service.get("/fhir/r4/.well-known/smart-configuration").status_code == 404


def test_where_nobody_is_asked_nobody_may_write(client: FlaskClient) -> None:
    """Every method that changes something is refused, below every root, with any credentials."""
    for release in (name for name, row in RELEASES.items() if not row.is_ballot):
        for method, path in (
            ("POST", "CodeSystem"),
            ("PUT", "CodeSystem/administrative-gender"),
            ("PUT", "ValueSet?url=http://x"),
            ("PATCH", "CodeSystem/administrative-gender"),
            ("DELETE", "ConceptMap/x"),
            ("DELETE", "CodeSystem?url=http://x"),
            ("POST", "ConceptMap/$import"),
        ):
            for headers in ({}, {"Authorization": "Bearer admin"}, {"X-API-Key": "admin.admin"}):
                body = {"resourceType": path.partition("/")[0].partition("?")[0], "url": "http://x"}
                response = client.open(f"/fhir/{release}/{path}", method=method, json=body, headers=headers)
                assert response.status_code in (401, 403, 404, 405), (method, path)
    assert client.get("/fhir/r4/CodeSystem?url=http://x").get_json()["total"] == 0


def test_the_command_makes_lists_and_removes_keys(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    run = CliRunner().invoke
    made = run(
        main, ["keys", "add", "ehr", "--auth", str(path), "--scope", "system/CodeSystem.rs", "--root", "r5"]
    )
    key = made.stdout.strip()
    assert (made.exit_code, key.count(".")) == (0, 1)
    run(main, ["keys", "add", "lab", "--auth", str(path), "--expires", "2030-01-31"])
    assert key not in path.read_text("utf-8")
    listed = run(main, ["keys", "list", "--auth", str(path)]).stdout.splitlines()
    assert listed[0].endswith("ehr  system/CodeSystem.rs below r5")
    assert listed[1].endswith("lab  system/*.rs up to 2030-01-31")
    assert run(main, ["keys", "remove", key.partition(".")[0], "--auth", str(path)]).exit_code == 0
    assert len(json.loads(path.read_text("utf-8"))["keys"]) == 1
    for wrong in (
        ["remove", "none", "--auth", str(path)],
        ["add", "a b", "--auth", str(path)],
        ["add", "ehr", "--auth", str(path), "--scope", "all"],
        ["list", "--auth", str(tmp_path / "none.json")],
    ):
        result = run(main, ["keys", *wrong])
        assert (result.exit_code, result.output.count("\n")) == (1, 1), result.output
    assert [entry.name for entry in tmp_path.iterdir()] == ["auth.json"]


def test_a_service_knows_the_users_of_its_file(tmp_path: Path) -> None:
    key, entry = api_key("ehr", "system/*.rs")
    path = auth_file(tmp_path, keys=[entry])
    lookup = f"/fhir/r4/{LOOKUP}de"
    with serving("--auth", str(path)) as service:
        end = "Connection: close"
        assert status(service.ask(head("GET", lookup, end) + b"\r\n")) == 401
        for _ in range(2):
            assert status(service.ask(head("GET", lookup, end, f"X-API-Key: {key}") + b"\r\n")) == 200
