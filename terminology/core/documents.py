"""What is kept of a document that nobody has asked for yet?

A package holds thousands of resources, of which few are ever asked for. Such a resource is stowed: its header
is at hand, which is enough to find it and to choose its version; the rest is read when it is wanted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from terminology.core.model import Document

# The elements that are as long as the content is; a header has all the others.
CONTENT = frozenset({"text", "contained", "concept", "compose", "expansion", "group"})

# As FHIR asks of a resource that is not shown whole.
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

_one_reader = Lock()


class Listing(Mapping[str, Document]):
    """The entries of a long list by their codes, each read when it is asked for."""

    @abstractmethod
    def among(self, codes: Sequence[str]) -> None:
        """Read those of some codes at once, which will be asked for soon."""

    @abstractmethod
    def known_to(self, system: object) -> Sequence[str] | None:
        """The codes, in their order and each once, that a code system has; what is not looked at is not
        read. None where it takes reading them all to tell.
        """


class Enumeration(Sequence[Document]):
    """A long list of a document (``include.concept``) that lies elsewhere, and is read as it is wanted."""

    @abstractmethod
    def by_code(self, folds: bool) -> Listing:
        """Its entries by their codes, or by these without case."""


class LazyDocument:
    """A document that is put away: ``header`` is all of it but its content."""

    __slots__ = ("_document", "_read", "header")

    def __init__(self, header: Document, read: Callable[[], Document]) -> None:
        self.header = header
        self._read = read
        self._document: Document | None = None

    def document(self) -> Document:
        """The whole document; it stays at hand from now on. Always the same object."""
        if self._document is None:
            with _one_reader:
                if self._document is None:
                    self._document = self._read()
        return self._document

    def glance(self) -> Document:
        """The whole document, for one look: it is not kept."""
        return self._document or self._read()


def header_of(document: Document) -> Document:
    """The document without its content."""
    return {name: value for name, value in document.items() if name not in CONTENT}
