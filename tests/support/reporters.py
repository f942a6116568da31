"""Reporters for imports in tests: what a test passes to ``StoreWriter.load`` or to an importer."""

from __future__ import annotations

from terminology.core.model import Problem


class CollectingReporter:
    """Collects the problems in ``problems``, the progress of each file in ``files`` as (bytes read, size), and
    the numbers of rows in ``counts``.
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
