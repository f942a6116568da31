"""A database that is silent for a moment: few threads wait for it, so that others are left."""

from __future__ import annotations

import threading
import time

import pytest

from terminology.store import doubt
from terminology.store.doubt import MOST_WAITING, Doubt

THREADS = MOST_WAITING + 3


def waits_of_threads(of: Doubt) -> list[bool]:
    """What as many threads are told, of which all are there at the same time."""
    told: list[bool] = []
    all_asked = threading.Barrier(THREADS)

    def ask() -> None:
        told.append(of.may_wait())
        all_asked.wait()
        of.end_wait()

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_all_threads_wait_for_a_database_that_is_not_doubted() -> None:
    assert waits_of_threads(Doubt()) == [True] * THREADS


def test_few_threads_wait_for_a_database_that_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubt, "MOMENT", 0.0)
    silent = Doubt()
    with silent.asking():
        assert silent.is_doubted
        for _ in range(2):  # those that have ended their wait leave their places to others
            assert (
                sorted(waits_of_threads(silent)) == [False] * (THREADS - MOST_WAITING) + [True] * MOST_WAITING
            )
    assert not silent.is_doubted


def test_an_answer_is_late_by_what_is_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    distant = Doubt()
    for _ in range(20):
        with distant.asking():
            clock += 0.1
            assert not distant.is_doubted or clock < 100.5, (
                "a database that is far away is not doubted for that"
            )
    with distant.asking():
        clock += 1.0
        assert distant.is_doubted
