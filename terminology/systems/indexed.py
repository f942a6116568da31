"""Concepts of a code system in the store.

The same answers as ``document`` gives for the same code system. Every filter becomes a bitmap of concept
numbers, so that filters combine, count and page without reading a concept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import (
    CodeSystemInfo,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Filter,
    Property,
    Typed,
)
from terminology.core.numbers import NUMBERS, number
from terminology.core.patterns import full_match
from terminology.core.texts import words
from terminology.store.artifacts import Artifact, StoredConcept
from terminology.store.packing import (
    DEFINITION,
    DESIGNATIONS,
    EXTENSION,
    PROPERTIES,
    line_of,
    value_of,
    with_decimals,
)
from terminology.store.schema import (
    ABSTRACT,
    DIGEST_MARK,
    HAS_DEFINITION,
    HAS_EXTENSION,
    INACTIVE,
    INNER,
    IS_ABSTRACT,
    IS_INACTIVE,
    LANGUAGE,
    MARK,
    NORMAL_MARK,
    STATUS,
)
from terminology.store.terms import term_of, text_of
from terminology.systems.comparisons import comparison
from terminology.systems.document import MARKS, about, implied, require_hierarchy, roles_of

if TYPE_CHECKING:
    from pyroaring import BitMap

# How many rows are kept between one question and the next: those of a page are described next.
RECENT = 500
# The parts of a ConceptDetail.
PARTS = ("designations", "properties", "extension")
# Of a property that no concept has.
NO_FIELD = -1


class StoredSystem:
    """A compiled code system."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.about: CodeSystemInfo = about(artifact.header.document)
        self._uses = artifact.header.uses
        self._kinds = artifact.header.kinds
        self._recent: dict[str, StoredConcept] = {}

    @property
    def index(self) -> Artifact:
        """What its selections are counted by."""
        return self.artifact

    def key(self, code: str) -> str:
        return code if self.about.case_sensitive else code.casefold()

    # -- the questions -----------------------------------------------------------------------

    def locate(self, code: str) -> Concept | None:
        row = self._row(self.key(code))
        return None if row is None else self.concept(row)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> StoredSelection:
        chosen = [self.chosen_by(filter_) for filter_ in filters]
        if text:
            chosen += self._found(words(text), languages)
        return StoredSelection(self, self.artifact.intersection(chosen) if chosen else None)

    def speaking(self, languages: Languages) -> StoredSelection:
        """The concepts of which something is said in these languages."""
        return StoredSelection(self, self._speaking(languages))

    def _found(self, typed: Sequence[str], languages: Languages | None) -> list[BitMap]:
        """For each word the concepts that have a word which begins so."""
        artifact = self.artifact
        if languages is None:
            return [artifact.words(word) for word in typed]
        understood = self._understood(languages)
        found = [artifact.words(word, understood) for word in typed]
        if not languages.insist and len(understood) < len(artifact.header.languages):
            others = artifact.all() - self._speaking(languages)
            found = [own | (artifact.words(w) & others) for own, w in zip(found, typed, strict=True)]
        return found

    def _speaking(self, languages: Languages) -> BitMap:
        marks = [LANGUAGE + tag for tag in self._understood(languages)]
        return self.artifact.union(self.artifact.posting(MARK, mark) for mark in marks)

    def _understood(self, languages: Languages) -> tuple[str, ...]:
        return tuple(tag for tag in self.artifact.header.languages if languages.rank(tag))

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        top, below = self.key(ancestor), self.key(descendant)
        if top == below:
            return True
        upper, lower = self._row(top), self._row(below)
        if upper is None or lower is None:
            return False
        return lower.ord in self.artifact.descendants(upper.ord)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        keys = {code: self.key(code) for code in codes}
        rows = self._rows(keys.values())
        return {code: Unread(self, rows[key]) for code, key in keys.items() if key in rows}

    def implied(self, canonical: str) -> Document | None:
        """As ``DocumentSystem`` has it."""
        return implied(self, canonical, self.artifact.header.document.get("valueSet"))

    # -- reading a row -----------------------------------------------------------------------

    def _row(self, key: str) -> StoredConcept | None:
        row = self._recent.get(key)
        if row is None:
            row = self.artifact.concept(key)
            if row is not None:
                self._keep(row)
        return row

    def _rows(self, keys: Iterable[str]) -> dict[str, StoredConcept]:
        rows: dict[str, StoredConcept] = {}
        for key in keys:
            row = self._recent.get(key)
            if row is not None:
                rows[key] = row
        missing = [key for key in keys if key not in rows]
        if len(missing) == 1:
            found = self.artifact.concept(missing[0])
            return rows | {found.key: found} if found else rows
        if missing:
            rows |= {row.key: row for row in self.artifact.concepts_by_key(missing)}
        return rows

    def ord(self, code: str) -> int | None:
        """The number of a concept. One that is asked about was mostly located before."""
        key = self.key(code)
        row = self._recent.get(key)
        return self.artifact.ord(key) if row is None else row.ord

    def _keep(self, row: StoredConcept) -> None:
        """A concept that is located is often described next."""
        if len(self._recent) >= RECENT:
            self._recent.clear()
        self._recent[row.key] = row

    def concepts(self, ords: BitMap | Sequence[int]) -> list[Concept]:
        """The concepts of these numbers, which are in order."""
        rows = list(self.artifact.concepts(ords))
        if len(rows) <= RECENT:
            for row in rows:
                self._keep(row)
        return [self.concept(row) for row in rows]

    def concept(self, row: StoredConcept) -> Concept:
        flags = row.flags
        definition = None
        if flags & HAS_DEFINITION:
            definition = line_of(self.artifact.unpack.lines(row.body), DEFINITION) or ""
        return Concept(
            row.code or row.key,
            row.display,
            definition,
            bool(flags & IS_ABSTRACT),
            bool(flags & IS_INACTIVE),
            row.status,
        )

    def designations(self, lines: Sequence[bytes]) -> list[Designation]:
        uses = self._uses
        return [
            Designation(said[0], said[1], uses[said[2]]) if len(said) == 3 else self._designation(*said)
            for said in line_of(lines, DESIGNATIONS) or ()
        ]

    def properties(self, lines: Sequence[bytes]) -> list[Property]:
        return [self._property(*stated) for stated in line_of(lines, PROPERTIES) or ()]

    def extension(self, lines: Sequence[bytes]) -> Sequence[Document]:
        said: Sequence[Document] = with_decimals(line_of(lines, EXTENSION) or [])
        return said

    def _designation(
        self, value: str, language: str | None, use: int | None = None, rest: Document | None = None
    ) -> Designation:
        meant = None if use is None else self._uses[use]
        if rest is None:
            return Designation(value, language, meant)
        rest = with_decimals(rest)
        return Designation(
            value, language, meant, rest.get("additionalUse", ()), extension=rest.get("extension", ())
        )

    def _property(self, kind: int, value: Any, description: str | None = None) -> Property:
        code, type_ = self._kinds[kind]
        return Property(code, Typed(type_, value_of(type_, value)), description)

    # -- filters -----------------------------------------------------------------------------

    def chosen_by(self, filter_: Filter) -> BitMap:
        """The numbers of the concepts that pass a filter. Not to be changed.

        Raises TerminologyError for a filter that this code system does not know.
        """
        if not filter_.value:
            raise TerminologyError(issues.filter_without_value(filter_.property, filter_.op, self.about.url))
        return self.artifact.cached(filter_, lambda: self._choose(filter_))

    def _choose(self, filter_: Filter) -> BitMap:
        if filter_.property in ("concept", "code", *self._hierarchy) and filter_.op in HIERARCHY:
            ord_ = self.artifact.ord(self.key(filter_.value))
            meaning = self.artifact.header.document.get("hierarchyMeaning")
            require_hierarchy(filter_, self.about, ord_ is not None, meaning)
            return HIERARCHY[filter_.op](self.artifact, ord_)
        values = self._values(filter_.property)
        compare = COMPARISONS.get(filter_.op)
        if values is None or compare is None:
            raise TerminologyError(issues.unknown_filter(filter_.property, filter_.op, self.about))
        comparison(filter_)  # refuses a value that the operator does not take
        return compare(values, filter_.value, self.artifact)

    @cached_property
    def _role(self) -> dict[str, str]:
        return roles_of(self.artifact.header.document)

    @cached_property
    def _hierarchy(self) -> frozenset[str]:
        """What this code system itself calls ``parent`` and ``child``."""
        return frozenset(self._role[role] for role in ("parent", "child") if role in self._role)

    def _values(self, property_: str) -> Values | None:
        if property_ in ("code", "concept"):
            return Codes(self)
        if property_ in ("display", "definition"):
            return Texts(self, property_)
        if property_ in ("parent", "child") or property_ in self._hierarchy:
            is_child = property_ in ("child", self._role.get("child"))
            return Relatives(self, "child" if is_child else "parent")
        declared = self.artifact.header.document.get("property", ())
        by_uri = (p["code"] for p in declared if property_ == p.get("uri"))
        by_code = (p["code"] for p in declared if property_ == p.get("code"))
        code = next(chain(by_uri, by_code), self._role.get(property_))
        return None if code is None else self._stated(code)

    def _stated(self, code: str) -> Values:
        declared = self.artifact.header.document.get("property", ())
        types = [p.get("type") for p in declared if p.get("code") == code]
        stated = Stated(self, code, not NUMBERS.isdisjoint(types))
        role = next((role for role in MARKS if self._role.get(role) == code), None)
        return stated if role is None else ROLES[role](stated, self.artifact)


