"""Resources by canonical and by id, each read and compiled once.

Which of several versions is the best one is decided in ``core/versions.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from terminology.catalogue.concept_map import ConceptMap
from terminology.catalogue.protocol import KINDS, CompiledResource, ContentView
from terminology.core import versions
from terminology.core.documents import FIRST_ROWS, LazyDocument
from terminology.core.model import CodeSystemInfo, Document, split_canonical
from terminology.core.structure import require, require_header
from terminology.systems.described import with_own_rules
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.metadata import info_of
from terminology.systems.protocol import CodeSystem
from terminology.systems.supplement import (
    CuratedCodeSystem,
    applies_always,
    applies_to,
    is_language_pack,
    is_supplement,
)

OID = "urn:oid:"


class ResourceIndex:
    """The resources of one catalogue, without those of the catalogue that it wraps.

    The tables below have the header of a lazy document; the document is read when it is needed. ``is_untrusted``:
    the resources came with a request, so each is checked when it is used. ``view`` keeps texts of code systems back.
    """

    def __init__(
        self,
        documents: Iterable[Document | LazyDocument] = (),
        stored: Iterable[CompiledResource] = (),
        is_untrusted: bool = False,
        view: ContentView | None = None,
    ) -> None:
        self._by_url: dict[str, dict[str, list[Document]]] = {kind: {} for kind in KINDS}
        self._by_id: dict[str, dict[str, Document]] = {kind: {} for kind in KINDS}
        self._lazy: dict[int, LazyDocument] = {}
        self._systems: dict[int, CodeSystem] = {}
        self._maps: dict[int, ConceptMap] = {}
        self._language_packs: list[Document] = []
        # The supplements that always apply, those in the store first: they prevail.
        self._always: list[Document] = []
        self._unchecked: set[int] = set()
        self._view = view
        self._stored = {id(resource.document): resource for resource in stored}
        for document in (*documents, *(resource.document for resource in self._stored.values())):
            self._add(document)
            if is_untrusted and not isinstance(document, LazyDocument):
                self._unchecked.add(id(document))

    @staticmethod
    def of_request(documents: Iterable[Document] = ()) -> ResourceIndex:
        """Resources that came with a request.

        Raises TerminologyError for a resource that nobody could find, because its header is malformed. All else
        is checked when a resource is used: requests that do not use it are not affected.
        """
        return ResourceIndex(map(require_header, documents), is_untrusted=True)

    def _add(self, resource: Document | LazyDocument) -> None:
        header = resource.header if isinstance(resource, LazyDocument) else resource
        kind = header.get("resourceType", "")
        if kind not in KINDS:
            return
        if isinstance(resource, LazyDocument):
            self._lazy[id(header)] = resource
        self._by_url[kind].setdefault(header.get("url", ""), []).append(header)
        if "id" in header:
            self._by_id[kind].setdefault(header["id"], header)
        if kind == "CodeSystem" and is_language_pack(header):
            self._language_packs.append(header)
        if kind == "CodeSystem" and applies_always(header):
            self._always.insert(0 if id(header) in self._stored else len(self._always), header)

    # -- changes -----------------------------------------------------------------------------

    def renewed(
        self, documents: Iterable[Document | LazyDocument], stored: Iterable[CompiledResource]
    ) -> ResourceIndex:
        """An index of other resources. Those that are in this one, too, stay compiled."""
        renewed = ResourceIndex(documents, stored)
        same = [header for kind in KINDS for header in renewed.headers(kind) if self._has(header)]
        # A code system whose supplements are others now is compiled again.
        before, after = self._supplements_by_url, renewed._supplements_by_url
        changed = {url for url in before.keys() | after.keys() if before.get(url) != after.get(url)}
        # So are all maps if a name may mean another code system now.
        keeps_names = self._names_of_systems == renewed._names_of_systems
        renewed._share(self, [header for header in same if header.get("url") not in changed], keeps_names)
        return renewed

    def _has(self, header: Document) -> bool:
        """Whether this very header is in this index."""
        own = self._by_url[header["resourceType"]].get(header.get("url", ""), ())
        return any(each is header for each in own)

    @property
    def _supplements_by_url(self) -> dict[str, list[int]]:
        """The supplements that always apply, by the url of the code system that they apply to."""
        by_url: dict[str, list[int]] = {}
        for header in self._always:
            by_url.setdefault(split_canonical(header.get("supplements", ""))[0], []).append(id(header))
        return by_url

    @property
    def _names_of_systems(self) -> tuple[dict[str, str], set[str]]:
        return self.aliases, set(self._by_url["CodeSystem"])

    def licensed(self, view: ContentView) -> ResourceIndex:
        """These resources without the texts that a view keeps back."""
        own = [header for kind in KINDS for header in self.headers(kind) if id(header) not in self._stored]
        documents = (view.resource(self._lazy.get(id(header), header)) for header in own)
        return ResourceIndex(documents, map(view.stored, self._stored.values()), view=view)

    def replaced(self, documents: Sequence[Document]) -> ResourceIndex:
        """These resources with more, which replace those of the same canonical and version.

        Compiled resources stay compiled. Raises TerminologyError as ``of_request``.
        """
        new = {_identity(document) for document in documents}
        own = [h for kind in KINDS for h in self.headers(kind) if _identity(h) not in new]
        index = ResourceIndex.of_request([*documents, *own])
        index._share(self, own)
        return index

    def _share(self, other: ResourceIndex, headers: Iterable[Document], with_maps: bool = True) -> None:
        # Other threads may be compiling: the tables are copied before they are read.
        systems, maps = other._systems.copy(), other._maps.copy() if with_maps else {}
        for key in map(id, headers):
            if key in systems:
                self._systems[key] = systems[key]
            if key in maps:
                self._maps[key] = maps[key]

    # -- finding -----------------------------------------------------------------------------

    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]:
        """Those of all resources of a type, or of those with a url."""
        if url is None:
            for headers in self._by_url[kind].values():
                yield from headers
        elif url:
            yield from self._by_url[kind].get(url, ())

    def has_url(self, kind: str, url: str) -> bool:
        return url in self._by_url[kind]

    def has_id(self, kind: str, id_: str) -> bool:
        return id_ in self._by_id[kind]

    def resource(self, kind: str, id_: str) -> Document | None:
        """The resource with an id. Raises UnreadableArtifactError."""
        header = self._by_id[kind].get(id_)
        stored = self._stored.get(id(header))
        if stored is not None:
            stored.require()
        lazy = self._lazy.get(id(header))
        return lazy.document() if lazy else header

    def best(self, kind: str, url: str, version: str | None) -> Document | None:
        """The header of the best resource of a url and version that is not a supplement."""
        headers = self._by_url[kind].get(url, ())
        return versions.best([header for header in headers if not is_supplement(header)], version)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        """The best resource of a url and version.

        Raises TerminologyError for one that is malformed, and UnreadableArtifactError.
        """
        header = self.best(kind, url, version)
        return None if header is None else self.document(header) or header

    def versions(self, kind: str, url: str) -> list[str]:
        """The versions of a url, in order."""
        return versions.known(self._by_url[kind].get(url, []))

    def header_of(self, document: Document) -> Document | None:
        """The header of a document that is in this index or was read from it; None for any other document."""
        headers = self._by_url.get(document.get("resourceType", ""), {}).get(document.get("url", ""), ())
        for header in headers:
            lazy = self._lazy.get(id(header))
            if header is document or (lazy is not None and lazy.has_read(document)):
                return header
        return None

    # -- reading -----------------------------------------------------------------------------

    def document(self, header: Document) -> Document | None:
        """The resource of a header as operations use it; None if that is the header itself, or is not in this index.

        Raises TerminologyError for one that is malformed, and UnreadableArtifactError.
        """
        stored = self._stored.get(id(header))
        if stored is not None:
            stored.require()
        if id(header) in self._unchecked:
            require(header)
            self._unchecked.discard(id(header))
        lazy = self._lazy.get(id(header))
        return lazy.document() if lazy else None

    def whole(self, header: Document, keep: bool, rows: range) -> Document | None:
        """The resource of a header as the interaction ``read`` gives it; None as for ``document``."""
        stored = self._stored.get(id(header))
        if stored is not None:
            return stored.whole(rows)
        lazy = self._lazy.get(id(header))
        if lazy is None:
            return None
        return lazy.document() if keep else lazy.glance()

    def rows(self, header: Document) -> int:
        """The number of concepts or mappings of a resource in the store; 0 for any other."""
        stored = self._stored.get(id(header))
        return 0 if stored is None else stored.rows

    def searched(self, header: Document, codes: Collection[str]) -> Document | None:
        """The resource with the rows that a search for these codes needs; None as for ``document``."""
        stored = self._stored.get(id(header))
        return self.whole(header, False, FIRST_ROWS) if stored is None else stored.searched(codes)

    # -- compiling ---------------------------------------------------------------------------

    def system(self, header: Document) -> CodeSystem:
        """The code system of a header of this index. Raises TerminologyError for one that is malformed."""
        system = self._systems.get(id(header))
        if system is None:
            stored = self._stored.get(id(header))
            system = stored.system() if stored else DocumentCodeSystem(self.document(header) or header)
            if self._view is not None:
                system = self._view.system(system)
            system = with_own_rules(self._curated(system))
            self._systems[id(header)] = system
        return system

    def map(self, header: Document, preferred: Callable[[str], str]) -> ConceptMap:
        """The map of a header of this index; ``preferred`` is that of the catalogue.

        Raises TerminologyError for one that is malformed.
        """
        map_ = self._maps.get(id(header))
        if map_ is None:
            stored = self._stored.get(id(header))
            map_ = (
                stored.map(preferred)
                if stored
                else ConceptMap(require(self.document(header) or header), preferred)
            )
            self._maps[id(header)] = map_
        return map_

    # -- code systems ------------------------------------------------------------------------

    def abouts(self) -> Iterator[CodeSystemInfo]:
        """The metadata of the code systems that have concepts."""
        for header in self.headers("CodeSystem"):
            if not is_supplement(header) and header.get("content") != "not-present":
                yield info_of(header)

    def language_packs(self, about: CodeSystemInfo) -> dict[str, CodeSystem]:
        """The supplements that add languages to a code system, the best version of each, by url."""
        return self._best_supplements(self._language_packs, about) if self._language_packs else {}

    def _curated(self, system: CodeSystem) -> CodeSystem:
        """The code system with the supplements that always apply to it."""
        if not self._always or system.about.content == "supplement":
            return system
        supplements = self._best_supplements(self._always, system.about)
        return CuratedCodeSystem(system, list(supplements.values())) if supplements else system

    def _best_supplements(self, headers: Sequence[Document], about: CodeSystemInfo) -> dict[str, CodeSystem]:
        """Those that apply to a code system, the best version of each, by url."""
        by_url: dict[str, list[Document]] = {}
        for header in headers:
            if applies_to(header, about):
                by_url.setdefault(header.get("url", ""), []).append(header)
        best = {url: versions.best(own, None) for url, own in by_url.items()}
        return {url: self.system(header) for url, header in best.items() if header is not None}

    # -- other names -------------------------------------------------------------------------

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The preferred uri of a code system by its OIDs and by its aliases in NamingSystems."""
        aliases = self._by_oid("CodeSystem")
        for header in self.headers("NamingSystem"):
            aliases |= _aliases(header)
        return aliases

    @cached_property
    def value_sets_by_oid(self) -> dict[str, str]:
        """The url of a value set by its OIDs."""
        return self._by_oid("ValueSet")

    def _by_oid(self, kind: str) -> dict[str, str]:
        """The url of the first resource that has an OID among its identifiers, by the OID."""
        urls: dict[str, str] = {}
        for url, headers in self._by_url[kind].items():
            for oid in (oid for header in headers for oid in _oids(header) if url):
                urls.setdefault(oid, url)
        return urls


