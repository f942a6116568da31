"""Importing releases into a store, retiring them, and removing them.

A change becomes visible to requests when the transaction of the registry ends. Until then it can be interrupted at
any point without effect; after that the servers are only told to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from terminology.core.errors import (
    BrokenReleaseError,
    NotLoadedError,
    TooFewRowsError,
    UnrecognisedReleaseError,
)
from terminology.store.backend import Sink, Store, TableRow
from terminology.store.compile import garbage
from terminology.store.compile.compiler import compile_code_system, compile_map
from terminology.store.registry import (
    ACTIVE,
    REMOVED,
    REPLACED,
    RETIRED,
    RegisteredArtifact,
    Registry,
    RegistryChange,
)
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    Importer,
    MapRelease,
    Opened,
    OpenedConceptMap,
    OpenedValueSet,
    ValueSetRelease,
)
from terminology.store.reporting import CountingReporter, Reporter
from terminology.store.schema import FORMAT
from terminology.store.temporary import temporary_files_in
from terminology.store.value_sets import compile_value_set

# How long requests that began before a change may still read what the change removed.
GRACE = timedelta(seconds=60)
# A release is suspected to be cut off if it has less than this share of the rows of the one that it replaces.
SMALLEST_SHARE = 0.5
# A release is suspected to be damaged, or of another kind, if it has more problems than this percentage of its rows.
MOST_PROBLEMS = 5.0
# So many problems are few, however few the rows are.
FEW_PROBLEMS = 2

_Row = TypeVar("_Row")
_KINDS = {CodeSystemRelease: "CodeSystem", MapRelease: "ConceptMap", ValueSetRelease: "ValueSet"}


@dataclass(slots=True, frozen=True)
class ImportJob:
    """The files of one import, their importer, and the options.

    ``dry_run`` reads and checks everything, and writes nothing. ``allow_fewer_rows`` lets a release replace one
    that has far more rows. ``most_problems`` is how many there may be, in percent of the rows. ``partial`` takes what
    can be read of a release that breaks off or has more problems than that; a code system becomes a fragment.
    """

    importer: Importer
    paths: Sequence[Path]
    reporter: Reporter
    dry_run: bool = False
    allow_fewer_rows: bool = False
    partial: bool = False
    most_problems: float = MOST_PROBLEMS


@dataclass(slots=True)
class ImportOutcome:
    """The result for one release of an import.

    ``is_new`` is False if the same release was in the store already. ``replaced`` is what the store had as this
    version before: loaded from other files or, if ``is_new`` is False, the same artifact while it was retired.
    """

    artifact: RegisteredArtifact
    is_new: bool
    replaced: RegisteredArtifact | None = None


class StoreWriter:
    """The writing side of a store, for one process at a time.

    While it writes, the store is locked against other processes.
    """

    def __init__(self, store: Store) -> None:
        store.prepare()
        self._store = store
        self._registry = Registry(store.registry_url)

    def close(self) -> None:
        """Close the registry and the store."""
        self._registry.close()
        self._store.close()

    # -- importing ---------------------------------------------------------------------------

    def load(
        self,
        importer: Importer,
        paths: Sequence[Path],
        reporter: Reporter,
        *,
        dry_run: bool = False,
        allow_fewer_rows: bool = False,
        partial: bool = False,
        most_problems: float = MOST_PROBLEMS,
    ) -> list[ImportOutcome]:
        """Import the releases in some files; all of them become visible at the same moment.

        The options are those of ``ImportJob``. Returns one outcome per release, in the order of the importer.

        Raises UnrecognisedReleaseError, BrokenReleaseError, TooFewRowsError, StoreBusyError, and whatever ``reporter``
        raises; then the store is unchanged.
        """
        job = ImportJob(importer, paths, reporter, dry_run, allow_fewer_rows, partial, most_problems)
        opened = _opened_by(job)
        if job.dry_run:
            return self._rehearse(job, opened)
        with self._store.lock():
            self._sweep()
            return self._load(job, opened)

    def _rehearse(self, job: ImportJob, opened: Sequence[Opened]) -> list[ImportOutcome]:
        registered = self._registry.all()
        outcomes = []
        for one in opened:
            artifact = _ReleaseCompilation(self._store, job, one, 0).rehearse()
            outcomes.append(ImportOutcome(artifact, True, _replaced(registered, artifact)))
        _require_rows(job, outcomes)
        return outcomes

    def _load(self, job: ImportJob, opened: Sequence[Opened]) -> list[ImportOutcome]:
        registered = self._registry.all()
        number = self._registry.next_number()
        outcomes: list[ImportOutcome] = []
        try:
            for one in opened:
                same = _same(registered, one.release)
                if same is None:
                    artifact = _ReleaseCompilation(self._store, job, one, number).run()
                    outcomes.append(ImportOutcome(artifact, True, _replaced(registered, artifact)))
                    number += 1
                else:
                    outcomes.append(ImportOutcome(same, False, same if same.status == RETIRED else None))
            _require_rows(job, outcomes)
            is_changed = self._register(outcomes)
        except BaseException:
            for outcome in outcomes:
                if outcome.is_new:
                    self._store.delete(outcome.artifact.id)
            raise
        if is_changed:
            self._store.announce(*self._registry.published())
        return outcomes

    def _register(self, outcomes: Sequence[ImportOutcome]) -> bool:
        """Make the outcomes active, in one transaction. False: there is nothing new."""
        restored = [o.artifact.id for o in outcomes if not o.is_new and o.artifact.status == RETIRED]
        new = [o.artifact for o in outcomes if o.is_new]
        if not restored and not new:
            return False
        with self._registry.changing() as change:
            for artifact in new:
                change.add(artifact)
            if restored:
                change.set_status(restored, ACTIVE)
        return True

    def _change(self, make: Callable[[RegistryChange], None]) -> None:
        with self._registry.changing() as change:
            make(change)
        self._store.announce(*self._registry.published())

    # -- retiring and removing ---------------------------------------------------------------

    def status(self) -> list[RegisteredArtifact]:
        """The active and retired artifacts, in the order in which they were imported."""
        return self._registry.present()

    def retire(self, canonical: str, undo: bool = False) -> list[RegisteredArtifact]:
        """Stop serving a version, but keep it; with ``undo``, serve a retired version again.

        ``canonical`` is ``url|version``; a URL alone means all of its versions, and ``url|`` the one that has no
        version. Returns the artifacts, as they were before. Raises NotLoadedError, StoreBusyError.
        """
        if undo:
            return self._set_status(canonical, (RETIRED,), ACTIVE)
        return self._set_status(canonical, (ACTIVE,), RETIRED)

    def remove(self, canonical: str, now: bool = False) -> list[RegisteredArtifact]:
        """Remove a version from the store.

        Its files are deleted when no request can be reading them any more: by the next command that writes, or
        at once with ``now``. Returns the artifacts, as they were before. Raises NotLoadedError, StoreBusyError.
        """
        removed = self._set_status(canonical, (ACTIVE, RETIRED), REMOVED)
        if now:
            with self._store.lock():
                self._sweep(timedelta(0))
        return removed

    def _set_status(self, canonical: str, old: Sequence[str], new: str) -> list[RegisteredArtifact]:
        with self._store.lock():
            self._sweep()
            artifacts = [
                artifact
                for artifact in self._registry.all()
                if artifact.status in old and _is_called(artifact, canonical)
            ]
            if not artifacts:
                raise NotLoadedError(f"nothing {' or '.join(old)} in the store is called {canonical}")
            self._change(lambda change: change.set_status([artifact.id for artifact in artifacts], new))
        return artifacts

    def _sweep(self, grace: timedelta = GRACE) -> None:
        """Delete the artifacts that were removed at least ``grace`` ago, and what unfinished imports left."""
        needed = {artifact.id for artifact in self._registry.all() if not _is_due(artifact, grace)}
        for number in self._store.artifacts() - needed:
            self._store.delete(number)
        # An earlier command may have died after its transaction and before its announcement.
        self._store.announce(*self._registry.published())


def _is_called(artifact: RegisteredArtifact, canonical: str) -> bool:
    url, bar, version = canonical.partition("|")
    return artifact.url == url and (not bar or version == (artifact.version or ""))


def _is_due(artifact: RegisteredArtifact, grace: timedelta) -> bool:
    if artifact.status not in (REMOVED, REPLACED) or artifact.ended is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(artifact.ended) >= grace


def _opened_by(job: ImportJob) -> Sequence[Opened]:
    """The releases in the files of a job, ready to be read.

    Raises UnrecognisedReleaseError if the importer does not recognise the files, or if one release would
    replace another of the same import.
    """
    opened = job.importer.open(job.paths)
    by_version: dict[tuple[str, str, str | None], AnyRelease] = {}
    for release in (one.release for one in opened):
        first = by_version.setdefault((_KINDS[type(release)], release.url, release.version), release)
        if first is not release:
            canonical = f"{release.url}|{release.version}" if release.version else release.url
            files = ", ".join(dict.fromkeys(file.name for file in (*first.files, *release.files)))
            raise UnrecognisedReleaseError(f"{canonical} is there twice: {files}")
    return opened


def _same(registered: Sequence[RegisteredArtifact], release: AnyRelease) -> RegisteredArtifact | None:
    """The artifact that was compiled from the same files in the same way, if there is one."""
    digests = sorted(file.sha256 for file in release.files)
    if not digests:
        return None
    identity = (release.kind, _KINDS[type(release)], release.url, release.version)
    for artifact in registered:
        if artifact.status in (ACTIVE, RETIRED) and artifact.format == FORMAT:
            if (artifact.importer, artifact.kind, artifact.url, artifact.version) == identity:
                if sorted(file.sha256 for file in artifact.files) == digests:
                    return artifact
    return None


def _replaced(registered: Sequence[RegisteredArtifact], new: RegisteredArtifact) -> RegisteredArtifact | None:
    """The artifact of the same version that is in the store now."""
    identity = (new.kind, new.url, new.version)
    present = [artifact for artifact in registered if artifact.status in (ACTIVE, RETIRED)]
    return next((old for old in present if (old.kind, old.url, old.version) == identity), None)


def _require_rows(job: ImportJob, outcomes: Sequence[ImportOutcome]) -> None:
    """Raises TooFewRowsError: half a release must not pass for a whole one, nor an unreadable one for an empty one."""
    for new, old in ((outcome.artifact, outcome.replaced) for outcome in outcomes if outcome.is_new):
        if not new.rows and (new.problems or not job.importer.may_be_empty):
            raise TooFewRowsError(f"{new.canonical}: no row can be read; nothing was imported")
        if new.problems > max(FEW_PROBLEMS, job.most_problems / 100 * new.rows) and not job.partial:
            raise TooFewRowsError(
                f"{new.canonical}: {new.problems:,} problems in {new.rows:,} rows that can be read; nothing was "
                f"imported. More than {job.most_problems:g} % are taken with --most-problems, or, as a part of the "
                "release, with --partial"
            )
        if old is not None and new.rows < SMALLEST_SHARE * old.rows and not job.allow_fewer_rows:
            raise TooFewRowsError(
                f"{new.canonical}: its rows would fall from {old.rows:,} (loaded on {old.loaded[:10]}) to "
                f"{new.rows:,}; nothing was imported. If the file is complete, use --allow-fewer-rows"
            )


class _ReleaseCompilation:
    """The compilation of one release of a job into the artifact with a number."""

    def __init__(self, store: Store, job: ImportJob, opened: Opened, number: int) -> None:
        self._store, self._job, self._opened, self._number = store, job, opened, number
        self._reporter = CountingReporter(job.reporter)

    def run(self) -> RegisteredArtifact:
        """Write the artifact; if that fails, nothing of it is left."""
        sink = self._store.create(self._number)
        try:
            count = self._compile(sink)
            size, sha256 = sink.finish()
        except BaseException:
            sink.abandon()
            raise
        return self._registration(count, size, sha256)

    def rehearse(self) -> RegisteredArtifact:
        """Do everything except writing."""
        return self._registration(self._compile(DiscardingSink()), 0)

    def _compile(self, sink: Sink) -> int:
        """The number of rows."""
        opened, reporter, readable = self._opened, self._reporter, self._readable
        with garbage.rare_collections(), temporary_files_in(self._store.scratch):
            if isinstance(opened, OpenedConceptMap):
                return compile_map(opened.release, readable(opened.mappings(reporter)), sink, reporter)
            if isinstance(opened, OpenedValueSet):
                return compile_value_set(opened.release, readable(opened.members(reporter)), sink, reporter)
            concepts = readable(opened.concepts(reporter))
            return compile_code_system(opened.release, concepts, sink, reporter)

    def _readable(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        """The rows up to the place where a file breaks off. Raises BrokenReleaseError unless parts are taken."""
        try:
            yield from rows
        except BrokenReleaseError as broken:
            if not self._job.partial:
                raise
            self._reporter.problem(broken.problem)
        if (
            self._job.partial
            and self._reporter.problems
            and isinstance(self._opened.release, CodeSystemRelease)
        ):
            self._opened.release.content = "fragment"

    def _registration(self, count: int, size: int, sha256: str = "") -> RegisteredArtifact:
        release = self._opened.release
        return RegisteredArtifact(
            importer=self._job.importer.kind,
            kind=_KINDS[type(release)],
            url=release.url,
            version=release.version,
            title=release.title or release.name,
            licence=release.licence,
            rows=count,
            problems=self._reporter.problems,
            bytes=size,
            sha256=sha256,
            id=self._number,
            files=release.files,
        )


class DiscardingSink:
    """A sink that keeps nothing, for a dry run."""

    def write(self, table: str, rows: Sequence[TableRow]) -> None:
        """Ignore the rows."""
