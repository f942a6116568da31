"""The table of the operations of the base itself: what can be asked at ``[base]/$name``?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from terminology.catalogue.overlay import Overlay
from terminology.core.model import Document
from terminology.operations.closure import ClosureRequest, closure
from terminology.wire import r4
from terminology.wire.cache_control import PARAMETERS as CACHE_CONTROL
from terminology.wire.cache_control import cache_control, with_cache
from terminology.wire.fhir_releases import FhirVersion
from terminology.wire.messages import Context, Request
from terminology.wire.operations import CORE, ECOSYSTEM, RESOURCES
from terminology.wire.parameters import Parameter, p
from terminology.wire.write import parameters as write
from terminology.wire.write import relations as write_relations

Fields = dict[str, Any]


@dataclass(slots=True, frozen=True)
class SystemOperation:
    """One operation of the base: ``run`` is given the parameters that were read, and gives a resource in the
    release's own shape. One that affects state is never asked by GET.
    """

    definition: str
    run: Callable[[Context, Request, Fields], Document]
    parameters: Sequence[Parameter] = ()
    affects_state: bool = False
    in_r6: bool = True


def _versions(context: Context, request: Request, fields: Fields) -> Document:
    """The versions that this root speaks, and the one it speaks to those who ask for none.

    (https://hl7.org/fhir/R5/capabilitystatement-operation-versions.html).
    """
    spoken = context.releases or (context.release,)
    versions = sorted(release.short for release in spoken)
    return write.parameters(
        [
            *({"name": "version", "valueCode": version} for version in versions),
            {"name": "default", "valueCode": spoken[0].short},
        ]
    )


def _closure(context: Context, request: Request, fields: Fields) -> Document:
    """Say how new concepts of a named table stand to those that it had: which subsumes which."""
    catalogue, _ = with_cache(context, request, ())
    resources = [context.release.upgrade(resource) for resource in fields.pop("resources", ())]
    if resources:
        catalogue = Overlay.of(catalogue, resources)
    answer = closure(catalogue, context.state.closures, ClosureRequest(**fields))
    document = write_relations.closure(answer)
    return r4.as_r4_closure(document) if context.release.is_r4 else document


SYSTEM_OPERATIONS: dict[str, SystemOperation] = {
    "versions": SystemOperation(CORE + "CapabilityStatement-versions", _versions),
    "closure": SystemOperation(
        CORE + "ConceptMap-closure",
        _closure,
        (
            p("name", "string"),
            p("concepts", "Coding", "concept", many=True),
            p("version", "string"),
            RESOURCES,
        ),
        affects_state=True,
        in_r6=False,
    ),
    "cache-control": SystemOperation(
        ECOSYSTEM + "cache-control", cache_control, CACHE_CONTROL, affects_state=True
    ),
}


def system_operations(release: FhirVersion) -> dict[str, SystemOperation]:
    """The operations of the base, by name, that a release has."""
    return {name: row for name, row in SYSTEM_OPERATIONS.items() if row.in_r6 or not release.is_ballot}
