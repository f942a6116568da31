"""$closure: which of the concepts that a client has met are below which?
(https://hl7.org/fhir/R5/conceptmap-operation-closure.html,
https://hl7.org/fhir/R5/terminology-service.html#closure)

A client keeps a table of subsumptions under a name; it sends each concept once and is sent what is new. Every
pair is said once, the narrower concept first. Concepts of different code systems are not related. Of a code
system that is here in part, the relationships that are here are said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding
from terminology.operations.subsumes import SUBSUMED_BY, SUBSUMES, located, relation, require_subsumption
from terminology.systems.protocol import CodeSystem

NARROWER = "source-is-narrower-than-target"
LONGEST_NAME = 255
MOST_PAIRS = 200_000
_ATTEMPTS = 100


@dataclass(slots=True)
class ClosureRequest:
    """``name`` alone begins a table; with ``concepts`` adds to it; with ``version`` repeats what came after
    that.
    """

    name: str | None = None
    concepts: Sequence[Coding] = ()
    version: str | None = None


@dataclass(slots=True, frozen=True)
class Entry:
    """``source`` is narrower than ``target``, or equivalent to it."""

    source: Coding
    target: Coding
    relationship: str = NARROWER


@dataclass(slots=True)
class ClosureTable:
    """A table as it is kept. Versions count on when it is begun anew; ``first`` is the one it began with."""

    name: str
    first: int
    version: int
    concepts: list[Coding] = field(default_factory=list)


@dataclass(slots=True)
class Closure:
    """The answer: the entries that are new, and the version of the table that has them."""

    name: str
    version: int
    entries: Sequence[Entry] = ()


class ClosureTables(Protocol):
    """Where tables are kept. All methods raise TerminologyError when that is full, or out of order."""

    def begin(self, name: str) -> ClosureTable:
        """An empty table of this name, whether there was one or not."""

    def table(self, name: str) -> ClosureTable | None:
        """The table of this name."""

    def since(self, name: str, version: int) -> list[Entry]:
        """What was added after a version, in the order in which it was."""

    def extend(
        self, table: ClosureTable, concepts: Sequence[Coding], entries: Sequence[Entry]
    ) -> ClosureTable | None:
        """The table with more in it; None, and nothing done, if it is not as it was when it was read."""


def closure(catalogue: Catalogue, tables: ClosureTables, request: ClosureRequest) -> Closure:
    """Begin a table, add to it, or repeat what came after a version.

    Raises TerminologyError: no name, concepts and version at once, a table, version, code system or code that
    is not known, a hierarchy that does not mean subsumption, or a bound exceeded. Then nothing is added.
    """
    if not request.name:
        raise TerminologyError(issues.missing_parameter("'name'"))
    if len(request.name) > LONGEST_NAME:
        wanted = f"no longer than {LONGEST_NAME} characters"
        raise TerminologyError(issues.bad_value("name", request.name, wanted))
    if request.concepts and request.version:
        raise TerminologyError(issues.closure_asked_twice())
    if request.concepts:
        return _add(catalogue, tables, request.name, request.concepts)
    if request.version:
        return _repeat(tables, request.name, request.version)
    table = tables.begin(request.name)
    return Closure(table.name, table.version)


def _known(tables: ClosureTables, name: str) -> ClosureTable:
    table = tables.table(name)
    if table is None:
        raise TerminologyError(issues.unknown_closure(name))
    return table


def _repeat(tables: ClosureTables, name: str, version: str) -> Closure:
    table = _known(tables, name)
    number = int(version) if version.isdecimal() and len(version) < 16 else -1
    if not table.first <= number <= table.version:
        raise TerminologyError(issues.unknown_closure_version(name, version, table.first, table.version))
    return Closure(name, table.version, tables.since(name, number))


def _add(catalogue: Catalogue, tables: ClosureTables, name: str, concepts: Sequence[Coding]) -> Closure:
    """Two requests may add at the same time: whoever comes second looks again at what there is by then."""
    for _ in range(_ATTEMPTS):
        table = _known(tables, name)
        new = _new(catalogue, table, concepts)
        if not new:
            return Closure(name, table.version)
        entries = list(_entries(catalogue, table, new))
        extended = tables.extend(table, new, entries)
        if extended is not None:
            return Closure(name, extended.version, entries)
    raise TerminologyError(issues.cannot_keep(f"too many requests add to the closure table '{name}'"))


def _new(catalogue: Catalogue, table: ClosureTable, concepts: Sequence[Coding]) -> list[Coding]:
    """The concepts that the table does not have, as their code systems write them."""
    known = {(coding.system, coding.code) for coding in table.concepts}
    new: list[Coding] = []
    for coding in concepts:
        if not coding.system or not coding.code:
            raise TerminologyError(issues.missing_parameter("a system and a code in each 'concept'"))
        system = catalogue.system(coding.system, coding.version)
        require_subsumption(system.about)
        written = Coding(system.about.url, located(system, coding.code).code, coding.version)
        if (written.system, written.code) not in known:
            known.add((written.system, written.code))
            new.append(written)
    return new


def _entries(catalogue: Catalogue, table: ClosureTable, new: Sequence[Coding]) -> Iterator[Entry]:
    """The relationships of the new concepts, as they are in the version that each was sent with."""
    peers: dict[str, list[Coding]] = {}
    for coding in table.concepts:
        peers.setdefault(coding.system or "", []).append(coding)
    _require_bounded(peers, new)
    present: dict[tuple[str | None, str | None], set[str]] = {}
    for coding in new:
        system = catalogue.system(coding.system or "", coding.version)
        others = peers.setdefault(coding.system or "", [])
        key = (coding.system, coding.version)
        if key not in present:
            codes = [other.code for other in (*others, *new) if other.system == coding.system and other.code]
            present[key] = {code for code in codes if system.locate(code) is not None}
        yield from _related(system, coding, [other for other in others if other.code in present[key]])
        others.append(coding)


def _require_bounded(peers: dict[str, list[Coding]], new: Sequence[Coding]) -> None:
    counts = {url: len(codings) for url, codings in peers.items()}
    pairs = 0
    for coding in new:
        url = coding.system or ""
        pairs += counts.get(url, 0)
        counts[url] = counts.get(url, 0) + 1
    if pairs > MOST_PAIRS:
        what = f"What one request may compare ({len(new):,} new concepts make {pairs:,} pairs)"
        raise TerminologyError(issues.too_much(what, MOST_PAIRS, "Send fewer concepts at a time"))


def _related(system: CodeSystem, coding: Coding, others: Sequence[Coding]) -> Iterator[Entry]:
    code = coding.code or ""
    for other in others:
        other_code = other.code or ""
        outcome = relation(system, other_code, code)
        if outcome == SUBSUMES:
            yield Entry(coding, other)
        elif outcome == SUBSUMED_BY:
            yield Entry(other, coding)
