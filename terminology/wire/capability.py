"""What can be asked here: CapabilityStatement, TerminologyCapabilities and ``$versions``.
 Everything is read off the table of operations, the table of search parameters and the catalogue, so that
nothing is advertised that is not there. HL7's ecosystem requirements:
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from terminology.catalogue import KINDS, Catalogue
from terminology.model import Document
from terminology.software import NAME, RELEASED, VERSION
from terminology.systems import CodeSystem
from terminology.wire.operations import OPERATIONS, SYSTEM_OPERATIONS
from terminology.wire.releases import Release
from terminology.wire.search import parameters_of

INSTANTIATES = "http://hl7.org/fhir/CapabilityStatement/terminology-server"
FEATURE = "http://hl7.org/fhir/uv/application-feature/StructureDefinition/feature"
TX_RESOURCE_FEATURE = "http://hl7.org/fhir/uv/tx-ecosystem/FeatureDefinition/CodeSystemAsParameter"
DEFINITION = "http://hl7.org/fhir/OperationDefinition/"
FORMATS = ("application/fhir+json", "json")

Node = dict[str, Any]


def statement(catalogue: Catalogue, release: Release, base: str) -> Document:
    """The CapabilityStatement of one root."""
    software = _software(base)
    software["software"]["releaseDate"] = RELEASED  # the other statement has no place for it
    return {
        "resourceType": "CapabilityStatement",
        "id": "terminology-adapter",
        "extension": list(_features()),
        **_metadata("CapabilityStatement", "TerminologyAdapterCapabilities", base),
        "instantiates": [INSTANTIATES],
        **software,
        "fhirVersion": release.version,
        "format": list(FORMATS),
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": True,
                    "service": [
                        {"text": "None: everything here is open to read, and nothing can be changed"}
                    ],
                },
                "resource": [_resource(kind) for kind in KINDS],
                "interaction": [{"code": "batch"}],
                "operation": [_operation(kind, name) for name, kind in SYSTEM_OPERATIONS.items()],
            }
        ],
    }


def _features() -> Iterator[Node]:
    yield _feature(TX_RESOURCE_FEATURE, {"valueBoolean": True})


def _feature(definition: str, value: Node) -> Node:
    parts = [{"url": "definition", "valueCanonical": definition}, {"url": "value", **value}]
    return {"url": FEATURE, "extension": parts}


def _metadata(kind: str, name: str, base: str) -> Node:
    return {
        "url": f"{base}/{kind}/terminology-adapter",
        "version": VERSION,
        "name": name,
        "title": f"{NAME}: {kind}",
        "status": "active",
        "experimental": False,
        "date": RELEASED,
        "kind": "instance",
    }


def _software(base: str) -> Node:
    return {
        "software": {"name": NAME, "version": VERSION},
        "implementation": {"description": NAME, "url": base},
    }


def _resource(kind: str) -> Node:
    node: Node = {
        "type": kind,
        "interaction": [{"code": code} for code in ("read", "vread", "search-type")],
        "versioning": "versioned",
        "searchParam": [{"name": name, "type": type_} for name, type_ in parameters_of(kind)],
    }
    operations = [_operation(kind, name) for k, name in OPERATIONS if k == kind]
    return node | ({"operation": operations} if operations else {})


def _operation(kind: str, name: str) -> Node:
    return {"name": name, "definition": f"{DEFINITION}{kind}-{name}"}


def terminology(catalogue: Catalogue, release: Release, base: str) -> Document:
    """The TerminologyCapabilities of one root (``metadata?mode=terminology``), in R5 shape."""
    document: Document = {
        "resourceType": "TerminologyCapabilities",
        "id": "terminology-adapter",
        **_metadata("TerminologyCapabilities", "TerminologyAdapterTerminologyCapabilities", base),
        **_software(base),
        "codeSystem": [_code_system(url, systems) for url, systems in _by_url(catalogue).items()],
    }
    if ("ConceptMap", "translate") in OPERATIONS:
        document["translation"] = {"needsMap": False}
    return release.downgrade(document)


def _by_url(catalogue: Catalogue) -> dict[str, list[CodeSystem]]:
    by_url: dict[str, list[CodeSystem]] = {}
    for system in catalogue.systems():
        by_url.setdefault(system.about.url, []).append(system)
    return by_url


def _code_system(url: str, systems: list[CodeSystem]) -> Node:
    """All versions of a code system. Exactly one is the default, as the version rule has it."""
    versions = [system.about.version for system in systems if system.about.version]
    node: Node = {"uri": url}
    if versions:
        node["version"] = [{"code": version, "isDefault": version == versions[-1]} for version in versions]
    return node | {"content": systems[-1].about.content}


def versions(release: Release) -> Document:
    """``$versions``: the one that this root speaks
    (https://hl7.org/fhir/R5/capabilitystatement-operation-versions.html).
    """
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "version", "valueCode": release.short},
            {"name": "default", "valueCode": release.short},
        ],
    }