class Unread(ConceptDetail):
    """What else is known of a concept: each part is read when it is first looked at."""

    __slots__ = ("_lines", "_row", "_system")

    def __init__(self, system: StoredSystem, row: StoredConcept) -> None:
        self._system, self._row = system, row
        self._lines: list[bytes] | None = None
        if not row.flags & HAS_EXTENSION:
            self.extension = ()

    def __getattr__(self, name: str) -> Any:
        """Of a part that has not been read."""
        if name not in PARTS:
            raise AttributeError(name)
        if self._lines is None:
            self._lines = self._system.artifact.unpack.lines(self._row.body)
        part = getattr(self._system, name)(self._lines)
        setattr(self, name, part)
        return part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConceptDetail) and all(
            getattr(self, part) == getattr(other, part) for part in PARTS
        )

    __hash__ = None  # type: ignore[assignment]


class StoredSelection:
    """Some of a stored code system's concepts, or all of them (``chosen`` is None), as a ``ConceptSet``.

    ``order`` has the numbers of all that are chosen, and perhaps more, where the order is not their own.
    """

    def __init__(
        self, system: StoredSystem, chosen: BitMap | None, order: Sequence[int] | None = None
    ) -> None:
        self.index = system.index
        self._system = system
        self._chosen = chosen
        self._order = order

    def __iter__(self) -> Iterator[Concept]:
        if self._order is not None:
            return iter(self[:])
        read = self._system.concept
        return (read(row) for row in self._system.artifact.concepts(self._ords))

    def __contains__(self, code: object) -> bool:
        ord_ = self._system.ord(str(code))
        return ord_ is not None and (self._chosen is None or ord_ in self._chosen)

    def __len__(self) -> int:
        return self._system.artifact.header.count if self._chosen is None else len(self._chosen)

    def __getitem__(self, part: slice) -> list[Concept]:
        """The concepts of a page; only these are read."""
        if self._order is None:
            return self._system.concepts(self._ords[part])
        chosen = self._ords
        ords = [ord_ for ord_ in self._order if ord_ in chosen][part]
        found = dict(zip(sorted(ords), self._system.concepts(sorted(ords)), strict=True))
        return [found[ord_] for ord_ in ords]

    def __and__(self, other: StoredSelection) -> StoredSelection:
        if self._chosen is None:
            return StoredSelection(self._system, other._chosen)
        if other._chosen is None:
            return self
        return self._with(self._chosen & other._chosen)

    def __or__(self, other: StoredSelection) -> StoredSelection:
        """In the code system's own order."""
        if self._chosen is None or other._chosen is None:
            return StoredSelection(self._system, None)
        return StoredSelection(self._system, self._chosen | other._chosen)

    def __sub__(self, other: StoredSelection) -> StoredSelection:
        return self._with(self._ords - other._ords)

    def without(self, inactive: bool = False, abstract: bool = False) -> StoredSelection:
        """Those that are not inactive, not abstract."""
        left = self._ords
        for mark in (INACTIVE,) * inactive + (ABSTRACT,) * abstract:
            left = left - self._system.artifact.posting(MARK, mark)
        return self._with(left)

    def among(self, codes: Iterable[str]) -> StoredSelection:
        """Those that have one of these codes, in the order of the codes."""
        artifact = self._system.artifact
        keys = [self._system.key(code) for code in codes]
        numbers = artifact.ords(keys) if keys else {}
        order = list(dict.fromkeys(numbers[key] for key in keys if key in numbers))
        chosen = artifact.set_of(order)
        return StoredSelection(self._system, chosen if self._chosen is None else chosen & self._chosen, order)

    def _with(self, chosen: BitMap) -> StoredSelection:
        return StoredSelection(self._system, chosen, self._order)

    @property
    def _ords(self) -> BitMap:
        return self._system.artifact.all() if self._chosen is None else self._chosen


