"""Documents and lists that are read when they are needed.

A package holds thousands of resources, of which few are ever used. Such a resource is lazy: its header is in
memory, which is enough to find it and to choose its version; the rest is read at first use. A value set in the
store has long lists, which are read in part.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from terminology.core.model import Document

# The elements that hold the content of a resource. A header has all the others.
CONTENT = frozenset({"text", "contained", "concept", "compose", "expansion", "group"})

# FHIR's tag for a resource that is not shown whole.
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

# The most concepts or mappings of a resource in the store that one read returns.
MOST_ROWS = 1_000
FIRST_ROWS = range(MOST_ROWS)

_reading = Lock()


class Listing(Mapping[str, Document]):
    """The entries of a long list by their codes. Each is read when it is looked up."""

    @abstractmethod
    def among(self, codes: Sequence[str]) -> None:
        """Read the entries of some codes at once, before they are looked up one by one."""

    @abstractmethod
    def known_to(self, system: object) -> Sequence[str] | None:
        """The listed codes that a code system has, or as a fragment may have, each once and in the order of the list.

        The sequence is read a page at a time. None for a code system whose codes the store cannot compare.
        """

    @abstractmethod
    def expressions(self, system: object) -> Sequence[str]:
        """The listed codes that are expressions of a code system (``CodeSystem.is_expression``)."""


class Enumeration(Sequence[Document]):
    """A long list of a document (``include.concept``) that is in the store, and is read in part."""

    @abstractmethod
    def by_code(self, folds: bool) -> Listing:
        """The entries by their codes; with ``folds``, by their codes without case."""

    @abstractmethod
    def in_any_case(self, code: str) -> Sequence[Document]:
        """The entries whose code differs from this one in case only, or not at all.

        Of several entries with the same code, the last one counts, at the place of the first.
        """


class LazyDocument:
    """A document that is read at first use: ``header`` is all of it except its content."""

    __slots__ = ("_document", "_read", "header")

    def __init__(self, header: Document, read: Callable[[], Document]) -> None:
        self.header = header
        self._read = read
        self._document: Document | None = None

    def document(self) -> Document:
        """The whole document, which is kept from now on: it is always the same object."""
        if self._document is None:
            with _reading:
                if self._document is None:
                    self._document = self._read()
        return self._document

    def glance(self) -> Document:
        """The whole document, for one use: it is not kept."""
        return self._document or self._read()

    def has_read(self, document: Document) -> bool:
        """Is this document the one that was read from this LazyDocument?"""
        return self._document is document


def header_of(document: Document) -> Document:
    """The document without its content."""
    return {name: value for name, value in document.items() if name not in CONTENT}
