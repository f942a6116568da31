"""The content that is served: loaded resources, built-in code systems and resources in the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial

from terminology.catalogue.concept_map import ConceptMap
from terminology.catalogue.derived_answers import DerivedAnswers
from terminology.catalogue.protocol import Catalogue, CompiledResource, ContentView
from terminology.catalogue.release_view import Definitions, ReleaseView
from terminology.catalogue.remembering import Remembering
from terminology.catalogue.resource_index import ResourceIndex
from terminology.core import issues, versions
from terminology.core.documents import FIRST_ROWS, LazyDocument
from terminology.core.errors import TerminologyError, UnavailableError
from terminology.core.model import CodeSystemInfo, Document
from terminology.systems.grammar import GrammarCodeSystem
from terminology.systems.metadata import stub_of
from terminology.systems.names import registered
from terminology.systems.protocol import CodeSystem


def _never() -> UnavailableError | None:
    return None


class Content(DerivedAnswers):
    """The resources of this server, the same for every request and release of FHIR.

    ``systems`` are code systems without a resource (a grammar, an upstream). ``definitions`` read the
    resources that FHIR itself publishes, by the version of FHIR, when this version is first used. ``loaded`` are
    resources like ``documents``, which may change while the server runs (``renewed``).
    """

    def __init__(
        self,
        documents: Iterable[Document | LazyDocument] = (),
        systems: Iterable[CodeSystem] = (),
        definitions: Mapping[str, Callable[[], Iterable[Document | LazyDocument]]] | None = None,
        stored: Iterable[CompiledResource] = (),
        loaded: Iterable[Document | LazyDocument] = (),
    ) -> None:
        self._fixed, self._loaded, self._stored = tuple(documents), tuple(loaded), tuple(stored)
        self._index = ResourceIndex((*self._fixed, *self._loaded), self._stored)
        self._systems = _with_common_codes(systems, self._index)
        # For reads and searches. They stand beside the index, which has no codes for them.
        self._stubs = {stub["id"]: stub for stub in (stub_of(s.about) for s in self._systems.values())}
        self._definitions = Definitions(definitions or {})
        self._views: dict[str, Remembering] = {}
        self._problem: UnavailableError | None = None
        self._away = _never

    def renewed(
        self,
        stored: Iterable[CompiledResource],
        written: Iterable[LazyDocument] = (),
        loaded: Iterable[Document | LazyDocument] | None = None,
        problem: UnavailableError | None = None,
        away: Callable[[], UnavailableError | None] = _never,
    ) -> Content:
        """This content with other resources from the store, from clients and, unless it is None, from files.

        Of resources with the same canonical and version the first one answers: the ``written`` ones come first.
        ``problem``: the store may have more, but cannot be read; ``away`` tells whether it can, when it is called.
        Compiled resources stay compiled, and the definitions of FHIR are not read again.
        """
        content = copy(self)
        content.__dict__.pop("cache", None)
        content._loaded = self._loaded if loaded is None else tuple(loaded)
        content._stored = tuple(stored)
        content._index = self._index.renewed((*written, *self._fixed, *content._loaded), content._stored)
        content._systems = _with_common_codes(self._systems.values(), content._index)
        content._views = {}
        content._problem, content._away = problem, away
        return content

    def forget_views(self) -> None:
        """Let go of what ``for_fhir`` has made, when other content has taken the place of this one.

        The views refer to the content. Otherwise it would be in a reference cycle, and would keep artifacts open that
        have left the store.
        """
        self._views = {}

    def licensed(self, view: ContentView) -> Content:
        """This content without the texts that a view keeps back. Its compiled resources are its own."""
        view.learn(self._index.aliases)
        content = copy(self)
        content.__dict__.pop("cache", None)
        content._index = self._index.licensed(view)
        content._systems = _with_common_codes(map(view.system, self._systems.values()), content._index)
        content._definitions = self._definitions.licensed(view)
        content._views = {}
        return content

    def for_fhir(self, version: str) -> Catalogue:
        view = self._views.get(version)
        if view is None:
            new = Remembering(ReleaseView(self, version, self._definitions.of(version)))
            view = self._views.setdefault(version, new)
        return view

    # -- resources -------------------------------------------------------------------------------

    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]:
        yield from self._index.headers(kind, url)
        if kind == "CodeSystem":
            for id_, stub in self._stubs.items():
                if url in (None, stub["url"]) and not self._index.has_id(kind, id_):
                    yield stub

    def whole(self, header: Document, keep: bool = True, rows: range = FIRST_ROWS) -> Document:
        return self._index.whole(header, keep, rows) or header

    def rows(self, header: Document) -> int:
        return self._index.rows(header)

    def searched(self, header: Document, codes: Collection[str]) -> Document:
        builtin = self._of_stub(header)
        if builtin is None:
            return self._index.searched(header, codes) or header
        located = (builtin.locate(code) for code in codes)
        return {**header, "concept": [{"code": concept.code} for concept in located if concept is not None]}

    def document(self, header: Document) -> Document:
        return self._index.document(header) or header

    def resource(self, kind: str, id_: str) -> Document:
        resource = self._index.resource(kind, id_)
        if resource is None and kind == "CodeSystem":
            resource = self._stubs.get(id_)
        if resource is None:
            self.require_store()
            raise TerminologyError(issues.unknown_resource(kind, id_))
        return resource

    def has_id(self, kind: str, id_: str) -> bool:
        return self._index.has_id(kind, id_) or (kind == "CodeSystem" and id_ in self._stubs)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        return self._index.find(kind, url, version)

    def known_versions(self, kind: str, url: str) -> list[str]:
        builtin = [v for u, v in self._systems if kind == "CodeSystem" and u == url and v]
        return list(dict.fromkeys([*builtin, *self._index.versions(kind, url)]))

    # -- code systems ----------------------------------------------------------------------------

    def preferred(self, uri: str) -> str:
        if self._index.has_url("CodeSystem", uri) or any(uri == url for url, _ in self._systems):
            return uri
        return self._index.aliases.get(uri) or registered(uri)

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """A complete resource is preferred to a built-in code system, and that to an incomplete resource."""
        url = self.preferred(url)
        header = self._index.best("CodeSystem", url, version)
        builtin = [
            system for (u, v), system in self._systems.items() if u == url and versions.fits(v, version)
        ]
        content = "not-present" if header is None else header.get("content", "complete")
        if header is not None and content != "not-present" and not (builtin and content != "complete"):
            return self._index.system(header)
        return builtin[-1] if builtin else None

    def language_packs(self, about: CodeSystemInfo) -> list[CodeSystem]:
        return list(self._index.language_packs(about).values())

    def compiled_system(self, document: Document) -> CodeSystem | None:
        header = self._index.header_of(document)
        return self._of_stub(document) if header is None else self._index.system(header)

    def _of_stub(self, document: Document) -> CodeSystem | None:
        """The code system whose stub a document is."""
        is_stub = self._stubs.get(document.get("id", "")) is document
        return self._systems[document["url"], document.get("version")] if is_stub else None

    def require_store(self) -> None:
        if self._problem is not None:
            raise self._problem

    def faults(self) -> Sequence[UnavailableError]:
        problem = self._problem or self._away()
        if problem is not None:
            return [problem]
        return [fault for resource in self._stored if (fault := resource.fault) is not None]

    def builtin_systems(self) -> Iterator[CodeSystem]:
        return iter(self._systems.values())

    def abouts(self) -> Iterator[CodeSystemInfo]:
        yield from self._index.abouts()
        yield from (system.about for system in self._systems.values())

    # -- value sets and maps ---------------------------------------------------------------------

    def url_of_value_set(self, uri: str) -> str:
        return uri if self._index.has_url("ValueSet", uri) else self._index.value_sets_by_oid.get(uri, uri)

    def compiled_map(self, document: Document) -> ConceptMap | None:
        header = self._index.header_of(document)
        return None if header is None else self._index.map(header, self.preferred)


def _with_common_codes(
    systems: Iterable[CodeSystem], index: ResourceIndex
) -> dict[tuple[str, str | None], CodeSystem]:
    """The code systems by url and version. A grammar finds the value sets of its common codes in the index."""
    find = partial(index.find, "ValueSet")
    finding = (each.listed_by(find) if isinstance(each, GrammarCodeSystem) else each for each in systems)
    return {(each.about.url, each.about.version): each for each in finding}
