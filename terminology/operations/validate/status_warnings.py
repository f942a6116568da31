"""How far along are the resources that an answer rests on: is one of them a draft, or withdrawn?

A resource that says the same of itself as the value set that was asked for need not be mentioned
(tx-ecosystem, suite "deprecated").
"""

from __future__ import annotations

from collections.abc import Iterator

from terminology.core import issues
from terminology.core.languages import STANDARDS_STATUS
from terminology.core.model import Document, Issue
from terminology.operations.validate.validation import Against, Finding
from terminology.operations.value_set.definition import canonical


def standing_of(document: Document, root: Document | None) -> str | None:
    """deprecated, withdrawn, retired, experimental or draft; None when there is nothing to say.

    ``root`` is the value set that was asked for, if it was one.
    """
    root = root or {}
    marked = _marked(document)
    if marked in ("deprecated", "withdrawn"):
        return marked
    if document.get("status") == "retired":
        return "retired"
    if document.get("experimental") is True and root.get("experimental") is not True:
        return "experimental"
    is_draft = "draft" in (document.get("status"), marked)
    return "draft" if is_draft and "draft" not in (root.get("status"), _marked(root)) else None


def _marked(document: Document) -> str | None:
    marks = (e for e in document.get("extension", ()) if e.get("url") == STANDARDS_STATUS)
    return next((mark.get("valueCode") for mark in marks), None)


def standings(found: list[Finding], against: Against) -> list[Issue]:
    """Notes on the value sets and code systems that a validation rests on, each once."""
    root = against.definition.document if against.definition else None
    documents = {id(document): document for document in _rested_on(found, against)}
    noted = ((standing_of(document, root), document) for document in documents.values())
    return [
        issues.reference_to(standing, document["resourceType"], canonical(document))
        for standing, document in noted
        if standing is not None
    ]


def _rested_on(found: list[Finding], against: Against) -> Iterator[Document]:
    if against.definition is not None:
        yield against.definition.document
        yield from (definition.document for definition in against.definition.imports())
    for finding in found:
        for system in finding.systems:
            if system.about.document is not None:
                yield system.about.document
