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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from terminology.importers import notices, snomed_maps
from terminology.importers.buckets import Buckets
from terminology.importers.files import (
    BrokenRelease,
    File,
    found,
    is_number,
    raw_records,
    refused,
    refusing,
    sources,
)
from terminology.release import (
    AnyRelease,
    ConceptRow,
    Importer,
    MapRelease,
    Problem,
    PropertyDeclaration,
    Release,
    Report,
    Row,
    Said,
    Stated,
)

URL = "http://snomed.info/sct"
EXPECTED = "an RF2 release with a Snapshot folder (sct2_Concept_Snapshot_….txt and the files beside it)"

IS_A, FSN, DEFINITION = b"116680003", b"900000000000003001", b"900000000000550004"
PREFERRED, STATED = b"900000000000548007", b"900000000000010007"
DEFINED, INACTIVATION = b"900000000000073002", b"900000000000489007"
CORE_MODULE = "900000000000207008"
# The dialects that language reference sets are for; the first that a release has gives the displays.
DIALECTS = {
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
ASSOCIATIONS = {
    "900000000000527005": "sameAs",
    "900000000000526001": "replacedBy",
    "900000000000523009": "possiblyEquivalentTo",
    "900000000000528000": "wasA",
    "900000000000530003": "alternative",
    "900000000000524003": "movedTo",
    "900000000000525002": "movedFrom",
    "900000000000531004": "refersTo",
    "1186924009": "partiallyEquivalentTo",
    "1186921001": "possiblyReplacedBy",
}

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
    release = Release(
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
        if row[2] == b"1" and row[7] != IS_A
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
        raise BrokenRelease(refused(paths, EXPECTED))
    if isinstance(release, MapRelease):
        yield from snomed_maps.rows(release, _map_files(files), report)
        return
    with Buckets(_concept_ids(files, report)) as buckets:
        _deal(files, buckets, report)
        preferences = _preferences(files, report)
        for lines in buckets:
            yield from _rows(lines, preferences, report)


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
)


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
            elif dealt.kind not in ("attributeValue", "association") or _is_of_concept(concept):
                put(int(concept), letter + b"\t" + b"\t".join(row))


def _is_of_concept(identifier: bytes) -> bool:
    """The digits before the check digit say what an identifier is for: 00 or 10 is a concept."""
    return identifier[-3:-1] in (b"00", b"10")


# -- preferred terms -----------------------------------------------------------------------------


@dataclass(slots=True)
class Preferences:
    """For each language reference set, the descriptions that it prefers, sorted, and the tag it is for."""

    preferred: dict[str, array[int]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    of_language: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def tags_of(self, description: int) -> list[str]:
        """The tags of the language reference sets that prefer a description."""
        found_ = []
        for refset, ids in self.preferred.items():
            place = bisect_left(ids, description)
            if place < len(ids) and ids[place] == description:
                found_.append(self.tags[refset])
        return found_


def _preferences(files: dict[str, list[Named]], report: Report) -> Preferences:
    unsorted: dict[bytes, array[int]] = {}
    languages: dict[str, list[str]] = defaultdict(list)
    for named in files["language"]:
        for row in raw_records(named.file, report, (*_MEMBER, "acceptabilityId")):
            if row[2] == b"1" and row[6] == PREFERRED and is_number(row[5]):
                if row[4] not in unsorted:
                    unsorted[row[4]] = array("Q")
                    languages[named.language].append(row[4].decode())
                unsorted[row[4]].append(int(row[5]))
    preferences = Preferences()
    for language, refsets in languages.items():
        refsets.sort(key=lambda refset: -len(unsorted[refset.encode()]))
        tags = _tags(language, refsets)
        preferences.tags |= tags
        preferences.of_language[language] |= set(tags.values())
    order = sorted(preferences.tags, key=lambda refset: [*DIALECTS, refset].index(refset))
    for refset in order:
        preferences.preferred[refset] = array("Q", sorted(unsorted.pop(refset.encode())))
    return preferences


def _tags(language: str, refsets: list[str]) -> dict[str, str]:
    """A dialect, or the language for the largest of its reference sets; the others get a tag of their own.

    https://terminology.hl7.org/SNOMEDCT.html, "language": ``en-x-sctlang-90000000-00005090-07``
    """
    tags = {refset: DIALECTS[refset] for refset in refsets if refset in DIALECTS}
    for refset in refsets:
        if refset not in tags:
            parts = "-".join(refset[start : start + 8] for start in range(0, len(refset), 8))
            tags[refset] = f"{language}-x-sctlang-{parts}" if tags else language
    return tags


# -- one range of concepts -----------------------------------------------------------------------


@dataclass(slots=True)
class _Gathered:
    """The rows of one concept."""

    concept: list[bytes] = field(default_factory=list)
    others: list[list[bytes]] = field(default_factory=list)


def _rows(lines: list[bytes], preferences: Preferences, report: Report) -> Iterator[ConceptRow]:
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
            yield _row(gathered[id_], preferences)
        else:
            report(
                Problem("", 0, f"{id_} is not in the concept file; {len(gathered[id_].others)} rows left out")
            )


def _row(gathered: _Gathered, preferences: Preferences) -> ConceptRow:
    id_, effective, active, module, status = gathered.concept[:5]
    terms = _Terms(preferences)
    relations = _Relations()
    others: list[Stated] = []
    for row in gathered.others:
        if row[0] == b"D":
            terms.add(row)
        elif row[0] == b"R":
            relations.add(row)
        elif row[0] == b"A":
            refset = row[5].decode()
            others.append((ASSOCIATIONS.get(refset, refset), "code", row[7].decode()))
        elif row[0] == b"M":
            others.append(("memberOf", "code", row[5].decode()))
        elif row[5] == INACTIVATION:
            others.append(("inactivationReason", "code", row[7].decode()))
    is_defined = status == DEFINED
    properties: list[Stated] = [
        ("inactive", "boolean", active != b"1"),
        ("sufficientlyDefined", "boolean", is_defined),
        ("moduleId", "code", module.decode()),
        ("effectiveTime", "string", effective.decode()),
        *relations.stated(),
        *relations.normal_form(is_defined),
        *others,
    ]
    return ConceptRow(
        code=id_.decode(),
        display=terms.display(),
        definition=terms.definition,
        inactive=active != b"1",
        parents=list(relations.parents),
        designations=terms.said,
        properties=properties,
    )


class _Terms:
    """The descriptions of a concept."""

    def __init__(self, preferences: Preferences) -> None:
        self.said: list[Said] = []
        self.definition: str | None = None
        self._preferences = preferences
        self._preferred: dict[str, str] = {}
        self._fully_specified: str | None = None

    def add(self, row: list[bytes]) -> None:
        language, type_, term = row[6].decode(), row[7], row[8].decode()
        if type_ == DEFINITION:
            if self.definition is None or language.startswith("en"):
                self.definition = term
            return
        use: dict[str, Any] = {"system": URL, "code": type_.decode()}
        if type_ == FSN:
            self._fully_specified = self._fully_specified or term
            self.said.append((term, language, use, None))
            return
        tags = self._preferences.tags_of(int(row[1])) if is_number(row[1]) else []
        for tag in tags:
            self._preferred.setdefault(tag, term)
        if not tags:
            self.said.append((term, language, use, None))
            return
        # Preferred in every dialect is preferred in the language.
        everywhere = self._preferences.of_language[language] <= set(tags)
        for tag in [language] if everywhere else tags:
            self.said.append((term, tag, PREFERRED_FOR_LANGUAGE, {"additionalUse": [use]}))

    def display(self) -> str | None:
        tags = (self._preferences.tags[refset] for refset in self._preferences.preferred)
        preferred = next((self._preferred[tag] for tag in tags if tag in self._preferred), None)
        return preferred or self._fully_specified or (self.said[0][0] if self.said else None)


class _Relations:
    """The relationships of a concept."""

    def __init__(self) -> None:
        self.parents: dict[str, None] = {}
        self._groups: dict[int, list[tuple[str, str]]] = {}

    def add(self, row: list[bytes]) -> None:
        if row[9] == STATED:
            return
        if row[8] == IS_A:
            self.parents.setdefault(row[6].decode())
        else:
            group = int(row[7]) if row[7].isdigit() else 0
            self._groups.setdefault(group, []).append((row[8].decode(), row[6].decode()))

    def stated(self) -> list[Stated]:
        pairs = dict.fromkeys(pair for group in sorted(self._groups) for pair in self._groups[group])
        return [(type_, *_typed(value)) for type_, value in pairs]

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
    """A concept, or a concrete value: a number as ``#5.5``, a text in quotes."""
    if value.startswith("#"):
        try:
            return "decimal", Decimal(value[1:])
        except InvalidOperation:
            return "string", value[1:]
    return ("string", value.strip('"')) if value.startswith('"') else ("code", value)


# -- identifiers ---------------------------------------------------------------------------------


def _dihedral(a: int, b: int) -> int:
    """Multiplication in D5, in which Verhoeff's check digit is reckoned."""
    if a < 5:
        return (a + b) % 5 + 5 * (b > 4)
    return (a - b) % 5 + 5 * (b < 5)


_PERMUTED = [list(range(10))]
for _ in range(7):
    _PERMUTED.append([(1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit] for digit in _PERMUTED[-1]])
_TABLE = [
    [{str(digit): _dihedral(check, permuted[digit]) for digit in range(10)} for check in range(10)]
    for permuted in _PERMUTED
]


def is_identifier(identifier: str) -> bool:
    """Whether a SNOMED CT identifier has the right check digit (Verhoeff) and 6 to 18 digits.

    >>> is_identifier("54535009"), is_identifier("54535008"), is_identifier("5288900")
    (True, False, False)
    """
    if not (6 <= len(identifier) <= 18 and identifier.isdigit()) or identifier[0] == "0":
        return False
    check = 0
    for place, digit in enumerate(reversed(identifier)):
        check = _TABLE[place & 7][check][digit]
    return check == 0


SNOMED = Importer("snomed", "SNOMED CT, an RF2 snapshot as zip or folder", recognises, read)
