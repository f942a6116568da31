"""SNOMED CT: an RF2 snapshot, as a zip archive or the folder that it unpacks to.

Tables of tab separated text with a header row, one row for each component in its present state::

    sct2_Concept_Snapshot_INT_20250101.txt
        id effectiveTime active moduleId definitionStatusId
    sct2_Description_Snapshot-en_INT_20250101.txt           (also sct2_TextDefinition_…)
        id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId
    sct2_Relationship_Snapshot_INT_20250101.txt             (also sct2_RelationshipConcreteValues_…)
        id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId …
    der2_cRefset_LanguageSnapshot-en_INT_20250101.txt
        id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId

An inactive concept is a concept; any other inactive row is passed over. The display is the term that the
American English language reference set prefers, else the British, else any. Properties are those of
https://terminology.hl7.org/SNOMEDCT.html, the attributes of a concept among them by their identifiers;
``normalFormTerse`` keeps the role groups. Historical associations and maps are in ``snomed_maps``.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from terminology.content.importers import notices, snomed_maps
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import (
    File,
    found,
    is_number,
    raw_records,
    refused,
    refusing,
    sources,
)
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.core.texts import words
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    MapRelease,
    PropertyDeclaration,
    Related,
    Report,
    Row,
    Said,
    Stated,
)
from terminology.systems.snomed.identifiers import (
    ACCEPTABLE,
    ASSOCIATIONS,
    DEFINED,
    DEFINITION,
    DEFINITION_WORD,
    DESCRIPTION,
    FSN,
    IS_A,
    MEMBER,
    PREFERRED,
    SIGNATURE,
    URL,
    is_identifier,
)

EXPECTED = "an RF2 release with a Snapshot folder (sct2_Concept_Snapshot_….txt and the files beside it)"

STATED, INACTIVATION = b"900000000000010007", b"900000000000489007"
CORE_MODULE = "900000000000207008"
# What language reference sets are for; the first that a release has gives the displays.
TAGS = {
    "900000000000509007": "en-US",
    "900000000000508004": "en-GB",
    "999001261000000100": "en-GB",
    "32570271000036106": "en-AU",
    "19491000087109": "en-CA",
    "20581000087109": "fr-CA",
    "271000210107": "en-NZ",
}
PREFERRED_FOR_LANGUAGE = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
    "display": "Preferred For Language",
}
# https://terminology.hl7.org/SNOMEDCT.html, "Filters", besides those that every code system has.
FILTERS = [
    {"code": code, "description": description, "operator": [operator], "value": value}
    for code, operator, value, description in (
        ("concept", "in", "A reference set", "The members of a reference set."),
        ("constraint", "=", "An expression constraint (ECL 2.2)", "What an expression constraint means."),
        ("expressions", "=", "true or false", "Whether expressions (post-coordination) are included."),
    )
]

_COMPONENT = ("id", "effectiveTime", "active", "moduleId")
_CONCEPT = (*_COMPONENT, "definitionStatusId")
_DESCRIPTION = (*_COMPONENT, "conceptId", "languageCode", "typeId", "term", "caseSignificanceId")
_RELATIONSHIP = (
    *_COMPONENT,
    "sourceId",
    "destinationId",
    "relationshipGroup",
    "typeId",
    "characteristicTypeId",
)
_CONCRETE = (*_COMPONENT, "sourceId", "value", "relationshipGroup", "typeId", "characteristicTypeId")
_MEMBER = (*_COMPONENT, "refsetId", "referencedComponentId")

_FILE = re.compile(
    r"x?(?:sct2|der2)_(\w+?)_(\w*?)Snapshot(?:-([A-Za-z-]+))?_(\w+?)_(\d{8})\.txt", re.IGNORECASE
)
_KINDS = {
    ("concept", ""): "concept",
    ("description", ""): "description",
    ("textdefinition", ""): "definition",
    ("relationship", ""): "relationship",
    ("relationshipconcretevalues", ""): "concrete",
    ("crefset", "language"): "language",
    ("crefset", "association"): "association",
    ("crefset", "associationreference"): "association",
    ("crefset", "attributevalue"): "attributeValue",
    ("refset", "simple"): "simple",
    ("srefset", "simplemap"): "simpleMap",
    ("iisssccrefset", "extendedmap"): "extendedMap",
    ("ssrefset", "moduledependency"): "moduleDependency",
}


class Named(NamedTuple):
    """What the name of an RF2 file says."""

    file: File
    kind: str
    language: str
    date: str


# -- which files ---------------------------------------------------------------------------------


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The code system, then a map for each map reference set and each kind of historical association."""
    files = _files(paths)
    if not files["concept"] or not files["description"]:
        return refused(paths, EXPECTED)
    dates = {named.date for named in files["concept"]}
    if len(dates) > 1:
        return Problem(
            files["concept"][0].file.label, 0, f"expected one release, but there are {sorted(dates)}"
        )
    version = f"{URL}/{_edition(files)}/version/{max(dates)}"
    used = sources(named.file for group in files.values() for named in group)
    release = CodeSystemRelease(
        kind="snomed",
        url=URL,
        version=version,
        name="SNOMED_CT",
        title="SNOMED CT",
        language=_language(files),
        case_sensitive=True,
        copyright=notices.SNOMED,
        licence="SNOMED CT affiliate licence of the operator",
        hierarchy_meaning="is-a",
        value_set=f"{URL}?fhir_vs",
        header={"filter": FILTERS},
        unindexed=["normalFormTerse"],
        properties=_declarations(files),
        files=used,
    )
    maps = snomed_maps.releases(_map_files(files), version, used)
    return [release, *maps]


