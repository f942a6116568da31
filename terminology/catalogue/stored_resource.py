"""How does a catalogue see what is in the store?

As a document without its long part, to be found, versioned and read like any other; and behind it the code
system or concept map that answers for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from terminology.catalogue.concept_map import Attribute, ConceptMap, Group, Names, Row, end_of, unmapped_of
from terminology.catalogue.stored_value_set import asked, restored
from terminology.core.documents import SUBSETTED
from terminology.core.model import Coding, Document, Typed
from terminology.core.texts import bare
from terminology.store.artifacts import Artifact, StoredMapping
from terminology.store.packing import MAPPING_FIELDS, value_of
from terminology.systems.indexed import StoredSystem
from terminology.systems.snomed.identifiers import URL as SNOMED_CT
from terminology.systems.snomed.system import SnomedSystem


class Shelved:
    """A compiled code system, map or value set."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact

    @cached_property
    def document(self) -> Document:
        """The resource without its concepts or groups; in a value set, long lists are read when asked for.
        Always the same object.
        """
        header = self._artifact.header
        return asked(self._artifact) if header.parts else header.document

    def whole(self) -> Document:
        """The resource as it is read. Of code systems and maps the long part is left out, and they say so."""
        header = self._artifact.header
        if header.kind == "ValueSet":
            return restored(self._artifact) if header.parts else header.document
        meta = header.document.get("meta", {})
        return {**header.document, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}

    def system(self) -> StoredSystem:
        kind = SnomedSystem if self.document.get("url") == SNOMED_CT else StoredSystem
        return kind(self._artifact)

    def map(self, preferred: Callable[[str], str]) -> StoredMap:
        """``preferred`` gives the uri that a code system is known by."""
        return StoredMap(self._artifact, preferred)


class StoredMap(ConceptMap):
    """A compiled concept map: its rows are read when they are asked for."""

    def __init__(self, artifact: Artifact, system: Callable[[str], str]) -> None:
        super().__init__(artifact.header.document, system)
        self._named = artifact.header.attributes
        groups = enumerate(artifact.header.groups)
        self.groups = [self._stored(artifact, part, node, self._names, system) for part, node in groups]
        for group, node in zip(self.groups, artifact.header.groups, strict=True):
            said = node.get("by_value_set", ())
            group.by_value_set = [(element["valueSet"], list(self._rows(group, element))) for element in said]

    @cached_property
    def attributes(self) -> dict[str, str]:
        """As they were found when the map was compiled: its rows are not read for it."""
        at_hand = {condition.code: condition.uri for row in self._listed() for condition in row.depends_on}
        return {code: self._names.attributes.get(code, code) for code in self._named} | at_hand

    @staticmethod
    def _stored(
        artifact: Artifact, part: int, node: Document, names: Names, system: Callable[[str], str]
    ) -> Group:
        source = end_of(node.get("source"), node.get("source_version"), system)
        target = end_of(node.get("target"), node.get("target_version"), system)
        written = Written(artifact, source, target, names)
        forward = StoredRows(artifact, part, "source", written)
        backward = StoredRows(artifact, part, "target", written)
        return Group(source, target, unmapped_of(node.get("unmapped")), forward, backward)


class Written:
    """How the rows of a group are written down. Knows no map, so that a map goes when nobody has it."""

    def __init__(self, artifact: Artifact, source: Coding, target: Coding, names: Names) -> None:
        self._unpack = artifact.unpack
        self._source, self._target, self._names = source, target, names

    def read(self, row: StoredMapping) -> Row:
        said = dict(zip(MAPPING_FIELDS, self._unpack(row.body), strict=False))
        source, target = self._source, self._target
        end = Coding(target.system, row.target, target.version, said.get("target_display"))
        return Row(
            source=Coding(source.system, row.source, source.version, said.get("source_display")),
            target=None if row.target is None or said.get("no_map") else end,
            relationship=said.get("relationship"),
            word=said.get("equivalence"),
            comment=said.get("comment"),
            depends_on=self._attributes(said.get("depends_on")),
            products=self._attributes(said.get("products")),
            properties=[self._names.property(*_typed(*one)) for one in said.get("properties") or ()],
        )

    def says_something(self, row: StoredMapping) -> bool:
        """But that the code is listed."""
        return row.target is not None or any(self._unpack(row.body)[1:])

    def _attributes(self, stated: Iterable[Sequence[Any]] | None) -> list[Attribute]:
        return [self._names.attribute(*_typed(*one)) for one in stated or ()]


def _typed(code: str, type_: str, value: Any) -> tuple[str, Typed]:
    return code, Typed(type_, value_of(type_, value))


class StoredRows:
    """The rows of a group by one of its ends: ``source`` or ``target``."""

    def __init__(self, artifact: Artifact, part: int, end: str, written: Written) -> None:
        self._artifact, self._part, self._end, self._written = artifact, part, end, written

    def of(self, code: str) -> Sequence[Row]:
        written = self._written
        return [written.read(row) for row in self._rows(code) if written.says_something(row)]

    def _rows(self, code: str) -> list[StoredMapping]:
        found = self._artifact.mappings(f"by {self._end}", code)
        return [row for row in found if row.part == self._part]

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and bool(self._rows(code))

    def spelled_like(self, code: str) -> Iterable[str]:
        return self._artifact.spelled_like(f"like {self._end}", bare(code), self._part)
