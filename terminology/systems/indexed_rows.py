"""The rows of a compiled code system, read as concepts, designations and properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terminology.core.model import Concept, ConceptDetail, Designation, Document, Property, Typed
from terminology.store.artifacts import Artifact, StoredConcept
from terminology.store.packing import (
    DEFINITION,
    DESIGNATIONS,
    EXTENSION,
    PROPERTIES,
    line_of,
    value_of,
)
from terminology.store.schema import HAS_DEFINITION, HAS_EXTENSION, IS_ABSTRACT, IS_INACTIVE
from terminology.systems.metadata import deprecations_of, is_deprecation

# The attributes of a ConceptDetail.
PARTS = ("designations", "properties", "extension", "former")


class RowReader:
    """Reads the rows of one artifact."""

    def __init__(self, artifact: Artifact) -> None:
        self._unpack = artifact.unpack
        self._uses = artifact.header.uses
        self._kinds = artifact.header.kinds
        self._language: str | None = artifact.header.document.get("language")
        deprecations = deprecations_of(artifact.header.document)
        self._deprecations = {number for number, (code, _) in enumerate(self._kinds) if code in deprecations}

    def concept(self, row: StoredConcept) -> Concept:
        flags = row.flags
        definition = None
        if flags & HAS_DEFINITION:
            definition = line_of(self.lines(row), DEFINITION) or ""
        concept = Concept(
            row.code or row.key,
            row.display,
            definition,
            bool(flags & IS_ABSTRACT),
            bool(flags & IS_INACTIVE),
            row.status,
            False,
            bool(flags & HAS_EXTENSION),
        )
        if self._deprecations:
            concept.deprecated_by_date = self._is_deprecated(row)
        return concept

    def _is_deprecated(self, row: StoredConcept) -> bool:
        kinds = self._kinds
        return any(
            is_deprecation(Typed(kinds[kind][1], value_of(kinds[kind][1], value)))
            for kind, value, *_ in line_of(self.lines(row), PROPERTIES) or ()
            if kind in self._deprecations
        )

    def lines(self, row: StoredConcept) -> list[bytes]:
        """The lines of the body of a row: see ``store/packing.py``."""
        return self._unpack.lines(row.body)

    def designations(self, lines: Sequence[bytes]) -> list[Designation]:
        uses = self._uses
        designations = [
            Designation(node[0], node[1], uses[node[2]]) if len(node) == 3 else self._designation(*node)
            for node in line_of(lines, DESIGNATIONS) or ()
        ]
        if self._language is not None:
            for designation in designations:
                designation.resource_language = self._language
        return designations

    def properties(self, lines: Sequence[bytes]) -> list[Property]:
        kinds, properties = self._kinds, []
        for node in line_of(lines, PROPERTIES) or ():
            code, type_ = kinds[node[0]]
            value = value_of(type_, node[1]) if type_ == "decimal" else node[1]
            properties.append(Property(code, type_, value, node[2] if len(node) > 2 else None))
        return properties

    def extension(self, lines: Sequence[bytes]) -> Sequence[Document]:
        extensions: Sequence[Document] = line_of(lines, EXTENSION) or []
        return extensions

    def former(self, lines: Sequence[bytes]) -> Sequence[Designation]:
        """Those that are not in use any more; a code system that has some has a reader of its own."""
        return ()

    def _designation(
        self, value: str, language: str | None, use: int | None = None, rest: Document | None = None
    ) -> Designation:
        coding = None if use is None else self._uses[use]
        if rest is None:
            return Designation(value, language, coding)
        return Designation(
            value, language, coding, rest.get("additionalUse", ()), None, rest.get("extension", ())
        )


class LazyDetail(ConceptDetail):
    """A ConceptDetail that unpacks each of its ``PARTS`` at first use."""

    __slots__ = ("_lines", "_reader", "_row")

    def __init__(self, reader: RowReader, row: StoredConcept) -> None:
        self._reader, self._row = reader, row
        self._lines: list[bytes] | None = None
        if not row.flags & HAS_EXTENSION:
            self.extension = ()

    def __getattr__(self, name: str) -> Any:
        """Unpack a part. Python calls this only for an attribute without a value: a part at its first use."""
        if name not in PARTS:
            raise AttributeError(name)
        if self._lines is None:
            self._lines = self._reader.lines(self._row)
        part = getattr(self._reader, name)(self._lines)
        setattr(self, name, part)
        return part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConceptDetail) and all(
            getattr(self, part) == getattr(other, part) for part in PARTS
        )

    __hash__ = None  # type: ignore[assignment]
