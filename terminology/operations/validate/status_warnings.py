"""Notes on the status (draft, withdrawn, ...) of the value sets and code systems of a validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terminology.core import issues
from terminology.core.model import Document, Issue
from terminology.operations.validate.coding_finding import CodingFinding, ValidationBasis
from terminology.operations.value_set.extensions import publication_warning
from terminology.operations.value_set.resolution import canonical


def status_warnings(findings: Sequence[CodingFinding], basis: ValidationBasis) -> list[Issue]:
    """One issue for each resource that gives a reason to be careful (``publication_warning``)."""
    value_set = basis.definition.document if basis.definition else None
    documents = {id(document): document for document in _used_documents(findings, basis)}
    return [
        issues.reference_to(warning, document["resourceType"], canonical(document))
        for document in documents.values()
        if (warning := publication_warning(document, value_set)) is not None
    ]


def _used_documents(findings: Sequence[CodingFinding], basis: ValidationBasis) -> Iterator[Document]:
    if basis.definition is not None:
        yield basis.definition.document
        yield from (definition.document for definition in basis.definition.all_imports())
    for finding in findings:
        for system in finding.systems:
            if system.about.document is not None:
                yield system.about.document
