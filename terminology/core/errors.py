"""Exceptions that this package raises on purpose: one tree.

::

    AdapterError
    ├── TerminologyError          a request has no answer; ``issues`` say why, as an OperationOutcome does
    │   ├── RefusedError          a request is refused with its own HTTP status and headers
    │   │   └── UpstreamError     an upstream that the request needs has no usable answer at the moment
    │   ├── UndecidedError        the content here does not decide the answer: upstreams may
    │   └── UnknownImportError    a value set imports an unknown one
    ├── OverBudgetError           a request takes more work, or more time, than it may
    ├── UnavailableError          a database, or the store, cannot be reached or read at the moment
    │   └── UnreadableArtifactError    one resource of the store cannot be read at the moment
    ├── SettingError              a setting has an unknown name or a wrong value
    ├── UnreadableFileError       a file cannot be read, or has no FHIR resource
    │   └── TooLargeFileError     a file of content has more bytes than may be read
    ├── PublicationError          a table of the published content is wrong
    └── StoreError                the store, or an import into it, fails
        ├── BrokenReleaseError           a file of a release cannot be read to its end
        ├── UnrecognisedReleaseError     the files are not those that the importer reads
        ├── TooFewRowsError              a release has no readable rows, or far fewer than the one that it replaces
        ├── NotLoadedError               the store has no such version
        ├── StoreBusyError               another process writes to the store
        ├── OtherFormatError             the index of a release was compiled in another format
        └── IncompleteCopyError          a copy of the store lacks something that the database has

docs/errors.md explains them to users. Builtin exceptions are raised only where Python expects them (``TypeError``
from a JSON serialiser or for a wrong argument of the library), or are caught in the same module.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from getpass import getuser
from pathlib import Path
from typing import TypeVar

from terminology.core.model import Issue, Problem

T = TypeVar("T")


class AdapterError(Exception):
    """The root of all exceptions that this package raises on purpose."""


class TerminologyError(AdapterError):
    """A request has no answer. ``issues`` say why: at least one, each of severity error or fatal."""

    def __init__(self, issues: Issue | Iterable[Issue]) -> None:
        self.issues = [issues] if isinstance(issues, Issue) else list(issues)
        super().__init__("; ".join(issue.text for issue in self.issues))


class RefusedError(TerminologyError):
    """A request is refused with its own HTTP ``status`` and ``headers``; others follow from the code of the issue."""

    def __init__(self, status: int, issue: Issue, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.headers = status, dict(headers or {})
        super().__init__(issue)


class UpstreamError(RefusedError):
    """An upstream that a request needs has no usable answer at the moment: ``upstream`` is its name.

    ``status`` is 504 where it is too slow, or else 503; ``retry_after`` the seconds after which to ask again.
    """

    def __init__(self, status: int, issue: Issue, upstream: str, retry_after: int) -> None:
        self.upstream, self.retry_after = upstream, retry_after
        super().__init__(status, issue, {"Retry-After": str(retry_after)})


class UndecidedError(TerminologyError):
    """The content here does not decide an answer, and an upstream may be asked. No caller sees it: ``wire.rest`` asks.

    ``gap`` says which resources are missing, or here in part only. ``has_answer``: the content here has an answer that
    is neither an error nor negative; it stands if no upstream knows more.
    """

    def __init__(self, issue: Issue, gap: object, has_answer: bool) -> None:
        self.gap, self.has_answer = gap, has_answer
        super().__init__(issue)


class UnknownImportError(TerminologyError):
    """A value set imports an unknown one: ``url``, and ``version`` if the import has one."""

    def __init__(self, issue: Issue, url: str, version: str | None) -> None:
        self.url, self.version = url, version
        super().__init__(issue)


class OverBudgetError(AdapterError):
    """A request takes more work, or more time, than it may (``core.budget``); ``issue`` says how much that is.

    It is not a TerminologyError, for the same reason as an UnavailableError. A caller of the library gets a
    TerminologyError with the same issue.
    """

    def __init__(self, issue: Issue) -> None:
        self.issue = issue
        super().__init__(issue.text)


class UnavailableError(AdapterError):
    """A database, the store or a key set cannot be reached or read at the moment; the text tells the operator why.

    It is not a TerminologyError: code that skips a code system without an answer must not skip one for this
    reason, because the answer would then be wrong.
    """


class UnreadableArtifactError(UnavailableError):
    """One resource of the store cannot be read at the moment: ``resource``, such as "CodeSystem http://x|1".

    ``reason`` says why, in words that a client may read.
    """

    def __init__(self, resource: str, reason: str) -> None:
        self.resource, self.reason = resource, reason
        super().__init__(f"{resource} cannot be read: {reason}")


def reason_of(problem: OSError) -> str:
    """Why a file cannot be read, in words. Where this process may not read it, they say whose the file is."""
    reason = problem.strerror or str(problem)
    if not isinstance(problem, PermissionError) or problem.filename is None:
        return reason
    try:
        path = Path(os.fsdecode(problem.filename))
        mode = stat.S_IMODE(path.stat().st_mode)
        owner = f"{path.owner()}, group {path.group()}"
        return f"{reason}. It belongs to {owner} (mode {mode:o}), and this process runs as {getuser()}"
    except (
        OSError,
        LookupError,
        NotImplementedError,
    ):  # in a folder that is closed, of an unknown user, on Windows
        return reason


class SettingError(AdapterError, ValueError):
    """A setting has an unknown name or a wrong value.

    The text names the setting, its source and the correct values.
    """


class UnreadableFileError(AdapterError, ValueError):
    """A file, or an item of the library's content, cannot be read, or has no FHIR resource.

    The text says which one, and why.
    """


class TooLargeFileError(UnreadableFileError):
    """A file of content has more bytes than may be read. A service leaves it out, and serves the rest."""


class PublicationError(AdapterError, ValueError):
    """A table of the published content is wrong.

    ``file`` and ``line`` (from 1) say where; the text names the correct value.
    """

    def __init__(self, file: str, line: int | None, problem: str) -> None:
        self.file, self.line, self.problem = file, line, problem
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {problem}")


class StoreError(AdapterError):
    """The store, or an import into it, fails."""


class BrokenReleaseError(StoreError, ValueError):
    """A file of a release cannot be read to its end. ``problem`` says where and why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class UnrecognisedReleaseError(StoreError, ValueError):
    """The files are not those that the importer reads."""


class TooFewRowsError(StoreError, ValueError):
    """A release has no readable rows, many malformed ones, or far fewer than the one that it replaces."""


class NotLoadedError(StoreError, ValueError):
    """The store has no such version."""


class StoreBusyError(StoreError, RuntimeError):
    """Another process writes to the store."""


class OtherFormatError(StoreError, ValueError):
    """The index of a release was compiled in another format: the release must be imported again."""

    def __init__(self, format_: int, current: int) -> None:
        super().__init__(
            f"was compiled in format {format_}, but the current one is {current}: import it again"
        )


class IncompleteCopyError(StoreError, RuntimeError):
    """A copy of the store lacks something that the database has."""


def is_any(candidates: Iterable[T], is_one: Callable[[T], bool]) -> bool:
    """Whether a candidate is one.

    A candidate that cannot be judged, such as an include with a filter that cannot be used, matters only if no other
    is one: then its TerminologyError is raised.
    """
    unjudged: TerminologyError | None = None
    for candidate in candidates:
        try:
            if is_one(candidate):
                return True
        except TerminologyError as error:
            unjudged = unjudged or error
    if unjudged is not None:
        raise unjudged
    return False