# -- hierarchy -----------------------------------------------------------------------------------


def _is_a(artifact: Artifact, ord_: int | None) -> BitMap:
    return _descendent_of(artifact, ord_) | _only(artifact, ord_)


def _only(artifact: Artifact, ord_: int | None) -> BitMap:
    return artifact.set_of(() if ord_ is None else (ord_,))


def _is_not_a(artifact: Artifact, ord_: int | None) -> BitMap:
    return artifact.all() - _is_a(artifact, ord_)


def _descendent_of(artifact: Artifact, ord_: int | None) -> BitMap:
    """In a circle a concept is below itself, but that is not meant."""
    if ord_ is None:
        return artifact.set_of()
    return artifact.descendants(ord_) - _only(artifact, ord_)


def _child_of(artifact: Artifact, ord_: int | None) -> BitMap:
    return artifact.set_of() if ord_ is None else artifact.children(ord_)


def _descendent_leaf(artifact: Artifact, ord_: int | None) -> BitMap:
    below = artifact.set_of() if ord_ is None else artifact.descendants(ord_)
    return below - artifact.posting(MARK, INNER)


def _generalizes(artifact: Artifact, ord_: int | None) -> BitMap:
    above = artifact.set_of() if ord_ is None else artifact.ancestors(ord_)
    return above | _only(artifact, ord_)


