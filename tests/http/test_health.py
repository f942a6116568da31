"""The pages for load balancers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.opening import ServedContent
from tests.support.birds import BIRDS, MAPPINGS, URL, map_release, release
from tests.support.stores import load

PATIENCE = 60.0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    load(str(tmp_path / "store"), (release("3.0"), BIRDS), (map_release(), MAPPINGS))
    return tmp_path / "store"


def client_of(store: Path) -> FlaskClient:
    settings = Settings(environment={}, bundled=False, data="", store=str(store), hosts="tx.example.org")
    return create_app(settings, catalogue=ServedContent(settings).catalogue).test_client()


def eventually(client: FlaskClient, status: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (answer := client.get("/readyz")).get_json()["status"] != status and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer.get_json()["status"] == status
    return answer


def test_a_service_that_has_its_content_is_alive_and_ready(store: Path) -> None:
    """Whatever name it is asked under: a probe uses the address."""
    client = client_of(store)
    for path, said in (("/healthz", "alive"), ("/readyz", "ready")):
        answer = client.get(path, headers={"Host": "10.0.0.7:8080"})
        assert (answer.status_code, answer.json) == (200, {"status": said})
        assert answer.headers["Cache-Control"] == "no-store"
        assert client.head(path).status_code == 200


@pytest.mark.parametrize("is_served", [True, False], ids=["while served", "before the start"])
def test_a_resource_that_cannot_be_read_is_named_until_it_is_put_back(store: Path, is_served: bool) -> None:
    client = client_of(store) if is_served else None
    path = store / "artifacts" / "1.sqlite"
    content = path.read_bytes()
    if client is not None:
        assert client.get(f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=owl").status_code == 200
    path.write_bytes(content[: len(content) // 2])
    client = client or client_of(store)
    answer = eventually(client, "degraded")
    assert answer.status_code == 200
    [fault] = answer.json["faults"]
    assert fault.startswith(f"CodeSystem {URL}|3.0 cannot be read: its file in the store has ")
    path.write_bytes(content)
    assert eventually(client, "ready").json == {"status": "ready"}


def test_a_store_that_cannot_be_read_makes_the_service_not_ready(store: Path) -> None:
    (store / "published").write_text("damaged")
    answer = client_of(store).get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "faults": ["the store cannot be read"]}
    assert client_of(store).get("/healthz").status_code == 200
