"""Two nodes on a PostgreSQL primary and its streaming replica.

Whatever happens to the primary, no answer is wrong and nothing that was served is lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from terminology import Settings
from terminology.core.errors import UnavailableError
from terminology.opening import ServedContent
from terminology.store.release import ConceptRow
from tests.support import postgres
from tests.support.birds import URL, release
from tests.support.stores import load

PATIENCE = 60.0


def numbered(generation: int) -> list[ConceptRow]:
    return [ConceptRow(f"C{number}", f"generation {generation}") for number in range(300)]


@pytest.fixture
def servers() -> Iterator[tuple[postgres.Server, postgres.Server]]:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres.server() as primary, postgres.replica(primary) as copy:
        yield primary, copy


class Node:
    """A service node that gets requests all the time."""

    def __init__(self, *hosts: postgres.Server) -> None:
        place = f"postgresql:///postgres?host={','.join(str(h.folder) for h in hosts)}&user=terminology"
        self._serving = ServedContent(Settings(environment={}, bundled=False, store=place))
        self._ended = threading.Event()
        self.seen: list[int] = []
        self.wrong: list[object] = []
        self.answers = 0
        self.go_on()

    def go_on(self) -> None:
        """Begin to send requests, also after a failure."""
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                self._answer()
            except Exception as failure:
                self.wrong.append(failure)
                return

    def _answer(self) -> None:
        system = self._serving.catalogue().system(URL)
        shown = {concept.display for concept in system.select()}
        located = system.locate("C7")
        assert located is not None and shown == {located.display}, "a mixture"
        (display,) = shown
        generation = int((display or "").rpartition(" ")[2])
        if not self.seen or self.seen[-1] != generation:
            self.seen.append(generation)
        self.answers += 1

    def sees(self, generation: int) -> bool:
        return bool(self.seen) and self.seen[-1] == generation

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._serving.close()


def wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert holds()


def test_nodes_answer_during_a_load_and_while_the_primary_is_away(
    servers: tuple[postgres.Server, postgres.Server],
) -> None:
    primary, copy = servers
    load(primary.url(), (release("1"), numbered(1)))
    _caught_up(primary, copy)
    nodes = [Node(primary, copy), Node(copy, primary)]
    try:
        for generation in (2, 3):
            load(primary.url(), (release("1"), numbered(generation)))
            wait(lambda generation=generation: all(node.sees(generation) for node in nodes))  # type: ignore[misc]
        primary.stop()
        before = [node.answers for node in nodes]
        wait(lambda: all(node.answers > count + 100 for node, count in zip(nodes, before, strict=True)))
        primary.start()
        load(primary.url(), (release("1"), numbered(4)))
        wait(lambda: all(node.sees(4) for node in nodes))
    finally:
        for node in nodes:
            node.end()
    for node in nodes:
        assert not node.wrong
        assert node.seen == sorted(node.seen), "no node goes back"


def _caught_up(primary: postgres.Server, copy: postgres.Server) -> None:
    with psycopg.connect(primary.url()) as connection:
        (position,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)

    def replayed() -> bool:
        with psycopg.connect(copy.url()) as connection:
            query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            return bool((connection.execute(query, [position]).fetchone() or [False])[0])

    wait(replayed)


def test_a_thread_on_a_replica_sees_content_that_another_has_seen(
    servers: tuple[postgres.Server, postgres.Server],
) -> None:
    """A thread on a replica does not miss content that another thread saw on the primary."""
    primary, copy = servers
    load(primary.url(), (release("1"), numbered(1)))
    _caught_up(primary, copy)
    place = f"postgresql:///postgres?host={primary.folder},{copy.folder}&user=terminology"
    serving = ServedContent(Settings(environment={}, bundled=False, store=place))

    def shown(code: str) -> str | None:
        concept = serving.catalogue().system(URL).locate(code)
        return None if concept is None else concept.display

    primary.stop()
    assert shown("C1") == "generation 1"  # this thread is with the replica from here on
    primary.start()
    with psycopg.connect(copy.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    load(primary.url(), (release("1"), numbered(2)))
    seen: list[str | None] = []

    def look() -> None:
        wait(lambda: seen.append(shown("C2")) or seen[-1] == "generation 2")  # type: ignore[func-returns-value]

    other = threading.Thread(target=look)
    other.start()
    other.join()
    assert shown("C3") == "generation 2"
    serving.close()


def test_a_replica_that_is_behind_never_serves_a_mixture(
    servers: tuple[postgres.Server, postgres.Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that is behind is waited for; otherwise it serves its old content, and not a mixture."""
    primary, copy = servers
    load(primary.url(), (release("1"), numbered(1)))
    _caught_up(primary, copy)
    monkeypatch.setattr("terminology.store.postgres.PATIENCE", 0.5)
    with psycopg.connect(copy.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    load(primary.url(), (release("1"), numbered(2)))
    node = Node(primary, copy)
    try:
        wait(lambda: node.sees(2))
        primary.stop()
        wait(lambda: bool(node.wrong) or node.sees(1))
        assert all(isinstance(failure, UnavailableError) for failure in node.wrong), node.wrong
        node.go_on()
        wait(lambda: node.sees(1))
    finally:
        node.end()
    assert len(node.wrong) == 1, "the one request that had begun"
