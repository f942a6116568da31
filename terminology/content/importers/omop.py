"""OMOP: a vocabulary download of Athena, as a zip archive or folder; ``CONCEPT.csv`` alone is enough.

Tables of tab separated text (whatever the name says), no quotes, a header row::

    CONCEPT.csv               concept_id concept_name domain_id vocabulary_id concept_class_id standard_conce…
                              concept_code valid_start_date valid_end_date invalid_reason
    CONCEPT_SYNONYM.csv       concept_id concept_synonym_name language_concept_id
    CONCEPT_RELATIONSHIP.csv  concept_id_1 concept_id_2 relationship_id … invalid_reason
    VOCABULARY.csv            vocabulary_id vocabulary_name … vocabulary_version vocabulary_concept_id
    DOMAIN.csv                domain_id domain_name domain_concept_id
    CONCEPT_CLASS.csv         concept_class_id concept_class_name concept_class_concept_id

The code is the concept_id. Properties are named as in https://fhir-terminology.ohdsi.org. The names of CPT4
are in the download only after a step that needs a licence; a concept without a name has no display.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import (
    SILENT,
    column_names,
    first_numbers,
    is_number,
    raw_records,
    records,
)
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    DesignationTuple,
    OpenedCodeSystem,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems.omop import COPYRIGHT, RELATIONSHIPS, URL, VOCABULARIES

# The concept ids of domains, classes and vocabularies, by kind and name.
ConceptsOfNames = dict[tuple[str, str], str]

EXPECTED = "a vocabulary download of Athena with CONCEPT.csv"
CONCEPT = (
    "concept_id",
    "concept_name",
    "domain_id",
    "vocabulary_id",
    "concept_class_id",
    "standard_concept",
    "concept_code",
    "valid_start_date",
    "valid_end_date",
    "invalid_reason",
)
SYNONYM = ("concept_id", "concept_synonym_name", "language_concept_id")
RELATIONSHIP = (
    "concept_id_1",
    "concept_id_2",
    "relationship_id",
    "valid_start_date",
    "valid_end_date",
    "invalid_reason",
)
PROPERTIES = (
    PropertyDeclaration("domain-id", "code"),
    PropertyDeclaration("vocabulary-id", "string"),
    PropertyDeclaration("concept-class-id", "code"),
    PropertyDeclaration("domain-concept-id", "code", None, "The concept of the domain."),
    PropertyDeclaration("vocabulary-concept-id", "code", None, "The concept of the vocabulary."),
    PropertyDeclaration("concept-class-concept-id", "code", None, "The concept of the class."),
    PropertyDeclaration("standard-concept", "code", None, "S standard, C classification, NS neither."),
    PropertyDeclaration(
        "source-concept-code", "Coding", None, "The concept in the code system that it is from."
    ),
    PropertyDeclaration("valid-start-date", "dateTime"),
    PropertyDeclaration("valid-end-date", "dateTime"),
    PropertyDeclaration("invalid-reason", "string", None, "D deleted, U updated."),
    *(PropertyDeclaration(name, "Coding") for name in RELATIONSHIPS),
)
_SYSTEMS = {each.id: each.system for each in VOCABULARIES}
LANGUAGES = {"4180186": "en", "4182511": "es", "4180190": "fr", "4182504": "de", "4182503": "nl"}

# The files whose rows belong to concepts, each with a letter and its columns.
_TABLES = (
    ("concept.csv", b"C", CONCEPT),
    ("concept_synonym.csv", b"S", SYNONYM),
    ("concept_relationship.csv", b"R", RELATIONSHIP),
)
# The files of domains, classes and vocabularies: the kind of name, and the columns of the name and of its concept.
_NAMED = {
    "domain.csv": ("domain", ("domain_id", "domain_concept_id")),
    "concept_class.csv": ("concept-class", ("concept_class_id", "concept_class_concept_id")),
    "vocabulary.csv": ("vocabulary", ("vocabulary_id", "vocabulary_concept_id")),
}
_FILES = {*_NAMED, *(name for name, _, _ in _TABLES)}
_RELATED = frozenset(name.encode() for name in RELATIONSHIPS)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_VERSION = re.compile(r"(\d{2})-([A-Z]{3})-(?:20)?(\d{2})")


def _open(all_files: Sequence[File]) -> list[OpenedCodeSystem]:
    files = {file.name.lower(): file for file in all_files if file.name.lower() in _FILES}
    if "concept.csv" not in files:
        return []
    header = files["concept.csv"].head().partition(b"\n")[0].decode("latin-1").strip("\r").split("\t")
    if tuple(header[: len(CONCEPT)]) != CONCEPT:
        return []
    release = CodeSystemRelease(
        kind="omop",
        url=URL,
        version=_version(files.get("vocabulary.csv")),
        name="OMOP Concepts",
        title="OMOP Concepts",
        language="en",
        copyright=COPYRIGHT,
        licence="the licence of each vocabulary",
        properties=PROPERTIES,
        files=sources(files.values()),
    )
    return [OpenedCodeSystem(release, partial(_concepts, files))]


def _version(vocabularies: File | None) -> str | None:
    """That of "OMOP Extension" ("OMOP Extension 20250227"), or else of "None": "v5.0 27-FEB-25" is 20250227."""
    if vocabularies is None:
        return None
    rows = records(vocabularies, SILENT, ("vocabulary_id", "vocabulary_version"))
    versions = {id_: version for _, (id_, version) in rows}
    extension = versions.get("OMOP Extension", "").rpartition(" ")[2]
    if re.fullmatch("[0-9]{8}", extension):
        return extension
    if (date := _VERSION.search(versions.get("None", ""))) and date[2] in _MONTHS:
        return f"20{date[3]}{_MONTHS.index(date[2]) + 1:02}{date[1]}"
    return None


def _concepts_of_names(files: dict[str, File]) -> ConceptsOfNames:
    """The concepts of domains, classes and vocabularies, where there are files of them."""
    concepts: ConceptsOfNames = {}
    for file_name, (kind, columns) in _NAMED.items():
        file = files.get(file_name)
        if file is not None and set(columns) <= set(column_names(file)):
            concepts |= {(kind, name): id_ for _, (name, id_) in records(file, SILENT, columns)}
    return concepts


def _concepts(files: dict[str, File], reporter: Reporter) -> Iterator[ConceptRow]:
    """The concepts in the order of their numbers."""
    names = _concepts_of_names(files)
    with Buckets(first_numbers(files["concept.csv"], b"\t")) as buckets:
        _distribute(files, buckets, reporter)
        for lines in buckets:
            yield from _rows(lines, names, reporter)


def _distribute(files: dict[str, File], buckets: Buckets, reporter: Reporter) -> None:
    """Put the rows of each file into the buckets of their concepts, after the letter of the file."""
    for name, letter, columns in _TABLES:
        file = files.get(name)
        for row in raw_records(file, reporter, columns) if file else ():
            if letter == b"R" and (row[2] not in _RELATED or row[5] or row[0] == row[1]):
                continue
            if is_number(row[0]):
                buckets.put(int(row[0]), b"\t".join((letter, *row)))
            elif file:
                reporter.problem(Problem(file.label, 0, f"{row[0].decode()!r} is not a concept_id"))


def _rows(lines: list[bytes], names: ConceptsOfNames, reporter: Reporter) -> Iterator[ConceptRow]:
    by_concept: dict[int, list[list[str]]] = defaultdict(list)
    for line in lines:
        row = line.decode().split("\t")
        by_concept[int(row[1])].append(row)
    common: dict[tuple[str, ...], list[PropertyTuple]] = {}
    for id_ in sorted(by_concept):
        concept = _concept(by_concept[id_], names, common)
        if concept is not None:
            yield concept
        else:
            reporter.problem(Problem("CONCEPT.csv", 0, f"{id_} is in another file, but not in this one"))


def _concept(
    rows: list[list[str]], names: ConceptsOfNames, common: dict[tuple[str, ...], list[PropertyTuple]]
) -> ConceptRow | None:
    """The concept of these rows. ``common`` keeps the properties that many concepts have in common."""
    own: list[str] | None = None
    texts: list[tuple[str, str]] = []
    related: dict[tuple[str, str], None] = {}
    for row in rows:
        if row[0] == "R":
            related[row[3], row[2]] = None
        elif row[0] == "S":
            texts.append((row[2], row[3]))
        elif own is None:
            own = row
    if own is None:
        return None
    _, code, name, domain, vocabulary, class_, standard, source, start, end, invalid = own[:11]
    key = domain, vocabulary, class_, standard
    properties = [*(common.get(key) or common.setdefault(key, _common_properties(*key, names)))]
    # The code of the concept in its own code system, if that is known: a Coding without a system means nothing.
    if vocabulary in _SYSTEMS:
        properties.append(("source-concept-code", "Coding", {"system": _SYSTEMS[vocabulary], "code": source}))
    if start:
        properties.append(("valid-start-date", "dateTime", _date(start)))
    if end:
        properties.append(("valid-end-date", "dateTime", _date(end)))
    if invalid:
        properties.append(("invalid-reason", "string", invalid))
    properties += [(relation, "Coding", {"system": URL, "code": other}) for relation, other in related]
    synonyms: list[DesignationTuple] = [
        (text, LANGUAGES.get(language), None, None) for text, language in texts if text != name
    ]
    return ConceptRow(
        code=code, display=name or None, inactive=bool(invalid), designations=synonyms, properties=properties
    )


def _common_properties(
    domain: str, vocabulary: str, class_: str, standard: str, names: ConceptsOfNames
) -> list[PropertyTuple]:
    properties: list[PropertyTuple] = [
        ("domain-id", "code", domain),
        ("vocabulary-id", "string", vocabulary),
        ("concept-class-id", "code", class_),
    ]
    for kind, named in (("domain", domain), ("vocabulary", vocabulary), ("concept-class", class_)):
        if other := names.get((kind, named)):
            properties.append((f"{kind}-concept-id", "code", other))
    properties.append(("standard-concept", "code", standard or "NS"))
    return properties


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else text


OMOP = importer_of("omop", "OMOP, a vocabulary download of Athena as zip or folder", EXPECTED, _open)
