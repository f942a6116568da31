"""The operations of the base that need more than the catalogue: ``$versions`` and ``$closure``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terminology.catalogue.protocol import Catalogue
from terminology.operations.closure import Closure, ClosureRequest, ClosureTables
from terminology.operations.closure import closure as extend_closure
from terminology.wire.fhir_versions import FhirVersion


@dataclass(slots=True, kw_only=True)
class VersionsRequest:
    """``fhir_versions`` are those of the root that is asked, the default first."""

    fhir_versions: Sequence[FhirVersion]


def versions(catalogue: Catalogue, request: VersionsRequest) -> Sequence[FhirVersion]:
    """The versions that this root speaks, and the one it speaks to those who ask for none.

    (https://hl7.org/fhir/R5/capabilitystatement-operation-versions.html).
    """
    return request.fhir_versions


@dataclass(slots=True, kw_only=True)
class ClosureCall(ClosureRequest):
    """A ``$closure`` request, with the place where the tables are kept."""

    tables: ClosureTables


def closure(catalogue: Catalogue, request: ClosureCall) -> Closure:
    """Add concepts to a closure table, and say which of them subsume which.

    Raises TerminologyError; see ``operations.closure``.
    """
    return extend_closure(catalogue, request.tables, request)
