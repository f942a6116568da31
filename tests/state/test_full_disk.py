"""A full disk loses nothing, is said plainly, and ends nothing else."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from terminology import Settings, create_app
from terminology.state import FILE
from terminology.state.database import Database
from tests.support.builders import body_of, code_system, coding, concept, tree, tx_resource
from tests.support.disks import fill, small_disk
from tests.support.engine import catalogue_of

__all__ = ["small_disk"]
ANIMALS = "http://example.org/animals"
CATALOGUE = catalogue_of([code_system(ANIMALS, tree("animal", tree("cat")))])


def post(client: Any, *codes: str, name: str = "mine") -> Any:
    nodes: list[dict[str, Any]] = [{"name": "name", "valueString": name}]
    nodes += [{**coding(code, ANIMALS), "name": "concept"} for code in codes]
    return client.post("/fhir/r5/$closure", json=body_of(*nodes))


def test_a_full_disk_is_said_and_nothing_is_lost(small_disk: Path, caplog: Any) -> None:
    client = create_app(Settings(environment={}, data=str(small_disk)), catalogue=CATALOGUE).test_client()
    assert post(client).status_code == 200
    assert post(client, "cat").json["version"] == "1"
    started: Any = client.post(
        "/fhir/r5/$cache-control?mode=start", json=body_of(tx_resource(code_system("urn:x", concept("a"))))
    )
    id_ = next(p["valueString"] for p in started.json["parameter"] if p["name"] == "cache-id")
    filler = fill(small_disk)
    refused = [post(client, name=f"{'n' * 200}{number}") for number in range(40)][-1]
    assert refused.status_code == 507
    assert refused.json is not None
    assert refused.json["issue"][0]["code"] == "no-store"
    assert "no room on the disk" in refused.json["issue"][0]["details"]["text"]
    lines = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert lines and all(record.exc_info is None and "\n" not in record.getMessage() for record in lines)
    lookup = "/fhir/r5/CodeSystem/$lookup?system=urn:x&code=a"
    assert client.get(lookup, headers={"X-Cache-Id": id_}).status_code == 200, "what is stored is read"
    os.remove(filler)
    assert len(post(client, "animal").json["group"]) == 1, "the concept from before is there"


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    client = create_app(
        Settings(environment={}, data=str(tmp_path), largest_state=1_000_000_000), catalogue=CATALOGUE
    ).test_client()
    assert post(client).status_code == 200
    database = Database(tmp_path / FILE, most_bytes=200_000)
    with pytest.raises(Exception, match="no room on the disk"):
        with database.writing() as connection:
            for number in range(1_000):
                connection.execute("INSERT INTO session_ended VALUES (?, '', 0)", (f"{number:0900}",))
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM session_ended").fetchone() == (0,)
    assert post(client, "cat").status_code == 200
