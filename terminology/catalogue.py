"""Which resources are there, and which one does a canonical mean?
 A catalogue holds documents (R5-shaped, never changed) and code systems that are not documents. It can be
seen through an overlay, ``with_documents``: the resources that travel with a request are looked at first,
and no operation notices the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

from terminology import issues, versions
from terminology.concept_map import ConceptMap
from terminology.model import Document, Issue, TerminologyError, split_canonical
from terminology.systems import CodeSystem
from terminology.systems.document import DocumentSystem
from terminology.systems.supplement import Supplemented

KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
ALL_CODES = "?fhir_vs"


class Stored(Protocol):
    """Something that has a header here and lies elsewhere as a whole: a CodeSystem or a ConceptMap."""

    @property
    def document(self) -> Document: ...

    def system(self) -> CodeSystem: ...

    def map(self, preferred: Callable[[str], str]) -> ConceptMap: ...


class Catalogue:
    """The resources that can be asked about.

    ``systems`` are code systems that have no complete document here (a grammar, a store, an upstream).
    """

    def __init__(
        self,
        documents: Iterable[Document] = (),
        systems: Iterable[CodeSystem] = (),
        beneath: Catalogue | None = None,
        stored: Iterable[Stored] = (),
    ) -> None:
        self._beneath = beneath
        self._by_url: dict[str, dict[str, list[Document]]] = {kind: {} for kind in KINDS}
        self._by_id: dict[str, dict[str, Document]] = {kind: {} for kind in KINDS}
        self._compiled: dict[int, CodeSystem | ConceptMap] = {}
        self._systems = {(system.about.url, system.about.version): system for system in systems}
        self._stored = {id(shelf.document): shelf for shelf in stored}
        for document in (*documents, *(shelf.document for shelf in self._stored.values())):
            self._add(document)

    def stocked(self, stored: Iterable[Stored]) -> Catalogue:
        """This catalogue with these from the store, in place of those that it had.

        What is compiled stays so.
        """
        held = (d for kind in self._by_url.values() for documents in kind.values() for d in documents)
        own = [document for document in held if id(document) not in self._stored]
        stocked = Catalogue(own, self._systems.values(), self._beneath, stored)
        stocked._compiled |= {id(d): self._compiled[id(d)] for d in own if id(d) in self._compiled}
        return stocked

    def _add(self, document: Document) -> None:
        kind = document.get("resourceType", "")
        if kind not in KINDS:
            return
        self._by_url[kind].setdefault(document.get("url", ""), []).append(document)
        if "id" in document:
            self._by_id[kind].setdefault(document["id"], document)

    def with_documents(self, documents: Iterable[Document]) -> Catalogue:
        """This catalogue with some documents before it."""
        return Catalogue(documents, beneath=self)

    # -- documents ---------------------------------------------------------------------------

    def documents(self, kind: str) -> Iterator[Document]:
        """Every document of a kind, the overlay's first."""
        for documents in self._by_url[kind].values():
            yield from documents
        if self._beneath is not None:
            yield from self._beneath.documents(kind)

    def resource(self, kind: str, id_: str) -> Document:
        """The document with an id. Raises TerminologyError when there is none."""
        found = self._by_id[kind].get(id_)
        if found is not None:
            return found
        if self._beneath is None:
            raise TerminologyError(issues.unknown_resource(kind, id_))
        return self._beneath.resource(kind, id_)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        """The best document of a canonical url and, if given, version or wildcard; see ``versions``."""
        found = versions.best([d for d in self._by_url[kind].get(url, ()) if not _is_supplement(d)], version)
        if found is None and self._beneath is not None:
            return self._beneath.find(kind, url, version)
        return found

    def known_versions(self, kind: str, url: str) -> list[str]:
        """The versions of a canonical url that are here, in order."""
        beneath = self._beneath.known_versions(kind, url) if self._beneath else []
        own = versions.known(self._by_url[kind].get(url, []))
        stored = [v for u, v in self._systems if kind == "CodeSystem" and u == url and v]
        return list(dict.fromkeys([*beneath, *stored, *own]))

    # -- code systems ------------------------------------------------------------------------

    def preferred(self, uri: str) -> str:
        """The uri that a code system is known by here: an alias or OID of a NamingSystem becomes the
        preferred uri.
        """
        if uri in self._by_url["CodeSystem"]:
            return uri
        beneath = self._beneath.preferred(uri) if self._beneath else uri
        return self._aliases.get(beneath, beneath)

    @cached_property
    def _aliases(self) -> dict[str, str]:
        aliases: dict[str, str] = {}
        for naming in self._by_url["NamingSystem"].values():
            for document in naming:
                aliases |= _aliases(document)
        return aliases

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """The code system of a url (or alias) and version, or None."""
        url = self.preferred(url)
        document = versions.best(
            [d for d in self._by_url["CodeSystem"].get(url, ()) if not _is_supplement(d)], version
        )
        if document is not None and document.get("content") != "not-present":
            return self._compile_system(document)
        own = [system for (u, v), system in self._systems.items() if u == url and versions.fits(v, version)]
        if own:
            return own[-1]
        return self._beneath.find_system(url, version) if self._beneath else None

    def _compile_system(self, document: Document) -> CodeSystem:
        compiled = self._compiled.get(id(document))
        if compiled is None or isinstance(compiled, ConceptMap):
            shelf = self._stored.get(id(document))
            compiled = self._compiled[id(document)] = shelf.system() if shelf else DocumentSystem(document)
        return compiled

    def system(self, url: str, version: str | None = None, supplements: Sequence[str] = ()) -> CodeSystem:
        """The code system of a url and version, seen through some supplements.

        Raises TerminologyError: unknown system, unknown version, unknown or foreign supplement.
        """
        found = self.find_system(url, version)
        if found is None:
            raise TerminologyError(self._why_not(url, version))
        if not supplements:
            return found
        return Supplemented(found, [self._supplement(canonical, found) for canonical in supplements])

    def _why_not(self, url: str, version: str | None) -> Issue:
        url = self.preferred(url)
        held = [d for d in self.documents("CodeSystem") if d.get("url") == url]
        if held and all(_is_supplement(d) for d in held):
            return issues.system_is_supplement(url)
        known = self.known_versions("CodeSystem", url)
        if version is not None and known:
            return issues.unknown_version(url, version, known)
        return issues.unknown_system(url)

    def _supplement(self, canonical: str, system: CodeSystem) -> Document:
        url, version = split_canonical(canonical)
        candidates = [d for d in self.documents("CodeSystem") if d.get("url") == url and _is_supplement(d)]
        document = versions.best(candidates, version)
        if document is None:
            raise TerminologyError(issues.missing_supplement(canonical))
        supplemented, wanted = split_canonical(document.get("supplements", ""))
        if supplemented != system.about.url or not versions.fits(system.about.version, wanted):
            raise TerminologyError(issues.foreign_supplement(canonical, system.about.canonical))
        return document

    def systems(self) -> Iterator[CodeSystem]:
        """Every code system that can be asked, in all versions."""
        for documents in self._by_url["CodeSystem"].values():
            for document in documents:
                if not _is_supplement(document) and document.get("content") != "not-present":
                    yield self._compile_system(document)
        yield from self._systems.values()
        if self._beneath is not None:
            yield from self._beneath.systems()

    # -- value sets and maps -----------------------------------------------------------------

    def value_set(self, url: str, version: str | None = None) -> Document:
        """The definition of a value set, also of one that a code system implies. Raises TerminologyError."""
        if version is None:
            url, version = split_canonical(url)
        found = self.find("ValueSet", url, version) or self._implied(url)
        if found is None:
            raise TerminologyError(issues.unknown_value_set(f"{url}|{version}" if version else url))
        return found

    def _implied(self, url: str) -> Document | None:
        base = url.removesuffix(ALL_CODES)
        system = self.find_system(base.partition("?")[0])
        if system is not None and (implied := system.implied(url)) is not None:
            return implied
        declared = (d for d in self.documents("CodeSystem") if d.get("valueSet") == url)
        system = next((self._compile_system(d) for d in declared), None)
        return system.implied(url) if system else None

    def concept_map(self, url: str, version: str | None = None) -> ConceptMap:
        """The compiled map of a canonical. Raises TerminologyError when it is not known."""
        if version is None:
            url, version = split_canonical(url)
        document = self.find("ConceptMap", url, version)
        if document is None:
            raise TerminologyError(
                issues.unknown_concept_map(url, version, self.known_versions("ConceptMap", url))
            )
        return self.compile_map(document)

    def compile_map(self, document: Document) -> ConceptMap:
        """A ConceptMap document, ready to be asked; compiled once."""
        compiled = self._compiled.get(id(document))
        if isinstance(compiled, ConceptMap) and compiled.document is document:
            return compiled
        if self._beneath is not None and self._beneath.holds(document):
            return self._beneath.compile_map(document)
        shelf = self._stored.get(id(document))
        compiled = shelf.map(self.preferred) if shelf else ConceptMap(document, self.preferred)
        if self.holds(document):
            self._compiled[id(document)] = compiled
        return compiled

    def holds(self, document: Document) -> bool:
        kind = document.get("resourceType", "")
        return any(document is held for held in self._by_url.get(kind, {}).get(document.get("url", ""), ()))

    def concept_maps(self) -> list[ConceptMap]:
        """The maps that may be used unasked: the best version of each, none that is retired."""
        held: dict[str, list[Document]] = {}
        for document in self.documents("ConceptMap"):
            held.setdefault(document.get("url", ""), []).append(document)
        chosen = (document for documents in held.values() for document in _best_of(documents))
        return [self.compile_map(document) for document in chosen]


def _best_of(documents: Sequence[Document]) -> list[Document]:
    """The documents of the best version. Maps with the same canonical may each say a part of it."""
    usable = [document for document in documents if document.get("status") != "retired"]
    best = versions.best(usable, None)
    return [d for d in usable if best is not None and d.get("version") == best.get("version")]


def _is_supplement(document: Document) -> bool:
    return document.get("content") == "supplement"


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
        f"urn:oid:{i['value'].removeprefix('urn:oid:')}" for i in ids if i.get("type") == "oid"
    ]
    return {name: preferred for name in names if name != preferred}
