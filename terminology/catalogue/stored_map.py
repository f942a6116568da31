"""A concept map in the store: its rows are read when they are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from terminology.catalogue.concept_map import (
    Attribute,
    ConceptMap,
    ConceptMapRow,
    DeclaredNames,
    Group,
    end_of,
    unmapped_of,
)
from terminology.core.model import Coding, Document, Typed
from terminology.core.texts import bare
from terminology.store.artifacts import Artifact, StoredMapping
from terminology.store.packing import MappingBody, value_of


class StoredMap(ConceptMap):
    """A compiled concept map."""

    def __init__(self, artifact: Artifact, system: Callable[[str], str]) -> None:
        super().__init__(artifact.header.document, system)
        self._attribute_names = artifact.header.attributes
        self._names = DeclaredNames(artifact.header.document, self._attribute_names)
        nodes = artifact.header.groups
        self.groups = [_group(artifact, part, node, self._names, system) for part, node in enumerate(nodes)]
        for group, node in zip(self.groups, nodes, strict=True):
            elements = node.get("by_value_set", ())
            group.by_value_set = [(e["valueSet"], list(self._rows(group, e))) for e in elements]
            rows = (row for e in node.get("to_value_sets", ()) for row in self._rows(group, e))
            group.to_value_sets = [row for row in rows if row.target_value_set is not None]

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The attributes that were found when the map was compiled: no row is read for them."""
        in_memory = {c.code: c.uri for row in self._rows_in_memory() for c in row.depends_on}
        return dict(map(self._names.code_and_uri, self._attribute_names)) | in_memory


def _group(
    artifact: Artifact, part: int, node: Document, names: DeclaredNames, system: Callable[[str], str]
) -> Group:
    source = end_of(node.get("source"), node.get("source_version"), system)
    target = end_of(node.get("target"), node.get("target_version"), system)
    reader = ConceptMapRowReader(artifact, source, target, names)
    forward = StoredRows(artifact, part, "source", reader)
    backward = StoredRows(artifact, part, "target", reader)
    return Group(source, target, unmapped_of(node.get("unmapped")), forward, backward)


class ConceptMapRowReader:
    """Reads the rows of a group. It does not refer to the map, so that an unused map is freed."""

    def __init__(self, artifact: Artifact, source: Coding, target: Coding, names: DeclaredNames) -> None:
        self._unpack = artifact.unpack
        self._source, self._target, self._names = source, target, names

    def read(self, row: StoredMapping) -> ConceptMapRow:
        body = MappingBody(*self._unpack(row.body))
        source, target = self._source, self._target
        end = Coding(target.system, row.target, target.version, body.target_display)
        return ConceptMapRow(
            source=Coding(source.system, row.source, source.version, body.source_display),
            target=None if row.target is None or body.no_map else end,
            relationship=body.relationship,
            word=body.equivalence,
            comment=body.comment,
            depends_on=self._attributes(body.depends_on),
            products=self._attributes(body.products),
            properties=[self._names.property(*_typed(*p)) for p in body.properties or ()],
            target_value_set=body.target_value_set,
        )

    def is_mapping(self, row: StoredMapping) -> bool:
        """False for a row without content, by which the map only lists a code."""
        return row.target is not None or any(self._unpack(row.body)[1:])

    def _attributes(self, nodes: Iterable[Sequence[Any]] | None) -> list[Attribute]:
        return [self._names.attribute(*_typed(*node)) for node in nodes or ()]


def _typed(code: str, type_: str, value: Any) -> tuple[str, Typed]:
    return code, Typed(type_, value_of(type_, value))


class StoredRows:
    """The rows of a group by one of its ends: ``source`` or ``target``."""

    def __init__(self, artifact: Artifact, part: int, end: str, reader: ConceptMapRowReader) -> None:
        self._artifact, self._part, self._end, self._reader = artifact, part, end, reader

    def of(self, code: str) -> Sequence[ConceptMapRow]:
        reader = self._reader
        return [reader.read(row) for row in self._rows(code) if reader.is_mapping(row)]

    def _rows(self, code: str) -> list[StoredMapping]:
        rows = self._artifact.mappings(f"by {self._end}", code)
        return [row for row in rows if row.part == self._part]

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and bool(self._rows(code))

    def spelled_like(self, code: str) -> Iterable[str]:
        return self._artifact.spelled_like(f"like {self._end}", bare(code), self._part)
