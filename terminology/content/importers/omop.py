"""OMOP: a vocabulary download of Athena, as a zip archive or folder; ``CONCEPT.csv`` alone will do.

Tables of tab separated text (whatever the name says), no quotes, a header row::

    CONCEPT.csv               concept_id concept_name domain_id vocabulary_id concept_class_id standard_conce…
                              concept_code valid_start_date valid_end_date invalid_reason
    CONCEPT_SYNONYM.csv       concept_id concept_synonym_name language_concept_id
    CONCEPT_RELATIONSHIP.csv  concept_id_1 concept_id_2 relationship_id … invalid_reason
    VOCABULARY.csv            vocabulary_id vocabulary_name … vocabulary_version

The code is the concept_id. Properties are named as in https://fhir-terminology.ohdsi.org. The names of CPT4
are in the download only after the step that needs a licence; a concept without a name has no display.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from terminology.content.importers import notices
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import (
    File,
    found,
    is_number,
    raw_records,
    records,
    refused,
    refusing,
    sources,
)
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    PropertyDeclaration,
    Report,
    Said,
    Stated,
)

URL = "https://fhir-terminology.ohdsi.org"
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
    PropertyDeclaration("vocabulary-id", "code"),
    PropertyDeclaration("concept-class-id", "code"),
    PropertyDeclaration("standard-concept", "code", None, "S standard, C classification, NS neither."),
    PropertyDeclaration(
        "source-concept-code", "Coding", None, "The concept in the code system that it is from."
    ),
    PropertyDeclaration("valid-start-date", "date"),
    PropertyDeclaration("valid-end-date", "date"),
    PropertyDeclaration("invalid-reason", "string", None, "D deleted, U updated."),
    PropertyDeclaration("Maps to", "Coding", None, "The standard concept that stands for this one."),
)
# The code systems of vocabularies that have the same codes.
VOCABULARIES = {
    "SNOMED": "http://snomed.info/sct",
    "LOINC": "http://loinc.org",
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "CPT4": "http://www.ama-assn.org/go/cpt",
    "HCPCS": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10PCS": "http://www.cms.gov/Medicare/Coding/ICD10",
    "ICD9CM": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD9Proc": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "UCUM": "http://unitsofmeasure.org",
}
LANGUAGES = {b"4180186": "en", b"4182511": "es", b"4180190": "fr", b"4182504": "de", b"4182503": "nl"}

_FILES = ("concept.csv", "concept_synonym.csv", "concept_relationship.csv", "vocabulary.csv")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_VERSION = re.compile(r"(\d{2})-([A-Z]{3})-(?:20)?(\d{2})")


@refusing
def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
    """The release, or what was expected."""
    files = _files(paths)
    if "concept.csv" not in files:
        return refused(paths, EXPECTED)
    head = files["concept.csv"].head().partition(b"\n")[0].decode("latin-1").strip("\r").split("\t")
    if tuple(head[: len(CONCEPT)]) != CONCEPT:
        return refused(paths, EXPECTED)
    return [
        CodeSystemRelease(
            kind="omop",
            url=URL,
            version=_version(files.get("vocabulary.csv")),
            name="OMOP",
            title="OMOP Concepts",
            language="en",
            copyright=notices.OMOP,
            licence="the licence of each vocabulary",
            properties=PROPERTIES,
            files=sources(files.values()),
        )
    ]


def _files(paths: Sequence[Path]) -> dict[str, File]:
    return {file.name.lower(): file for file in found(paths) if file.name.lower() in _FILES}


def _version(vocabularies: File | None) -> str | None:
    """The row "None" has the version of the whole: "v5.0 27-FEB-25" is 20250227."""
    if vocabularies is None:
        return None
    for _, (id_, version) in records(vocabularies, _unheard, ("vocabulary_id", "vocabulary_version")):
        if id_ == "None" and (dated := _VERSION.search(version)) and dated[2] in _MONTHS:
            return f"20{dated[3]}{_MONTHS.index(dated[2]) + 1:02}{dated[1]}"
    return None


def _unheard(problem: Problem) -> None:
    """What is wrong in a row is said when the rows are read."""


def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[ConceptRow]:
    """The concepts in the order of their numbers."""
    files = _files(paths)
    if "concept.csv" not in files:
        raise BrokenReleaseError(refused(paths, EXPECTED))
    ids = (int(row[0]) for row in raw_records(files["concept.csv"], _unheard, CONCEPT) if is_number(row[0]))
    with Buckets(array("Q", ids)) as buckets:
        _deal(files, buckets, report)
        for lines in buckets:
            yield from _rows(lines, report)


def _deal(files: dict[str, File], buckets: Buckets, report: Report) -> None:
    wanted = (("concept.csv", b"C", CONCEPT), ("concept_synonym.csv", b"S", SYNONYM))
    for name, letter, columns in (*wanted, ("concept_relationship.csv", b"R", RELATIONSHIP)):
        file = files.get(name)
        for row in raw_records(file, report, columns) if file else ():
            if letter == b"R" and (row[2] != b"Maps to" or row[5] or row[0] == row[1]):
                continue
            if is_number(row[0]):
                buckets.put(int(row[0]), letter + b"\t" + b"\t".join(row))
            elif file:
                report(Problem(file.label, 0, f"{row[0].decode()!r} is no concept_id"))


def _rows(lines: list[bytes], report: Report) -> Iterator[ConceptRow]:
    gathered: dict[int, list[list[bytes]]] = defaultdict(list)
    for line in lines:
        letter, *row = line.split(b"\t")
        gathered[int(row[0])].append([letter, *row])
    for id_ in sorted(gathered):
        made = _row(gathered[id_])
        if made is not None:
            yield made
        else:
            report(Problem("CONCEPT.csv", 0, f"{id_} is named in another file, but not here"))


def _row(rows: list[list[bytes]]) -> ConceptRow | None:
    concept = next((row for row in rows if row[0] == b"C"), None)
    if concept is None:
        return None
    code, name, domain, vocabulary, class_, standard, source, start, end, invalid = (
        cell.decode() for cell in concept[1:11]
    )
    said: list[Said] = [
        (row[2].decode(), LANGUAGES.get(row[3]), None, None)
        for row in rows
        if row[0] == b"S" and row[2].decode() != name
    ]
    system = {"system": VOCABULARIES[vocabulary]} if vocabulary in VOCABULARIES else {}
    properties: list[Stated] = [
        ("domain-id", "code", domain),
        ("vocabulary-id", "code", vocabulary),
        ("concept-class-id", "code", class_),
        ("standard-concept", "code", standard or "NS"),
        ("source-concept-code", "Coding", system | {"code": source}),
        *(
            (key, "date", _date(date))
            for key, date in (("valid-start-date", start), ("valid-end-date", end))
            if date
        ),
        *((("invalid-reason", "string", invalid),) if invalid else ()),
        *(("Maps to", "Coding", {"system": URL, "code": row[2].decode()}) for row in rows if row[0] == b"R"),
    ]
    return ConceptRow(
        code=code, display=name or None, inactive=bool(invalid), designations=said, properties=properties
    )


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else text


OMOP = Importer("omop", "OMOP, a vocabulary download of Athena as zip or folder", recognises, read)
