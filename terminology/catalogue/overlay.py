"""A catalogue with the resources of a client: sent with the request (``tx-resource``), or cached for the client."""

from __future__ import annotations

from collections.abc import Iterable

from terminology.catalogue.protocol import Catalogue
from terminology.catalogue.resource_index import ResourceIndex
from terminology.catalogue.wrapper import ResourcesBefore
from terminology.core.model import Document


class Overlay(ResourcesBefore):
    """A catalogue whose ``base`` is asked only for what the resources of a client do not have.

    The ``resources`` do not refer to the base: they may be kept, and combined with it again later.
    """

    @staticmethod
    def of(base: Catalogue, documents: Iterable[Document]) -> Overlay:
        """Raises TerminologyError for a resource that could not be found; see ``ResourceIndex.of_request``."""
        return Overlay(base, ResourceIndex.of_request(documents))

    def for_fhir(self, version: str) -> Catalogue:
        base = self.base.for_fhir(version)
        return self if base is self.base else Overlay(base, self.resources)
