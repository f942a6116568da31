"""Reporters for imports in tests: what a test passes to ``StoreWriter.load`` or to an importer."""

from __future__ import annotations

from terminology.core.model import Problem


class CollectingReporter:
    """Collects everything that is reported.

    ``problems`` are the problems, ``files`` has the progress of each file as (bytes read, size), ``counts`` are the
    numbers of rows.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.files: dict[str, list[tuple[int, int]]] = {}
        self.counts: list[int] = []

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)

    def progress(self, file: str, done: int, size: int) -> None:
        self.files.setdefault(file, []).append((done, size))

    def rows(self, count: int) -> None:
        self.counts.append(count)


class StrictReporter(CollectingReporter):
    """Fails the test at the first problem."""

    def problem(self, problem: Problem) -> None:
        raise AssertionError(str(problem))
