"""What is kept of a document that nobody has asked for yet?

A package holds thousands of resources, of which few are ever asked for. Such a resource is stowed: its header
is at hand, which is enough to find it and to choose its version; the rest is read when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from terminology.model import Document

# The elements that are as long as the content is; a header has all the others.
CONTENT = frozenset({"text", "contained", "concept", "compose", "expansion", "group"})

_one_reader = Lock()


class Stowed:
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
