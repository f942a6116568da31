"""A backup, as docs/operating.md makes it, has imports and what clients have written, with its history."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from terminology.cli.commands import main
from tests.support.birds import BIRDS, URL, release
from tests.support.builders import code_system
from tests.support.postgres import Server
from tests.support.stores import empty, load
from tests.support.writing import Client

SIZES = code_system("http://example.org/sizes", "s", id="sizes")
HISTORY, BIRD = "CodeSystem/sizes/_history", f"CodeSystem/$lookup?system={URL}&code=owl"


def filled(place: str) -> tuple[object, object]:
    """Import a code system, write another one twice, and return the answers that show both."""
    load(place, (release("1.0"), BIRDS))
    client = Client(place)
    assert client("PUT", "CodeSystem/sizes", SIZES, X_Change_Reason="first").status_code == 201
    assert client("PUT", "CodeSystem/sizes", {**SIZES, "title": "Sizes"}).status_code == 200
    return answers(place)


def answers(place: str) -> tuple[object, object]:
    client = Client(place)
    history, bird = client("GET", HISTORY), client("GET", BIRD)
    assert history.status_code == bird.status_code == 200
    assert history.json["total"] == 2
    return history.json["entry"], bird.json


def verified(place: str) -> None:
    outcome = CliRunner().invoke(main, ["verify", "--store", place])
    assert outcome.exit_code == 0, outcome.output


def test_a_dump_of_the_database_is_a_backup(
    request: pytest.FixtureRequest, postgres_server: Server, tmp_path: Path
) -> None:
    place, restored = (empty("postgres", request, tmp_path) for _ in range(2))
    before = filled(place)
    dump = str(postgres_server.folder / "backup")
    postgres_server.run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={place}")
    postgres_server.run("pg_restore", f"--dbname={restored}", dump)
    verified(restored)
    assert answers(restored) == before


def test_a_copy_of_the_folder_is_a_backup(tmp_path: Path) -> None:
    before = filled(str(tmp_path / "store"))
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    verified(str(tmp_path / "copy"))
    assert answers(str(tmp_path / "copy")) == before
