"""Empty stores of each kind, and imports of releases that a test makes itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from terminology import Settings
from terminology.core.model import Problem
from terminology.opening import ServedContent
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.release import AnyRelease, Importer, Row, SourceFile
from terminology.store.reporting import Reporter
from tests.support import postgres
from tests.support.importing import opened_of
from tests.support.reporters import CollectingReporter

ENGINES = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server for all tests; skips a test if PostgreSQL is not installed."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as server:
        yield server


_numbers = iter(range(1_000_000))


def empty(engine: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The place of a new, empty store: a folder, or the url of a database."""
    if engine == "sqlite":
        return str(folder / "store")
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = f"store{next(_numbers)}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url(name)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of an empty store, once for each kind of store."""
    return empty(request.param, request, tmp_path)


@pytest.fixture
def both(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The places of two empty stores, one of each kind."""
    return [empty(engine, request, tmp_path) for engine in ENGINES]


def importer_of(*releases: tuple[AnyRelease, Iterable[Row]], problems: Sequence[Problem] = ()) -> Importer:
    """An importer of rows that the test itself makes."""

    def rows_of(given: Iterable[Row], reporter: Reporter) -> Iterator[Row]:
        for problem in problems:
            reporter.problem(problem)
        yield from given

    opened = [opened_of(release, partial(rows_of, given)) for release, given in releases]
    return Importer("test", "rows of a test", "nothing", lambda paths: opened, may_be_empty=True)


def load(place: str, *releases: Any, **more: Any) -> list[Any]:
    """Import releases of a test, which may have fewer rows than those that they replace."""
    writer = StoreWriter(store_at(place))
    try:
        reporter = more.pop("reporter", CollectingReporter())
        return writer.load(importer_of(*releases), [], reporter, **{"allow_fewer_rows": True, **more})
    finally:
        writer.close()


def serving(place: str) -> ServedContent:
    """A server's content, from a store alone."""
    return ServedContent(Settings(environment={}, bundled=False, store=place))


def file(name: str = "birds.txt", digest: str = "00") -> SourceFile:
    """A source file of one byte, for the header of a release."""
    return SourceFile(name, digest, 1)
