"""SNOMED CT concepts, built from the rows of an RF2 release that are about them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from terminology.content.importers.rows import is_number, raw_records
from terminology.content.importers.snomed_files import MEMBER_COLUMNS, TABLES, Rf2Files
from terminology.core.languages import PREFERRED_FOR_LANGUAGE
from terminology.core.model import Problem
from terminology.core.texts import words
from terminology.store.release import ConceptRow, DesignationTuple, PropertyTuple, RelationshipTuple
from terminology.store.reporting import Reporter
from terminology.systems.snomed.identifiers import (
    ACCEPTABLE,
    ALTERNATE,
    ASSOCIATIONS,
    DEFINED,
    DEFINITION,
    DEFINITION_WORD,
    DESCRIPTION,
    FSN,
    IS_A,
    MEMBER,
    MEMBER_FILTERS,
    NO_LONGER,
    PREFERRED,
    SCHEME,
    SIGNATURE,
    SYNONYM,
    URL,
)

_IS_A = IS_A.encode()
# The text in the last brackets of a fully specified name.
_TAG = re.compile(r"\(([^()]*)\)\s*$")
_TYPE_NAMES = {FSN: "Fully specified name", SYNONYM: "Synonym"}
STATED_RELATIONSHIP, INACTIVATION = b"900000000000010007", b"900000000000489007"
# The dialects of language reference sets; the first that a release has gives the displays.
TAGS = {
    "900000000000509007": "en-US",
    "900000000000508004": "en-GB",
    "999001261000000100": "en-GB",
    "32570271000036106": "en-AU",
    "19491000087109": "en-CA",
    "20581000087109": "fr-CA",
    "271000210107": "en-NZ",
}


# -- language reference sets ---------------------------------------------------------------------


@dataclass(slots=True)
class LanguagePreferences:
    """The descriptions that each language reference set accepts or prefers, and the language tag of the set.

    ``accepted`` has for each reference set sorted numbers: twice the identifier of a description, plus one
    where it is preferred. ``of_language`` has the tags of each language.
    """

    accepted: dict[str, array[int]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    of_language: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def of(self, description: int) -> dict[str, bool]:
        """The language reference sets that accept a description, each with whether it prefers it."""
        preferred = {}
        for refset, numbers in self.accepted.items():
            place = bisect_left(numbers, 2 * description)
            if place < len(numbers) and numbers[place] >> 1 == description:
                preferred[refset] = bool(numbers[place] & 1)
        return preferred


def read_preferences(files: Rf2Files, reporter: Reporter) -> LanguagePreferences:
    """What the language reference sets of a release prefer and accept."""
    unsorted: dict[bytes, array[int]] = {}
    languages: dict[str, list[str]] = defaultdict(list)
    weights = {PREFERRED.encode(): 1, ACCEPTABLE.encode(): 0}
    for rf2 in files["language"]:
        for row in raw_records(rf2.file, reporter, (*MEMBER_COLUMNS, "acceptabilityId")):
            if row[2] == b"1" and row[6] in weights and is_number(row[5]):
                if row[4] not in unsorted:
                    unsorted[row[4]] = array("Q")
                    languages[rf2.language].append(row[4].decode())
                unsorted[row[4]].append(2 * int(row[5]) + weights[row[6]])
    preferences = LanguagePreferences()
    for language, refsets in languages.items():
        refsets.sort(key=lambda refset: -sum(number & 1 for number in unsorted[refset.encode()]))
        tags = _tags(language, refsets)
        preferences.tags |= tags
        preferences.of_language[language] |= set(tags.values())
    order = sorted(preferences.tags, key=lambda refset: [*TAGS, refset].index(refset))
    for refset in order:
        preferences.accepted[refset] = array("Q", sorted(unsorted.pop(refset.encode())))
    return preferences


def _tags(language: str, refsets: list[str]) -> dict[str, str]:
    """The language tag of each reference set.

    That is its dialect. Where no reference set of the language has a dialect, the first is for the language
    itself; any other gets a private tag.

    https://terminology.hl7.org/SNOMEDCT.html, "language": ``en-x-sctlang-90000000-00005090-07``
    """
    tags = {refset: TAGS[refset] for refset in refsets if refset in TAGS}
    for refset in refsets:
        if refset not in tags:
            parts = "-".join(refset[start : start + 8] for start in range(0, len(refset), 8))
            tags[refset] = f"{language}-x-sctlang-{parts}" if tags else language
    return tags


class DescriptionSignatures:
    """The signatures of descriptions, each with a number.

    A signature is all of a description except its text: type, language, module, status and the reference
    sets that accept it. Many descriptions share one. That of an inactive description has ``NO_LONGER`` before the
    reference sets.
    """

    def __init__(self, preferences: LanguagePreferences) -> None:
        self.preferences = preferences
        self._numbers: dict[str, int] = {}
        # The number by the cells of a row and the reference sets, from which the signature is made.
        self._known: dict[tuple[object, ...], int] = {}

    def number(self, row: list[bytes], accepted: Mapping[str, bool]) -> tuple[int, str | None]:
        """The number of a description's signature, and, where it is new, the term of the store for it.

        ``systems/snomed`` reads the term.
        """
        made_of = (row[7], row[6], row[4], row[2], row[3], *accepted.items())
        if (number := self._known.get(made_of)) is not None:
            return number, None
        dialects = (f"{refset}{'+' if preferred else '-'}" for refset, preferred in accepted.items())
        cells = (cell.decode() for cell in (row[7], row[6], row[4], row[2]))
        status = () if row[3] == b"1" else (NO_LONGER,)
        signature = "|".join([*cells, *status, *dialects])
        known = len(self._numbers)
        number = self._known[made_of] = self._numbers.setdefault(signature, known)
        return number, f"{number}|{signature}" if number == known else None


# -- concepts ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Rf2ConceptRows:
    """The rows about one concept: its own without the letter, the others with it."""

    concept: list[bytes] = field(default_factory=list)
    others: list[list[bytes]] = field(default_factory=list)


def concepts_of(
    lines: list[bytes],
    signatures: DescriptionSignatures,
    definitions: DefiningParents,
    columns: Sequence[Sequence[str]],
    reporter: Reporter,
) -> Iterator[ConceptRow]:
    """The concepts that the lines of a bucket are about, in the order of their identifiers.

    ``columns``: see ``ConceptMemberships``.
    """
    by_concept: dict[int, Rf2ConceptRows] = defaultdict(Rf2ConceptRows)
    places = {table.letter: table.concept + 1 for table in TABLES}
    for line in lines:
        row = line.split(b"\t")
        rows = by_concept[int(row[places[row[0]]])]
        if row[0] == b"C":
            rows.concept = row[1:]
        else:
            rows.others.append(row)
    for id_ in sorted(by_concept):
        if by_concept[id_].concept:
            memberships = ConceptMemberships(columns)
            yield _concept(by_concept[id_], signatures, definitions, memberships)
        elif others := [row for row in by_concept[id_].others if row[0] != b"S"]:
            text = f"{id_} is not in the concept file; {len(others)} rows left out"
            reporter.problem(Problem("", 0, text))


def _concept(
    rows: Rf2ConceptRows,
    signatures: DescriptionSignatures,
    definitions: DefiningParents,
    members: ConceptMemberships,
) -> ConceptRow:
    id_, effective, active, module, status = rows.concept[:5]
    terms, relations = ConceptDescriptions(signatures), ConceptRelationships()
    elsewhere: list[tuple[str, str]] = []
    for row in rows.others:
        if row[0] == b"D":
            terms.add(row)
        elif row[0] == b"R":
            relations.add(row)
        elif row[0] == b"L":
            scheme = row[5].decode()
            elsewhere += [(SCHEME, scheme), (ALTERNATE, f"{scheme}#{row[1].decode()}")]
        else:
            members.add(row)
    is_defined = status == DEFINED.encode()
    properties: list[PropertyTuple] = [
        ("inactive", "boolean", active != b"1"),
        ("sufficientlyDefined", "boolean", is_defined),
        ("moduleId", "code", module.decode()),
        *_day(effective.decode()),
        *terms.semantic_tag(),
        *relations.properties(),
        *relations.normal_form(is_defined, definitions),
        *members.properties,
    ]
    return ConceptRow(
        code=id_.decode(),
        display=terms.display(),
        definition=terms.definition,
        inactive=active != b"1",
        parents=list(relations.parents),
        designations=terms.designations,
        properties=properties,
        relations=[*members.links, *relations.grouped()],
        terms=[*terms.search_terms, *((MEMBER, refset) for refset in members.refsets), *elsewhere],
        own=terms.own(),
        identifiers=terms.identifiers,
    )


def _day(time: str) -> list[PropertyTuple]:
    """The effective time as a dateTime; none of an unpublished concept, which has no time."""
    return [("effectiveTime", "dateTime", f"{time[:4]}-{time[4:6]}-{time[6:]}")] if len(time) == 8 else []


class ConceptMemberships:
    """The reference sets that a concept is a member of, and the rows that say so.

    ``columns`` are the names of the further columns of each file of reference sets.
    """

    def __init__(self, columns: Sequence[Sequence[str]]) -> None:
        self._columns = columns
        self._count = 0
        self.properties: list[PropertyTuple] = []
        self.links: list[RelationshipTuple] = []
        self.refsets: dict[str, None] = {}

    def add(self, row: list[bytes]) -> None:
        """Add a row of a reference set, after its letter; its last cell is the number of its file."""
        refset = row[5].decode()
        self._add_cells(refset, row)
        if row[3] != b"1":
            return
        self.refsets[refset] = None
        if row[0] == b"A":
            target = row[7].decode()
            self.properties.append((ASSOCIATIONS.get(refset, refset), "code", target))
            self.links.append((None, refset, target, True))
        elif row[0] == b"M":
            self.properties.append(("memberOf", "code", refset))
        elif row[0] == b"I" and row[5] == INACTIVATION:
            self.properties.append(("inactivationReason", "code", row[7].decode()))

    def _add_cells(self, refset: str, row: list[bytes]) -> None:
        """All cells that an expression constraint may ask for. Inactive rows have them, too."""
        self._count += 1
        names = (*MEMBER_FILTERS, *self._columns[int(row[-1])])
        for name, cell in zip(names, (row[3], row[2], row[4], *row[7:-1]), strict=True):
            is_concept = name not in MEMBER_FILTERS and cell[-3:-1] in (b"00", b"10") and is_number(cell)
            self.links.append((-self._count, f"{refset} {name}", cell.decode(), is_concept))


class ConceptDescriptions:
    """The descriptions of a concept.

    ``search_terms`` are the terms of the store by which its descriptions are found, ``identifiers`` those of the
    descriptions in the order of ``own``.
    """

    def __init__(self, signatures: DescriptionSignatures) -> None:
        self.designations: list[DesignationTuple] = []
        self.definition: str | None = None
        self.search_terms: list[tuple[str, str]] = []
        self.identifiers: list[int] = []
        self._signatures, self._preferences = signatures, signatures.preferences
        # Of each description the number of its signature, and the place of its text in ``designations``, or
        # the text of a definition.
        self._signed_texts: list[tuple[int, int | str]] = []
        self._preferred: dict[str, str] = {}
        self._fully_specified: str | None = None
        self._tag: str | None = None

    def add(self, row: list[bytes]) -> None:
        """Add a row of a description, after its letter."""
        accepted = self._preferences.of(int(row[1])) if is_number(row[1]) else {}
        language, type_, term = row[6].decode(), row[7].decode(), row[8].decode()
        number, new = self._signatures.number(row, accepted)
        self.identifiers.append(int(row[1]) if is_number(row[1]) else 0)
        self.search_terms.append((DESCRIPTION, str(number)))
        if new is not None:
            self.search_terms.append((SIGNATURE, new))
        if row[3] != b"1":
            self._signed_texts.append((number, term))
        elif type_ == DEFINITION:
            self._signed_texts.append((number, term))
            self.search_terms.extend((DEFINITION_WORD, word) for word in set(words(term)))
            if self.definition is None or language.startswith("en"):
                self.definition = term
        else:
            self._signed_texts.append((number, len(self.designations)))
            self._add_designation(language, type_, term, [refset for refset in accepted if accepted[refset]])

    def _add_designation(self, language: str, type_: str, term: str, refsets: list[str]) -> None:
        use: dict[str, Any] = {"system": URL, "code": type_}
        if type_ in _TYPE_NAMES:
            use["display"] = _TYPE_NAMES[type_]
        if type_ == FSN:
            self._fully_specified = self._fully_specified or term
            if self._tag is None or language.startswith("en"):
                in_brackets = _TAG.search(term)
                self._tag = in_brackets[1] if in_brackets else self._tag
            self.designations.append((term, language, use, None))
            return
        tags = [self._preferences.tags[refset] for refset in refsets]
        for tag in tags:
            self._preferred.setdefault(tag, term)
        if not tags:
            self.designations.append((term, language, use, None))
            return
        # Preferred in every dialect is preferred in the language.
        everywhere = self._preferences.of_language[language] <= set(tags)
        for tag in [language] if everywhere else tags:
            self.designations.append((term, tag, use, {"additionalUse": [PREFERRED_FOR_LANGUAGE]}))

    def semantic_tag(self) -> list[PropertyTuple]:
        """The text in the last brackets of the fully specified name; of the English one, if there are several."""
        return [] if self._tag is None else [("semanticTag", "code", self._tag)]

    def own(self) -> list[tuple[int, int | str]]:
        """Of each description the number of its signature, and the place of its text in ``designations``.

        -1 stands for the definition; any further definition is there as its text.
        """
        return [(number, -1 if text == self.definition else text) for number, text in self._signed_texts]

    def display(self) -> str | None:
        """The preferred term of the first language reference set that has one, or else the fully specified name."""
        tags = (self._preferences.tags[refset] for refset in self._preferences.accepted)
        preferred = next((self._preferred[tag] for tag in tags if tag in self._preferred), None)
        return preferred or self._fully_specified or (self.designations[0][0] if self.designations else None)


class ConceptRelationships:
    """The relationships of a concept: its parents and its attributes, by role group."""

    def __init__(self) -> None:
        self.parents: dict[str, None] = {}
        # The attributes (type and value) of each role group.
        self._groups: dict[int, dict[tuple[str, str], None]] = {}

    def add(self, row: list[bytes]) -> None:
        """Add a row of a relationship, after its letter; a stated one is ignored for the inferred ones."""
        if row[9] == STATED_RELATIONSHIP:
            return
        if row[8] == IS_A.encode():
            self.parents.setdefault(row[6].decode())
        else:
            group = int(row[7]) if row[7].isdigit() else 0
            self._groups.setdefault(group, {})[row[8].decode(), row[6].decode()] = None

    def properties(self) -> list[PropertyTuple]:
        """The attributes, each once."""
        pairs = dict.fromkeys(pair for group in sorted(self._groups) for pair in self._groups[group])
        return [(type_, *_typed(value)) for type_, value in pairs]

    def grouped(self) -> list[RelationshipTuple]:
        """The attributes in the order of their role groups."""
        return [
            (group, kind, value, value.isdigit())
            for group, pairs in sorted(self._groups.items())
            for kind, value in pairs
        ]

    def normal_form(self, is_defined: bool, definitions: DefiningParents) -> list[PropertyTuple]:
        """``=== 64572001:{116676008=…,363698007=…}``: SNOMED CT compositional grammar, without terms.

        The necessary normal form: the nearest primitive concepts above it, and its attributes in their groups.
        """
        if not self.parents:
            return []
        texts = {
            group: ",".join(f"{type_}={value}" for type_, value in sorted(pairs))
            for group, pairs in sorted(self._groups.items())
        }
        refinement = ",".join(
            [*filter(None, [texts.pop(0, "")]), *(f"{{{text}}}" for text in texts.values())]
        )
        operator = "===" if is_defined else "<<<"
        focus = "+".join(sorted(definitions.primitives(self.parents)))
        text = f"{operator} {focus}:{refinement}" if refinement else f"{operator} {focus}"
        return [("normalFormTerse", "string", text)]


class DefiningParents:
    """The parents of the sufficiently defined concepts of a release, by which primitive ones above are found."""

    def __init__(self) -> None:
        self._defined: set[int] = set()
        self._children, self._parents = array("Q"), array("Q")

    def add_concept(self, row: list[bytes]) -> None:
        """Add a row of the concept file; all of them come before those of relationships."""
        if row[4] == DEFINED.encode() and row[2] == b"1" and is_number(row[0]):
            self._defined.add(int(row[0]))

    def add_relationship(self, row: list[bytes]) -> None:
        """Add an active row of a relationship."""
        if row[7] == _IS_A and row[8] != STATED_RELATIONSHIP and int(row[4]) in self._defined:
            if is_number(row[5]):
                self._children.append(int(row[4]))
                self._parents.append(int(row[5]))

    def close(self) -> None:
        """All rows are there: sort them."""
        order = sorted(range(len(self._children)), key=self._children.__getitem__)
        self._children = array("Q", map(self._children.__getitem__, order))
        self._parents = array("Q", map(self._parents.__getitem__, order))
        self._defined.clear()

    def primitives(self, concepts: Iterable[str]) -> list[str]:
        """The concepts, and in the place of each sufficiently defined one the nearest primitive ones above it."""
        primitives: dict[str, None] = {}
        open_, known = [int(concept) for concept in concepts if concept.isdigit()], set()
        while open_:
            concept = open_.pop()
            if concept in known:
                continue
            known.add(concept)
            place = bisect_left(self._children, concept)
            if place == len(self._children) or self._children[place] != concept:
                primitives[str(concept)] = None
            while place < len(self._children) and self._children[place] == concept:
                open_.append(self._parents[place])
                place += 1
        return list(primitives)


def _typed(value: str) -> tuple[str, Any]:
    """A concept, or a concrete value: a number as ``#5.5``, a text in quotes, true or false."""
    if value in ("true", "false"):
        return "boolean", value == "true"
    if value.startswith("#"):
        try:
            return "decimal", Decimal(value[1:])
        except InvalidOperation:
            return "string", value[1:]
    return ("string", value.strip('"')) if value.startswith('"') else ("code", value)
