"""The capabilities of the server: CapabilityStatement and TerminologyCapabilities.

Everything is read off the table of operations, the table of search parameters and the catalogue, so that
nothing is advertised that is not there. HL7's ecosystem requirements:
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.core.model import CodeSystemInfo, Document
from terminology.core.software import NAME, RELEASED, TESTS_PASSED, VERSION
from terminology.wire import map_import
from terminology.wire.cache_control import RESOURCES
from terminology.wire.changes import WRITABLE
from terminology.wire.exchange import Context, Login
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.operation import BASE, Operation
from terminology.wire.operation_table import OPERATIONS, operations_of
from terminology.wire.search import parameters_of

INSTANTIATES = "http://hl7.org/fhir/CapabilityStatement/terminology-server"
FEATURE = "http://hl7.org/fhir/uv/application-feature/StructureDefinition/feature"
TEST_VERSION_FEATURE = "http://hl7.org/fhir/uv/tx-tests/FeatureDefinition/test-version"
TX_RESOURCE_FEATURE = "http://hl7.org/fhir/uv/tx-ecosystem/FeatureDefinition/CodeSystemAsParameter"
FORMATS = ("application/fhir+json", "json", "application/fhir+xml", "xml")
# What ``date`` does, of every operation that takes it: see operations/dates.py.
DATE = (
    "The parameter `date` may be today or later: the answer is that of the current content. A date in the past is "
    "refused, as this server does not know which versions were current then: name the version instead."
)
# Where clients get tokens: https://hl7.org/fhir/smart-app-launch/conformance.html#declaring-support-for-oauth2-endpoints
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICES = "http://hl7.org/fhir/restful-security-service"
_SERVICES_OF_R4 = "http://terminology.hl7.org/CodeSystem/restful-security-service"
# What the implementation of a service in the test-harness mode says of itself.
TEST_HARNESS = "a test harness, not for real use (time and identifiers are fixed, faults on demand)"
_OPEN = "None: everybody may read the content, and nobody may change it"
_RIGHTS = (
    "Rights are scopes of SMART, such as system/CodeSystem.rs. An operation needs the right to read its type. What "
    "this service can do may be read by everybody."
)
INTERACTIONS = ("read", "vread", "history-instance", "search-type")
# What can be done with a type besides, where clients may write it.
WRITING = ("create", "update", "delete")
CONDITIONS = {
    "updateCreate": True,
    "conditionalCreate": True,
    "conditionalUpdate": True,
    "conditionalDelete": "single",
}

Node = dict[str, Any]


def statement(context: Context) -> Document:
    """The CapabilityStatement of one root."""
    release, base = context.release, context.base
    return {
        "resourceType": "CapabilityStatement",
        "id": "terminology-adapter",
        "extension": list(_features()),
        **_metadata("CapabilityStatement", "TerminologyAdapterCapabilities", base),
        "instantiates": [INSTANTIATES],
        **_software(base, context.is_test_harness, releaseDate=RELEASED),
        "fhirVersion": release.version,
        "format": list(FORMATS),
        "rest": [
            {
                "mode": "server",
                "security": _security(context.login, release),
                "resource": [_resource(kind, context) for kind in KINDS],
                "interaction": [
                    {"code": code}
                    for code in (
                        "batch",
                        *(["transaction"] if context.takes_writes else ()),
                        *(["history-system"] if context.writable is not None else ()),
                    )
                ],
                "operation": [
                    {"name": name, "definition": row.definition}
                    for name, row in operations_of(BASE, release).items()
                ],
            }
        ],
    }


def _security(login: Login | None, release: FhirVersion) -> Node:
    if login is None:
        return {"cors": True, "service": [{"text": _OPEN}]}
    node: Node = {"cors": True}
    if login.token_endpoint is not None:
        token = {"url": "token", "valueUri": login.token_endpoint}
        node["extension"] = [{"url": OAUTH_URIS, "extension": [token]}]
    services: list[Node] = []
    if login.token_endpoint is not None:
        system = _SERVICES_OF_R4 if release.is_r4 else _SERVICES
        services.append(
            {"coding": [{"system": system, "code": "SMART-on-FHIR"}], "text": "SMART Backend Services"}
        )
    if login.takes_keys:
        services.append({"text": "API keys: 'Authorization: Bearer ...', or 'X-API-Key: ...'"})
    return node | ({"service": services} if services else {}) | {"description": _RIGHTS}


def _features() -> Iterator[Node]:
    yield _feature(TEST_VERSION_FEATURE, {"valueCode": TESTS_PASSED})
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


def _software(base: str, is_test_harness: bool, **further: str) -> Node:
    description = f"{NAME}: {TEST_HARNESS}" if is_test_harness else NAME
    return {
        "software": {"name": NAME, "version": VERSION, **further},
        "implementation": {"description": description, "url": base},
    }


def _definition(operation: Operation, kind: str, name: str, base: str) -> str:
    """The canonical of the operation; one below this base for an operation that nobody publishes."""
    return operation.definition or f"{base}/OperationDefinition/{kind}-{name}"


def _resource(kind: str, context: Context) -> Node:
    release, base = context.release, context.base
    is_writable = context.takes_writes and kind in WRITABLE
    interactions = [
        *INTERACTIONS,
        *(["history-type"] if context.writable is not None and kind in WRITABLE else ()),
        *(WRITING if is_writable else ()),
    ]
    node: Node = {
        "type": kind,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned-update" if is_writable else "versioned",
        "readHistory": context.writable is not None and kind in WRITABLE,
        **(CONDITIONS if is_writable else {}),
        "conditionalRead": "full-support",
        "searchParam": [{"name": name, "type": type_} for name, type_ in parameters_of(kind)],
    }
    operations = [
        {
            "name": name,
            "definition": _definition(row, kind, name, base),
            **({"documentation": DATE} if row.takes("date") else {}),
        }
        for name, row in operations_of(kind, release).items()
    ]
    if kind == map_import.KIND:
        own = {map_import.IMPORT: is_writable, map_import.ROW_HISTORY: context.writable is not None}
        operations += [
            {"name": name, "definition": f"{base}/OperationDefinition/{kind}-{name}"}
            for name, is_offered in own.items()
            if is_offered
        ]
    return node | ({"operation": operations} if operations else {})


def terminology(context: Context, also: Sequence[str] = ()) -> Document:
    """The TerminologyCapabilities of one root (``metadata?mode=terminology``).

    ``also`` are the names of parameters that every operation takes.
    """
    catalogue, release, base = context.catalogue, context.release, context.base
    document: Document = {
        "resourceType": "TerminologyCapabilities",
        "id": "terminology-adapter",
        **_metadata("TerminologyCapabilities", "TerminologyAdapterTerminologyCapabilities", base),
        **_software(base, context.is_test_harness),
        "codeSystem": [_code_system(url, systems) for url, systems in _by_url(catalogue).items()],
    }
    document["expansion"] = {
        "hierarchical": True,
        "paging": True,
        "incomplete": False,
        "parameter": [
            {"name": name, **({"documentation": DATE} if name == "date" else {})}
            for name in sorted([*_expansion_parameters(), *also])
        ],
        "textFilter": "Every word of the filter must begin a word of the code, the display or a designation",
    }
    document["codeSearch"] = "in-compose"
    document["translation"] = {"needsMap": False}
    if "closure" in operations_of(BASE, release):
        document["closure"] = {"translation": False}
    return release.downgrade(document)


def _expansion_parameters() -> list[str]:
    """The names of the parameters of $expand, without those that name the value set."""
    rows = OPERATIONS["ValueSet", "expand"].parameters
    return [row.names[0] for row in rows if row.instance] + [RESOURCES.names[0]]


def _by_url(catalogue: Catalogue) -> dict[str, list[CodeSystemInfo]]:
    by_url: dict[str, list[CodeSystemInfo]] = {}
    for about in catalogue.abouts():
        by_url.setdefault(about.url, []).append(about)
    return by_url


def _code_system(url: str, abouts: list[CodeSystemInfo]) -> Node:
    """All versions of a code system. The last one is the default; see ``core.versions``."""
    versions = [about.version for about in abouts if about.version]
    node: Node = {"uri": url}
    if versions:
        node["version"] = [{"code": version, "isDefault": version == versions[-1]} for version in versions]
    return node | {"content": abouts[-1].content}
