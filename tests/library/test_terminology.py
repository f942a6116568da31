"""The same answers without HTTP: parameters as Python values, and errors as exceptions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import terminology as terminology_package
from terminology import (
    Coding,
    Settings,
    Terminology,
    TerminologyError,
    UnreadableFileError,
    open_catalogue,
)
from terminology.core import errors
from terminology.library.results import Result
from terminology.wire import r4 as r4_shapes
from tests.support.asking import matches, value, values
from tests.support.builders import body_of
from tests.support.cats import CATS, URL
from tests.support.engine import catalogue_of
from tests.support.paths import ROOT

CODING = {"system": URL, "code": "cat"}
DOGS: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/dogs",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "dog", "display": "Dog"}],
}
MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/by-size",
    "status": "active",
    "additionalAttribute": [{"code": "size", "uri": "http://example.org/size", "type": "code"}],
    "group": [
        {
            "source": URL,
            "target": DOGS["url"],
            "element": [
                {
                    "code": "cat",
                    "target": [
                        {
                            "code": "dog",
                            "relationship": "related-to",
                            "dependsOn": [{"attribute": "size", "valueCode": "large"}],
                        }
                    ],
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(settings=Settings(largest_expansion=1), catalogue=catalogue_of([CATS]))


def test_a_Coding_is_a_dictionary(terminology: Terminology) -> None:
    assert value(terminology.ask("CodeSystem/$lookup", coding=CODING), "display") == "Cat"


def test_a_CodeableConcept_is_a_dictionary(terminology: Terminology) -> None:
    answer = terminology.ask("CodeSystem/$validate-code", url=URL, codeableConcept={"coding": [CODING]})
    assert value(answer, "result") is True


def test_resources_are_dictionaries_and_underscores_stand_for_hyphens(terminology: Terminology) -> None:
    answer = terminology.ask("CodeSystem/$lookup", system=DOGS["url"], code="dog", tx_resource=[DOGS])
    assert value(answer, "display") == "Dog"


def test_a_dependency_is_its_attribute_and_its_value(terminology: Terminology) -> None:
    def found(size: Any) -> list[tuple[str | None, str | None]]:
        known = {"attribute": "http://example.org/size", "value": size}
        return matches(
            terminology.ask("ConceptMap/$translate", conceptMap=MAP, sourceCoding=CODING, dependency=[known])
        )

    assert found("large") == found({"code": "large"}) == [("dog", "related-to")]
    assert found("small") == []


def test_a_date_may_be_a_date(terminology: Terminology) -> None:
    import datetime

    moment = datetime.datetime(2999, 1, 1, 12, 30, tzinfo=datetime.UTC)
    for date in (datetime.date(2999, 1, 1), moment):
        with pytest.raises(TerminologyError, match="Unknown code 'dog'"):
            terminology.ask("CodeSystem/$lookup", system=URL, code="dog", date=date)


def test_the_operations_of_the_base_can_be_asked(terminology: Terminology) -> None:
    assert values(terminology.ask("$versions", release="r4"), "version") == ["4.0"]
    assert terminology.ask("$closure", name="mine")["resourceType"] == "ConceptMap"
    grown = terminology.ask("$closure", name="mine", concept=[CODING])
    assert grown["resourceType"] == "ConceptMap"


def test_the_largest_expansion_is_that_of_the_settings(terminology: Terminology) -> None:
    with pytest.raises(TerminologyError, match=r"too many codes to produce \(>1\)"):
        terminology.ask("ValueSet/$expand", url=f"{URL}?fhir_vs")


def test_a_Parameters_resource_will_do_as_well(terminology: Terminology) -> None:
    body = body_of({"name": "coding", "valueCoding": CODING})
    assert value(terminology.ask("CodeSystem/$lookup", body), "display") == "Cat"


@pytest.mark.parametrize(
    "operation", ["lookup", "CodeSystem", "$nothing", "CodeSystem/$nothing", "a/b/c/$d", ""]
)
def test_what_is_no_operation_is_said(terminology: Terminology, operation: str) -> None:
    with pytest.raises(TerminologyError, match="operation"):
        terminology.ask(operation)


# -- typed results -------------------------------------------------------------------------------

TREE: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "id": "tree",
    "url": "http://example.org/tree",
    "version": "1",
    "name": "Tree",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "hierarchyMeaning": "is-a",
    "property": [
        {"code": "sharp", "type": "boolean"},
        {"code": "near", "type": "Coding"},
        {"code": "weight", "type": "decimal"},
    ],
    "concept": [
        {
            "code": "cut",
            "display": "Cut",
            "definition": "Taking away",
            "designation": [{"language": "de", "value": "Schnitt", "use": {"code": "display"}}],
            "property": [
                {"code": "sharp", "valueBoolean": True},
                {"code": "near", "valueCoding": CODING},
                {"code": "weight", "valueDecimal": 1.5},
            ],
            "concept": [{"code": "cone", "display": "Cone"}],
        },
        {"code": "burn", "display": "Burn"},
    ],
}
CUTS: dict[str, Any] = {
    "resourceType": "ValueSet",
    "id": "cuts",
    "url": "http://example.org/cuts",
    "version": "2",
    "status": "active",
    "compose": {
        "include": [
            {"system": TREE["url"], "filter": [{"property": "concept", "op": "is-a", "value": "cut"}]}
        ]
    },
}
R4_MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/r4-map",
    "status": "active",
    "group": [
        {
            "source": TREE["url"],
            "target": "http://example.org/elsewhere",
            "element": [{"code": "cone", "target": [{"code": "kegel", "equivalence": "wider"}]}],
        }
    ],
}
RELEASES = ("r4", "r4b", "r5")


@pytest.fixture(scope="module")
def typed() -> Iterator[Terminology]:
    with Terminology([TREE, CUTS, R4_MAP], bundled=False) as terminology:
        yield terminology


def models_of(result: Result) -> list[str]:
    """The modules of the models in each release; an answer that the models refuse raises."""
    return [type(result.to_fhir(release)).__module__ for release in RELEASES]


def package(kind: str) -> list[str]:
    return [f"fhir.resources.R4B.{kind}", f"fhir.resources.R4B.{kind}", f"fhir.resources.{kind}"]


def test_lookup_has_the_parts_of_its_answer_as_attributes(typed: Terminology) -> None:
    concept = typed.lookup(TREE["url"], "cut", property=["*", "definition", "designation"])
    assert (concept.name, concept.system, concept.version) == ("Tree", TREE["url"], "1")
    assert (concept.code, concept.display, concept.definition) == ("cut", "Cut", "Taking away")
    assert concept.is_abstract is False and concept.used_supplements == []
    german = next(each for each in concept.designations if each.language == "de")
    assert (german.value, german.use) == ("Schnitt", Coding(code="display"))
    assert concept.values_of("sharp") == [True] and concept.values_of("nothing") == []
    assert concept.values_of("near") == [Coding(URL, "cat")]
    assert concept.values_of("child") == ["cone"]
    (child,) = [each for each in concept.properties if each.code == "child"]
    assert (child.type, child.description) == ("code", "Cone")
    assert models_of(concept) == package("parameters")


def test_a_lookup_may_be_of_a_Coding_and_with_resources_of_its_own(typed: Terminology) -> None:
    dog = typed.lookup(coding=Coding(DOGS["url"], "dog"), tx_resource=DOGS)
    assert dog.display == "Dog"
    german = typed.lookup(TREE["url"], "cut", display_language="de")
    assert german.display == "Schnitt"


def test_translate_has_its_matches_and_is_true_if_there_is_a_translation(typed: Terminology) -> None:
    answer = typed.translate(TREE["url"], "cone")
    assert answer and answer.result
    (match,) = answer.matches
    assert match.relationship == "source-is-narrower-than-target", "content of R4 is upgraded"
    assert match.concept == Coding("http://example.org/elsewhere", "kegel")
    assert match.origin_map == R4_MAP["url"]
    assert not typed.translate(TREE["url"], "burn")
    assert models_of(answer) == package("parameters")
    (r4,) = values(answer.in_release("r4"), "match")
    assert value(r4, "equivalence") == "wider" and value(r4, "source") == R4_MAP["url"]


def test_translate_takes_what_is_known_of_a_condition(typed: Terminology) -> None:
    size = {"attribute": "http://example.org/size", "value": "large"}
    answer = typed.translate(URL, "cat", conceptMap=MAP, dependency=size)
    (match,) = answer.matches
    assert match.concept is not None and match.concept.code == "dog"
    assert [(each.attribute, each.value) for each in match.depends_on] == [
        ("http://example.org/size", "large")
    ]


def test_validate_code_is_of_the_code_system_or_of_a_value_set(typed: Terminology) -> None:
    valid = typed.validate_code(TREE["url"], "cone", display="Cone")
    assert valid and (valid.code, valid.display, valid.version) == ("cone", "Cone", "1")
    for value_set in (CUTS["url"], f"{CUTS['url']}|2", CUTS):
        assert typed.validate_code(TREE["url"], "cone", value_set=value_set)
        assert not typed.validate_code(TREE["url"], "burn", value_set=value_set)
    wrong = typed.validate_code(TREE["url"], "saw")
    assert not wrong and wrong.message is not None and "saw" in wrong.message
    (issue,) = wrong.issues
    assert (issue.severity, issue.code, issue.tx) == ("error", "code-invalid", "invalid-code")
    assert issue.text == wrong.message and issue.message_id and issue.at
    assert models_of(wrong) == package("parameters")


def test_expand_lists_entries_with_children_and_pages(typed: Terminology) -> None:
    expansion = typed.expand(CUTS["url"], include_designations=True, property="definition")
    assert expansion.codes == ["cut", "cone"] and expansion.total == 2
    assert (expansion.url, expansion.version) == (CUTS["url"], "2")
    cut = next(iter(expansion))
    assert (cut.system, cut.display, cut.abstract, cut.inactive) == (TREE["url"], "Cut", False, False)
    assert [each.value for each in cut.designations if each.language == "de"] == ["Schnitt"]
    assert [(each.code, each.value) for each in cut.properties] == [("definition", "Taking away")]
    assert [each.code for each in cut.contains] == ["cone"]
    assert ("used-codesystem", f"{TREE['url']}|1") in [(p.code, p.value) for p in expansion.parameters]
    page = typed.expand(CUTS, offset=1, count=1)
    assert (page.codes, page.offset, page.total) == (["cone"], 1, 2)
    assert models_of(expansion) == package("valueset")


def test_subsumes_and_find_matches(typed: Terminology) -> None:
    assert typed.subsumes(TREE["url"], "cut", "cone").outcome == "subsumes"
    found = typed.find_matches(TREE["url"], {"sharp": True}, exact=True)
    assert [match.coding.code for match in found.matches] == ["cut"]
    assert models_of(typed.subsumes(TREE["url"], "cut", "cone")) == package("parameters")
    assert models_of(found) == package("parameters")


def test_a_closure_grows_once_in_whatever_release_its_answer_is_read(typed: Terminology) -> None:
    typed.closure("typed")
    grown = typed.closure("typed", [Coding(TREE["url"], "cut"), {"system": TREE["url"], "code": "cone"}])
    (entry,) = grown.entries
    assert (entry.source.code, entry.relationship, entry.target.code) == (
        "cone",
        "source-is-narrower-than-target",
        "cut",
    )
    assert models_of(grown) == package("conceptmap")
    target = grown.in_release("r4")["group"][0]["element"][0]["target"][0]
    assert target == {"code": "cut", "equivalence": "subsumes"}
    assert typed.closure("typed", version=grown.version).entries == []


def test_read_and_search_give_resources(typed: Terminology) -> None:
    resource = typed.read("CodeSystem", "tree")
    assert (resource.kind, resource.id, resource.url, resource.name) == (
        "CodeSystem",
        "tree",
        TREE["url"],
        "Tree",
    )
    assert (resource.version, resource.title, resource.status) == ("1", None, "active")
    assert typed.read("CodeSystem", "tree", resource.json["meta"]["versionId"]).json == resource.json
    assert models_of(resource) == package("codesystem")
    found = typed.search("ValueSet", url=CUTS["url"], _summary="true")
    assert (found.total, len(found), [each.id for each in found]) == (1, 1, ["cuts"])
    assert "compose" not in found.resources[0].json and found.resources[0].in_release("r4")["compose"]
    assert models_of(found) == package("bundle")
    assert len(typed.search("CodeSystem", **{"name:contains": "re"})) == 1
    for id_ in ("nothing", "$lookup", "_history", "a/b", ""):
        with pytest.raises(TerminologyError, match="There is no CodeSystem"):
            typed.read("CodeSystem", id_)
    with pytest.raises(TerminologyError, match="Patient"):
        typed.read("Patient", "1")


def test_a_release_that_is_not_spoken_is_refused(typed: Terminology) -> None:
    answer = typed.lookup(TREE["url"], "cut")
    with pytest.raises(TerminologyError, match="'release' must be one of r4, r4b, r5"):
        answer.to_fhir("r3")
    with pytest.raises(TerminologyError, match="'release' must be one of"):
        typed.ask("CodeSystem/$lookup", release="r3", code="cut")


def test_a_cache_id_is_honoured_as_over_HTTP(typed: Terminology) -> None:
    id_ = value(typed.ask("$cache-control", mode="start", tx_resource=[DOGS]), "cache-id")
    assert typed.lookup(DOGS["url"], "dog", cache_id=id_).display == "Dog"
    with pytest.raises(TerminologyError):
        typed.lookup(DOGS["url"], "dog")
    assert typed.ask("$cache-control", mode="end", cache_id=id_)["resourceType"] == "Parameters"


def test_a_bare_resource_stands_for_the_parameter_that_it_is(typed: Terminology) -> None:
    assert typed.ask("ValueSet/$expand", CUTS)["expansion"]["total"] == 2
    with pytest.raises(TerminologyError, match="must be a Parameters resource, but is a ValueSet"):
        typed.ask("ValueSet/$expand", CUTS, count=1)


# -- names and types of arguments ----------------------------------------------------------------

CPT = "http://www.ama-assn.org/go/cpt"
SNOMED = "http://snomed.info/sct"
ONLY_57522 = {
    "resourceType": "ValueSet",
    "status": "active",
    "compose": {"include": [{"system": CPT, "concept": [{"code": "57522"}]}]},
}


@pytest.fixture(scope="module")
def bundled() -> Iterator[Terminology]:
    with Terminology() as terminology:
        yield terminology


@pytest.mark.parametrize("name", ["targetSystem", "target_system", "targetsystem"])
def test_translate_honours_every_name_of_the_target_system(bundled: Terminology, name: str) -> None:
    arguments: dict[str, Any] = {name: SNOMED}
    matches_ = bundled.translate(CPT, "57520", **arguments).matches
    assert {match.concept.system for match in matches_ if match.concept} == {SNOMED}


def test_translate_takes_the_source_under_names_of_each_release(typed: Terminology) -> None:
    names: list[dict[str, Any]] = [
        {"sourceCode": "cone", "system": TREE["url"]},
        {"source_code": "cone", "source_system": TREE["url"]},
        {"sourceCoding": Coding(TREE["url"], "cone")},
        {"codeable_concept": {"coding": [{"system": TREE["url"], "code": "cone"}]}},
    ]
    for arguments in names:
        assert typed.translate(**arguments).result, arguments


@pytest.mark.parametrize("name", ["displayLanguage", "display_language", "displaylanguage"])
def test_lookup_honours_every_name_of_the_language(typed: Terminology, name: str) -> None:
    assert typed.lookup(TREE["url"], "cut", **{name: "de"}).display == "Schnitt"


def test_lookup_honours_a_supplement_under_the_name_of_FHIR(typed: Terminology) -> None:
    with pytest.raises(TerminologyError, match="http://example.org/no-supplement"):
        typed.lookup(TREE["url"], "cut", useSupplement="http://example.org/no-supplement")


def test_expand_honours_the_names_of_FHIR(typed: Terminology) -> None:
    expansion = typed.expand(url=CUTS["url"], includeDesignations=True, activeOnly=True)
    assert "Schnitt" in [each.value for each in expansion.contains[0].designations]
    assert typed.expand(valueSet=CUTS).codes == ["cut", "cone"]


def test_subsumes_honours_the_names_of_FHIR(typed: Terminology) -> None:
    assert typed.subsumes(TREE["url"], codeA="cut", codeB="cone").outcome == "subsumes"


@pytest.mark.parametrize("name", ["valueSet", "value_set"])
def test_validate_code_honours_every_name_of_the_value_set(bundled: Terminology, name: str) -> None:
    arguments: dict[str, Any] = {name: ONLY_57522}
    assert not bundled.validate_code(CPT, "57520", **arguments)
    assert bundled.validate_code(CPT, "57522", **arguments)
    assert bundled.validate_code(CPT, "57520", **{name: None})


def test_validate_code_takes_the_url_of_a_value_set(typed: Terminology) -> None:
    assert not typed.validate_code(TREE["url"], "burn", url=CUTS["url"])
    assert not typed.validate_code(TREE["url"], "burn", valueSet=CUTS["url"])


@pytest.mark.parametrize(
    ("method", "arguments", "names"),
    [
        ("translate", {"code": "a", "sourceCode": "a"}, "'code' and 'sourceCode'"),
        (
            "translate",
            {"target_system": SNOMED, "targetSystem": SNOMED},
            "'target_system' and 'targetSystem'",
        ),
        (
            "lookup",
            {"display_language": "de", "displayLanguage": "es"},
            "'display_language' and 'displayLang",
        ),
        ("subsumes", {"code_a": "a", "codeA": "a"}, "'code_a' and 'codeA'"),
        (
            "validate_code",
            {"system": URL, "url": "urn:a", "systemVersion": "1", "version": "2"},
            "'version' and",
        ),
        ("expand", {"value_set": "urn:a", "url": "urn:a"}, "the value set is given twice"),
        ("related", {"this": "urn:a", "thisUrl": "urn:a"}, "'this' and 'thisUrl'"),
        ("related", {"other": CUTS, "other_value_set": CUTS}, "'other' and 'other_value_set'"),
        ("validate_code", {"value_set": "urn:a", "valueSet": CUTS}, "the value set is given twice"),
        (
            "validate_code",
            {"value_set": "urn:a|1", "valueSetVersion": "1"},
            "'value_set' and 'valueSetVersion'",
        ),
    ],
)
def test_an_argument_that_is_given_twice_is_a_TypeError(
    typed: Terminology, method: str, arguments: dict[str, Any], names: str
) -> None:
    with pytest.raises(TypeError, match=names):
        getattr(typed, method)(**arguments)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("expand", {"nix": 1}),
        ("expand", {"nix": None}),
        ("lookup", {"properties": ["a"]}),
        ("lookup", {"release": "r4"}),
        ("translate", {"target": "a", "targets": "b"}),
        ("validate_code", {"nix": 1}),
        ("subsumes", {"nix": 1}),
        ("related", {"nix": 1}),
        ("find_matches", {"system": CPT, "properties": {}, "nix": 1}),
        ("closure", {"name": "a", "nix": 1}),
    ],
)
def test_a_misspelt_argument_is_a_TypeError(
    typed: Terminology, method: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=r"has no parameter '\w+'. Known parameters: \w+, .*tx_resource"):
        getattr(typed, method)(**arguments)


def test_the_message_of_a_misspelt_argument_names_the_right_ones(typed: Terminology) -> None:
    with pytest.raises(TypeError) as caught:
        typed.ask("CodeSystem/$lookup", properties=["a"])
    assert str(caught.value) == (
        "$lookup has no parameter 'properties'. Known parameters: code, system, version, coding, date, "
        "display_language, property, use_supplement, tx_resource, cache_id"
    )


def test_unknown_parameters_of_a_body_are_ignored_as_over_HTTP(typed: Terminology) -> None:
    body = body_of(
        {"name": "nix", "valueString": "x"},
        {"name": "coding", "valueCoding": {"system": TREE["url"], "code": "cut"}},
    )
    assert value(typed.ask("CodeSystem/$lookup", body), "display") == "Cut"


def test_the_body_may_be_a_model(typed: Terminology) -> None:
    from fhir.resources.parameters import Parameters
    from fhir.resources.valueset import ValueSet

    coding = {"system": TREE["url"], "code": "cut"}
    body = Parameters.model_validate(body_of({"name": "coding", "valueCoding": coding}))
    assert value(typed.ask("CodeSystem/$lookup", body), "display") == "Cut"
    assert typed.ask("ValueSet/$expand", ValueSet.model_validate(CUTS))["expansion"]["total"] == 2


# The same without their types, so that wrong ones can be given.
_Terminology: Any = Terminology
_Settings: Any = Settings
_open_catalogue: Any = open_catalogue


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.ask("CodeSystem/$lookup", "57520"), "'body' must be a Parameters resource"),
        (lambda t: t.ask(5), "'operation' must be str, not int"),
        (
            lambda t: t.closure("a", ["57520"]),
            r"concepts\[0\] must be a Coding or a dictionary, not of type str",
        ),
        (lambda t: t.closure("a", "57520"), "'concepts' must be Codings, not of type str"),
        (lambda t: t.read(5, "a"), "'kind' must be str, not int"),
        (lambda t: t.read("CodeSystem", 5), "'id' must be str, not int"),
        (lambda t: t.search(5), "'kind' must be str, not int"),
        (lambda t: t.find_matches(CPT, "technique"), "'properties' must be Mapping, not str"),
        (lambda t: t.expand(5), "'value_set' must be a canonical, a ValueSet or a path, not of type int"),
        (lambda t: _Terminology(5), "'content' must be resources and paths, not of type int"),
        (lambda t: _Terminology([5]), r"content\[0\] must be a resource .* or a path, not of type int"),
        (lambda t: _Terminology(settings={}), "'settings' must be Settings or None, not dict"),
        (lambda t: _Terminology(catalogue=5), "'catalogue' must be a Catalogue or a function"),
        (lambda t: _open_catalogue("/tmp"), "'settings' must be Settings, not str"),
        (lambda t: _Settings(5), "'config' must be the path of a TOML file, not int"),
    ],
)
def test_an_argument_of_a_wrong_type_is_a_TypeError(typed: Terminology, call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(typed)


def test_find_matches_is_exact_unless_told_otherwise(bundled: Terminology) -> None:
    codes = {match.coding.code for match in bundled.find_matches(CPT, {"technique": "laser"}).matches}
    assert codes == {
        match.coding.code for match in bundled.find_matches(CPT, {"technique": "laser"}, exact=True).matches
    }
    assert codes


def test_one_concept_may_be_given_to_closure_without_a_list(typed: Terminology) -> None:
    typed.closure("one")
    assert typed.closure("one", Coding(TREE["url"], "cut")).entries == []


def test_a_resource_that_the_models_refuse_raises_an_error_that_says_why(bundled: Terminology) -> None:
    for id_ in ("search-entry-mode", "discriminator-type"):
        resource = bundled.read("CodeSystem", id_)
        with pytest.raises(TerminologyError, match=r"refuses this CodeSystem of r5 \(concept.*_valueCode"):
            resource.to_fhir("r5")
        assert resource.in_release("r5") and resource.to_fhir("r4")


# -- content -------------------------------------------------------------------------------------


def test_content_may_be_models_of_either_release_bundles_and_paths(tmp_path: Path) -> None:
    from fhir.resources.codesystem import CodeSystem
    from fhir.resources.R4B.conceptmap import ConceptMap

    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(CUTS))
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": DOGS}]}
    content: list[Any] = [
        CodeSystem.model_validate(TREE),
        ConceptMap.model_validate(R4_MAP),
        bundle,
        str(file),
    ]
    with Terminology(content, bundled=False) as terminology:
        assert terminology.translate(TREE["url"], "cone").matches[0].relationship
        assert terminology.lookup(DOGS["url"], "dog").display == "Dog"
        assert terminology.expand(CUTS["url"]).codes == ["cut", "cone"]
        weight = terminology.lookup(TREE["url"], "cut", property="weight").json
        assert Decimal("1.5") in values(values(weight, "property")[-1], "value")


def test_a_model_may_stand_for_a_resource_in_a_request(typed: Terminology) -> None:
    from fhir.resources.valueset import ValueSet

    assert typed.expand(ValueSet.model_validate(CUTS)).total == 2


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_a_model_in_a_request_is_read_in_its_own_version_of_FHIR(typed: Terminology, release: str) -> None:
    from fhir.resources.conceptmap import ConceptMap
    from fhir.resources.parameters import Parameters
    from fhir.resources.R4B.conceptmap import ConceptMap as R4BConceptMap
    from fhir.resources.R4B.parameters import Parameters as R4BParameters

    # R4B has the relationship of ``unmapped`` as an extension, which means nothing in R5.
    unmapped = {"mode": "fixed", "code": "other", "relationship": "equivalent"}
    group = {"source": URL, "target": DOGS["url"], "element": [{"code": "cat"}], "unmapped": unmapped}
    url = "http://example.org/other-map"
    r5 = {"resourceType": "ConceptMap", "url": url, "status": "active", "group": [group]}
    r4b = r4_shapes.downgrade(r5)
    assert "relationship" not in r4b["group"][0]["unmapped"]
    maps = [R4BConceptMap.model_validate(r4b), ConceptMap.model_validate(r5)]
    bodies = [
        R4BParameters.model_validate(body_of({"name": "conceptMap", "resource": r4b})),
        Parameters.model_validate(body_of({"name": "conceptMap", "resource": r5})),
    ]
    request: dict[str, Any] = {"release": release, "system": URL, "code": "dog"}
    answers = [typed.ask("ConceptMap/$translate", conceptMap=map_, **request) for map_ in maps]
    answers += [typed.ask("ConceptMap/$translate", tx_resource=map_, **request) for map_ in maps]
    answers += [typed.ask("ConceptMap/$translate", body, **request) for body in bodies]
    assert [matches(answer) for answer in answers] == [[("other", "equivalent")]] * 6
    assert typed.translate(URL, "dog", conceptMap=maps[0]).matches[0].relationship == "equivalent"


def test_a_model_that_is_older_than_R4B_is_refused(typed: Terminology) -> None:
    from fhir.resources.STU3.valueset import ValueSet

    model = ValueSet.model_validate({"status": "active"})
    with pytest.raises(TerminologyError, match="must be a model of R4B or R5"):
        typed.expand(model)
    with pytest.raises(UnreadableFileError, match="must be a model of R4B or R5"):
        Terminology(model)


@pytest.mark.parametrize(
    "resource", [{"resourceType": "Patient"}, {}, {"resourceType": "CodeSystem", "concept": 1}]
)
def test_content_that_cannot_be_read_is_refused(resource: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError, match=r"^content\[0\]: .*must be (one of CodeSystem|a list)"):
        Terminology([resource])


def test_a_single_resource_or_path_is_taken_as_one_item(tmp_path: Path) -> None:
    from fhir.resources.codesystem import CodeSystem

    (tmp_path / "tree.json").write_text(json.dumps(TREE))
    items: list[Any] = [TREE, CodeSystem.model_validate(TREE), str(tmp_path), tmp_path / "tree.json"]
    for item in items:
        with Terminology(item, bundled=False) as terminology:
            assert [each.id for each in terminology.search("CodeSystem", name="tree")] == ["tree"]


def test_a_catalogue_stands_alone() -> None:
    catalogue = catalogue_of([CATS])
    for other in ({"content": [TREE]}, {"content": TREE}, {"store": "x"}, {"bundled": False}):
        arguments: dict[str, Any] = other
        with pytest.raises(TypeError, match="a catalogue takes the place of all content"):
            Terminology(catalogue=catalogue, **arguments)


def test_a_second_resource_of_a_canonical_is_refused_or_left_out(caplog: pytest.LogCaptureFixture) -> None:
    other = {**TREE, "title": "Other"}
    message = r"content\[1\]: CodeSystem http://example.org/tree\|1 is in the content twice"
    with pytest.raises(UnreadableFileError, match=message):
        Terminology([TREE, other], bundled=False)
    with Terminology([TREE, other], settings=Settings(skip_broken=True, bundled=False)) as terminology:
        assert terminology.read("CodeSystem", "tree").title is None
    assert "is in the content twice" in caplog.text
    with Terminology([TREE, {**TREE, "id": "next", "version": "2"}], bundled=False) as terminology:
        assert terminology.search("CodeSystem", url=TREE["url"]).total == 2


def test_a_dictionary_that_is_changed_later_changes_no_answer() -> None:
    document = json.loads(json.dumps(TREE))
    with Terminology(document, bundled=False) as terminology:
        document["concept"][0]["display"] = "Changed"
        document["concept"][0]["concept"].clear()
        assert terminology.lookup(TREE["url"], "cut").display == "Cut"
        assert terminology.lookup(TREE["url"], "cone").display == "Cone"


def test_content_without_a_terminology_resource_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "patient.json").write_text('{"resourceType": "Patient"}')
    message = "contains no CodeSystem, ValueSet, ConceptMap or NamingSystem"
    with pytest.raises(UnreadableFileError, match=rf"patient\.json: {message}"):
        Terminology(tmp_path / "patient.json")
    with pytest.raises(UnreadableFileError, match=message):
        open_catalogue(Settings(content=tmp_path / "patient.json"))
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection", "entry": []}
    with pytest.raises(UnreadableFileError, match=r"content\[0\]: .*a Bundle with CodeSystem"):
        Terminology(bundle)
    Terminology(tmp_path, bundled=False).close()
    assert message in caplog.text


def test_a_Terminology_does_not_read_the_environment_or_loaded_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Terminology reads neither the environment nor the content that the user has loaded."""
    loaded = tmp_path / "fhir-terminology-adapter" / "content"
    loaded.mkdir(parents=True)
    (loaded / "dogs.json").write_text(json.dumps(DOGS))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TERMINOLOGY_BUNDLED", "no")
    monkeypatch.setattr("terminology.settings.STATE_FOLDERS", {})
    alone = Terminology()
    assert alone.settings == Settings() and alone.settings.data is None and alone.settings.bundled
    with pytest.raises(TerminologyError):
        alone.lookup(DOGS["url"], "dog")
    asked = Terminology.from_environment()
    assert asked.lookup(DOGS["url"], "dog").display == "Dog" and not asked.settings.bundled
    assert Settings.from_environment(bundled=True).bundled


