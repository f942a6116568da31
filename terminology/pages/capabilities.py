"""The pages of ``/metadata``: what the service can do, and which code systems it has in which versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terminology.core.model import Document
from terminology.pages.road import Road
from terminology.pages.view import View, failed

Query = Sequence[tuple[str, str]]


def metadata(road: Road, path: str, query: Query) -> View:
    """The page of the CapabilityStatement, or of the TerminologyCapabilities (``mode=terminology``)."""
    arguments = [(name, value) for name, value in query if value]
    reply = road.get(path, arguments, "This statement")
    if not reply.is_good:
        return failed(reply)
    if reply.resource.get("resourceType") == "TerminologyCapabilities":
        values = {"systems": _systems(reply.resource)}
        return View("code_systems_known.html", "Code systems in every version", values)
    rest: Document = next(iter(reply.resource.get("rest", ())), {})
    return View(
        "capabilities.html", "What this service can do", {"kinds": _kinds(rest), **_general(reply.resource)}
    )


def _general(statement: Document) -> dict[str, Any]:
    rest: Document = next(iter(statement.get("rest", ())), {})
    return {
        "formats": [str(format_) for format_ in statement.get("format", ())],
        "fhir_version": str(statement.get("fhirVersion", "")),
        "interactions": [str(i.get("code", "")) for i in rest.get("interaction", ())],
        "operations": sorted({str(o.get("name", "")).lstrip("$") for o in rest.get("operation", ())}),
        "security": str(rest.get("security", {}).get("description", "")),
    }


def _kinds(rest: Document) -> list[dict[str, Any]]:
    """The resource types with what they offer."""
    return [
        {
            "kind": str(resource.get("type", "")),
            "interactions": [str(i.get("code", "")) for i in resource.get("interaction", ())],
            "operations": [str(o.get("name", "")).lstrip("$") for o in resource.get("operation", ())],
            "parameters": [str(p.get("name", "")) for p in resource.get("searchParam", ())],
        }
        for resource in rest.get("resource", ())
    ]


def _systems(capabilities: Document) -> list[tuple[str, list[str]]]:
    """The code systems with their versions."""
    return [
        (str(system.get("uri", "")), [str(v["code"]) for v in system.get("version", ()) if v.get("code")])
        for system in capabilities.get("codeSystem", ())
    ]
