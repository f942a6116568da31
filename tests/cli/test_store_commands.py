"""What the commands say of a store that is not there, cannot be reached or cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from terminology import Settings
from terminology.cli import commands
from terminology.core.errors import SettingError
from tests.support import postgres
from tests.support.birds import BIRDS, URL, release
from tests.support.builders import code_system
from tests.support.stores import load

AWAY = "postgresql:///nothing?host=/tmp/nobody-listens-here"


@pytest.fixture
def titles(tmp_path: Path) -> str:
    path = tmp_path / "CMS32_DESC_LONG_SG.txt"
    path.write_bytes(b"672  Conization of cervix\r\n")
    return str(path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(commands.main, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    """What a command says that fails: one line, and no traceback."""
    done = run(*arguments)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), (done.output, done.exception)
    (line,) = done.stderr.splitlines()
    return line


def test_status_does_not_create_a_store_and_says_that_there_is_none(tmp_path: Path) -> None:
    typo = tmp_path / "typo"
    assert f"there is no store in {typo}" in refused("status", "--store", typo)
    assert not typo.exists()
    (tmp_path / "empty").mkdir()
    assert "there is no store" in refused("status", "--store", tmp_path / "empty")
    assert not list((tmp_path / "empty").iterdir())


def test_a_database_without_a_store_is_not_written_by_a_question(postgres_server: postgres.Server) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    place = postgres_server.url("bare")
    assert "there is no store" in refused("status", "--store", place)
    with psycopg.connect(place) as connection:
        assert not connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall()


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql+psycopg://x/y", "https://example.org/store"])
def test_a_URL_of_an_unknown_scheme_is_no_store(
    url: str, titles: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for command in (("status",), ("serve", "--check"), ("import", "icd9cm", titles), ("retire", "http://x")):
        assert "a folder or a postgresql:// URL" in refused(command[0], "--store", url, *command[1:])
    with pytest.raises(SettingError, match="'store' is"):
        Settings(environment={}, store=url)
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_that_cannot_be_reached_is_said_to_be_so_in_one_line(
    titles: str, caplog: pytest.LogCaptureFixture
) -> None:
    for command in (("status",), ("import", "icd9cm", titles), ("remove", "http://x")):
        assert "cannot be reached" in refused(command[0], "--store", AWAY, *command[1:]), command
    assert not caplog.records, "the log is for those who serve"
    for command in (
        ("serve", "--check"),
        ("lookup", URL, "owl"),
        ("translate", URL, "owl"),
    ):
        assert "cannot be reached" in refused(command[0], "--store", AWAY, *command[1:]), command


def test_a_replica_cannot_be_imported_into_but_has_a_status(titles: str) -> None:
    """An import that reaches only a replica says so, and the status of the replica lists what it holds."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as primary:
        load(primary.url(), (release("1"), BIRDS))
        with postgres.replica(primary) as copy:
            assert "can only be read: name the primary" in refused(
                "import", "--store", copy.url(), "icd9cm", titles
            )
            deadline = time.monotonic() + 60
            while URL not in (said := run("status", "--store", copy.url()).output):
                assert time.monotonic() < deadline, said
                time.sleep(0.1)


def test_the_server_warns_of_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    done = run("serve", "--check", "--no-bundled", "--store", tmp_path / "later")
    assert done.exit_code == 0 and f"no store in {tmp_path / 'later'} yet" in done.stderr
    load(str(tmp_path / "later"), (release("1"), BIRDS))
    assert not run("serve", "--check", "--no-bundled", "--store", tmp_path / "later").stderr


def test_lookup_and_translate_use_the_store_and_content_of_the_options(tmp_path: Path) -> None:
    """lookup and translate ask the store and the content that their options name."""
    place = str(tmp_path / "store")
    load(place, (release("1"), BIRDS))
    assert run("lookup", "--store", place, URL, "owl").exit_code == 0
    mapped = {"code": "owl", "target": [{"code": "red", "relationship": "related-to"}]}
    concept_map = {
        "resourceType": "ConceptMap",
        "url": "http://example.org/cm",
        "status": "active",
        "group": [{"source": URL, "target": "http://example.org/c", "element": [mapped]}],
    }
    content = tmp_path / "map.json"
    content.write_text(json.dumps(concept_map))
    assert run("translate", "--content", content, URL, "owl").output.count("red") == 1
    assert run("translate", "--no-bundled", "--store", place, URL, "owl").exit_code == 1


def test_import_list_needs_no_path_but_an_import_does() -> None:
    """The kinds that can be imported are listed without a path; an import without a path is refused."""
    listed = run("import", "list")
    assert listed.exit_code == 0 and "snomed" in listed.output
    assert run("import", "snomed").exit_code == 2


def test_the_list_of_imports_needs_no_extra_and_an_import_names_it(tmp_path: Path) -> None:
    resource = tmp_path / "cats.json"
    resource.write_text(json.dumps(code_system("c", "a")))
    store = ["--store", str(tmp_path / "store")]
    listed = without_packages(["ijson", "pyroaring", "sqlalchemy", "zstandard"], "import", "list")
    assert listed.returncode == 0 and "snomed" in listed.stdout, listed.stderr
    for missing in (["ijson"], ["sqlalchemy"]):
        done = without_packages(missing, "import", *store, "fhir", str(resource))
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "pip install '.[store]'" in done.stderr


def without_packages(names: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        sys.modules.update(dict.fromkeys({names!r}))
        from terminology.cli.commands import main
        main({arguments!r})
        """
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
