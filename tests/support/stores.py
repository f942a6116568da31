"""Empty stores of each kind, and imports of releases that a test makes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from terminology import Settings
from terminology.core.model import Problem
from terminology.opening import Serving
from terminology.store import content_of
from terminology.store.loading import Loader
from terminology.store.release import AnyRelease, Importer, Row, SourceFile
from tests.support import postgres

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
    """An importer that yields the rows of each release and reports the problems, whatever the paths."""
    rows_of = {id(release): rows for release, rows in releases}

    def read(release: Any, paths: Sequence[Path], report: Callable[[Problem], None]) -> Iterator[Any]:
        for problem in problems:
            report(problem)
        yield from rows_of[id(release)]

    return Importer("test", "rows of a test", lambda paths: [release for release, _ in releases], read, True)


def load(place: str, *releases: Any, **more: Any) -> list[Any]:
    """Import releases with their rows; a version may have fewer rows than the version that it replaces."""
    loader = Loader(content_of(place))
    try:
        return loader.load(importer_of(*releases), [], more.pop("report", print), **{"fewer": True, **more})
    finally:
        loader.close()


def serving(place: str) -> Serving:
    """A server's content, from a store alone."""
    return Serving(Settings(environment={}, bundled=False, store=place))


def file(name: str = "birds.txt", digest: str = "00") -> SourceFile:
    """A source file of one byte, for the header of a release."""
    return SourceFile(name, digest, 1)
