"""The rows of reference sets, evaluated: ``^ [column] …`` and ``{{ M … }}``.

A row is a number, as a role group is: each column has a table, by value, of the rows that have it, so that all filters
of a member hold in one row. Active rows count unless ``active`` is asked for (ECL 2.2, 6.8.4). ``^`` without columns
and filters needs no rows: ``Evaluation.members``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.store.relations import ROW_CONCEPTS, ROW_VALUES, RelationshipTable
from terminology.systems.snomed.ecl.descriptions import time_holds
from terminology.systems.snomed.ecl.expression import (
    ByActive,
    ByColumn,
    ByModule,
    ByTime,
    Constraint,
    MemberFilter,
    MemberOf,
    Text,
    Truth,
    Value,
    holds,
)
from terminology.systems.snomed.ecl.term_search import test_of
from terminology.systems.snomed.release_index import ReleaseIndex

if TYPE_CHECKING:
    from pyroaring import BitMap

REFERENCED = "referencedcomponentid"
_TRUTHS = {"true": ("true", "1"), "false": ("false", "0")}
CellTest = Callable[[str], bool]


class MemberRows:
    """Evaluates members with filters or columns on one release."""

    def __init__(
        self,
        release: ReleaseIndex,
        evaluate: Callable[[Constraint], BitMap],
        codes: Callable[[Constraint], frozenset[str]],
        text: str,
    ) -> None:
        """``evaluate`` gives the concepts of a constraint, ``codes`` their identifiers; ``text`` is for messages."""
        self._release, self._evaluate, self._codes, self._text = release, evaluate, codes, text

    def of(self, members: MemberOf, refsets: Sequence[str]) -> BitMap:
        """The members, or the concepts in a column of their rows.

        Raises TerminologyError for a column that none of the reference sets has, or that has other values.
        """
        for name in (members.column, *(f.name for f in members.filters if isinstance(f, ByColumn))):
            self._require(name, refsets, members.at)
        return self._release.artifact.union(self._of(members, refset) for refset in refsets)

    def _require(self, column: str | None, refsets: Sequence[str], at: int) -> None:
        if column in (None, REFERENCED) or not refsets:
            return
        if not any(self._name(refset, str(column)) for refset in refsets):
            known = sorted({name for refset in refsets for name in self._release.columns.get(refset, ())})
            raise TerminologyError(issues.no_such_column(self._text, at, str(column), known))

    def _name(self, refset: str, column: str) -> str | None:
        """The name of a column as the release writes it."""
        return next((n for n in self._release.columns.get(refset, ()) if n.casefold() == column), None)

    def _of(self, members: MemberOf, refset: str) -> BitMap:
        rows = self._rows(members.filters, refset)
        if members.column in (None, REFERENCED):
            return self._release.set_of(map(self._release.row_owners.__getitem__, rows))
        name = self._name(refset, str(members.column)) or ""
        if self._release.cells(refset, name, ROW_VALUES) is not None:
            raise TerminologyError(issues.column_without_concepts(self._text, members.at, name))
        cells = self._release.cells(refset, name, ROW_CONCEPTS)
        if cells is None:
            return self._release.set_of()
        inside = rows.__contains__
        return self._release.set_of(
            target for place, target in counted(enumerate(cells.targets)) if any(map(inside, cells.at(place)))
        )

    def _rows(self, filters: Sequence[MemberFilter], refset: str) -> BitMap:
        """The numbers of the rows that pass all filters."""
        if not any(isinstance(filter_, ByActive) for filter_ in filters):
            filters = (ByActive(True), *filters)
        first, *others = (_PASSING[type(filter_)](self, filter_, refset) for filter_ in filters)
        rows = first.copy()
        for other in others:
            rows &= other
        return rows

    # -- filters -----------------------------------------------------------------------------

    def _by_active(self, filter_: ByActive, refset: str) -> BitMap:
        statuses = {None: ("0", "1"), True: ("1",), False: ("0",)}[filter_.active]
        return self._having(refset, "active", statuses.__contains__)

    def _by_time(self, filter_: ByTime, refset: str) -> BitMap:
        return self._having(refset, "effectiveTime", lambda time: time_holds(filter_, time))

    def _by_module(self, filter_: ByModule, refset: str) -> BitMap:
        modules = self._codes(filter_.modules)
        return self._having(refset, "moduleId", lambda module: (module in modules) == filter_.is_equal)

    def _by_column(self, filter_: ByColumn, refset: str) -> BitMap:
        if filter_.name == REFERENCED:
            return self._by_component(filter_, refset)
        name = self._name(refset, filter_.name)
        if name is None:
            return self._release.set_of()
        value = filter_.value
        if isinstance(value, Decimal | Truth | tuple):
            return self._having(refset, name, _test_of(value, filter_.comparison))
        concepts, is_equal = self._evaluate(value), filter_.comparison == "="
        others = self._release.set_of() if is_equal else self._having(refset, name, lambda cell: True)
        cells = self._release.cells(refset, name, ROW_CONCEPTS)
        if cells is None:
            return others
        targets = cells.targets & concepts if is_equal else cells.targets - concepts
        return others | self._at(cells, [cells.targets.rank(target) - 1 for target in targets])

    def _by_component(self, filter_: ByColumn, refset: str) -> BitMap:
        """``referencedComponentId``: the concept of the row itself."""
        value = filter_.value
        if isinstance(value, Decimal | Truth | tuple):
            return self._release.set_of()
        concepts, is_equal = self._evaluate(value), filter_.comparison == "="
        owner = self._release.row_owners.__getitem__
        every = self._having(refset, "active", lambda cell: True)
        return self._release.set_of(row for row in counted(every) if (owner(row) in concepts) == is_equal)

    def _having(self, refset: str, column: str, accepts: CellTest) -> BitMap:
        """The rows with an accepted value that is not a concept."""
        cells = self._release.cells(refset, column, ROW_VALUES)
        if cells is None:
            return self._release.set_of()
        return self._at(cells, [place for place, text in counted(enumerate(cells.values)) if accepts(text)])

    def _at(self, cells: RelationshipTable, places: Sequence[int]) -> BitMap:
        if len(places) == len(cells.starts) - 1:
            return self._release.set_of(cells.numbers)
        return self._release.set_of(row for place in places for row in cells.at(place))


_PASSING: dict[type, Callable[[MemberRows, Any, str], BitMap]] = {
    ByActive: MemberRows._by_active,
    ByTime: MemberRows._by_time,
    ByModule: MemberRows._by_module,
    ByColumn: MemberRows._by_column,
}


def _test_of(value: Value, comparison: str) -> CellTest:
    """A test of cells as the release writes them. With ``<``, ``<=``, ``>`` and ``>=``, texts are days."""
    if isinstance(value, Truth):
        texts = _TRUTHS[value.value]
        return lambda cell: (cell.casefold() in texts) == (comparison == "=")
    if isinstance(value, Decimal):
        return lambda cell: cell.lstrip("-").isdigit() and holds(comparison, Decimal(cell), value)
    assert isinstance(value, tuple)
    if comparison in ("=", "!="):
        test = test_of(value)
        return lambda cell: test(cell) == (comparison == "=")
    days: Sequence[Text] = value
    return lambda cell: cell.isdigit() and any(holds(comparison, cell, day.text) for day in days)
