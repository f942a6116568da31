"""ConceptMap $closure: the subsumption relationships between the concepts that a client has sent so far.

https://hl7.org/fhir/R5/conceptmap-operation-closure.html,
https://hl7.org/fhir/R5/terminology-service.html#closure

A client keeps a table of subsumptions under a name; it sends each concept once and receives the new entries. Each
pair comes once, the narrower concept first. Concepts of different code systems are not related. If the server has
only a part of a code system, the answer has the relationships of that part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding
from terminology.operations.limits import LONGEST_TABLE_NAME, MOST_PAIRS
from terminology.operations.spelling import find_system
from terminology.operations.subsumes import (
    SUBSUMED_BY,
    SUBSUMES,
    relation,
    require_concept,
    require_subsumption,
)
from terminology.systems.protocol import CodeSystem

NARROWER = "source-is-narrower-than-target"
_ATTEMPTS = 100


@dataclass(slots=True)
class ClosureRequest:
    """The parameters of $closure.

    ``name`` alone starts a table; with ``concepts`` it adds to the table; with ``version`` it repeats the entries
    that were added after that version.
    """

    name: str | None = None
    concepts: Sequence[Coding] = ()
    version: str | None = None


@dataclass(slots=True, frozen=True)
class ClosureEntry:
    """One pair of a table: ``source`` is narrower than ``target``."""

    source: Coding
    target: Coding
    relationship: str = NARROWER


@dataclass(slots=True)
class ClosureTable:
    """A table as the server stores it.

    ``version`` counts on when the table is restarted; ``first`` is the version that it was restarted with.
    """

    name: str
    first: int
    version: int
    concepts: list[Coding] = field(default_factory=list)


@dataclass(slots=True)
class Closure:
    """The answer: the new entries, and the version of the table that has them."""

    name: str
    version: int
    entries: Sequence[ClosureEntry] = ()


class ClosureTables(Protocol):
    """The storage of tables. All methods raise TerminologyError when it is full, or cannot be used."""

    def begin(self, name: str) -> ClosureTable:
        """A new, empty table of this name; one that there was is deleted."""

    def table(self, name: str) -> ClosureTable | None:
        """The table of this name, or None."""

    def since(self, name: str, version: int) -> list[ClosureEntry]:
        """The entries that were added after a version, in the order in which they were added."""

    def extend(
        self, table: ClosureTable, concepts: Sequence[Coding], entries: Sequence[ClosureEntry]
    ) -> ClosureTable | None:
        """The table with more concepts and entries; None, and nothing is done, if it has changed since it was read."""


def closure(catalogue: Catalogue, tables: ClosureTables, request: ClosureRequest) -> Closure:
    """Start a table, add to it, or repeat the entries after a version.

    Raises TerminologyError, and adds nothing: no name, both concepts and version, an unknown table, version, code
    system or code, a hierarchy that does not mean subsumption, or a bound that is exceeded.
    """
    if not request.name:
        raise TerminologyError(issues.missing_parameter("'name'"))
    if len(request.name) > LONGEST_TABLE_NAME:
        expected = f"no longer than {LONGEST_TABLE_NAME} characters"
        raise TerminologyError(issues.bad_value("name", request.name, expected))
    if request.concepts and request.version:
        raise TerminologyError(issues.concept_and_version())
    if request.concepts:
        return _add(catalogue, tables, request.name, request.concepts)
    if request.version:
        return _repeat(tables, request.name, request.version)
    table = tables.begin(request.name)
    return Closure(table.name, table.version)


def _require_table(tables: ClosureTables, name: str) -> ClosureTable:
    table = tables.table(name)
    if table is None:
        raise TerminologyError(issues.unknown_closure(name))
    return table


def _repeat(tables: ClosureTables, name: str, version: str) -> Closure:
    table = _require_table(tables, name)
    number = int(version) if version.isdecimal() and len(version) < 16 else -1
    if not table.first <= number <= table.version:
        raise TerminologyError(issues.unknown_closure_version(name, version, table.first, table.version))
    return Closure(name, table.version, tables.since(name, number))


def _add(catalogue: Catalogue, tables: ClosureTables, name: str, concepts: Sequence[Coding]) -> Closure:
    """Two requests may add at the same time: the second one then starts again from the changed table."""
    for _ in range(_ATTEMPTS):
        table = _require_table(tables, name)
        new = _new_concepts(catalogue, table, concepts)
        if not new:
            return Closure(name, table.version)
        entries = list(_entries(catalogue, table, new))
        extended = tables.extend(table, new, entries)
        if extended is not None:
            return Closure(name, extended.version, entries)
    raise TerminologyError(issues.closure_contended(name))


def _new_concepts(catalogue: Catalogue, table: ClosureTable, concepts: Sequence[Coding]) -> list[Coding]:
    """The concepts that the table does not have yet, each with the code as its code system writes it."""
    known = {(coding.system, coding.code) for coding in table.concepts}
    new: list[Coding] = []
    for coding in concepts:
        if not coding.system or not coding.code:
            raise TerminologyError(issues.missing_parameter("a system and a code in each 'concept'"))
        system = find_system(catalogue, coding.system, coding.version)
        require_subsumption(system.about)
        code = require_concept(system, coding.code).code
        if (system.about.url, code) not in known:
            known.add((system.about.url, code))
            new.append(Coding(system.about.url, code, coding.version))
    return new


def _entries(catalogue: Catalogue, table: ClosureTable, new: Sequence[Coding]) -> Iterator[ClosureEntry]:
    """The entries for the new concepts, each by the version of the code system that it was sent with."""
    peers: dict[str, list[Coding]] = {}
    for coding in table.concepts:
        peers.setdefault(coding.system or "", []).append(coding)
    _require_few_pairs(peers, new)
    present: dict[tuple[str | None, str | None], set[str]] = {}
    for coding in new:
        system = catalogue.system(coding.system or "", coding.version)
        others = peers.setdefault(coding.system or "", [])
        key = (coding.system, coding.version)
        if key not in present:
            codes = [other.code for other in (*others, *new) if other.system == coding.system and other.code]
            present[key] = {code for code in codes if system.locate(code) is not None}
        yield from _entries_with(system, coding, [other for other in others if other.code in present[key]])
        others.append(coding)


def _require_few_pairs(peers: dict[str, list[Coding]], new: Sequence[Coding]) -> None:
    """Raises TerminologyError when too many pairs of the same code system would be compared."""
    counts = {url: len(codings) for url, codings in peers.items()}
    pairs = 0
    for coding in new:
        url = coding.system or ""
        pairs += counts.get(url, 0)
        counts[url] = counts.get(url, 0) + 1
    if pairs > MOST_PAIRS:
        raise TerminologyError(issues.too_many_pairs(len(new), pairs, MOST_PAIRS))


def _entries_with(system: CodeSystem, coding: Coding, others: Sequence[Coding]) -> Iterator[ClosureEntry]:
    code = coding.code or ""
    for other in others:
        other_code = other.code or ""
        outcome = relation(system, other_code, code)
        if outcome == SUBSUMES:
            yield ClosureEntry(coding, other)
        elif outcome == SUBSUMED_BY:
            yield ClosureEntry(other, coding)
