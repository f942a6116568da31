"""The protocol by which an import reports problems and progress.

The caller of ``StoreWriter.load`` passes one ``Reporter``. Importers call ``problem`` and ``progress``; the
compilers call ``problem`` and ``rows``.
"""

from __future__ import annotations

from typing import Protocol

from terminology.core.model import Problem


class Reporter(Protocol):
    """Receives the problems of an import, and its progress.

    Any method may raise an exception to end the import: then the store stays as it was.
    """

    def problem(self, problem: Problem) -> None:
        """A row is malformed and left out, or a reference in it leads nowhere."""

    def progress(self, file: str, done: int, size: int) -> None:
        """``done`` of the ``size`` bytes of a file have been read. Called about once per mebibyte, and at the end."""

    def rows(self, count: int) -> None:
        """``count`` rows of the current release have been read. Called now and then."""


class CountingReporter:
    """Passes everything on to another reporter, and counts the problems."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.problems = 0
        self.progress = reporter.progress
        self.rows = reporter.rows

    def problem(self, problem: Problem) -> None:
        """Count a problem and pass it on."""
        self.problems += 1
        self._reporter.problem(problem)
