"""A catalogue that remembers its answers, for a catalogue that does not change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from sys import getsizeof

from terminology.catalogue.concept_map import ConceptMap
from terminology.catalogue.protocol import Catalogue, MalformedMap
from terminology.catalogue.wrapper import Wrapper
from terminology.core.cache import RecentValues, key_alone, size_of, size_of_texts
from terminology.core.model import Document
from terminology.systems.protocol import CodeSystem

# The number of answers to one question that are remembered.
MOST_REMEMBERED = 1_000


def _bytes_of_texts(key: tuple[str, ...], texts: Sequence[str]) -> int:
    return size_of(key) + sum(map(getsizeof, texts))


class Remembering(Wrapper):
    """A catalogue that remembers the answers for which its ``base`` has to search."""

    def __init__(self, base: Catalogue) -> None:
        super().__init__(base)
        self._preferred: RecentValues[str] = RecentValues(MOST_REMEMBERED, size_of_texts)
        self._documents: RecentValues[Document] = RecentValues(MOST_REMEMBERED, key_alone)
        self._systems: RecentValues[CodeSystem] = RecentValues(MOST_REMEMBERED, key_alone)
        # Apart from the known ones, which a client could otherwise push out. Maps lead to systems that are not here.
        self._unknown_systems: RecentValues[bool] = RecentValues(MOST_REMEMBERED, key_alone)
        self._supplemented: RecentValues[tuple[CodeSystem, CodeSystem]] = RecentValues(
            MOST_REMEMBERED, key_alone
        )
        # The code systems of ``_systems`` with the supplements that always apply: nearly every request asks for one.
        self._usable_systems: RecentValues[CodeSystem] = RecentValues(MOST_REMEMBERED, key_alone)
        self._maps: RecentValues[ConceptMap] = RecentValues(MOST_REMEMBERED, key_alone)
        self._versions: RecentValues[list[str]] = RecentValues(MOST_REMEMBERED, _bytes_of_texts)

    def for_fhir(self, version: str) -> Catalogue:
        base = self.base.for_fhir(version)
        return self if base is self.base else base

    def preferred(self, uri: str) -> str:
        known = self._preferred.find(uri)
        if known is None:
            known = self.base.preferred(uri)
            self._preferred.put(uri, known)
        return known

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        """Only found resources are remembered: clients may ask for any number of unknown ones."""
        key = (kind, url, version)
        document = self._documents.find(key)
        if document is None and (document := self.base.find(kind, url, version)) is not None:
            self._documents.put(key, document)
        return document

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        key = (url, version)
        system = self._systems.find(key)
        if system is None and self._unknown_systems.find(key) is None:
            system = self.base.find_system(url, version)
            if system is None:
                self._unknown_systems.put(key, True)
            else:
                self._systems.put(key, system)
        return system

    def system(self, url: str, version: str | None = None, supplements: Sequence[str] = ()) -> CodeSystem:
        if supplements:
            return super().system(url, version, supplements)
        key = (url, version)
        system = self._usable_systems.find(key)
        if system is None:
            system = super().system(url, version)
            self._usable_systems.put(key, system)
        return system

    def known_versions(self, kind: str, url: str) -> list[str]:
        versions = self._versions.find((kind, url))
        if versions is None:
            versions = self.base.known_versions(kind, url)
            self._versions.put((kind, url), versions)
        return list(versions)

    def supplemented(self, system: CodeSystem, named: Sequence[Document] = ()) -> CodeSystem:
        if named:
            return super().supplemented(system, named)
        known = self._supplemented.find(id(system))
        if known is None:
            known = (
                system,
                super().supplemented(system),
            )  # keeps the system, so that no other object gets its id
            self._supplemented.put(id(system), known)
        return known[1]

    def concept_map(self, url: str, version: str | None = None) -> ConceptMap:
        known = self._maps.find((url, version))
        if known is None:
            known = super().concept_map(url, version)
            self._maps.put((url, version), known)
        return known

    @cached_property
    def _usable_maps(self) -> tuple[list[ConceptMap], list[MalformedMap]]:
        malformed: list[MalformedMap] = []
        return super().concept_maps(malformed), malformed

    def concept_maps(self, malformed: list[MalformedMap] | None = None) -> list[ConceptMap]:
        usable, errors = self._usable_maps
        if malformed is not None:
            malformed += errors
        return list(usable)
