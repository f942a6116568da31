"""Copies of a store in PostgreSQL: a node answers from them as from the database, and also without it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from terminology import Settings, create_app
from terminology.core.errors import IncompleteCopyError, SettingError
from terminology.opening import ServedContent
from terminology.store import copies, store_at, value_sets
from terminology.store.copies import CopiedStore, copy_published
from terminology.store.loading import StoreWriter
from terminology.store.release import ConceptRow, MemberRow, ValueSetRelease
from terminology.store.sqlite import SqliteSink
from tests.support import postgres
from tests.support.birds import BIRDS, MAP_URL, MAPPINGS, URL, map_release, release
from tests.support.paths import ROOT
from tests.support.stores import load

PATIENCE = 60.0
VALUE_SET = "http://example.org/ValueSet/some"


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """An empty database in a server that others use, too."""
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = "copied" + str(time.monotonic_ns())
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url(name)


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """A server that may be stopped."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as server:
        yield server


def some_of_all(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A code system, a map, and a value set with lists beside its header."""
    monkeypatch.setattr(value_sets, "SMALL", 0)
    block = {"system": URL, "concept": []}
    header = {"resourceType": "ValueSet", "url": VALUE_SET, "version": "1", "status": "active"}
    made = ValueSetRelease("test", VALUE_SET, "1", header={**header, "compose": {"include": [block]}})
    listed = [MemberRow("include", 0, n, {"code": c}) for n, c in enumerate(("owl", "rock", "no"))]
    load(place, (release(), BIRDS), (map_release(), MAPPINGS), (made, listed))


ASKED = [
    *(f"CodeSystem/$lookup?system={URL}&code={row.code}&property=*" for row in BIRDS),
    f"CodeSystem/$lookup?system={URL}&code=nothing",
    f"CodeSystem/$subsumes?system={URL}&codeA=animal&codeB=barn-owl",
    f"CodeSystem/$validate-code?url={URL}&code=owl&display=Eule",
    f"ValueSet/$expand?url={URL}?fhir_vs&filter=owl&includeDesignations=true",
    f"ValueSet/$expand?url={URL}?fhir_vs&count=3&offset=2&property=legs",
    f"ValueSet/$expand?url={VALUE_SET}&count=1&offset=1",
    f"ValueSet/$validate-code?url={VALUE_SET}&system={URL}&code=rock",
    f"ValueSet/$validate-code?url={VALUE_SET}&system={URL}&code=bird",
    *(f"ConceptMap/$translate?url={MAP_URL}&system={URL}&code={row.source}" for row in MAPPINGS),
    "ValueSet?_sort=_id",
    "CodeSystem?_sort=_id",
    "ConceptMap?_sort=_id",
]


def answers(client: FlaskClient) -> list[tuple[int, bytes]]:
    said = []
    for path in ASKED:
        answer = client.get(f"/fhir/r5/{path}")
        body = answer.get_json()
        for name in ("identifier", "timestamp"):
            body.get("expansion", {}).pop(name, None)
        said.append((answer.status_code, repr(body).encode() if "$expand" in path else answer.data))
    return said


def client_of(place: str, folder: Path | None = None) -> FlaskClient:
    more: dict[str, Any] = {} if folder is None else {"copies": str(folder)}
    settings = Settings(environment={}, bundled=False, data="", store=place, **more)
    return create_app(settings=settings).test_client()


@contextmanager
def node(place: str, folder: Path) -> Iterator[ServedContent]:
    settings = Settings(environment={}, bundled=False, data="", store=place, copies=str(folder))
    running = ServedContent(settings)
    try:
        yield running
    finally:
        running.close()


def wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert holds()


def copied(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder.glob("*-*.sqlite"))


# -- the same answers ----------------------------------------------------------------------------


def test_a_copy_gives_the_same_answers_also_without_the_database(
    own_server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are byte for byte the same from a copy, and stay so when the database is gone."""
    place, folder = own_server.url(), tmp_path / "copies"
    some_of_all(place, monkeypatch)
    from_database, from_copies = client_of(place), client_of(place, folder)
    expected = answers(from_database)
    assert answers(from_copies) == expected, "the database is asked while there is no copy"

    def is_copied() -> bool:
        from_copies.get("/fhir/r5/metadata")
        return (folder / copies.PUBLISHED).exists()

    wait(is_copied)
    assert copied(folder) == ["1", "2", "3"]
    time.sleep(2 * copies.INTERVAL)
    from_copies.get("/fhir/r5/metadata")
    assert answers(from_copies) == expected
    own_server.stop()
    assert answers(from_copies) == expected
    begun_since = client_of(place, folder)
    assert answers(begun_since) == expected, "also a node that begins now"


def test_what_was_copied_before_is_answered_from_at_once(url: str, tmp_path: Path) -> None:
    load(url, (release(), BIRDS))
    copy_published(url, tmp_path)
    with psycopg.connect(url, autocommit=True) as connection, node(url, tmp_path) as running:
        running.catalogue()
        # A copy is a copy: this is how to see that it is what answers.
        connection.execute("UPDATE concept SET display = 'of the database'")
        owl = running.catalogue().system(URL).locate("owl")
        assert owl is not None and owl.display == "Owl"


# -- new generations -----------------------------------------------------------------------------


def test_a_new_generation_is_served_and_copied_and_the_old_one_removed(url: str, tmp_path: Path) -> None:
    """A new generation is served at once and copied, and the old copies are removed."""
    with node(url, tmp_path) as running:

        def sees(display: str) -> bool:
            system = running.catalogue().find_system(URL)
            found = system.locate("a") if system else None
            return found is not None and found.display == display

        for number in ("1", "2"):
            load(url, (release(), [ConceptRow("a", f"in generation {number}")]))
            wait(lambda number=number: sees(f"in generation {number}"))  # type: ignore[misc]
            wait(lambda number=number: sees(f"in generation {number}") and number in copied(tmp_path))  # type: ignore[misc]
        assert copied(tmp_path) == ["1", "2"], "requests may still read the old one"
    copy_published(url, tmp_path, grace=0)
    assert copied(tmp_path) == ["2"]
    assert not list(tmp_path.glob("*.unwanted"))


def test_what_is_retired_is_not_served_from_copies_and_what_comes_back_is(url: str, tmp_path: Path) -> None:
    load(url, (release(), BIRDS))
    copy_published(url, tmp_path)
    writer = StoreWriter(store_at(url))
    try:
        for back in (False, True):
            writer.retire(URL, back)
            copy_published(url, tmp_path)
            with node(url, tmp_path) as running:
                assert (running.catalogue().find_system(URL) is not None) is back
    finally:
        writer.close()
    assert copied(tmp_path) == ["1"] and not list(tmp_path.glob("*.unwanted"))


def test_artifacts_of_one_number_in_two_databases_are_told_apart(url: str, tmp_path: Path) -> None:
    """An artifact of another database is not taken for the one of the same number."""
    load(url, (release(), [ConceptRow("a", "before")]))
    copy_published(url, tmp_path)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    time.sleep(1.1)  # what is loaded is told apart by the second
    load(url, (release(), [ConceptRow("a", "after")]))
    with node(url, tmp_path) as running:
        found = running.catalogue().system(URL).locate("a")
        assert found is not None and found.display == "after"


# -- what can go wrong ---------------------------------------------------------------------------

KILLED = """
    import os, signal, sys
    sys.path[:0] = {path!r}
    from pathlib import Path
    from terminology.store import copies, sqlite
    written = sqlite.SqliteSink.write

    def write(self, table, rows):
        written(self, table, rows)
        if table == {when!r}:
            os.kill(os.getpid(), signal.SIGKILL)

    sqlite.SqliteSink.write = write
    copies.copy_published({url!r}, Path({folder!r}))
"""


@pytest.mark.parametrize("when", ["header", "concept", "posting"])
def test_a_copy_that_is_killed_leaves_nothing_half(url: str, tmp_path: Path, when: str) -> None:
    load(url, (release(), BIRDS))
    program = textwrap.dedent(KILLED).format(path=sys.path, when=when, url=url, folder=str(tmp_path))
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode < 0
    assert copied(tmp_path) == []
    with node(url, tmp_path) as running:
        assert running.catalogue().system(URL).locate("owl") is not None
    copy_published(url, tmp_path)
    assert copied(tmp_path) == ["1"] and not list(tmp_path.glob("*.building"))


def test_a_copy_that_lacks_a_row_is_none(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(url, (release(), BIRDS))
    written = SqliteSink.write

    def losing(self: SqliteSink, table: str, rows: Any) -> None:
        written(self, table, rows[1:] if table == "concept" else rows)

    monkeypatch.setattr(SqliteSink, "write", losing)
    with pytest.raises(IncompleteCopyError, match="7 of 8 rows of 'concept'"):
        copy_published(url, tmp_path)
    assert copied(tmp_path) == [] and not list(tmp_path.glob("*.building"))
    assert not (tmp_path / copies.PUBLISHED).exists()


def test_the_copying_process_ends_with_the_node(url: str, tmp_path: Path) -> None:
    load(url, (release(), BIRDS))
    with node(url, tmp_path) as running:
        running.catalogue()
        content: Any = running._reader.store if running._reader else None
        assert isinstance(content, CopiedStore)
        wait(lambda: running.catalogue() is not None and bool(content._process._running))
        [process] = content._process._running
    assert process.returncode is not None


def test_of_two_that_copy_into_one_folder_one_waits(url: str, tmp_path: Path) -> None:
    load(url, (release(), BIRDS))
    told = f'["{url}", "{tmp_path}"]'.encode()
    program = f"import sys; sys.path[:0] = {sys.path!r}\nfrom terminology.store.copies import main; main()"
    running = [subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) for _ in range(3)]
    for process in running:
        process.communicate(told)
    assert [process.returncode for process in running] == [0, 0, 0]
    assert copied(tmp_path) == ["1"]


def test_a_copy_that_cannot_be_made_says_why_in_one_line(url: str, tmp_path: Path) -> None:
    load(url, (release(), BIRDS))
    folder = tmp_path / "file" / "below"
    folder.parent.touch()
    program = f"import sys; sys.path[:0] = {sys.path!r}\nfrom terminology.store.copies import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        input=f'["{url}", "{folder}"]'.encode(),
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.decode().startswith(f"the store could not be copied into {folder}: ")
    assert ended.stderr.count(b"\n") == 1


def test_only_of_a_database_copies_are_kept(tmp_path: Path) -> None:
    settings = Settings(environment={}, bundled=False, store=str(tmp_path), copies=str(tmp_path / "copies"))
    with pytest.raises(SettingError, match=r"'copies' needs a postgresql:// store, but 'store' is"):
        ServedContent(settings)


def test_missing_copies_are_named_until_they_are_there(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_of_all(url, monkeypatch)
    folder = tmp_path / "copies"
    folder.mkdir()
    expected = [f"CodeSystem {URL}|{release().version}", f"ConceptMap {MAP_URL}|{map_release().version}"]
    with monkeypatch.context() as patched:
        patched.setattr("terminology.store.copies.CopyProcess.start", lambda self: None)
        settings = Settings(environment={}, bundled=False, data="", store=url, copies=str(folder))
        client = create_app(settings).test_client()
        named = client.get("/readyz").get_json()
        assert named["status"] == "ready" and set(expected) <= set(named["uncopied"])
        said = status_of(url, folder)
        assert said.returncode == 0
        assert {*expected} <= {line.partition(" yet: ")[2] for line in said.stderr.splitlines()}
    wait(lambda: "uncopied" not in client.get("/readyz").get_json())
    assert "uncopied" not in client.get("/readyz").get_json()
    assert status_of(url, folder).stderr == ""


def status_of(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TERMINOLOGY_COPIES": str(folder), "TERMINOLOGY_DATA": ""}
    command = [sys.executable, "-m", "terminology", "status", "--store", url]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_what_the_copying_process_says_is_in_the_log(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(url, (release(), BIRDS))
    folder = tmp_path / "copies"
    folder.write_text("a file where the folder should be")
    with node(url, folder) as running:
        wait(lambda: running.catalogue() is not None and bool(caplog.records))
    messages = {record.getMessage() for record in caplog.records}
    assert any(f"the store could not be copied into {folder}: " in message for message in messages)
