"""The answers of a catalogue that follow from its other answers, the same for every kind of catalogue.

Among them: the code system in the best version, seen through the supplements that apply, or why there is none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from terminology.catalogue import implied
from terminology.catalogue.concept_map import ConceptMap
from terminology.catalogue.omop_maps import omop_maps
from terminology.catalogue.protocol import Catalogue, ContentView, MalformedMap, Pinned, Weighed, unpinned
from terminology.core import issues, versions
from terminology.core.budget import counted
from terminology.core.cache import Cache
from terminology.core.documents import FIRST_ROWS
from terminology.core.errors import TerminologyError, UnavailableError, UnreadableArtifactError
from terminology.core.model import CodeSystemInfo, Document, Issue, split_canonical
from terminology.core.structure import require
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.metadata import info_of
from terminology.systems.protocol import CodeSystem
from terminology.systems.supplement import SupplementedCodeSystem, applies_to, is_supplement

# The room in ``cache`` in bytes, and about the bytes of an element of a value set.
CACHE_ROOM = 40_000_000
_ELEMENT = 500
# The steps to compile one small resource.
_STEPS = 50


class DerivedAnswers(ABC):
    """A catalogue whose abstract methods a subclass defines. ``Catalogue`` explains all methods."""

    @abstractmethod
    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]: ...

    @abstractmethod
    def whole(self, header: Document, keep: bool = True, rows: range = FIRST_ROWS) -> Document: ...

    @abstractmethod
    def rows(self, header: Document) -> int: ...

    @abstractmethod
    def searched(self, header: Document, codes: Collection[str]) -> Document: ...

    @abstractmethod
    def document(self, header: Document) -> Document: ...

    @abstractmethod
    def resource(self, kind: str, id_: str) -> Document: ...

    @abstractmethod
    def has_id(self, kind: str, id_: str) -> bool: ...

    @abstractmethod
    def find(self, kind: str, url: str, version: str | None = None) -> Document | None: ...

    @abstractmethod
    def known_versions(self, kind: str, url: str) -> list[str]: ...

    @abstractmethod
    def preferred(self, uri: str) -> str: ...

    @abstractmethod
    def url_of_value_set(self, uri: str) -> str: ...

    @abstractmethod
    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None: ...

    @abstractmethod
    def language_packs(self, about: CodeSystemInfo) -> list[CodeSystem]: ...

    @abstractmethod
    def compiled_system(self, document: Document) -> CodeSystem | None: ...

    @abstractmethod
    def compiled_map(self, document: Document) -> ConceptMap | None: ...

    @abstractmethod
    def require_store(self) -> None: ...

    @abstractmethod
    def faults(self) -> Sequence[UnavailableError]: ...

    @abstractmethod
    def builtin_systems(self) -> Iterator[CodeSystem]: ...

    @abstractmethod
    def abouts(self) -> Iterator[CodeSystemInfo]: ...

    @abstractmethod
    def for_fhir(self, version: str) -> Catalogue: ...

    def licensed(self, view: ContentView) -> Catalogue:
        """Raises TypeError: a part of the content, or content of a client, has no licences."""
        raise TypeError(f"{type(self).__name__} cannot be seen through licences: give the content itself")

    # -- resources -------------------------------------------------------------------------------

    def documents(self, kind: str) -> Iterator[Document]:
        return (self.whole(header, keep=False) for header in self.headers(kind))

    @cached_property
    def cache(self) -> Cache[Weighed]:
        return Cache(CACHE_ROOM, _weight)

    # -- code systems ----------------------------------------------------------------------------

    def system(self, url: str, version: str | None = None, supplements: Sequence[str] = ()) -> CodeSystem:
        system = self.find_system(url, version)
        if system is None:
            raise TerminologyError(self._why_unknown(url, version))
        return self.supplemented(system, [self._supplement_of(system, url) for url in supplements])

    def _why_unknown(self, url: str, version: str | None) -> Issue:
        self.require_store()
        url = self.preferred(url)
        headers = list(self.headers("CodeSystem", url))
        if headers and all(map(is_supplement, headers)):
            return issues.system_is_supplement(url)
        known = self.known_versions("CodeSystem", url)
        if not known and self.find("ValueSet", url) is not None:
            return issues.system_is_value_set(url)
        if version is not None:
            return issues.unknown_version(url, version, known)
        return issues.unknown_system(url)

    def supplement(self, canonical: str) -> Document:
        url, version = split_canonical(canonical)
        headers = [header for header in self.headers("CodeSystem", url) if is_supplement(header)]
        header = versions.best(headers, version)
        if header is None:
            self.require_store()
            raise TerminologyError(issues.missing_supplement(canonical))
        return self.document(header)

    def _supplement_of(self, system: CodeSystem, canonical: str) -> Document:
        supplement = self.supplement(canonical)
        if not applies_to(supplement, system.about):
            raise TerminologyError(issues.unused_supplement(canonical, supplement, system.about.canonical))
        return supplement

    def supplemented(self, system: CodeSystem, named: Sequence[Document] = ()) -> CodeSystem:
        applied = system.supplements
        own = [
            document
            for document in counted(named, _STEPS)
            if applies_to(document, system.about) and info_of(document).canonical not in applied
        ]
        urls = {document.get("url") for document in own}
        packs = [pack for pack in self.language_packs(system.about) if pack.about.url not in urls]
        supplements = [*(self.compiled_system(d) or DocumentCodeSystem(d) for d in own), *packs]
        return SupplementedCodeSystem(system, supplements) if supplements else system

    # -- value sets and maps ---------------------------------------------------------------------

    def value_set(self, url: str, version: str | None = None, pinned: Pinned = unpinned) -> Document:
        if version is None:
            url, version = split_canonical(url)
        value_set = self.find("ValueSet", self.url_of_value_set(url), version)
        value_set = value_set or implied.value_set(self, url, version, pinned)
        if value_set is None:
            self.require_store()
            canonical = f"{url}|{version}" if version else url
            why = implied.why_not(self, url, version, pinned)
            raise TerminologyError(issues.unknown_value_set(canonical, why))
        return value_set

    def concept_map(self, url: str, version: str | None = None) -> ConceptMap:
        if version is None:
            url, version = split_canonical(url)
        document = self.find("ConceptMap", url, version)
        if document is not None:
            return self.compile_map(document)
        if (map_ := implied.concept_map(self, url, version)) is not None:
            return map_
        self.require_store()
        known = self.known_versions("ConceptMap", url)
        raise TerminologyError(issues.unknown_concept_map(url, version, known))

    def compile_map(self, document: Document) -> ConceptMap:
        return self.compiled_map(document) or ConceptMap(require(document), self.preferred)

    def concept_maps(self, malformed: list[MalformedMap] | None = None) -> list[ConceptMap]:
        by_url: dict[str, list[Document]] = {}
        for header in self.headers("ConceptMap"):
            by_url.setdefault(header.get("url", ""), []).append(header)
        usable = []
        for header in counted((h for headers in by_url.values() for h in _best_of(headers)), _STEPS):
            try:
                usable.append(self.compile_map(header))
            except (TerminologyError, UnreadableArtifactError) as error:
                if malformed is not None:
                    malformed.append((self.whole(header), error))
        usable += omop_maps(self)
        # The store has another order than the files have.
        return sorted(usable, key=lambda map_: map_.canonical)


def _best_of(headers: Sequence[Document]) -> list[Document]:
    """The headers of the best version. Maps with the same canonical may each have a part of it."""
    usable = [header for header in headers if header.get("status") != "retired"]
    best = versions.best(usable, None)
    return [h for h in usable if best is not None and h.get("version") == best.get("version")]


def _weight(item: Weighed) -> int:
    return _ELEMENT * (1 + item.weight)