def _files(paths: Sequence[Path]) -> dict[str, list[Named]]:
    files: dict[str, list[Named]] = defaultdict(list)
    for file in found(paths):
        if said := _FILE.fullmatch(file.name):
            kind = _KINDS.get((said[1].lower(), said[2].lower()))
            if kind is None and said[1].lower().endswith("refset"):
                kind = "refset"
            if kind is not None:
                files[kind].append(Named(file, kind, (said[3] or "en").lower(), said[5]))
    return files


def _map_files(files: dict[str, list[Named]]) -> dict[str, list[File]]:
    return {
        kind: [named.file for named in files[kind]] for kind in ("association", "simpleMap", "extendedMap")
    }


def _edition(files: dict[str, list[Named]]) -> str:
    """The module that no other depends on: that of the edition or extension."""
    dependent: set[bytes] = set()
    depended: set[bytes] = set()
    for named in files["moduleDependency"]:
        for row in raw_records(named.file, _unheard, _MEMBER):
            if row[2] == b"1":
                dependent.add(row[3])
                depended.add(row[5])
    tops = dependent - depended
    return next(iter(tops)).decode() if len(tops) == 1 else CORE_MODULE


def _unheard(problem: Problem) -> None:
    """What is wrong in a row is said when the rows are read."""


def _language(files: dict[str, list[Named]]) -> str:
    languages = [named.language for named in files["description"]]
    return "en" if "en" in languages else languages[0]


def _declarations(files: dict[str, list[Named]]) -> list[PropertyDeclaration]:
    concept_property = "http://hl7.org/fhir/concept-properties#"
    types = {
        row[7].decode()
        for kind, columns in (("relationship", _RELATIONSHIP), ("concrete", _CONCRETE))
        for named in files[kind]
        for row in raw_records(named.file, _unheard, columns)
        if row[2] == b"1" and row[7] != IS_A.encode()
    }
    concrete = {
        row[7].decode()
        for named in files["concrete"]
        for row in raw_records(named.file, _unheard, _CONCRETE)
        if row[2] == b"1"
    }
    return [
        PropertyDeclaration(
            "inactive", "boolean", f"{concept_property}inactive", "Whether the concept is inactive."
        ),
        PropertyDeclaration("sufficientlyDefined", "boolean", None, "Whether its definition is sufficient."),
        PropertyDeclaration("moduleId", "code", None, "The module that the concept is in."),
        PropertyDeclaration("effectiveTime", "string", None, "When it took its present state."),
        PropertyDeclaration(
            "normalFormTerse", "string", None, "Its parents and attributes, in their groups."
        ),
        PropertyDeclaration("memberOf", "code", None, "A simple reference set that it is a member of."),
        PropertyDeclaration("inactivationReason", "code", None, "Why it is inactive."),
        *(
            PropertyDeclaration(name, "code", f"http://snomed.info/id/{id_}")
            for id_, name in ASSOCIATIONS.items()
        ),
        *(
            PropertyDeclaration(id_, "decimal" if id_ in concrete else "code", f"http://snomed.info/id/{id_}")
            for id_ in sorted(types)
        ),
    ]


