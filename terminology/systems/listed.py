"""A code system whose codes a library lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter
from terminology.systems import Selection
from terminology.systems.document import DocumentSystem, all_of


class Listed:
    """As a CodeSystem resource with these concepts would be; they are made when first asked for."""

    def __init__(
        self,
        about: CodeSystemInfo,
        concepts: Callable[[], list[dict[str, Any]]],
        properties: Sequence[dict[str, str]] = (),
        value_sets: Sequence[str] = (),
    ) -> None:
        self.about = about
        self._concepts = concepts
        self._properties = properties
        self._value_sets = frozenset({*value_sets, f"{about.url}?fhir_vs"})

    @cached_property
    def _system(self) -> DocumentSystem:
        return DocumentSystem(
            {
                "resourceType": "CodeSystem",
                "url": self.about.url,
                "name": self.about.name,
                "language": self.about.language,
                "content": self.about.content,
                "caseSensitive": self.about.case_sensitive,
                "property": list(self._properties),
                "concept": self._concepts(),
            }
            | ({"version": self.about.version} if self.about.version else {})
        )

    def locate(self, code: str) -> Concept | None:
        return self._system.locate(code)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        return self._system.select(filters, text, languages)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        return self._system.describe(codes)

    def implied(self, canonical: str) -> Document | None:
        """These value sets are older than the version of what is here, and mean whichever there is."""
        return all_of(replace(self.about, version=None), canonical) if canonical in self._value_sets else None
