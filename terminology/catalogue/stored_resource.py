"""A resource in the store, as the catalogue sees it.

The catalogue finds its document, which has no concepts, groups or long lists, like any other document. Questions
about these are answered by the code system, concept map or lists behind it, which read the store.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from terminology.catalogue import stored_value_set
from terminology.catalogue.stored_map import StoredMap
from terminology.core.documents import SUBSETTED
from terminology.core.model import Document
from terminology.store.artifacts import Artifact
from terminology.systems.indexed import IndexedCodeSystem
from terminology.systems.snomed.identifiers import URL as SNOMED_CT
from terminology.systems.snomed.system import SnomedCodeSystem


class StoredResource:
    """A compiled code system, map or value set: a ``CompiledResource``."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact

    @cached_property
    def document(self) -> Document:
        """The resource without its concepts or groups; the long lists of a value set are read in part."""
        header = self._artifact.header
        return stored_value_set.with_lists(self._artifact) if header.parts else header.document

    def whole(self) -> Document:
        """The resource as the interaction ``read`` gives it: of a code system or map the header, tagged SUBSETTED."""
        header = self._artifact.header
        if header.kind == "ValueSet":
            return stored_value_set.whole(self._artifact) if header.parts else header.document
        meta = header.document.get("meta", {})
        return {**header.document, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}

    def system(self) -> IndexedCodeSystem:
        is_snomed = self.document.get("url") == SNOMED_CT
        return SnomedCodeSystem(self._artifact) if is_snomed else IndexedCodeSystem(self._artifact)

    def map(self, preferred: Callable[[str], str]) -> StoredMap:
        """``preferred`` gives the uri that a code system is known by."""
        return StoredMap(self._artifact, preferred)
