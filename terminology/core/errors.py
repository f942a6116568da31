"""The exceptions of this package: one tree.

::

    AdapterError
    ├── TerminologyError          a question has no answer: ``issues`` say why, as an OperationOutcome would
    │   ├── RefusedError          a request is refused with a status and headers of HTTP's own
    │   └── UnknownImportError    a value set imports one that is not known
    ├── UnavailableError          the answer cannot be found at the moment: a database is away
    ├── SettingError              a setting has a wrong name or value
    ├── UnreadableFileError       a file should hold FHIR resources and does not
    ├── PublicationError          a table of the published content is wrong
    └── StoreError                a store, or an import into one
        ├── BrokenReleaseError           a file of a release cannot be read any further
        ├── UnrecognisedReleaseError     the files are not what the importer expects
        ├── TooFewRowsError              a release has no readable row, or far fewer than the one it would replace
        ├── NotLoadedError               no such version is in the store
        ├── StoreBusyError               another process is writing to the store
        ├── OtherFormatError             an artifact was compiled in another format
        └── IncompleteCopyError          a copy lacks something that the database has
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from terminology.core.model import Issue, Problem


class AdapterError(Exception):
    """The root of all exceptions that this package raises on purpose."""


class TerminologyError(AdapterError):
    """A question has no answer. ``issues`` say why: at least one, each of severity error or fatal."""

    def __init__(self, issues: Issue | Iterable[Issue]) -> None:
        self.issues = [issues] if isinstance(issues, Issue) else list(issues)
        super().__init__("; ".join(issue.text for issue in self.issues))


class RefusedError(TerminologyError):
    """A request is refused for a reason of HTTP's: it has its own status and headers."""

    def __init__(self, status: int, issue: Issue, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.headers = status, dict(headers or {})
        super().__init__(issue)


class UnknownImportError(TerminologyError):
    """A value set imports one that is not known here: ``url``, and ``version`` if one was asked."""

    def __init__(self, issue: Issue, url: str, version: str | None) -> None:
        self.url, self.version = url, version
        super().__init__(issue)


class UnavailableError(AdapterError):
    """The answer cannot be found at the moment; the text says why to the operator.

    It is not a TerminologyError: code that can do without one of several answers must not do without this.
    """


class SettingError(AdapterError, ValueError):
    """A setting has a wrong name or value. The text says which one, where it was read, and what is right."""


class UnreadableFileError(AdapterError, ValueError):
    """A file should hold FHIR resources and does not. The text says which file, and why."""


class PublicationError(AdapterError, ValueError):
    """The content cannot be published. ``file`` and ``line`` say where; the text also says what is right."""

    def __init__(self, file: str, line: int | None, problem: str) -> None:
        self.file, self.line, self.problem = file, line, problem
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {problem}")


class StoreError(AdapterError):
    """A store cannot do what it was asked to."""


class BrokenReleaseError(StoreError, ValueError):
    """A file of a release cannot be read any further. ``problem`` says where and why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class UnrecognisedReleaseError(StoreError, ValueError):
    """The files are not what the importer expects."""


class TooFewRowsError(StoreError, ValueError):
    """A release has no readable row, or far fewer than the one that it would replace."""


class NotLoadedError(StoreError, ValueError):
    """No such version is in the store."""


class StoreBusyError(StoreError, RuntimeError):
    """Another process is writing to the store."""


class OtherFormatError(StoreError, ValueError):
    """An artifact was compiled in another format: it has to be imported again."""

    def __init__(self, found: int, wanted: int) -> None:
        super().__init__(f"was compiled in format {found}, and this is format {wanted}: import it again")


class IncompleteCopyError(StoreError, RuntimeError):
    """A copy lacks something that the database has."""
