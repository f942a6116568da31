"""The files of an RF2 release: their names, their columns, and where each row of them belongs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from terminology.content.importers.files import File

_COMPONENT_COLUMNS = ("id", "effectiveTime", "active", "moduleId")
CONCEPT_COLUMNS = (*_COMPONENT_COLUMNS, "definitionStatusId")
DESCRIPTION_COLUMNS = (
    *_COMPONENT_COLUMNS,
    "conceptId",
    "languageCode",
    "typeId",
    "term",
    "caseSignificanceId",
)
RELATIONSHIP_COLUMNS = (
    *_COMPONENT_COLUMNS,
    "sourceId",
    "destinationId",
    "relationshipGroup",
    "typeId",
    "characteristicTypeId",
)
CONCRETE_COLUMNS = (
    *_COMPONENT_COLUMNS,
    "sourceId",
    "value",
    "relationshipGroup",
    "typeId",
    "characteristicTypeId",
)
MEMBER_COLUMNS = (*_COMPONENT_COLUMNS, "refsetId", "referencedComponentId")
# Identifiers of concepts elsewhere, in the order of today and in an older one.
IDENTIFIER_COLUMNS = (
    "alternateIdentifier",
    *_COMPONENT_COLUMNS[1:],
    "identifierSchemeId",
    "referencedComponentId",
)
OLD_IDENTIFIER_COLUMNS = (
    "identifierSchemeId",
    "alternateIdentifier",
    *_COMPONENT_COLUMNS[1:],
    "referencedComponentId",
)
# The place of the referenced component in a row of a reference set.
REFERENCED = 5

_FILE_NAME = re.compile(
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
    ("identifier", ""): "identifier",
}


class Rf2File(NamedTuple):
    """A file of a release, and what its name says: its kind (a value of ``_KINDS``), language and date."""

    file: File
    kind: str
    language: str
    date: str


# The files of a release by their kind.
Rf2Files = dict[str, list[Rf2File]]


class Rf2Table(NamedTuple):
    """A kind of file whose rows belong to concepts.

    ``letter`` marks its rows in a bucket; ``columns`` are read; ``concept`` is the place of the concept in them.
    """

    kind: str
    letter: bytes
    columns: tuple[str, ...]
    concept: int


# C a concept, D a description, R a relationship, A a historical association, I an inactivation, M a member of a
# simple reference set, S a member of another reference set, L an identifier elsewhere.
TABLES = (
    Rf2Table("concept", b"C", CONCEPT_COLUMNS, 0),
    Rf2Table("description", b"D", DESCRIPTION_COLUMNS, 4),
    Rf2Table("definition", b"D", DESCRIPTION_COLUMNS, 4),
    Rf2Table("relationship", b"R", RELATIONSHIP_COLUMNS, 4),
    Rf2Table("concrete", b"R", CONCRETE_COLUMNS, 4),
    Rf2Table("identifier", b"L", IDENTIFIER_COLUMNS, 5),
    Rf2Table("association", b"A", (*MEMBER_COLUMNS, "targetComponentId"), 5),
    Rf2Table("attributeValue", b"I", (*MEMBER_COLUMNS, "valueId"), 5),
    Rf2Table("simple", b"M", MEMBER_COLUMNS, 5),
    Rf2Table("simpleMap", b"S", MEMBER_COLUMNS, 5),
    Rf2Table("extendedMap", b"S", MEMBER_COLUMNS, 5),
    Rf2Table("moduleDependency", b"S", MEMBER_COLUMNS, 5),
    Rf2Table("refset", b"S", MEMBER_COLUMNS, 5),
)


def files_by_kind(all_files: Sequence[File]) -> Rf2Files:
    """The files whose names are those of an RF2 snapshot, by their kind; a missing kind has no files."""
    files: Rf2Files = defaultdict(list)
    for file in all_files:
        if name := _FILE_NAME.fullmatch(file.name):
            kind = _KINDS.get((name[1].lower(), name[2].lower()))
            if kind is None and name[1].lower().endswith("refset"):
                kind = "refset"
            if kind is not None:
                files[kind].append(Rf2File(file, kind, (name[3] or "en").lower(), name[5]))
    return files
