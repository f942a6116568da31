"""Which resources are there, and which one does a canonical mean?
 A catalogue holds documents (R5-shaped, never changed) and code systems that are not documents. It can be
seen through an overlay, ``with_documents``: the resources that travel with a request are looked at first,
and no operation notices the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Protocol, TypeVar

from terminology.catalogue.concept_map import ConceptMap
from terminology.core import issues, versions
from terminology.core.cache import Cache
from terminology.core.documents import LazyDocument
from terminology.core.errors import TerminologyError
from terminology.core.model import CodeSystemInfo, Document, Issue, split_canonical
from terminology.core.structure import require, require_header
from terminology.systems import CodeSystem
from terminology.systems.document import ALL_CODES, BELOW, DocumentSystem, about, in_version
from terminology.systems.supplement import Supplemented, applies_to, is_language_pack

KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")
OID = "urn:oid:"
# Before the reference set in the canonical of a map that SNOMED CT implies.
MAPPED = "?fhir_cm="
# Where FHIR itself publishes.
FHIR = "http://hl7.org/fhir/"
# How many answers to one question a catalogue remembers.
MOST_REMEMBERED = 1_000

K = TypeVar("K")
V = TypeVar("V")
# In which version is the code system of a url wanted? None for the best there is.
Pinned = Callable[[str], str | None]
# How much is kept of what operations made of the documents: about so many elements of value sets.
ROOM = 100_000


def unpinned(url: str) -> str | None:
    return None


class Stored(Protocol):
    """Something that has a header here and lies elsewhere as a whole: a CodeSystem, ConceptMap or ValueSet.

    ``whole`` is the resource as it is read; ``document`` is what it is found and asked by, always the same.
    """

    @property
    def document(self) -> Document: ...

    def whole(self) -> Document: ...

    def system(self) -> CodeSystem: ...

    def map(self, preferred: Callable[[str], str]) -> ConceptMap: ...


class Weighed(Protocol):
    """What an operation made of documents; ``weight`` is about how many elements it has."""

    @property
    def weight(self) -> int: ...


class Catalogue:
    """The resources that can be asked about.

    ``systems`` are code systems that have no complete document here (a grammar, a store, an upstream). Of a
    stowed document the header stands in all the tables below, until the whole of it is wanted.
    ``definitions`` are what FHIR itself publishes, by the version of the release, read when it is first
    spoken. ``kept`` is for what operations make of it and want again: a new state of the content is a new
    catalogue, so nothing in it is ever out of date.
    """

    def __init__(
        self,
        documents: Iterable[Document | LazyDocument] = (),
        systems: Iterable[CodeSystem] = (),
        beneath: Catalogue | None = None,
        definitions: Mapping[str, Callable[[], Iterable[Document | LazyDocument]]] | None = None,
        stored: Iterable[Stored] = (),
    ) -> None:
        self._beneath = beneath
        self._definitions = definitions or {}
        self._releases: dict[str, ReleaseView] = {}
        self._by_url: dict[str, dict[str, list[Document]]] = {kind: {} for kind in KINDS}
        self._by_id: dict[str, dict[str, Document]] = {kind: {} for kind in KINDS}
        self._stowed: dict[int, LazyDocument] = {}
        self._compiled: dict[int, CodeSystem | ConceptMap] = {}
        self._language_packs: list[Document] = []
        self.kept: Cache[Weighed] = Cache(ROOM, _weight)
        self._systems = {(system.about.url, system.about.version): system for system in systems}
        self._stored = {id(shelf.document): shelf for shelf in stored}
        for document in (*documents, *(shelf.document for shelf in self._stored.values())):
            self._add(document)

    def stocked(self, stored: Iterable[Stored]) -> Catalogue:
        """This catalogue with these from the store, in place of those that it had.

        What is compiled stays so, and what FHIR itself publishes is not read again: it is the new catalogue's
        now, lest the old one be held in a circle, and with it what is no longer in the store.
        """
        stocked = Catalogue(self._own(), self._systems.values(), self._beneath, self._definitions, stored)
        stocked._compiled |= self._compiled_own()
        releases, self._releases = self._releases, {}
        for version, seen in releases.copy().items():
            stocked._releases[version] = seen.over(stocked)
        return stocked

    def _own(self) -> Iterator[Document | LazyDocument]:
        """What this catalogue holds itself, but for what is in the store."""
        for documents in (d for by_url in self._by_url.values() for d in by_url.values()):
            yield from (self._stowed.get(id(d), d) for d in documents if id(d) not in self._stored)

    def _compiled_own(self) -> dict[int, CodeSystem | ConceptMap]:
        return {key: made for key, made in self._compiled.copy().items() if key not in self._stored}

    def _add(self, given: Document | LazyDocument) -> None:
        document = given.header if isinstance(given, LazyDocument) else given
        kind = document.get("resourceType", "")
        if kind not in KINDS:
            return
        if isinstance(given, LazyDocument):
            self._stowed[id(document)] = given
        self._by_url[kind].setdefault(document.get("url", ""), []).append(document)
        if "id" in document:
            self._by_id[kind].setdefault(document["id"], document)
        if kind == "CodeSystem" and is_language_pack(document):
            self._language_packs.append(document)

    def with_documents(self, documents: Iterable[Document]) -> Catalogue:
        """This catalogue with some documents before it.

        Raises TerminologyError for documents that nobody could find. What else is wrong with one matters
        when it is used, and not to bystanders.
        """
        return Catalogue(map(require_header, documents), beneath=self)

    def for_fhir(self, version: str) -> Catalogue:
        """This catalogue as a release of FHIR sees it: with what FHIR itself publishes, in the version of the
        release where nobody states another.
        """
        releases = self._releases
        if version not in releases:
            own = self._definitions.get(version, tuple)
            releases[version] = ReleaseView(self, version, own())
        return releases[version]

    def grown(self, documents: Sequence[Document]) -> Catalogue:
        """This overlay with more documents, which take the place of its own with the same canonical and
        version. What is compiled stays so.
        """
        new = {_identity(document) for document in documents}
        own = (d for by_url in self._by_url.values() for held in by_url.values() for d in held)
        kept = [document for document in own if _identity(document) not in new]
        grown = Catalogue([*documents, *kept], self._systems.values(), self._beneath)
        grown._compiled |= {id(d): self._compiled[id(d)] for d in kept if id(d) in self._compiled}
        return grown

    def laid_over(self, beneath: Catalogue | None) -> Catalogue:
        """The documents of this overlay before another catalogue, or before none. What is compiled is shared,
        so it should be the same catalogue again.
        """
        other = copy(self)
        other._beneath = beneath
        other._releases = {}
        return other

    # -- documents ---------------------------------------------------------------------------

    def documents(self, kind: str) -> Iterator[Document]:
        """Every document of a kind, the overlay's first."""
        for header in self.headers(kind):
            stowed = self._stowed_of(header)
            yield stowed.glance() if stowed else self.whole(header)

    def headers(self, kind: str) -> Iterator[Document]:
        """Every document of a kind; of those that are stowed what there is besides the content."""
        for documents in self._by_url[kind].values():
            yield from documents
        if self._beneath is not None:
            yield from self._beneath.headers(kind)

    def whole(self, header: Document) -> Document:
        """The resource as it is read, that a header is of; a document is its own."""
        shelf = self._shelf_of(header)
        return shelf.whole() if shelf else self._document(header)

    def _shelf_of(self, header: Document) -> Stored | None:
        shelf = self._stored.get(id(header))
        return self._beneath._shelf_of(header) if shelf is None and self._beneath else shelf

    def _document(self, header: Document) -> Document:
        """What is asked, that a header is of."""
        stowed = self._stowed_of(header)
        return stowed.document() if stowed else header

    def _stowed_of(self, header: Document) -> LazyDocument | None:
        stowed = self._stowed.get(id(header))
        return self._beneath._stowed_of(header) if stowed is None and self._beneath else stowed

    def resource(self, kind: str, id_: str) -> Document:
        """The document with an id; see ``whole``. Raises TerminologyError when there is none."""
        found = self._by_id[kind].get(id_)
        if found is not None:
            return self._document(found)
        if self._beneath is None:
            raise TerminologyError(issues.unknown_resource(kind, id_))
        return self._beneath.resource(kind, id_)

    def ids(self, kind: str) -> Collection[str]:
        """The ids of this catalogue's own documents of a kind."""
        return self._by_id[kind].keys()

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        """The best document of a canonical url and, if given, version or wildcard; see ``versions``."""
        found = versions.best([d for d in self._by_url[kind].get(url, ()) if not _is_supplement(d)], version)
        if found is None and self._beneath is not None:
            return self._beneath.find(kind, url, version)
        return None if found is None else self._sound(self._document(found))

    def _sound(self, document: Document) -> Document:
        return document if self._beneath is None else require(document)

    def known_versions(self, kind: str, url: str) -> list[str]:
        """The versions of a canonical url that are here, in order."""
        beneath = self._beneath.known_versions(kind, url) if self._beneath else []
        own = versions.known(self._by_url[kind].get(url, []))
        stored = [v for u, v in self._systems if kind == "CodeSystem" and u == url and v]
        return list(dict.fromkeys([*beneath, *stored, *own]))

    # -- code systems ------------------------------------------------------------------------

    def preferred(self, uri: str) -> str:
        """The uri that a code system is known by here: an alias or OID of a NamingSystem, or an OID among its
        own identifiers, becomes the preferred uri.
        """
        if uri in self._by_url["CodeSystem"] or any(uri == url for url, _ in self._systems):
            return uri
        beneath = self._beneath.preferred(uri) if self._beneath else uri
        return self._aliases.get(beneath, beneath)

    @cached_property
    def _aliases(self) -> dict[str, str]:
        aliases = dict(self._oids["CodeSystem"])
        for naming in self._by_url["NamingSystem"].values():
            for document in naming:
                aliases |= _aliases(document)
        return aliases

    @cached_property
    def _oids(self) -> dict[str, dict[str, str]]:
        """The OIDs among the identifiers of resources, each with the url of the first that has it."""
        oids: dict[str, dict[str, str]] = {"CodeSystem": {}, "ValueSet": {}}
        for kind, urls in oids.items():
            for url, documents in self._by_url[kind].items():
                named = (oid for document in documents for oid in _oids(document) if url)
                for oid in named:
                    urls.setdefault(oid, url)
        return oids

    def _url_of_value_set(self, uri: str) -> str:
        """The url of the value set that an OID identifies; any other uri stays as it is."""
        if not uri.startswith(OID) or uri in self._by_url["ValueSet"]:
            return uri
        beneath = self._beneath._url_of_value_set(uri) if self._beneath else uri
        return self._oids["ValueSet"].get(uri, beneath)

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """The code system of a url (or alias) and version, or None."""
        url = self.preferred(url)
        document = versions.best(
            [d for d in self._by_url["CodeSystem"].get(url, ()) if not _is_supplement(d)], version
        )
        own = [system for (u, v), system in self._systems.items() if u == url and versions.fits(v, version)]
        content = document.get("content", "complete") if document is not None else "not-present"
        if document is not None and content != "not-present" and not (own and content != "complete"):
            return self._compile_system(document)
        if own:
            return own[-1]
        return self._beneath.find_system(url, version) if self._beneath else None

    def _compile_system(self, document: Document) -> CodeSystem:
        compiled = self._compiled.get(id(document))
        if compiled is None or isinstance(compiled, ConceptMap):
            shelf = self._stored.get(id(document))
            compiled = shelf.system() if shelf else DocumentSystem(self._sound(self._document(document)))
            self._compiled[id(document)] = compiled
        return compiled

    def system(self, url: str, version: str | None = None, supplements: Sequence[str] = ()) -> CodeSystem:
        """The code system of a url and version, seen through some supplements.

        Raises TerminologyError: unknown system, unknown version, unknown or foreign supplement.
        """
        found = self.find_system(url, version)
        if found is None:
            raise TerminologyError(self._why_not(url, version))
        return self.supplemented(found, [self._supplement(canonical, found) for canonical in supplements])

    def supplemented(self, system: CodeSystem, named: Sequence[Document] = ()) -> CodeSystem:
        """A code system seen through those of the supplements named that are its own, and through its
        language packs, which need not be named (tx-ecosystem, "languages").
        """
        mine = [document for document in named if applies_to(document, system.about)]
        urls = {document.get("url") for document in mine}
        packs = [pack for pack in self.language_packs(system.about) if pack.about.url not in urls]
        found = [*(self._stored_system(document) or document for document in mine), *packs]
        return Supplemented(system, found) if found else system

    def _stored_system(self, document: Document) -> CodeSystem | None:
        """The code system, if there is but its header here."""
        if id(document) in self._stored:
            return self._compile_system(document)
        return self._beneath._stored_system(document) if self._beneath else None

    def language_packs(self, of: CodeSystemInfo) -> list[CodeSystem]:
        """The supplements that say a code system in other languages, the best version of each."""
        held: dict[str, list[Document]] = {}
        for document in self._language_packs:
            if applies_to(document, of):
                held.setdefault(document.get("url", ""), []).append(document)
        best = (versions.best(documents, None) for documents in held.values())
        own = [self._compile_system(document) for document in best if document is not None]
        beneath = self._beneath.language_packs(of) if self._beneath else []
        return own + [pack for pack in beneath if pack.about.url not in held]

    def _why_not(self, url: str, version: str | None) -> Issue:
        url = self.preferred(url)
        held = [d for d in self.headers("CodeSystem") if d.get("url") == url]
        if held and all(_is_supplement(d) for d in held):
            return issues.system_is_supplement(url)
        known = self.known_versions("CodeSystem", url)
        if version is not None and known:
            return issues.unknown_version(url, version, known)
        return issues.unknown_system(url)

    def supplement(self, canonical: str) -> Document:
        """The CodeSystem document of a supplement. Raises TerminologyError when it is not here."""
        url, version = split_canonical(canonical)
        candidates = [d for d in self.headers("CodeSystem") if d.get("url") == url and _is_supplement(d)]
        document = versions.best(candidates, version)
        if document is None:
            raise TerminologyError(issues.missing_supplement(canonical))
        return self._sound(self._document(document))

    def _supplement(self, canonical: str, system: CodeSystem) -> Document:
        document = self.supplement(canonical)
        if not applies_to(document, system.about):
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

    def abouts(self) -> Iterator[CodeSystemInfo]:
        """What every code system that can be asked says of itself, in all versions."""
        for documents in self._by_url["CodeSystem"].values():
            for document in documents:
                if not _is_supplement(document) and document.get("content") != "not-present":
                    yield about(document)
        yield from (system.about for system in self._systems.values())
        if self._beneath is not None:
            yield from self._beneath.abouts()

    # -- value sets and maps -----------------------------------------------------------------

    def value_set(self, url: str, version: str | None = None, pinned: Pinned = unpinned) -> Document:
        """The definition of a value set, also of one that a code system implies. Raises TerminologyError.

        One that is implied leaves the version of its code system open, unless it is asked for by a version.
        ``pinned`` says in which version of a code system what is open will be read, so that it is there.
        """
        if version is None:
            url, version = split_canonical(url)
        found = self.find("ValueSet", self._url_of_value_set(url), version)
        found = found or self._implied(url, version, pinned)
        if found is None:
            named = f"{url}|{version}" if version else url
            why = self._why_not_implied(url, version, pinned)
            raise TerminologyError(issues.unknown_value_set(named, why))
        return found

    def _implied(self, url: str, version: str | None, pinned: Pinned) -> Document | None:
        system = self._edition(url.partition("?")[0])
        if system is not None and (found := self._implied_by(system, url, version, pinned)) is not None:
            return found
        declaring = [d for d in self.headers("CodeSystem") if d.get("valueSet") == url]
        declared = versions.best(declaring, version) or versions.best(declaring, None)
        if declared is None:
            return self._implied_by_systems(url)
        system = self.find_system(declared.get("url", ""))
        if version is None and (system is None or system.implied(url) is None):
            version = declared.get("version")  # later versions imply another value set, or none
            system = self.find_system(declared.get("url", ""), version)
        return self._implied_by(system, url, version, pinned) if system else None

    def _implied_by(
        self, system: CodeSystem, url: str, version: str | None, pinned: Pinned
    ) -> Document | None:
        """What a code system implies: of a version, if one is asked for, and else of any."""
        meant = self._meant_by(system, url, version, pinned)
        implied = meant.implied(url) if meant else None
        return in_version(implied, meant.about.version) if meant and implied and version else implied

    def _meant_by(
        self, system: CodeSystem, url: str, version: str | None, pinned: Pinned
    ) -> CodeSystem | None:
        """The version of a code system that its value set will be read in."""
        held = system.about
        if version is not None:
            return self.find_system(held.url, version)
        is_open = not versions.is_edition(held.version, url.partition("?")[0])
        wanted = pinned(held.url) if is_open else None
        # A version that is not here is missed when the code system is looked for.
        return (self.find_system(held.url, wanted) if wanted else None) or system

    def _why_not_implied(self, url: str, version: str | None, pinned: Pinned) -> str | None:
        base, mark, asked = url.partition(ALL_CODES)
        system = self._edition(base) if mark else None
        if system is None:
            return None
        meant = self._meant_by(system, url, version, pinned)
        if meant is None:
            known = self.known_versions("CodeSystem", system.about.url)
            return issues.unknown_version(system.about.url, version or "", known).text
        code = asked.removeprefix(BELOW)
        is_unknown = code != asked and meant.locate(code) is None
        return issues.no_code_to_imply(base, code) if is_unknown else issues.not_implied(base)

    def _edition(self, url: str) -> CodeSystem | None:
        """The code system of a url; this may also be that of a version, or of an edition with versions."""
        if (found := self.find_system(url)) is not None:
            return found
        held = [about for about in self.abouts() if versions.is_edition(about.version, url)]
        if not held:
            return None
        newest = max(held, key=lambda about: versions.natural(about.version or ""))
        return self.find_system(newest.url, newest.version)

    def _implied_by_systems(self, url: str) -> Document | None:
        implied = (system.implied(url) for system in self._systems.values())
        found = next((document for document in implied if document is not None), None)
        return self._beneath._implied_by_systems(url) if found is None and self._beneath else found

    def concept_map(self, url: str, version: str | None = None) -> ConceptMap:
        """The compiled map of a canonical. Raises TerminologyError when it is not known."""
        if version is None:
            url, version = split_canonical(url)
        document = self.find("ConceptMap", url, version) or self._implied_map(url)
        if document is None:
            raise TerminologyError(
                issues.unknown_concept_map(url, version, self.known_versions("ConceptMap", url))
            )
        return self.compile_map(document)

    def _implied_map(self, url: str) -> Document | None:
        """The map of an edition, or of its version, that an implicit canonical of SNOMED CT names."""
        base, mark, asked = url.partition(MAPPED)
        system = self._edition(base) if mark else None
        about = system.about if system else None
        return self.find("ConceptMap", f"{about.url}{MAPPED}{asked}", about.version) if about else None

    def compile_map(self, document: Document) -> ConceptMap:
        """A ConceptMap document, ready to be asked; compiled once. Raises TerminologyError if it is malformed
        (only what comes with a request is looked at).
        """
        compiled = self._compiled.get(id(document))
        if isinstance(compiled, ConceptMap) and compiled.document is document:
            return compiled
        if self._beneath is not None and self._beneath._has(document):
            return self._beneath.compile_map(document)
        shelf = self._stored.get(id(document))
        compiled = shelf.map(self.preferred) if shelf else ConceptMap(self._sound(document), self.preferred)
        if self._holds(document):
            self._compiled[id(document)] = compiled
        return compiled

    def _has(self, document: Document) -> bool:
        """Is the document here, or beneath?"""
        return self._holds(document) or (self._beneath is not None and self._beneath._has(document))

    def _holds(self, document: Document) -> bool:
        kind = document.get("resourceType", "")
        held = self._by_url.get(kind, {}).get(document.get("url", ""), ())
        return any(document is other or document is self._document(other) for other in held)

    def concept_maps(self, malformed: list[TerminologyError] | None = None) -> list[ConceptMap]:
        """The maps that may be used unasked: the best version of each, none that is retired or malformed.

        What is wrong with the latter is added to ``malformed``.
        """
        held: dict[str, list[Document]] = {}
        for document in self.headers("ConceptMap"):
            held.setdefault(document.get("url", ""), []).append(document)
        usable = []
        for document in (d for documents in held.values() for d in _best_of(documents)):
            try:
                usable.append(self.compile_map(self._document(document)))
            except TerminologyError as wrong:
                if malformed is not None:
                    malformed.append(wrong)
        return usable