HIERARCHY: dict[str, Callable[[Artifact, int | None], BitMap]] = {
    "is-a": _is_a,
    "is-not-a": _is_not_a,
    "descendent-of": _descendent_of,
    "child-of": _child_of,
    "descendent-leaf": _descendent_leaf,
    "generalizes": _generalizes,
}


# -- values --------------------------------------------------------------------------------------


class Values(Protocol):
    """What the concepts of a code system have for something that can be filtered by."""

    def having(self, wanted: Sequence[str]) -> BitMap:
        """The concepts that have one of these values."""

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        """The concepts that have a value that is accepted. Such a value begins with ``beginning``."""

    def present(self) -> BitMap:
        """The concepts that have any value."""


class Codes:
    """Codes as values of themselves."""

    def __init__(self, system: StoredSystem) -> None:
        self._artifact, self._key = system.artifact, system.key

    def having(self, wanted: Sequence[str]) -> BitMap:
        return self._artifact.set_of(self._artifact.ords([self._key(code) for code in wanted]).values())

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        found = self._artifact.keys(self._key(beginning))
        return self._artifact.set_of(ord_ for _, ord_, code in found if accepts(code))

    def present(self) -> BitMap:
        return self._artifact.all()


class Texts:
    """Displays or definitions. There is no index of them: every concept is read."""

    def __init__(self, system: StoredSystem, name: str) -> None:
        self._system, self._name = system, name

    def having(self, wanted: Sequence[str]) -> BitMap:
        return self.matching(lambda text: text in wanted, "")

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        artifact = self._system.artifact
        rows = artifact.concepts(artifact.all())
        said = ((row.ord, getattr(self._system.concept(row), self._name)) for row in rows)
        return artifact.set_of(ord_ for ord_, text in said if text is not None and accepts(text))

    def present(self) -> BitMap:
        return self.matching(lambda text: True, "")


class Relatives:
    """The codes of a concept's parents or children."""

    def __init__(self, system: StoredSystem, role: str) -> None:
        self._codes, self._artifact = Codes(system), system.artifact
        self._role = role

    def having(self, wanted: Sequence[str]) -> BitMap:
        return self._of(self._codes.having(wanted))

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        return self._of(self._codes.matching(accepts, beginning))

    def present(self) -> BitMap:
        return self._of(self._artifact.all())

    def _of(self, others: BitMap) -> BitMap:
        """Those that have one of the others for a parent, or child."""
        if self._role == "child":
            return self._artifact.parents(list(others))
        return self._artifact.children_of(list(others & self._artifact.posting(MARK, INNER)))


class Stated:
    """The values of a property. Those of a number are compared by value."""

    def __init__(self, system: StoredSystem, code: str, is_number: bool) -> None:
        self._system, self._artifact = system, system.artifact
        self._code, self._is_number = code, is_number
        self._field = self._artifact.header.fields.get(code, NO_FIELD)

    def having(self, wanted: Sequence[str]) -> BitMap:
        if self._is_number:
            usual = [number(value) for value in wanted]
            wanted = [*usual, *(NORMAL_MARK + value for value in usual)]
        return self._artifact.postings(self._field, map(term_of, wanted))

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        # Of a long value only its beginning stands in the term.
        terms = self._artifact.terms(self._field, beginning if self._has_only_short else "")
        return self._artifact.union(
            ords if DIGEST_MARK not in term else self._read(ords, accepts)
            for term, ords in terms
            if not term.startswith(NORMAL_MARK) and (DIGEST_MARK in term or accepts(term))
        )

    @property
    def _has_only_short(self) -> bool:
        return self._code not in self._artifact.header.long

    def _read(self, ords: BitMap, accepts: Callable[[str], bool]) -> BitMap:
        """Those whose whole value is accepted."""
        details = ((row.ord, Unread(self._system, row)) for row in self._artifact.concepts(ords))
        return self._artifact.set_of(
            ord_
            for ord_, detail in details
            if any(p.code == self._code and accepts(text_of(p.value.value)) for p in detail.properties)
        )

    def present(self) -> BitMap:
        return self._artifact.union(ords for _, ords in self._artifact.terms(self._field))


