"""Damaged files of a store: what does not need them is answered as before, and they are served again when put back."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.opening import ServedContent
from tests.support.birds import BIRDS, MAP_URL, MAPPINGS, URL, map_release, release
from tests.support.server import running
from tests.support.stores import load

OTHER = "http://example.org/CodeSystem/others"
LOOKUP = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=owl"
# An answer that is in no memory.
NOT_YET_ASKED = f"/fhir/r5/CodeSystem/$lookup?system={URL}&code=rock"
# What needs nothing of the damaged artifact.
REST = (
    f"/fhir/r5/CodeSystem/$lookup?system={URL}&version=2.0&code=bird",
    f"/fhir/r4/ConceptMap/$translate?url={MAP_URL}&system={URL}&code={MAPPINGS[0].source}&_format=xml",
    "/fhir/r4b/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de",
    "/fhir/r5/metadata",
)
PATIENCE = 60.0
# After so many seconds every file has been looked at.
LOOKED = 1.2


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replaced_by_another(path: Path) -> None:
    """By the file of another artifact."""
    other = next(other for other in path.parent.glob("*.sqlite") if other != path)
    path.unlink()
    shutil.copy(other, path)


DAMAGES = (truncated, emptied, overwritten, Path.unlink, replaced_by_a_folder, replaced_by_another)


def eventually(client: FlaskClient, path: str, status: int) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (answer := client.get(path)).status_code != status and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer.status_code == status, answer.text
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with two versions of a code system and a map."""
    place = tmp_path / "store"
    load(str(place), (release("3.0"), BIRDS), (release("2.0"), BIRDS), (map_release(), MAPPINGS))
    return place


def client_of(folder: Path) -> FlaskClient:
    settings = Settings(environment={}, bundled=False, data="", store=str(folder))
    return create_app(settings, catalogue=ServedContent(settings).catalogue).test_client()


def put_back(path: Path, kept: Path) -> None:
    if path.is_dir():
        path.rmdir()
    shutil.copy2(kept, path)


