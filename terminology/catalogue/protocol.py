"""The protocol of a catalogue: the questions that operations and ``wire`` ask.

Catalogues wrap one another: requests are answered from ``Remembering(ReleaseView(Content(...)))``, and an
``Overlay`` around it adds the resources of one request. No operation notices the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from terminology.catalogue.concept_map import ConceptMap
from terminology.core.cache import Cache
from terminology.core.documents import FIRST_ROWS, LazyDocument
from terminology.core.errors import TerminologyError, UnavailableError, UnreadableArtifactError
from terminology.core.model import CodeSystemInfo, Document
from terminology.systems.protocol import CodeSystem

# The types of resources that a catalogue has.
KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")

# The version in which the code system of a url is to be used; None for the best one.
Pinned = Callable[[str], str | None]


def unpinned(url: str) -> str | None:
    """Any version will do."""
    return None


# A ConceptMap that cannot be used, and why.
MalformedMap = tuple[Document, TerminologyError | UnreadableArtifactError]


class Weighed(Protocol):
    """An object that an operation has made of documents, in a cache."""

    @property
    def weight(self) -> int:
        """About how many elements of value sets it has."""


class ContentView(Protocol):
    """What content without some texts is made by: see ``catalogue/licensed.py``."""

    def learn(self, names: Mapping[str, str]) -> None:
        """The urls of code systems by the other names that the content has for them."""

    def system(self, system: CodeSystem) -> CodeSystem:
        """A code system, or a supplement, without the texts."""

    def resource(self, resource: Document | LazyDocument) -> Document | LazyDocument:
        """A resource without the texts."""

    def stored(self, resource: CompiledResource) -> CompiledResource:
        """A resource in the store without the texts."""


class CompiledResource(Protocol):
    """A CodeSystem, ConceptMap or ValueSet in the store."""

    @property
    def document(self) -> Document:
        """The resource without its concepts, groups or long lists; always the same object."""

    @property
    def rows(self) -> int:
        """The number of concepts or mappings that are read row by row; 0 for a value set."""

    @property
    def fault(self) -> UnreadableArtifactError | None:
        """The reason why it cannot be read; None if it can. The store is asked."""

    def require(self) -> None:
        """Raises UnreadableArtifactError if it cannot be read."""

    def whole(self, rows: range = FIRST_ROWS) -> Document:
        """The resource as the interaction ``read`` gives it, with some of its rows."""

    def searched(self, codes: Collection[str]) -> Document:
        """The resource with the rows that a search for these codes needs, and perhaps others."""

    def system(self) -> CodeSystem: ...

    def map(self, preferred: Callable[[str], str]) -> ConceptMap: ...


@runtime_checkable
class Catalogue(Protocol):
    """The resources that can be asked about. A ``header`` is a resource, perhaps without its content."""

    # -- resources -------------------------------------------------------------------------------

    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]:
        """The header of every resource of a type, or of those with a url; an overlay's first."""

    def documents(self, kind: str) -> Iterator[Document]:
        """Every resource of a type as the interaction ``read`` gives it. Lazy documents are not kept."""

    def whole(self, header: Document, keep: bool = True, rows: range = FIRST_ROWS) -> Document:
        """The resource of a header as the interaction ``read`` gives it; with some of its rows if it is in the store.

        ``keep``: a lazy document stays in memory.
        """

    def rows(self, header: Document) -> int:
        """The number of concepts or mappings of a resource in the store; 0 for any other."""

    def searched(self, header: Document, codes: Collection[str]) -> Document:
        """The resource of a header, which may lack the rows that a search for these codes does not need."""

    def document(self, header: Document) -> Document:
        """The resource of a header as operations use it: long lists of the store are read as needed.

        Raises TerminologyError for a resource of a client that is malformed.
        """

    def resource(self, kind: str, id_: str) -> Document:
        """The resource with an id; see ``document``. Raises TerminologyError when there is none."""

    def has_id(self, kind: str, id_: str) -> bool:
        """Is there a resource with an id?"""

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        """The best resource of a canonical url and, if given, version or wildcard; see ``core.versions``."""

    def known_versions(self, kind: str, url: str) -> list[str]:
        """The known versions of a canonical url, in order."""

    # -- code systems ----------------------------------------------------------------------------

    def preferred(self, uri: str) -> str:
        """The uri by which this catalogue knows a code system.

        The alias or OID that a NamingSystem has for a code system, an OID among its own identifiers, or another
        name that HL7 registers becomes the preferred uri; any other uri stays as it is.
        """

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """The code system of a url (or alias) and version, or None."""

    def system(self, url: str, version: str | None = None, supplements: Sequence[str] = ()) -> CodeSystem:
        """The code system of a url and version, seen through some supplements.

        Raises TerminologyError: unknown code system or version, unknown supplement, or a supplement of
        another code system.
        """

    def supplement(self, canonical: str) -> Document:
        """The CodeSystem resource of a supplement. Raises TerminologyError when it is unknown."""

    def supplemented(self, system: CodeSystem, named: Sequence[Document] = ()) -> CodeSystem:
        """A code system seen through its supplements among ``named``, and through its language packs.

        Language packs apply in every request (tx-ecosystem, "languages").
        """

    def language_packs(self, about: CodeSystemInfo) -> list[CodeSystem]:
        """The supplements that add languages to a code system, the best version of each."""

    def compiled_system(self, document: Document) -> CodeSystem | None:
        """The code system of a CodeSystem resource of this catalogue; None for any other document."""

    def require_store(self) -> None:
        """Raises UnavailableError if the store cannot be read: a resource that is not found may then be there."""

    def faults(self) -> Sequence[UnavailableError]:
        """The reasons why content of the store cannot be read: an UnreadableArtifactError is about one resource."""

    def builtin_systems(self) -> Iterator[CodeSystem]:
        """The code systems that are not resources."""

    def abouts(self) -> Iterator[CodeSystemInfo]:
        """The metadata of every code system that has concepts, in all versions."""

    # -- value sets and maps ---------------------------------------------------------------------

    def value_set(self, url: str, version: str | None = None, pinned: Pinned = unpinned) -> Document:
        """The definition of a value set, also of one that a code system implies.

        An implied value set leaves the version of its code system open, unless it is asked for by a version;
        ``pinned`` then gives the version that will be used, so that the value set exists in it.

        Raises TerminologyError when it is not known.
        """

    def url_of_value_set(self, uri: str) -> str:
        """The url of the value set that an OID identifies; any other uri stays as it is."""

    def concept_map(self, url: str, version: str | None = None) -> ConceptMap:
        """The compiled map of a canonical. Raises TerminologyError when it is not known."""

    def concept_maps(self, malformed: list[MalformedMap] | None = None) -> list[ConceptMap]:
        """The maps for requests that name none: the best version of each, except retired and malformed ones.

        They come in the order of their canonicals.

        The malformed ones are added to ``malformed``.
        """

    def compile_map(self, document: Document) -> ConceptMap:
        """The compiled map of any ConceptMap resource; of this catalogue's resources it is compiled once.

        Raises TerminologyError if it is malformed.
        """

    def compiled_map(self, document: Document) -> ConceptMap | None:
        """The same for a resource of this catalogue; None for any other document."""

    # -- the catalogue itself --------------------------------------------------------------------

    def for_fhir(self, version: str) -> Catalogue:
        """This catalogue as a release of FHIR sees it.

        The resources that FHIR itself publishes are added, and preferred in the version of the release where
        no other version is asked for.
        """

    def licensed(self, view: ContentView) -> Catalogue:
        """This catalogue without the texts that licences keep back. Only that of all content can be seen so."""

    @property
    def cache(self) -> Cache[Weighed]:
        """The objects that operations have made of resources, to be used again.

        A new state of the content is a new catalogue, so the cache is never out of date.
        """