# -- rows ----------------------------------------------------------------------------------------


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[Row]:
    """Concepts in the order of their identifiers, or the mappings of one map."""
    files = _files(paths)
    if not files["concept"]:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    if isinstance(release, MapRelease):
        yield from snomed_maps.rows(release, _map_files(files), report)
        return
    _say_what_is_missing(files, report)
    with Buckets(_concept_ids(files, report)) as buckets:
        _deal(files, buckets, report)
        signatures = Signatures(_preferences(files, report))
        for lines in buckets:
            yield from _rows(lines, signatures, report)


def _say_what_is_missing(files: dict[str, list[Named]], report: Report) -> None:
    """A language reference set prefers descriptions, which should be there in its language."""
    said = {named.language.partition("-")[0] for named in files["description"]}
    for named in files["language"]:
        language = named.language.partition("-")[0]
        if language not in said:
            text = (
                f"there is no file of descriptions in '{language}', of which this one says what is preferred"
            )
            report(Problem(named.file.label, 0, text))


def _concept_ids(files: dict[str, list[Named]], report: Report) -> array[int]:
    ids = array("Q")
    for named in files["concept"]:
        for row in raw_records(named.file, _unheard, _CONCEPT):
            if is_number(row[0]):
                ids.append(int(row[0]))
    return ids


class _Dealt(NamedTuple):
    """Which rows of a kind of file are wanted, under which letter, and where their concept stands."""

    kind: str
    letter: bytes
    columns: tuple[str, ...]
    concept: int


_DEALT = (
    _Dealt("concept", b"C", _CONCEPT, 0),
    _Dealt("description", b"D", _DESCRIPTION, 4),
    _Dealt("definition", b"D", _DESCRIPTION, 4),
    _Dealt("relationship", b"R", _RELATIONSHIP, 4),
    _Dealt("concrete", b"R", _CONCRETE, 4),
    _Dealt("association", b"A", (*_MEMBER, "targetComponentId"), 5),
    _Dealt("attributeValue", b"I", (*_MEMBER, "valueId"), 5),
    _Dealt("simple", b"M", _MEMBER, 5),
    _Dealt("simpleMap", b"S", _MEMBER, 5),
    _Dealt("extendedMap", b"S", _MEMBER, 5),
    _Dealt("moduleDependency", b"S", _MEMBER, 5),
    _Dealt("refset", b"S", _MEMBER, 5),
)
# Of what may be about a description or relationship, only what is about a concept is of interest.
_OF_ANYTHING = frozenset({"association", "attributeValue", "simple", "refset"})


def _deal(files: dict[str, list[Named]], buckets: Buckets, report: Report) -> None:
    for dealt in _DEALT:
        for named in files[dealt.kind]:
            _deal_file(dealt, named.file, buckets, report)


def _deal_file(dealt: _Dealt, file: File, buckets: Buckets, report: Report) -> None:
    letter, place, put, is_concept = dealt.letter, dealt.concept, buckets.put, dealt.kind == "concept"
    for row in raw_records(file, report, dealt.columns):
        concept = row[place]
        if row[2] == b"1" or is_concept:
            if not is_number(concept) or (is_concept and not is_identifier(concept.decode())):
                report(Problem(file.label, 0, f"{concept.decode()!r} is no SNOMED CT identifier"))
            elif dealt.kind not in _OF_ANYTHING or _is_of_concept(concept):
                put(int(concept), letter + b"\t" + b"\t".join(row[: len(dealt.columns)]))


def _is_of_concept(identifier: bytes) -> bool:
    """The digits before the check digit say what an identifier is for: 00 or 10 is a concept."""
    return identifier[-3:-1] in (b"00", b"10")


# -- preferred terms -----------------------------------------------------------------------------