def test_arguments_go_before_the_settings() -> None:
    terminology = Terminology(settings=Settings(largest_body=7), bundled=False)
    assert (terminology.settings.bundled, terminology.settings.largest_body) == (False, 7)


# -- public names --------------------------------------------------------------------------------


def test_the_public_names_are_these_and_the_page_of_the_library_has_each() -> None:
    errors_ = {
        name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")
    }
    assert set(terminology_package.__all__) == errors_ | {
        "BatchTranslateResult",
        "BatchValidateResult",
        "CacheControlResult",
        "ClosureResult",
        "Coding",
        "ExpandResult",
        "FindMatchesResult",
        "Issue",
        "LookupResult",
        "RelatedResult",
        "Resource",
        "SearchResult",
        "Settings",
        "SubsumesResult",
        "Terminology",
        "TranslateResult",
        "Typed",
        "ValidateResult",
        "VersionsResult",
        "create_app",
        "open_catalogue",
    }
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    for name in terminology_package.__all__:
        assert getattr(terminology_package, name).__name__ == name
        assert f"`{name}`" in page or f"`{name}(" in page, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(terminology_package, "nothing")  # noqa: B009


def test_every_public_attribute_of_a_result_is_on_the_page_of_the_library() -> None:
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    for name in terminology_package.__all__:
        if name.endswith("Result"):
            for attribute in vars(getattr(terminology_package, name)):
                assert attribute.startswith("_") or f"`{attribute}" in page, f"{name}.{attribute}"