@pytest.mark.parametrize("is_served", [True, False], ids=["while served", "before the start"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_artifact_is_named_and_the_rest_is_answered(
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
    is_served: bool,
) -> None:
    path, kept = folder / "artifacts" / "1.sqlite", tmp_path / "kept"
    shutil.copy2(path, kept)
    client = client_of(folder)
    good = {asked: client.get(asked) for asked in (LOOKUP, *REST)}
    assert {answer.status_code for answer in good.values()} == {200}
    damage(path)
    if is_served:
        time.sleep(LOOKED)  # until then a thread may read on in a file that it has opened
    else:
        client = client_of(folder)
    for _ in range(20):
        refused = client.get(NOT_YET_ASKED)
        (issue,) = refused.get_json()["issue"]
        assert refused.status_code == 503 and refused.headers["Retry-After"] and issue["code"] == "transient"
        assert f"CodeSystem {URL}|3.0 cannot be read: its" in issue["details"]["text"]
        assert str(folder) not in refused.text
    for asked in REST:
        assert client.get(asked).data == good[asked].data, asked
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1 and f"{URL}|3.0 cannot be read" in errors[0].getMessage()
    assert errors[0].exc_info is None
    put_back(path, kept)
    assert eventually(client, NOT_YET_ASKED, 200).json["parameter"]
    assert client.get(LOOKUP).data == good[LOOKUP].data
    assert "can be read again" in caplog.records[-1].getMessage()


@pytest.mark.parametrize("form", ["read", "search", "expand", "validate", "translate"])
def test_each_request_for_a_damaged_resource_says_which_it_is(folder: Path, form: str) -> None:
    for number in (1, 3):
        (folder / "artifacts" / f"{number}.sqlite").unlink()
    client = client_of(folder)
    path, said = {
        "read": ("CodeSystem/birds-3.0", URL),
        "search": (f"CodeSystem?url={URL}&version=3.0", URL),
        "expand": (f"ValueSet/$expand?url={URL}?fhir_vs", URL),
        "validate": (f"CodeSystem/$validate-code?url={URL}&code=owl", URL),
        "translate": (f"ConceptMap/$translate?url={MAP_URL}&system={URL}&code={MAPPINGS[0].source}", MAP_URL),
    }[form]
    answer = client.get(f"/fhir/r4/{path}")
    assert answer.status_code == (200 if form == "search" else 503)
    assert f"{said}|" in answer.text and "its file in the store is missing" in answer.text


def test_an_import_replaces_a_damaged_artifact(folder: Path) -> None:
    client = client_of(folder)
    (folder / "artifacts" / "1.sqlite").unlink()
    eventually(client, NOT_YET_ASKED, 503)
    load(str(folder), (release("3.0"), BIRDS))
    eventually(client, NOT_YET_ASKED, 200)


def test_a_file_that_is_touched_and_has_not_changed_is_served_on(folder: Path) -> None:
    client = client_of(folder)
    assert client.get(LOOKUP).status_code == 200
    path = folder / "artifacts" / "1.sqlite"
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    copy.replace(path)
    time.sleep(LOOKED)
    assert client.get(NOT_YET_ASKED).status_code == 200


@pytest.mark.parametrize("name", ["published", "generation"])
@pytest.mark.parametrize("damage", [truncated, emptied, overwritten, Path.unlink, replaced_by_a_folder])
def test_a_running_server_answers_on_without_the_list_of_artifacts(
    folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    client = client_of(folder)
    good = client.get(LOOKUP)
    damage(folder / name)
    time.sleep(LOOKED)
    assert client.get(LOOKUP).data == good.data and client.get(NOT_YET_ASKED).status_code == 200


@pytest.mark.parametrize("damage", [truncated, emptied, overwritten, Path.unlink, replaced_by_a_folder])
def test_without_the_list_of_artifacts_nothing_is_called_unknown(
    folder: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    """A server that starts with a damaged store serves the rest, and does not say that a code system is unknown."""
    damage(folder / "published")
    client = client_of(folder)
    assert client.get("/fhir/r4/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de").status_code == 200
    assert client.get("/fhir/r4/metadata").status_code == 200
    for path in (
        LOOKUP,
        f"/fhir/r5/ValueSet/$expand?url={URL}?fhir_vs",
        f"/fhir/r4/CodeSystem/$validate-code?url={URL}&code=owl",
        f"/fhir/r5/ConceptMap/$translate?url={MAP_URL}&system={URL}&code=owl",
        f"/fhir/r5/ConceptMap/$translate?sourceCode=owl&system={URL}&targetSystem={OTHER}",
        "/fhir/r5/CodeSystem/birds-3.0",
    ):
        answer = client.get(path)
        assert answer.status_code == 503 and "store" in answer.get_json()["issue"][0]["details"]["text"], path
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    if (folder / "published").is_dir():
        (folder / "published").rmdir()
    load(str(folder), (release("4.0"), BIRDS))
    eventually(client, LOOKUP, 200)


def test_truncating_every_file_of_a_store_does_not_end_the_process(folder: Path, tmp_path: Path) -> None:
    with running(tmp_path / "log", "--store", str(folder)) as base:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(requests.ConnectionError):
                assert requests.get(
                    f"{base}/r5/CodeSystem/$lookup?system={URL}&code=owl", timeout=PATIENCE
                ).ok
                break
            time.sleep(0.1)
        for path in [*folder.glob("artifacts/*"), folder / "published", folder / "generation"]:
            emptied(path)
        for number in range(40):
            system = URL if number % 2 else "urn:ietf:bcp:47"
            answer = requests.get(f"{base}/r5/CodeSystem/$lookup?system={system}&code=de", timeout=PATIENCE)
            assert answer.status_code in (200, 404, 503) and answer.json()["resourceType"]
            time.sleep(0.05)
        assert answer.status_code == 503
    assert "Traceback" not in (tmp_path / "log").read_text()