@dataclass(slots=True)
class Preferences:
    """For each language reference set, the descriptions that it has, and the tag it is for.

    The numbers of ``accepted`` are sorted: twice the description, and one more where it is preferred.
    """

    accepted: dict[str, array[int]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    of_language: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def of(self, description: int) -> dict[str, bool]:
        """The language reference sets that have a description: do they prefer it?"""
        found_ = {}
        for refset, numbers in self.accepted.items():
            place = bisect_left(numbers, 2 * description)
            if place < len(numbers) and numbers[place] >> 1 == description:
                found_[refset] = bool(numbers[place] & 1)
        return found_


def _preferences(files: dict[str, list[Named]], report: Report) -> Preferences:
    unsorted: dict[bytes, array[int]] = {}
    languages: dict[str, list[str]] = defaultdict(list)
    weights = {PREFERRED.encode(): 1, ACCEPTABLE.encode(): 0}
    for named in files["language"]:
        for row in raw_records(named.file, report, (*_MEMBER, "acceptabilityId")):
            if row[2] == b"1" and row[6] in weights and is_number(row[5]):
                if row[4] not in unsorted:
                    unsorted[row[4]] = array("Q")
                    languages[named.language].append(row[4].decode())
                unsorted[row[4]].append(2 * int(row[5]) + weights[row[6]])
    preferences = Preferences()
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
    """A dialect, or the language for the largest of its reference sets; the others get a tag of their own.

    https://terminology.hl7.org/SNOMEDCT.html, "language": ``en-x-sctlang-90000000-00005090-07``
    """
    tags = {refset: TAGS[refset] for refset in refsets if refset in TAGS}
    for refset in refsets:
        if refset not in tags:
            parts = "-".join(refset[start : start + 8] for start in range(0, len(refset), 8))
            tags[refset] = f"{language}-x-sctlang-{parts}" if tags else language
    return tags


class Signatures:
    """What descriptions are, but for their texts. What many are has a number."""

    def __init__(self, preferences: Preferences) -> None:
        self.preferences = preferences
        self._numbers: dict[str, int] = {}

    def number(self, row: list[bytes], accepted: Mapping[str, bool]) -> tuple[int, str | None]:
        """The number of what a description is, and that itself if it is new: see ``descriptions`` in
        ``systems/snomed``.
        """
        dialects = (f"{refset}{'+' if preferred else '-'}" for refset, preferred in accepted.items())
        said = "|".join([*(cell.decode() for cell in (row[7], row[6], row[4], row[2])), *dialects])
        known = len(self._numbers)
        number = self._numbers.setdefault(said, known)
        return number, f"{number}|{said}" if number == known else None


# -- one range of concepts -----------------------------------------------------------------------


@dataclass(slots=True)
class _Gathered:
    """The rows of one concept."""

    concept: list[bytes] = field(default_factory=list)
    others: list[list[bytes]] = field(default_factory=list)


def _rows(lines: list[bytes], signatures: Signatures, report: Report) -> Iterator[ConceptRow]:
    gathered: dict[int, _Gathered] = defaultdict(_Gathered)
    places = {dealt.letter: dealt.concept + 1 for dealt in _DEALT}
    for line in lines:
        row = line.split(b"\t")
        of = gathered[int(row[places[row[0]]])]
        if row[0] == b"C":
            of.concept = row[1:]
        else:
            of.others.append(row)
    for id_ in sorted(gathered):
        if gathered[id_].concept:
            yield _row(gathered[id_], signatures)
        elif others := [row for row in gathered[id_].others if row[0] != b"S"]:
            report(Problem("", 0, f"{id_} is not in the concept file; {len(others)} rows left out"))


def _row(gathered: _Gathered, signatures: Signatures) -> ConceptRow:
    id_, effective, active, module, status = gathered.concept[:5]
    terms, relations, members = _Terms(signatures), _Relations(), _Members()
    for row in gathered.others:
        if row[0] == b"D":
            terms.add(row)
        elif row[0] == b"R":
            relations.add(row)
        else:
            members.add(row)
    is_defined = status == DEFINED.encode()
    properties: list[Stated] = [
        ("inactive", "boolean", active != b"1"),
        ("sufficientlyDefined", "boolean", is_defined),
        ("moduleId", "code", module.decode()),
        ("effectiveTime", "string", effective.decode()),
        *relations.stated(),
        *relations.normal_form(is_defined),
        *members.stated,
    ]
    return ConceptRow(
        code=id_.decode(),
        display=terms.display(),
        definition=terms.definition,
        inactive=active != b"1",
        parents=list(relations.parents),
        designations=terms.said,
        properties=properties,
        relations=[*members.links, *relations.grouped()],
        terms=[*terms.found_by, *((MEMBER, refset) for refset in members.refsets)],
        own=terms.own(),
    )


class _Members:
    """The reference sets that have a concept."""

    def __init__(self) -> None:
        self.stated: list[Stated] = []
        self.links: list[Related] = []
        self.refsets: dict[str, None] = {}

    def add(self, row: list[bytes]) -> None:
        refset = row[5].decode()
        self.refsets[refset] = None
        if row[0] == b"A":
            target = row[7].decode()
            self.stated.append((ASSOCIATIONS.get(refset, refset), "code", target))
            self.links.append((None, refset, target, True))
        elif row[0] == b"M":
            self.stated.append(("memberOf", "code", refset))
        elif row[0] == b"I" and row[5] == INACTIVATION:
            self.stated.append(("inactivationReason", "code", row[7].decode()))


class _Terms:
    """The descriptions of a concept.

    ``found_by`` are the terms of the store by which its descriptions are found.
    """

    def __init__(self, signatures: Signatures) -> None:
        self.said: list[Said] = []
        self.definition: str | None = None
        self.found_by: list[tuple[str, str]] = []
        self._signatures, self._preferences = signatures, signatures.preferences
        # The number of what a description is; and the place of its text in ``said``, or the text.
        self._described: list[tuple[int, int | str]] = []
        self._preferred: dict[str, str] = {}
        self._fully_specified: str | None = None

    def add(self, row: list[bytes]) -> None:
        accepted = self._preferences.of(int(row[1])) if is_number(row[1]) else {}
        language, type_, term = row[6].decode(), row[7].decode(), row[8].decode()
        number, new = self._signatures.number(row, accepted)
        self.found_by.append((DESCRIPTION, str(number)))
        if new is not None:
            self.found_by.append((SIGNATURE, new))
        if type_ == DEFINITION:
            self._described.append((number, term))
            self.found_by.extend((DEFINITION_WORD, word) for word in set(words(term)))
            if self.definition is None or language.startswith("en"):
                self.definition = term
        else:
            self._described.append((number, len(self.said)))
            self._say(language, type_, term, [refset for refset in accepted if accepted[refset]])

    def _say(self, language: str, type_: str, term: str, refsets: list[str]) -> None:
        use: dict[str, Any] = {"system": URL, "code": type_}
        if type_ == FSN:
            self._fully_specified = self._fully_specified or term
            self.said.append((term, language, use, None))
            return
        tags = [self._preferences.tags[refset] for refset in refsets]
        for tag in tags:
            self._preferred.setdefault(tag, term)
        if not tags:
            self.said.append((term, language, use, None))
            return
        # Preferred in every dialect is preferred in the language.
        everywhere = self._preferences.of_language[language] <= set(tags)
        for tag in [language] if everywhere else tags:
            self.said.append((term, tag, PREFERRED_FOR_LANGUAGE, {"additionalUse": [use]}))

    def own(self) -> list[tuple[int, int | str]]:
        """Of each description what it is, by number, and the place of its text among the designations; -1
        is that of the definition, and any other definition is there itself.
        """
        return [(number, -1 if text == self.definition else text) for number, text in self._described]

    def display(self) -> str | None:
        tags = (self._preferences.tags[refset] for refset in self._preferences.accepted)
        preferred = next((self._preferred[tag] for tag in tags if tag in self._preferred), None)
        return preferred or self._fully_specified or (self.said[0][0] if self.said else None)


class _Relations:
    """The relationships of a concept."""

    def __init__(self) -> None:
        self.parents: dict[str, None] = {}
        # Of each group its kinds and values.
        self._groups: dict[int, dict[tuple[str, str], None]] = {}

    def add(self, row: list[bytes]) -> None:
        if row[9] == STATED:
            return
        if row[8] == IS_A.encode():
            self.parents.setdefault(row[6].decode())
        else:
            group = int(row[7]) if row[7].isdigit() else 0
            self._groups.setdefault(group, {})[row[8].decode(), row[6].decode()] = None

    def stated(self) -> list[Stated]:
        pairs = dict.fromkeys(pair for group in sorted(self._groups) for pair in self._groups[group])
        return [(type_, *_typed(value)) for type_, value in pairs]

    def grouped(self) -> list[Related]:
        return [
            (group, kind, value, value.isdigit())
            for group, pairs in sorted(self._groups.items())
            for kind, value in pairs
        ]

    def normal_form(self, is_defined: bool) -> list[Stated]:
        """``=== 64572001:{116676008=…,363698007=…}``: SNOMED CT compositional grammar, without terms."""
        if not self._groups:
            return []
        said = {
            group: ",".join(f"{type_}={value}" for type_, value in sorted(pairs))
            for group, pairs in sorted(self._groups.items())
        }
        refinement = ",".join([*filter(None, [said.pop(0, "")]), *(f"{{{text}}}" for text in said.values())])
        operator = "===" if is_defined else "<<<"
        return [("normalFormTerse", "string", f"{operator} {'+'.join(sorted(self.parents))}:{refinement}")]


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


SNOMED = Importer("snomed", "SNOMED CT, an RF2 snapshot as zip or folder", recognises, read)
