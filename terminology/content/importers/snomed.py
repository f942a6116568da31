"""SNOMED CT: an RF2 snapshot, as a zip archive or a folder.

Tables of tab separated text with a header row, one row for each component in its present state::

    sct2_Concept_Snapshot_INT_20250101.txt
        id effectiveTime active moduleId definitionStatusId
    sct2_Description_Snapshot-en_INT_20250101.txt           (also sct2_TextDefinition_…)
        id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId
    sct2_Relationship_Snapshot_INT_20250101.txt             (also sct2_RelationshipConcreteValues_…)
        id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId …
    der2_cRefset_LanguageSnapshot-en_INT_20250101.txt
        id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId

Inactive concepts and descriptions are imported; any other inactive row is ignored. The display is the term that the
American English language reference set prefers, else the British, else any. Properties are those of
https://terminology.hl7.org/SNOMEDCT.html, the attributes of a concept among them by their identifiers;
``normalFormTerse`` keeps the role groups.

The files are in ``snomed_files``, the building of a concept in ``snomed_concepts``, historical associations and
maps in ``snomed_maps``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from terminology.content.importers import notices, snomed_maps
from terminology.content.importers.buckets import Buckets
from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import SILENT, column_names, is_number, raw_records
from terminology.content.importers.snomed_concepts import (
    DefiningParents,
    DescriptionSignatures,
    concepts_of,
    read_preferences,
)
from terminology.content.importers.snomed_editions import NOTHING_STATED, StatedVersion, version_of
from terminology.content.importers.snomed_files import (
    CONCEPT_COLUMNS,
    CONCRETE_COLUMNS,
    IDENTIFIER_COLUMNS,
    OLD_IDENTIFIER_COLUMNS,
    REFERENCED,
    RELATIONSHIP_COLUMNS,
    TABLES,
    Rf2Files,
    Rf2Table,
    files_by_kind,
)
from terminology.core.model import Problem
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    Importer,
    Opened,
    OpenedCodeSystem,
    PropertyDeclaration,
)
from terminology.store.reporting import Reporter
from terminology.systems.snomed.identifiers import ASSOCIATIONS, IS_A, URL, is_identifier

EXPECTED = "an RF2 release with a Snapshot folder (sct2_Concept_Snapshot_….txt and the files beside it)"

# https://terminology.hl7.org/SNOMEDCT.html, "Filters", besides those that every code system has.
FILTERS = [
    {"code": code, "description": description, "operator": [operator], "value": value}
    for code, operator, value, description in (
        ("concept", "in", "A reference set", "The members of a reference set."),
        (
            "constraint",
            "=",
            "An expression constraint (ECL 2.2)",
            "The concepts that an expression constraint selects.",
        ),
        ("expressions", "=", "true or false", "Whether expressions (post-coordination) are included."),
    )
]

# -- which files ---------------------------------------------------------------------------------


def _open(choice: StatedVersion, all_files: Sequence[File]) -> list[Opened]:
    """The code system, then a map for each map reference set and each kind of historical association."""
    files = files_by_kind(all_files)
    if not files["concept"] or not files["description"]:
        return []
    version = version_of(files, choice)
    used = sources(rf2.file for group in files.values() for rf2 in group)
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
        unindexed=["normalForm", "normalFormTerse"],
        properties=_declarations(files),
        files=used,
    )
    maps = snomed_maps.open_maps(_map_files(files), version, used)
    return [OpenedCodeSystem(release, partial(_concepts, files)), *maps]


def _map_files(files: Rf2Files) -> dict[str, list[File]]:
    return {kind: [rf2.file for rf2 in files[kind]] for kind in ("association", "simpleMap", "extendedMap")}


def _language(files: Rf2Files) -> str:
    languages = [rf2.language for rf2 in files["description"]]
    return "en" if "en" in languages else languages[0]


def _declarations(files: Rf2Files) -> list[PropertyDeclaration]:
    concept_property = "http://hl7.org/fhir/concept-properties#"
    types = {
        row[7].decode()
        for kind, columns in (("relationship", RELATIONSHIP_COLUMNS), ("concrete", CONCRETE_COLUMNS))
        for rf2 in files[kind]
        for row in raw_records(rf2.file, SILENT, columns)
        if row[2] == b"1" and row[7] != IS_A.encode()
    }
    concrete = {
        row[7].decode()
        for rf2 in files["concrete"]
        for row in raw_records(rf2.file, SILENT, CONCRETE_COLUMNS)
        if row[2] == b"1"
    }
    return [
        PropertyDeclaration(
            "inactive", "boolean", f"{concept_property}inactive", "Whether the concept is inactive."
        ),
        PropertyDeclaration("sufficientlyDefined", "boolean", None, "Whether its definition is sufficient."),
        PropertyDeclaration("moduleId", "code", None, "The module that the concept is in."),
        PropertyDeclaration("effectiveTime", "dateTime", None, "When it took its present state."),
        PropertyDeclaration(
            "semanticTag", "code", None, "The text in the last brackets of its fully specified name."
        ),
        PropertyDeclaration(
            "normalForm",
            "string",
            None,
            "Its primitive parents and its attributes in their groups, with terms.",
        ),
        PropertyDeclaration("normalFormTerse", "string", None, "The same without terms."),
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


def _concepts(files: Rf2Files, reporter: Reporter) -> Iterator[ConceptRow]:
    """The concepts in the order of their identifiers."""
    _report_missing_descriptions(files, reporter)
    with Buckets(_concept_ids(files)) as buckets:
        definitions = DefiningParents()
        columns = _distribute(files, buckets, definitions, reporter)
        definitions.close()
        signatures = DescriptionSignatures(read_preferences(files, reporter))
        for lines in buckets:
            yield from concepts_of(lines, signatures, definitions, columns, reporter)


def _report_missing_descriptions(files: Rf2Files, reporter: Reporter) -> None:
    """A language reference set prefers some descriptions, so there should be a file of them in its language."""
    described = {file.language.partition("-")[0] for file in files["description"]}
    for refset in files["language"]:
        language = refset.language.partition("-")[0]
        if language not in described:
            text = f"there is no file of descriptions in '{language}', the language of this reference set"
            reporter.problem(Problem(refset.file.label, 0, text))


def _concept_ids(files: Rf2Files) -> Iterator[int]:
    for concepts in files["concept"]:
        for row in raw_records(concepts.file, SILENT, CONCEPT_COLUMNS):
            if is_number(row[0]):
                yield int(row[0])


# Kinds of which inactive rows are read, too: an inactive description is a former display.
_WITH_INACTIVE_ROWS = frozenset({"concept", "description", "definition"})


def _distribute(
    files: Rf2Files, buckets: Buckets, definitions: DefiningParents, reporter: Reporter
) -> list[list[str]]:
    """Put the rows of each file into the buckets of their concepts, after the letter of their table.

    The rows of reference sets are whole, with the number of their file. Returns the further columns of these files.
    """
    columns: list[list[str]] = []
    note: dict[str, Callable[[list[bytes]], None]] = {
        "concept": definitions.add_concept,
        "relationship": definitions.add_relationship,
    }
    for table in TABLES:
        for rf2 in files[table.kind]:
            if table.kind == "identifier":
                _distribute_identifiers(rf2.file, buckets, reporter)
            elif table.concept == REFERENCED:
                columns.append([name.replace(" ", "") for name in column_names(rf2.file)[REFERENCED + 1 :]])
                _distribute_members(table, rf2.file, buckets, len(columns) - 1, reporter)
            else:
                _distribute_file(table, rf2.file, buckets, note.get(table.kind), reporter)
    return columns


def _distribute_identifiers(file: File, buckets: Buckets, reporter: Reporter) -> None:
    """The active identifiers of concepts, in the order of the columns of today."""
    is_old = tuple(column_names(file))[: len(OLD_IDENTIFIER_COLUMNS)] == OLD_IDENTIFIER_COLUMNS
    for row in raw_records(file, reporter, OLD_IDENTIFIER_COLUMNS if is_old else IDENTIFIER_COLUMNS):
        if is_old:
            row = [*row[1:5], row[0], row[5]]
        if row[2] == b"1" and is_number(row[5]) and _is_concept_id(row[5]):
            buckets.put(int(row[5]), b"\t".join((b"L", *row[:6])))


def _distribute_members(
    table: Rf2Table, file: File, buckets: Buckets, number: int, reporter: Reporter
) -> None:
    """The rows about concepts, active or not; others are about descriptions or relationships."""
    end = str(number).encode()
    for row in raw_records(file, reporter, table.columns):
        concept = row[REFERENCED]
        if is_number(concept):
            if _is_concept_id(concept):
                buckets.put(int(concept), b"\t".join((table.letter, *row, end)))
        elif row[2] == b"1":
            text = f"{concept.decode()!r} is not a SNOMED CT identifier"
            reporter.problem(Problem(file.label, 0, text))


def _distribute_file(
    table: Rf2Table,
    file: File,
    buckets: Buckets,
    note: Callable[[list[bytes]], None] | None,
    reporter: Reporter,
) -> None:
    """``note`` is told of each row that is put into a bucket."""
    letter, place, put, is_concept = table.letter, table.concept, buckets.put, table.kind == "concept"
    keeps_inactive = table.kind in _WITH_INACTIVE_ROWS
    for row in raw_records(file, reporter, table.columns):
        concept = row[place]
        if row[2] == b"1" or keeps_inactive:
            if not is_number(concept) or (is_concept and not is_identifier(concept.decode())):
                text = f"{concept.decode()!r} is not a SNOMED CT identifier"
                reporter.problem(Problem(file.label, 0, text))
            else:
                put(int(concept), letter + b"\t" + b"\t".join(row[: len(table.columns)]))
                if note is not None:
                    note(row)


def _is_concept_id(identifier: bytes) -> bool:
    """Whether an identifier is that of a concept: 00 or 10 before the check digit."""
    return identifier[-3:-1] in (b"00", b"10")


def _importer(choice: StatedVersion) -> Importer:
    return importer_of(
        "snomed", "SNOMED CT, an RF2 snapshot as zip or folder", EXPECTED, partial(_open, choice)
    )


def _stating(edition: str | None, version: str | None) -> Importer:
    return _importer(StatedVersion.read(edition, version))


SNOMED = replace(_importer(NOTHING_STATED), stating=_stating)