class Inactive:
    """Every concept is in use or is not; what answers say of it is what filters test."""

    def __init__(self, stated: Stated, artifact: Artifact) -> None:
        self._artifact = artifact
        self._true = artifact.posting(MARK, INACTIVE)

    def having(self, wanted: Sequence[str]) -> BitMap:
        return self.matching(lambda value: value in wanted, "")

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        true = self._true if accepts("true") else self._artifact.set_of()
        return true | (self._artifact.all() - self._true) if accepts("false") else true

    def present(self) -> BitMap:
        return self._artifact.all()


class NotSelectable:
    """What may not be selected is ``true``, and nothing else; of the others what they state."""

    def __init__(self, stated: Stated, artifact: Artifact) -> None:
        self._stated, self._artifact = stated, artifact
        self._true = artifact.posting(MARK, ABSTRACT)

    def having(self, wanted: Sequence[str]) -> BitMap:
        return self._with(self._stated.having(wanted), "true" in wanted)

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        return self._with(self._stated.matching(accepts, beginning), accepts("true"))

    def present(self) -> BitMap:
        return self._with(self._stated.present(), True)

    def _with(self, found: BitMap, is_true: bool) -> BitMap:
        return found | self._true if is_true else found - self._true


class Status:
    """The status of a concept, also of one that has it by an extension."""

    def __init__(self, stated: Stated, artifact: Artifact) -> None:
        self._stated, self._artifact = stated, artifact

    def having(self, wanted: Sequence[str]) -> BitMap:
        return self._stated.having(wanted) | self._otherwise(lambda value: value in wanted)

    def matching(self, accepts: Callable[[str], bool], beginning: str) -> BitMap:
        return self._stated.matching(accepts, beginning) | self._otherwise(accepts)

    def present(self) -> BitMap:
        return self._stated.present() | self._otherwise(lambda value: True)

    def _otherwise(self, accepts: Callable[[str], bool]) -> BitMap:
        """Those with such a status that state none."""
        terms = self._artifact.terms(MARK, STATUS)
        found = (ords for term, ords in terms if accepts(term.removeprefix(STATUS)))
        return self._artifact.union(found) - self._stated.present()


# What a concept is can be filtered by, also where no property states it.
ROLES: dict[str, Callable[[Stated, Artifact], Values]] = {
    "inactive": Inactive,
    "notSelectable": NotSelectable,
    "status": Status,
}


def _equals(values: Values, value: str, artifact: Artifact) -> BitMap:
    return values.having([value])


def _one_of(values: Values, value: str, artifact: Artifact) -> BitMap:
    return values.having([item.strip() for item in value.split(",")])


def _none_of(values: Values, value: str, artifact: Artifact) -> BitMap:
    return artifact.all() - _one_of(values, value, artifact)


def _regex(values: Values, value: str, artifact: Artifact) -> BitMap:
    return values.matching(full_match(value), beginning_of(value))


def _exists(values: Values, value: str, artifact: Artifact) -> BitMap:
    present = values.present()
    return present if value == "true" else artifact.all() - present


COMPARISONS: dict[str, Callable[[Values, str, Artifact], BitMap]] = {
    "=": _equals,
    "in": _one_of,
    "not-in": _none_of,
    "regex": _regex,
    "exists": _exists,
}


def beginning_of(expression: str) -> str:
    """The letters that every text begins with that the expression matches.

    >>> beginning_of("0UBC.*"), beginning_of("A1?"), beginning_of("(a|b)"), beginning_of("ab|cd")
    ('0UBC', 'A', '', '')
    """
    if "|" in expression:
        return ""
    length = next((i for i, c in enumerate(expression) if not (c.isalnum() or c in " -_")), len(expression))
    if length < len(expression) and expression[length] in "?*{":
        length -= 1
    return expression[: max(length, 0)]
