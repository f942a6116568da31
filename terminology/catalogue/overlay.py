"""Resources before a catalogue: those that travel with a request (``tx-resource``) or are cached by a client."""

from __future__ import annotations

from collections.abc import Iterable

from terminology.catalogue.protocol import Catalogue
from terminology.catalogue.resource_index import ResourceIndex
from terminology.catalogue.wrapper import ResourcesBefore
from terminology.core.model import Document


class Overlay(ResourcesBefore):
    """A catalogue with resources of a client before it.

    ``resources`` may outlive the overlay, and be laid before the same catalogue again: they do not hold it.
    """

    @staticmethod
    def of(base: Catalogue, documents: Iterable[Document]) -> Overlay:
        """Raises TerminologyError for a resource that could not be found; see ``ResourceIndex.of_request``."""
        return Overlay(base, ResourceIndex.of_request(documents))

    def for_fhir(self, version: str) -> Catalogue:
        base = self.base.for_fhir(version)
        return self if base is self.base else Overlay(base, self.resources)
