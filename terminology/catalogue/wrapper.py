"""Catalogues that wrap another one, their ``base``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import chain

from terminology.catalogue.concept_map import ConceptMap
from terminology.catalogue.derived_answers import DerivedAnswers
from terminology.catalogue.protocol import Catalogue
from terminology.catalogue.resource_index import ResourceIndex
from terminology.core.documents import FIRST_ROWS
from terminology.core.errors import UnavailableError
from terminology.core.model import CodeSystemInfo, Document
from terminology.systems.grammar import GrammarCodeSystem
from terminology.systems.protocol import CodeSystem


class Wrapper(DerivedAnswers):
    """A catalogue that passes every question on to its ``base``."""

    def __init__(self, base: Catalogue) -> None:
        self.base = base

    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]:
        return self.base.headers(kind, url)

    def whole(self, header: Document, keep: bool = True, rows: range = FIRST_ROWS) -> Document:
        return self.base.whole(header, keep, rows)

    def rows(self, header: Document) -> int:
        return self.base.rows(header)

    def searched(self, header: Document, codes: Collection[str]) -> Document:
        return self.base.searched(header, codes)

    def document(self, header: Document) -> Document:
        return self.base.document(header)

    def resource(self, kind: str, id_: str) -> Document:
        return self.base.resource(kind, id_)

    def has_id(self, kind: str, id_: str) -> bool:
        return self.base.has_id(kind, id_)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        return self.base.find(kind, url, version)

    def known_versions(self, kind: str, url: str) -> list[str]:
        return self.base.known_versions(kind, url)

    def preferred(self, uri: str) -> str:
        return self.base.preferred(uri)

    def url_of_value_set(self, uri: str) -> str:
        return self.base.url_of_value_set(uri)

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        return self.base.find_system(url, version)

    def language_packs(self, about: CodeSystemInfo) -> list[CodeSystem]:
        return self.base.language_packs(about)

    def compiled_system(self, document: Document) -> CodeSystem | None:
        return self.base.compiled_system(document)

    def compiled_map(self, document: Document) -> ConceptMap | None:
        return self.base.compiled_map(document)

    def require_store(self) -> None:
        self.base.require_store()

    def faults(self) -> Sequence[UnavailableError]:
        return self.base.faults()

    def builtin_systems(self) -> Iterator[CodeSystem]:
        return self.base.builtin_systems()

    def abouts(self) -> Iterator[CodeSystemInfo]:
        return self.base.abouts()


class ResourcesBefore(Wrapper):
    """A catalogue that asks some resources first, and then its ``base``."""

    def __init__(self, base: Catalogue, resources: ResourceIndex) -> None:
        super().__init__(base)
        self.resources = resources

    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]:
        return chain(self.resources.headers(kind, url), self.base.headers(kind, url))

    def whole(self, header: Document, keep: bool = True, rows: range = FIRST_ROWS) -> Document:
        return self.resources.whole(header, keep, rows) or self.base.whole(header, keep, rows)

    def searched(self, header: Document, codes: Collection[str]) -> Document:
        return self.resources.searched(header, codes) or self.base.searched(header, codes)

    def document(self, header: Document) -> Document:
        return self.resources.document(header) or self.base.document(header)

    def resource(self, kind: str, id_: str) -> Document:
        return self.resources.resource(kind, id_) or self.base.resource(kind, id_)

    def has_id(self, kind: str, id_: str) -> bool:
        return self.resources.has_id(kind, id_) or self.base.has_id(kind, id_)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        return self.resources.find(kind, url, version) or self.base.find(kind, url, version)

    def known_versions(self, kind: str, url: str) -> list[str]:
        known = self.base.known_versions(kind, url)
        return list(dict.fromkeys([*known, *self.resources.versions(kind, url)]))

    def preferred(self, uri: str) -> str:
        if self.resources.has_url("CodeSystem", uri):
            return uri
        preferred = self.base.preferred(uri)
        return self.resources.aliases.get(preferred, preferred)

    def url_of_value_set(self, uri: str) -> str:
        if self.resources.has_url("ValueSet", uri):
            return uri
        return self.resources.value_sets_by_oid.get(uri) or self.base.url_of_value_set(uri)

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        url = self.preferred(url)
        header = self.resources.best("CodeSystem", url, version)
        if header is not None and header.get("content") != "not-present":
            return self.resources.system(header)
        return self._listed(self.base.find_system(url, version))

    def _listed(self, system: CodeSystem | None) -> CodeSystem | None:
        """A grammar that lists its common codes by a value set of these resources, if they have one."""
        if isinstance(system, GrammarCodeSystem):
            if any(self.resources.has_url("ValueSet", url) for url in system.about.common):
                return system.listed_by(partial(self.find, "ValueSet"))
        return system

    def language_packs(self, about: CodeSystemInfo) -> list[CodeSystem]:
        own = self.resources.language_packs(about)
        return [*own.values(), *(p for p in self.base.language_packs(about) if p.about.url not in own)]

    def compiled_system(self, document: Document) -> CodeSystem | None:
        header = self.resources.header_of(document)
        return self.base.compiled_system(document) if header is None else self.resources.system(header)

    def compiled_map(self, document: Document) -> ConceptMap | None:
        header = self.resources.header_of(document)
        if header is None:
            return self.base.compiled_map(document)
        return self.resources.map(header, self.preferred)

    def abouts(self) -> Iterator[CodeSystemInfo]:
        return chain(self.resources.abouts(), self.base.abouts())