class ReleaseView(Catalogue):
    """What requests are answered from: it remembers what it was asked for."""

    def __init__(
        self, content: Catalogue, version: str, definitions: Iterable[Document | LazyDocument]
    ) -> None:
        super().__init__(definitions, beneath=content)
        self._content = content
        self._version = version
        self._family = (version, f"{version.partition('.')[0]}.x")
        self._preferred: dict[str, str] = {}
        self._documents: dict[tuple[str, str, str | None], Document] = {}
        self._found: dict[tuple[str, str | None], CodeSystem] = {}
        self._seen: dict[int, tuple[CodeSystem, CodeSystem]] = {}
        self._maps: dict[tuple[str, str | None], ConceptMap] = {}
        self._versions: dict[tuple[str, str], list[str]] = {}

    def for_fhir(self, version: str) -> Catalogue:
        return self

    def over(self, content: Catalogue) -> ReleaseView:
        """The same of other content. What is compiled stays so."""
        moved = ReleaseView(content, self._version, self._own())
        moved._compiled |= self._compiled_own()
        return moved

    def headers(self, kind: str) -> Iterator[Document]:
        """The content before the definitions; what the content has under the same id hides a definition."""
        yield from self._content.headers(kind)
        hidden = self._content.ids(kind)
        for documents in self._by_url[kind].values():
            yield from (document for document in documents if document.get("id") not in hidden)

    def resource(self, kind: str, id_: str) -> Document:
        if id_ in self._content.ids(kind):
            return self._content.resource(kind, id_)
        return super().resource(kind, id_)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        asked = (kind, url, version)
        found = self._documents.get(asked)
        if found is None:
            found = super().find(kind, url, version or self._own_version(kind, url))
            if found is not None:
                _remember(self._documents, asked, found)
        return found

    def concept_map(self, url: str, version: str | None = None) -> ConceptMap:
        known = self._maps.get((url, version))
        if known is None:
            known = super().concept_map(url, version)
            _remember(self._maps, (url, version), known)
        return known

    @cached_property
    def _usable_maps(self) -> tuple[list[ConceptMap], list[TerminologyError]]:
        malformed: list[TerminologyError] = []
        return super().concept_maps(malformed), malformed

    def concept_maps(self, malformed: list[TerminologyError] | None = None) -> list[ConceptMap]:
        usable, wrong = self._usable_maps
        if malformed is not None:
            malformed += wrong
        return list(usable)

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        found = self._found.get((url, version))
        if found is None:
            found = super().find_system(url, version or self._own_version("CodeSystem", self.preferred(url)))
            if found is not None:
                _remember(self._found, (url, version), found)
        return found

    def known_versions(self, kind: str, url: str) -> list[str]:
        known = self._versions.get((kind, url))
        if known is None:
            known = super().known_versions(kind, url)
            _remember(self._versions, (kind, url), known)
        return list(known)

    def preferred(self, uri: str) -> str:
        known = self._preferred.get(uri)
        if known is None:
            known = super().preferred(uri)
            _remember(self._preferred, uri, known)
        return known

    def supplemented(self, system: CodeSystem, named: Sequence[Document] = ()) -> CodeSystem:
        if named:
            return super().supplemented(system, named)
        known = self._seen.get(id(system))
        if known is None:
            known = system, super().supplemented(system)
            _remember(self._seen, id(system), known)
        return known[1]

    def _sound(self, document: Document) -> Document:
        return document  # these did not come with a request

    def _own_version(self, kind: str, url: str) -> str | None:
        """The version of FHIR's own resource: that of the release, or another of the same family."""
        if not url.startswith(FHIR):
            return None
        known = self.known_versions(kind, url)
        fitting = (r for r in self._family if any(versions.fits(version, r) for version in known))
        return next(fitting, None)


def _remember(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    known[key] = value


def _best_of(documents: Sequence[Document]) -> list[Document]:
    """The documents of the best version. Maps with the same canonical may each say a part of it."""
    usable = [document for document in documents if document.get("status") != "retired"]
    best = versions.best(usable, None)
    return [d for d in usable if best is not None and d.get("version") == best.get("version")]


def _identity(document: Document) -> tuple[Any, ...]:
    """What two versions of a text for the same resource have in common. Without a url, each is its own."""
    named = (document.get("resourceType"), document.get("url"), document.get("version"))
    return named if document.get("url") else (*named, id(document))


def _weight(made: Weighed) -> int:
    return made.weight


def _is_supplement(document: Document) -> bool:
    return document.get("content") == "supplement"


def _oids(document: Document) -> Iterator[str]:
    """The OIDs of a resource, which may be one that came with a request."""
    identifiers = document.get("identifier")
    if _is_supplement(document) or not isinstance(identifiers, list):
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
        f"{prefix}{i['value'].removeprefix('urn:oid:')}"
        for i in ids
        if i.get("type") == "oid" and "value" in i
        for prefix in ("urn:oid:", "")
    ]
    return {name: preferred for name in names if name != preferred}
