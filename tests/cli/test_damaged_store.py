"""The commands on a store that is damaged, mistyped or on a full disk: a plain message, and nothing is made or lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from terminology.cli import commands as cli
from tests.support.birds import BIRDS, MAP_URL, MAPPINGS, URL, map_release, release
from tests.support.builders import code_system
from tests.support.stores import empty, load, serving


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        cli.main, list(arguments), env={"TERMINOLOGY_STORE": "", "TERMINOLOGY_DATA": ""}
    )


def refused(result: Result) -> str:
    """The one line of a command that ended with an error."""
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.output
    (line,) = result.output.strip().splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "store"
    load(str(place), (release("1.0"), BIRDS), (map_release(), MAPPINGS))
    return place


# -- a store that is not there ---------------------------------------------------------------------

READING = (["status"], ["verify"], ["retire", URL], ["remove", URL])


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_mistyped_store_is_not_made(tmp_path: Path, command: list[str]) -> None:
    mistyped = tmp_path / "stroe"
    said = refused(run(command[0], "--store", str(mistyped), *command[1:]))
    assert f"there is no store in {mistyped}" in said
    assert not mistyped.exists()


@pytest.mark.parametrize(
    "command", [*READING, ["import", "fhir", "pyproject.toml"]], ids=lambda each: each[0]
)
def test_a_file_in_place_of_a_store_is_refused(tmp_path: Path, command: list[str]) -> None:
    place = tmp_path / "store"
    place.write_text("not a store")
    said = refused(run(command[0], "--store", str(place), *command[1:]))
    assert str(place) in said
    assert place.read_text() == "not a store"


def rubbish(path: Path) -> None:
    path.write_bytes(os.urandom(9_000))


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [rubbish, truncated, a_folder])
@pytest.mark.parametrize(
    "command", [*READING, ["import", "fhir", "pyproject.toml"]], ids=lambda each: each[0]
)
def test_a_damaged_registry_is_named_and_the_servers_go_on(
    folder: Path, damage: Callable[[Path], None], command: list[str]
) -> None:
    for extra in folder.glob("registry.sqlite-*"):
        extra.unlink()
    damage(folder / "registry.sqlite")
    assert "registry.sqlite of the store" in refused(run(command[0], "--store", str(folder), *command[1:]))
    assert serving(str(folder)).catalogue().system(URL).locate("owl") is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("command", ["status", "retire"])
def test_a_store_of_another_user_is_refused_in_one_line(folder: Path, command: str) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700)
    for parent in folder.parents[:3]:
        parent.chmod(0o755)
    os.seteuid(65534)
    try:
        said = refused(run(command, "--store", str(folder), *([URL] * (command == "retire"))))
    finally:
        os.seteuid(0)
    assert "Permission denied" in said and str(folder) in said


# -- verify ----------------------------------------------------------------------------------------


def test_verify_says_of_each_artifact_whether_it_is_what_was_imported(folder: Path) -> None:
    good = run("verify", "--store", str(folder))
    assert good.exit_code == 0 and good.output.count("good (SHA-256") == 2
    path = folder / "artifacts" / "1.sqlite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = run("verify", "--store", str(folder))
    assert found.exit_code == 1
    assert f"CodeSystem {URL}|1.0: DAMAGED: its SHA-256 is" in found.output
    assert f"ConceptMap {MAP_URL}" in found.output and found.output.count("good") == 2
    assert run("status", "--store", str(folder)).exit_code == 0, "it looks at sizes alone"
    path.unlink()
    for command in ("verify", "status"):
        found = run(command, "--store", str(folder))
        assert found.exit_code == 1 and "its file in the store is missing" in found.output


def test_verify_says_that_an_early_artifact_has_no_checksum(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "registry.sqlite")) as connection, connection:
        connection.execute("DROP TABLE checksum")
    found = run("verify", "--store", str(folder))
    assert found.exit_code == 0 and found.output.count("without a checksum") == 2
    rubbish(folder / "artifacts" / "1.sqlite")
    found = run("verify", "--store", str(folder))
    assert found.exit_code == 1 and found.output.count("DAMAGED") == 1
    assert run("retire", "--store", str(folder), MAP_URL).exit_code == 0


def test_verify_says_that_the_list_of_what_is_served_is_damaged(folder: Path) -> None:
    rubbish(folder / "published")
    found = run("verify", "--store", str(folder))
    assert found.exit_code == 1 and "the list of the served versions: DAMAGED" in found.output
    assert run("retire", "--store", str(folder), MAP_URL).exit_code == 0
    assert run("verify", "--store", str(folder)).exit_code == 0


def test_verify_counts_the_rows_in_a_database(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = empty("postgres", request, tmp_path)
    load(place, (release("1.0"), BIRDS), (map_release(), MAPPINGS))
    found = run("verify", "--store", place)
    assert found.exit_code == 0 and f"{len(BIRDS)} rows are there" in found.output
    with psycopg.connect(place) as connection:
        connection.execute("DELETE FROM concept WHERE artifact = 1 AND key = 'owl'")
        connection.execute("DELETE FROM header WHERE artifact = 2 AND name = 'header'")
    found = run("verify", "--store", place)
    assert found.exit_code == 1
    assert f"DAMAGED: it has {len(BIRDS) - 1} of {len(BIRDS)} rows" in found.output
    assert "DAMAGED: its header is missing" in found.output


# -- a full disk -----------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_an_import_in_one_line_and_gives_the_room_back(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    concepts = [{"code": f"C{number}", "display": os.urandom(40).hex()} for number in range(40_000)]
    large.write_text(json.dumps(code_system("http://example.org/large", *concepts)))
    with small_disk(tmp_path / "disk", 4) as disk:
        place = str(disk / "store")
        load(place, (release("1.0"), BIRDS))
        running = serving(place)
        running.catalogue()
        free = shutil.disk_usage(disk).free
        said = refused(run("import", "--store", place, "fhir", str(large)))
        assert "full" in said or "No space left" in said
        assert shutil.disk_usage(disk).free >= free - 200_000, "the room is free again"
        for content in (running, serving(place)):
            assert content.catalogue().system(URL).locate("owl") is not None
        assert run("verify", "--store", place).exit_code == 0
        load(place, (release("1.0"), BIRDS[:3]))
        running.close()


def test_a_full_disk_ends_load_in_one_line_and_gives_the_room_back(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    concepts = [{"code": f"C{number}", "display": os.urandom(20).hex()} for number in range(30_000)]
    large.write_text(json.dumps(code_system("http://example.org/large", *concepts)))
    with small_disk(tmp_path / "disk", 1) as disk:
        said = refused(run("load", "--data", str(disk), str(large)))
        assert "No space left" in said and "None" not in said
        assert not list(disk.rglob("*.json*")) and shutil.disk_usage(disk).free > 900_000
