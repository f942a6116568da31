"""A code system whose codes are listed by a library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from terminology.core.languages import Languages
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Document, Filter
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.implicit import ALL_CODES, all_of
from terminology.systems.protocol import Selection, SimpleCodeSystem


class ListedCodeSystem(SimpleCodeSystem):
    """A code system that behaves as a CodeSystem resource with these concepts; they are made at first use."""

    def __init__(
        self,
        about: CodeSystemInfo,
        concepts: Callable[[], list[dict[str, Any]]],
        properties: Sequence[dict[str, str]] = (),
        value_sets: Mapping[str, Sequence[Filter]] | None = None,
    ) -> None:
        """``value_sets``: the canonicals of the value sets that it implies, each with its filters."""
        self.about = about
        self._concepts = concepts
        self._properties = properties
        self._value_sets = {f"{about.url}{ALL_CODES}": (), **(value_sets or {})}

    @cached_property
    def _system(self) -> DocumentCodeSystem:
        return DocumentCodeSystem(
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

    def select_by_language(self, languages: Languages) -> Selection | None:
        return self._system.select_by_language(languages)

    def words(self, beginning: str) -> Sequence[str]:
        return self._system.words(beginning)

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        return self._system.subsumes(ancestor, descendant)

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        return self._system.describe(codes)

    def implied_value_set(self, canonical: str) -> Document | None:
        """These value sets are older than this version of the code system, so they include any version."""
        filters = self._value_sets.get(canonical)
        return None if filters is None else all_of(replace(self.about, version=None), canonical, *filters)
