"""The page of the state of the service: what the operator sees, and that nobody else sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.content.importers.fhir import FHIR
from terminology.opening import open_loader
from tests.support.authentication import api_key, auth_file
from tests.support.builders import code_system, concept
from tests.support.pages import BROWSER, Reader, words
from tests.support.reporters import CollectingReporter

STATE = "/fhir/r5/state"
DOUGH = {**code_system("dough", concept("a", "A"), concept("b", "B"), version="7"), "title": "Dough"}


def client_of(tmp_path: Path, **settings: Any) -> FlaskClient:
    """A service with a store, for this machine alone."""
    (tmp_path / "dough.json").write_text(json.dumps({**DOUGH, "copyright": "Free"}))
    place = str(tmp_path / "store")
    loader = open_loader(place)
    loader.load(FHIR, [tmp_path / "dough.json"], CollectingReporter())
    loader.close()
    chosen = {"hosts": ["localhost"], "store": place, "bundled": False, "data": "", **settings}
    return create_app(Settings(environment={}, **chosen)).test_client()


def status(client: FlaskClient, headers: dict[str, str] | None = None, address: str = "127.0.0.1") -> int:
    environ = {"REMOTE_ADDR": address}
    answer = client.get(STATE, headers={"Accept": BROWSER, **(headers or {})}, environ_base=environ)
    assert ("Versions in the store" in answer.get_data(as_text=True)) is (answer.status_code == 200)
    return answer.status_code


def test_the_operator_sees_what_is_loaded_and_ready(tmp_path: Path) -> None:
    page = Reader(client_of(tmp_path)).page(STATE)
    text = words(page)
    assert "ready" in text and "SQLite" in text and "No other server is asked" in text
    (row,) = page.xpath("//table/tbody/tr")
    assert words(row).startswith("Dough 7 2 0.") and "MB" in words(row)
    assert str(tmp_path) not in text, "where things lie is not for a page"


def test_a_version_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    for file in (tmp_path / "store" / "artifacts").glob("*.sqlite"):
        file.write_bytes(b"")
    text = Reader(client).text(STATE)
    assert "not served:" in text


def test_a_store_that_cannot_be_listed_says_so(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    assert Reader(client).answer(STATE).status_code == 200
    (tmp_path / "store" / "registry.sqlite").unlink()
    (tmp_path / "store" / "registry.sqlite").write_bytes(b"this is no database at all" * 100)
    assert "The versions cannot be listed" in Reader(client).text(STATE)


def test_a_service_without_a_store_says_so() -> None:
    client = create_app(Settings(environment={}, data="", hosts=["localhost"])).test_client()
    assert "all content is in files and in the memory" in Reader(client).text(STATE)


def test_upstreams_are_named_with_their_state(tmp_path: Path) -> None:
    upstreams = {
        "upstreams": [
            {"name": "far", "base": "http://127.0.0.1:9/fhir/r4", "canonicals": ["http://loinc.org"]}
        ]
    }
    (tmp_path / "upstreams.json").write_text(json.dumps(upstreams))
    client = client_of(tmp_path, upstreams=tmp_path / "upstreams.json")
    assert "far asked" in Reader(client).text(STATE)


def test_without_users_only_this_machine_sees_the_state(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    assert status(client) == status(client, address="::1") == 200
    assert status(client, address="192.0.2.7") == status(client, address="") == 403


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP"])
def test_nobody_sees_the_state_through_a_proxy_that_is_not_known(tmp_path: Path, name: str) -> None:
    assert status(client_of(tmp_path), {name: "192.0.2.7"}) == 403


@pytest.mark.parametrize(
    "settings",
    [
        {"hosts": []},
        {"hosts": ["localhost", "terminology.example.org"]},
        {"hosts": ["*"]},
        {"proxies": 1},
        {"base_url": "http://terminology.example.org/fhir"},
    ],
    ids=str,
)
def test_without_users_nobody_sees_the_state_of_a_service_for_others(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    assert status(client_of(tmp_path, **settings)) == 403


def test_with_users_only_one_with_all_rights_sees_the_state(tmp_path: Path) -> None:
    keys = {
        scope: api_key(f"user{number}", scope)
        for number, scope in enumerate(
            ["system/*.cruds", "system/*.rs", "system/CodeSystem.cruds", "system/*.crud", "r4:system/*.cruds"]
        )
    }
    path = auth_file(tmp_path, keys=[entry for _, entry in keys.values()], anonymous=["system/*.rs"])
    client = client_of(tmp_path, auth=path)
    assert status(client) in (401, 403), "also at the machine itself"
    found = {scope: status(client, {"X-API-Key": key}) for scope, (key, _) in keys.items()}
    assert found.pop("system/*.cruds") == 200
    assert set(found.values()) == {403}


def test_a_FHIR_client_gets_no_state(tmp_path: Path) -> None:
    answer = client_of(tmp_path).get(STATE)
    assert answer.status_code == 404 and answer.get_json()["resourceType"] == "OperationOutcome"
