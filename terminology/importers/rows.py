"""The neutral rows that an importer yields: see ``terminology.release``."""

from terminology.release import (
    AnyRelease,
    ConceptRow,
    Importer,
    MapGroup,
    MapRelease,
    MapRow,
    Problem,
    PropertyDeclaration,
    Release,
    Report,
    Row,
    Said,
    SourceFile,
    Stated,
)

__all__ = [
    "AnyRelease",
    "ConceptRow",
    "Importer",
    "MapGroup",
    "MapRelease",
    "MapRow",
    "Problem",
    "PropertyDeclaration",
    "Release",
    "Report",
    "Row",
    "Said",
    "SourceFile",
    "Stated",
]