@pytest.mark.parametrize(
    "code",
    [
        "import terminology",
        "from terminology import Terminology; Terminology(bundled=False).lookup('urn:ietf:bcp:47', 'de')",
    ],
    ids=["import", "lookup"],
)
def test_the_library_does_not_import_the_web(code: str) -> None:
    heavy = ("flask", "werkzeug", "requests", "fhir.resources", "pydantic", "sqlalchemy", "granian")
    code = f"{code}\nimport sys\nprint([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_import_of_the_package_alone_imports_none_of_its_modules() -> None:
    code = "import terminology, sys; print([name for name in sys.modules if name.startswith('terminology.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_resources_sent_once_are_there_for_questions_with_their_cache_id() -> None:
    """Resources that were sent once are there for every question with the id of their cache."""
    terminology = Terminology(bundled=False)
    url = "http://example.org/kept"
    system = {
        "resourceType": "CodeSystem", "url": url, "status": "active", "content": "complete",
        "hierarchyMeaning": "is-a",
        "concept": [{"code": "a", "display": "Kept", "concept": [{"code": "b"}]}],
    }  # fmt: skip
    started = terminology.ask("$cache-control", mode="start", tx_resource=system)
    cache = next(p["valueString"] for p in started["parameter"] if p["name"] == "cache-id")
    with pytest.raises(TerminologyError):
        terminology.ask("CodeSystem/$lookup", system=url, code="a")
    assert "Kept" in str(terminology.ask("CodeSystem/$lookup", system=url, code="a", cache_id=cache))
    terminology.ask("$closure", name="own")
    concepts = [{"system": url, "code": code} for code in "ab"]
    table = terminology.ask("$closure", name="own", concept=concepts, cache_id=cache)
    assert table["group"][0]["element"][0]["code"] == "b"


def test_the_first_of_two_files_with_one_canonical_counts(tmp_path: Path) -> None:
    for name, display in (("a", "First"), ("b", "Second")):
        concept = [{"code": "cut", "display": display}]
        (tmp_path / f"{name}.json").write_text(json.dumps({**TREE, "id": name, "concept": concept}))
    for paths in ([tmp_path], [tmp_path / "a.json", tmp_path / "b.json"]):
        with Terminology(paths, bundled=False) as terminology:
            assert terminology.lookup(TREE["url"], "cut").display == "First"
    with Terminology([tmp_path / "b.json", {**TREE, "id": "c"}], bundled=False) as terminology:
        assert terminology.lookup(TREE["url"], "cut").display == "Second"
