"""How do releases come into a store, and how do they leave it?

What a request may see changes at one moment, when the registry's transaction ends; everything before can be
broken off anywhere, and everything after only tells the servers to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from terminology.core.errors import NotLoadedError, TooFewRowsError, UnrecognisedReleaseError
from terminology.core.model import Problem
from terminology.store.backend import Content
from terminology.store.compile import garbage
from terminology.store.compile.compiler import Progress, Sink, TableRow, compile_map, compile_system
from terminology.store.registry import ACTIVE, REMOVED, REPLACED, RETIRED, Change, Loaded, Registry
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    MapRelease,
    MapRow,
    MemberRow,
    Report,
    ValueSetRelease,
    progress_of,
)
from terminology.store.schema import FORMAT
from terminology.store.value_sets import compile_value_set

# How long requests that began before a change may still read what it took away.
GRACE = timedelta(seconds=60)
# A release with less than this part of the rows of the one that it replaces is thought to be cut off.
FEWER = 0.5


@dataclass(slots=True)
class Outcome:
    """What became of one release. ``is_new`` is False when it was there already. ``replaced`` is the same
    version as it was before: loaded from other files, or, where it is not new, retired.
    """

    loaded: Loaded
    is_new: bool
    replaced: Loaded | None = None


class Loader:
    """The writing side of a store. For one process; others are kept out while something is written."""

    def __init__(self, content: Content) -> None:
        content.prepare()
        self._content = content
        self._registry = Registry(content.registry_url)

    def close(self) -> None:
        self._registry.close()
        self._content.close()

    # -- importing ---------------------------------------------------------------------------

    def load(
        self,
        importer: Importer,
        paths: Sequence[Path],
        report: Report,
        progress: Progress = lambda count: None,
        dry_run: bool = False,
        fewer: bool = False,
    ) -> list[Outcome]:
        """Import what is in some files. All of its releases become visible at the same moment. ``fewer``: a
        release may take the place of one that has far more rows.

        Raises UnrecognisedReleaseError, TooFewRowsError, StoreBusyError, and whatever ``report`` raises; then
        nothing has changed.
        """
        releases = importer.recognises(paths)
        if isinstance(releases, Problem):
            raise UnrecognisedReleaseError(str(releases))
        _require_each_once(releases)
        if dry_run:
            return self._rehearse(importer, releases, paths, report, progress, fewer)
        with self._content.lock():
            self._sweep()
            return self._load(importer, releases, paths, report, progress, fewer)

    def _rehearse(
        self,
        importer: Importer,
        releases: Sequence[AnyRelease],
        paths: Sequence[Path],
        report: Report,
        progress: Progress,
        fewer: bool,
    ) -> list[Outcome]:
        known = self._registry.all()
        outcomes = []
        for release in releases:
            made = _Load(self._content, importer, release, 0, progress).rehearse(paths, report)
            outcomes.append(Outcome(made, True, _replaced(known, made)))
        _require_rows(importer, outcomes, fewer)
        return outcomes

    def _load(
        self,
        importer: Importer,
        releases: Sequence[AnyRelease],
        paths: Sequence[Path],
        report: Report,
        progress: Progress,
        fewer: bool,
    ) -> list[Outcome]:
        known = self._registry.all()
        number = self._registry.next_number()
        outcomes: list[Outcome] = []
        try:
            for release in releases:
                there = _same(known, release)
                if there is None:
                    made = _Load(self._content, importer, release, number, progress).run(paths, report)
                    outcomes.append(Outcome(made, True, _replaced(known, made)))
                    number += 1
                else:
                    outcomes.append(Outcome(there, False, there if there.status == RETIRED else None))
            _require_rows(importer, outcomes, fewer)
        except BaseException:
            for outcome in outcomes:
                if outcome.is_new:
                    self._content.delete(outcome.loaded.id)
            raise
        self._publish(outcomes)
        return outcomes

    def _publish(self, outcomes: Sequence[Outcome]) -> None:
        back = [o.loaded.id for o in outcomes if not o.is_new and o.loaded.status == RETIRED]
        new = [o.loaded for o in outcomes if o.is_new]
        if not back and not new:
            return

        def change(made: Change) -> None:
            for loaded in new:
                made.add(loaded)
            if back:
                made.set_status(back, ACTIVE)

        self._change(change)

    def _change(self, change: Callable[[Change], None]) -> None:
        with self._registry.changing() as made:
            change(made)
        self._content.announce(*self._registry.published())

    # -- leaving -----------------------------------------------------------------------------

    def status(self) -> list[Loaded]:
        """What is here, but for what was removed or replaced."""
        return self._registry.kept()

    def retire(self, canonical: str, back: bool = False) -> list[Loaded]:
        """Serve a version no more, but keep it; or serve it again. Raises NotLoadedError, StoreBusyError."""
        return self._set(canonical, (RETIRED,) if back else (ACTIVE,), ACTIVE if back else RETIRED)

    def remove(self, canonical: str, at_once: bool = False) -> list[Loaded]:
        """Take a version away. Its files go when no request can be reading them any more: with the next
        command, or ``at_once``. Raises NotLoadedError, StoreBusyError.
        """
        removed = self._set(canonical, (ACTIVE, RETIRED), REMOVED)
        if at_once:
            with self._content.lock():
                self._sweep(timedelta(0))
        return removed

    def _set(self, canonical: str, of: Sequence[str], status: str) -> list[Loaded]:
        url, _, version = canonical.partition("|")
        with self._content.lock():
            self._sweep()
            found = [
                loaded
                for loaded in self._registry.all()
                if loaded.status in of and loaded.url == url and version in ("", loaded.version)
            ]
            if not found:
                raise NotLoadedError(f"nothing {' or '.join(of)} in the store is called {canonical}")
            self._change(lambda made: made.set_status([loaded.id for loaded in found], status))
        return found

    def _sweep(self, grace: timedelta = GRACE) -> None:
        """Clear away what has been removed for some time, and what broken-off imports left."""
        kept = {loaded.id for loaded in self._registry.all() if not _is_due(loaded, grace)}
        for number in self._content.artifacts() - kept:
            self._content.delete(number)
        # An earlier command may have been ended after its transaction and before it could tell.
        self._content.announce(*self._registry.published())


def _is_due(loaded: Loaded, grace: timedelta) -> bool:
    if loaded.status not in (REMOVED, REPLACED) or loaded.ended is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(loaded.ended) >= grace


def _same(known: Sequence[Loaded], release: AnyRelease) -> Loaded | None:
    """The same release, from the same files, compiled in the same way."""
    digests = sorted(file.sha256 for file in release.files)
    for loaded in known:
        if loaded.status in (ACTIVE, RETIRED) and loaded.format == FORMAT:
            named = (loaded.importer, loaded.kind, loaded.url, loaded.version)
            if digests and named == (release.kind, _KINDS[type(release)], release.url, release.version):
                if sorted(file.sha256 for file in loaded.files) == digests:
                    return loaded
    return None


def _require_each_once(releases: Sequence[AnyRelease]) -> None:
    """Raises UnrecognisedReleaseError where one would take the place of another that is imported with it."""
    named: dict[tuple[str, str, str | None], AnyRelease] = {}
    for release in releases:
        first = named.setdefault((_KINDS[type(release)], release.url, release.version), release)
        if first is not release:
            canonical = f"{release.url}|{release.version}" if release.version else release.url
            files = ", ".join(dict.fromkeys(file.name for file in (*first.files, *release.files)))
            raise UnrecognisedReleaseError(f"{canonical} is there twice: {files}")


def _replaced(known: Sequence[Loaded], made: Loaded) -> Loaded | None:
    """The same version as it is in the store."""
    named = (made.kind, made.url, made.version)
    there = [loaded for loaded in known if loaded.status in (ACTIVE, RETIRED)]
    return next((old for old in there if (old.kind, old.url, old.version) == named), None)


def _require_rows(importer: Importer, outcomes: Sequence[Outcome], fewer: bool) -> None:
    """Raises TooFewRowsError: half a release must not look like a whole one, and none not like an empty one."""
    for loaded, old in ((outcome.loaded, outcome.replaced) for outcome in outcomes if outcome.is_new):
        if not loaded.rows and (loaded.problems or not importer.may_be_empty):
            raise TooFewRowsError(
                f"{loaded.canonical}: there is no row that can be read; nothing was imported"
            )
        if old is not None and loaded.rows < FEWER * old.rows and not fewer:
            raise TooFewRowsError(
                f"{loaded.canonical}: its rows would fall from {old.rows:,} (loaded on {old.loaded[:10]}) to "
                f"{loaded.rows:,}; nothing was imported. If the file is complete, use --allow-fewer-rows"
            )


_KINDS = {CodeSystemRelease: "CodeSystem", MapRelease: "ConceptMap", ValueSetRelease: "ValueSet"}


class _Load:
    """One release on its way."""

    def __init__(
        self, content: Content, importer: Importer, release: AnyRelease, number: int, progress: Progress
    ) -> None:
        self._content, self._importer, self._release = content, importer, release
        self._number, self._progress = number, progress
        self._counted = _Counted(lambda problem: None)

    def run(self, paths: Sequence[Path], report: Report) -> Loaded:
        sink = self._content.create(self._number)
        try:
            count = self._compile(paths, report, sink)
            size = sink.finish()
        except BaseException:
            sink.abandon()
            raise
        return self._loaded(count, size)

    def rehearse(self, paths: Sequence[Path], report: Report) -> Loaded:
        """Everything but writing."""
        return self._loaded(self._compile(paths, report, Nowhere()), 0)

    def _compile(self, paths: Sequence[Path], report: Report, sink: Sink) -> int:
        counted = self._counted = _Counted(report)
        release, scratch = self._release, self._content.scratch
        rows = self._importer.read(release, paths, counted)
        with garbage.seldom():
            if isinstance(release, MapRelease):
                mappings = cast(Iterable[MapRow], rows)
                return compile_map(release, mappings, sink, counted, self._progress)
            if isinstance(release, ValueSetRelease):
                members = cast(Iterable[MemberRow], rows)
                return compile_value_set(release, members, sink, counted, self._progress)
            concepts = cast(Iterable[ConceptRow], rows)
            return compile_system(release, concepts, sink, counted, self._progress, scratch)

    def _loaded(self, count: int, size: int) -> Loaded:
        release = self._release
        return Loaded(
            importer=self._importer.kind,
            kind=_KINDS[type(release)],
            url=release.url,
            version=release.version,
            title=release.title or release.name,
            licence=release.licence,
            rows=count,
            problems=self._counted.count,
            bytes=size,
            id=self._number,
            files=release.files,
        )


class _Counted:
    """Counts what is reported. What is told of ``progress`` goes to whom is reported to."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.count = 0
        self.progress = progress_of(report)

    def __call__(self, problem: Problem) -> None:
        self.count += 1
        self._report(problem)


class Nowhere:
    """A sink that keeps nothing."""

    def write(self, table: str, rows: Sequence[TableRow]) -> None: ...