def _identity(document: Document) -> tuple[Any, ...]:
    """The key by which a resource replaces another one. Without a url, each is its own."""
    key = (document.get("resourceType"), document.get("url"), document.get("version"))
    return key if document.get("url") else (*key, id(document))


def _oids(document: Document) -> Iterator[str]:
    """The OIDs of a resource, which may be malformed."""
    identifiers = document.get("identifier")
    if is_supplement(document) or not isinstance(identifiers, list):
        return
    values = (i.get("value") for i in identifiers if isinstance(i, dict))
    yield from (value for value in values if isinstance(value, str) and value.startswith(OID))


def _aliases(naming: Document) -> dict[str, str]:
    """The uris and OIDs of a NamingSystem for a code system, each with the preferred uri."""
    if naming.get("kind") != "codesystem":
        return {}
    ids = naming.get("uniqueId", ())
    uris = [i for i in ids if i.get("type") in ("uri", "url") and "value" in i]
    preferred = next((i["value"] for i in uris if i.get("preferred")), None)
    if preferred is None:
        return {}
    names = [i["value"] for i in uris] + [
        f"{prefix}{i['value'].removeprefix(OID)}"
        for i in ids
        if i.get("type") == "oid" and "value" in i
        for prefix in (OID, "")
    ]
    return {name: preferred for name in names if name != preferred}
