"""A catalogue as a release of FHIR sees it: with the resources that FHIR itself publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock

from terminology.catalogue.protocol import Catalogue, ContentView
from terminology.catalogue.resource_index import ResourceIndex
from terminology.catalogue.wrapper import ResourcesBefore
from terminology.core import versions
from terminology.core.documents import LazyDocument
from terminology.core.model import Document
from terminology.systems.protocol import CodeSystem

# The beginning of the canonicals that FHIR itself publishes.
FHIR = "http://hl7.org/fhir/"


class Definitions:
    """The resources that FHIR itself publishes, by the version of FHIR; read when a version is first used."""

    def __init__(
        self,
        readers: Mapping[str, Callable[[], Iterable[Document | LazyDocument]]],
        view: ContentView | None = None,
    ) -> None:
        self._readers = readers
        self._view = view
        self._by_version: dict[str, ResourceIndex] = {}
        self._lock = Lock()

    def of(self, version: str) -> ResourceIndex:
        """The resources of a version; none for a version that is not known."""
        with self._lock:
            if version not in self._by_version:
                index = ResourceIndex(self._readers.get(version, tuple)())
                self._by_version[version] = index if self._view is None else index.licensed(self._view)
            return self._by_version[version]

    def licensed(self, view: ContentView) -> Definitions:
        """These resources without the texts that a view keeps back."""
        return Definitions(self._readers, view)


class ReleaseView(ResourcesBefore):
    """A catalogue with the definitions of one version of FHIR.

    Of FHIR's own resources the version of the release is used where no other version is asked for. By id, and
    in a search, the resources of the catalogue come first: they hide a definition with the same id.
    """

    def __init__(self, base: Catalogue, version: str, definitions: ResourceIndex) -> None:
        super().__init__(base, definitions)
        self._version = version
        self._family = (version, f"{version.partition('.')[0]}.x")

    def for_fhir(self, version: str) -> Catalogue:
        return self if version == self._version else self.base.for_fhir(version)

    def headers(self, kind: str, url: str | None = None) -> Iterator[Document]:
        yield from self.base.headers(kind, url)
        for header in self.resources.headers(kind, url):
            if not self.base.has_id(kind, header.get("id", "")):
                yield header

    def resource(self, kind: str, id_: str) -> Document:
        if self.base.has_id(kind, id_):
            return self.base.resource(kind, id_)
        return super().resource(kind, id_)

    def find(self, kind: str, url: str, version: str | None = None) -> Document | None:
        return super().find(kind, url, version or self._own_version(kind, url))

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        return super().find_system(url, version or self._own_version("CodeSystem", self.preferred(url)))

    def _own_version(self, kind: str, url: str) -> str | None:
        """The version of FHIR's own resource: that of the release, or another of the same family."""
        if not url.startswith(FHIR):
            return None
        known = self.known_versions(kind, url)
        fitting = (own for own in self._family if any(versions.fits(version, own) for version in known))
        return next(fitting, None)
