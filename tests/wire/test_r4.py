"""R4 is R5 with these differences: each of them, by example."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from terminology.catalogue import concept_map
from terminology.core.model import Document
from terminology.wire import r4
from terminology.wire.crossversion import URL
from tests.support.paths import SHARED

SUITE = SHARED / "tx-suite" / "tests"


EVERY_WORD = (
    "relatedto",
    "equivalent",
    "equal",
    "wider",
    "subsumes",
    "narrower",
    "specializes",
    "inexact",
    "unmatched",
    "disjoint",
)
EVERY_RELATIONSHIP = (
    "related-to",
    "equivalent",
    "source-is-narrower-than-target",
    "source-is-broader-than-target",
    "not-related-to",
)


def there_and_back(
    document: Document, there: Callable[[Document], Document], back: Callable[[Document], Document]
) -> Document:
    """The document after both conversions, of which neither may change what it is given."""
    before = deepcopy(document)
    converted = there(document)
    between = deepcopy(converted)
    result = back(converted)
    assert (document, converted) == (before, between)
    return result


def r4_map(*targets: Document, **element: Any) -> Document:
    return {
        "resourceType": "ConceptMap",
        "status": "draft",
        "group": [{"element": [{"code": "a", "target": list(targets), **element}]}],
    }


def r5_map(element: Document, **rest: Any) -> Document:
    return {"resourceType": "ConceptMap", "status": "draft", "group": [{"element": [element]}], **rest}


def first_element(concept_map: Document) -> Document:
    element: Document = concept_map["group"][0]["element"][0]
    return element


def first_target(concept_map: Document) -> Document:
    target: Document = first_element(concept_map)["target"][0]
    return target


# -- the one table of relationships ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("relatedto", "related-to"),
        ("inexact", "related-to"),
        ("equivalent", "equivalent"),
        ("equal", "equivalent"),
        ("wider", "source-is-narrower-than-target"),
        ("subsumes", "source-is-narrower-than-target"),
        ("narrower", "source-is-broader-than-target"),
        ("specializes", "source-is-broader-than-target"),
        ("disjoint", "not-related-to"),
        ("unmatched", "not-related-to"),
    ],
)
def test_r4_says_of_the_target_what_r5_says_of_the_source(word: str, code: str) -> None:
    assert r4.relationship(word) == code
    assert first_target(r4.upgrade(r4_map({"code": "b", "equivalence": word})))["relationship"] == code


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("related-to", "relatedto"),
        ("equivalent", "equivalent"),
        ("source-is-narrower-than-target", "wider"),
        ("source-is-broader-than-target", "narrower"),
        ("not-related-to", "disjoint"),
    ],
)
def test_each_r5_code_has_one_usual_r4_word_which_leads_back(code: str, word: str) -> None:
    assert r4.equivalence(code) == word
    assert r4.relationship(word) == code
    down = r4.downgrade(r5_map({"code": "a", "target": [{"code": "b", "relationship": code}]}))
    assert first_target(down) == {"code": "b", "equivalence": word}


def test_the_table_has_every_word_of_r4_and_every_code_of_r5() -> None:
    assert set(r4.RELATIONSHIP) == set(EVERY_WORD)
    assert set(r4.RELATIONSHIP.values()) == set(EVERY_RELATIONSHIP)


@pytest.mark.parametrize("word", EVERY_WORD)
def test_a_finer_word_is_kept_in_the_extension_of_hapi_and_comes_back(word: str) -> None:
    document = r4_map({"code": "b", "equivalence": word})
    target = first_target(r4.upgrade(document))
    kept = [extension["valueCode"] for extension in target.get("extension", [])]
    assert kept == ([] if r4.equivalence(r4.relationship(word)) == word else [word])
    assert all(extension["url"] == concept_map.KEPT_WORD for extension in target.get("extension", []))
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


def test_a_kept_word_that_contradicts_the_relationship_is_not_used() -> None:
    kept = {"url": concept_map.KEPT_WORD, "valueCode": "subsumes"}
    document = r5_map(
        {"code": "a", "target": [{"code": "b", "relationship": "equivalent", "extension": [kept]}]}
    )
    assert first_target(r4.downgrade(document)) == {
        "code": "b",
        "equivalence": "equivalent",
        "extension": [kept],
    }
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document


def test_a_word_that_no_release_knows_stays_as_it_is() -> None:
    document = r4_map({"code": "b", "equivalence": "resembles"})
    assert first_target(r4.upgrade(document)) == {"code": "b", "relationship": "resembles"}
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


# -- ConceptMap -----------------------------------------------------------------------------------------


def test_unmatched_alone_is_no_map_and_its_comment_moves_to_the_element() -> None:
    document = r4_map({"equivalence": "unmatched", "comment": "retired"})
    assert first_element(r4.upgrade(document)) == {
        "code": "a",
        "noMap": True,
        "extension": [{"url": concept_map.NO_MAP_COMMENT, "valueString": "retired"}],
    }
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


def test_an_unmatched_target_moves_its_data_to_the_element_and_back() -> None:
    """The extensions of an unmatched target move to the element, and back."""
    parts = [{"url": "code", "valueCode": "evidence"}, {"url": "value", "valueString": "seen"}]
    known = [{"url": concept_map.NO_MAP_PROPERTY, "extension": parts}]
    document = r4_map({"equivalence": "unmatched", "comment": "retired", "extension": known})
    element = first_element(r4.upgrade(document))
    assert element["noMap"] is True and "target" not in element
    assert element["extension"] == [{"url": concept_map.NO_MAP_COMMENT, "valueString": "retired"}, *known]
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document
    other = r4_map({"equivalence": "unmatched", "extension": [{"url": "http://x", "valueString": "y"}]})
    assert "noMap" not in first_element(r4.upgrade(other))
    assert there_and_back(other, r4.upgrade, r4.downgrade) == other


@pytest.mark.parametrize(
    "targets",
    [
        [{"equivalence": "unmatched"}, {"equivalence": "wider", "code": "b"}],
        [{"equivalence": "unmatched", "comment": "x"}, {"equivalence": "unmatched", "comment": "y"}],
        [{"equivalence": "unmatched", "code": "b"}],
        [{"equivalence": "unmatched", "product": [{"property": "http://x/p", "value": "1"}]}],
        [{"code": "b"}],
        [{"equivalence": "wider"}],
        [{}],
        [],
    ],
)
def test_targets_that_r5_cannot_say_as_no_map_survive(targets: list[Document]) -> None:
    document = r4_map(*targets)
    element = first_element(r4.upgrade(document))
    assert "noMap" not in element
    assert len(element["target"]) == len(targets)
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


def test_no_map_with_targets_is_wrong_but_loses_nothing() -> None:
    target = {"code": "b", "relationship": "equivalent"}
    down = first_element(r4.downgrade(r5_map({"code": "a", "noMap": True, "target": [target]})))
    assert down["target"] == [{"code": "b", "equivalence": "equivalent"}, {"equivalence": "unmatched"}]


def test_the_version_of_a_group_is_folded_into_its_canonical() -> None:
    older = {"source": "http://s", "sourceVersion": "1", "target": "http://t"}
    document = {"resourceType": "ConceptMap", "group": [older]}
    assert r4.upgrade(document)["group"] == [{"source": "http://s|1", "target": "http://t"}]
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document
    alone = {"resourceType": "ConceptMap", "group": [{"targetVersion": "2"}]}
    assert there_and_back(alone, r4.upgrade, r4.downgrade) == alone


@pytest.mark.parametrize("type_", ["Uri", "Canonical"])
def test_source_and_target_are_scopes_in_r5(type_: str) -> None:
    document = {
        "resourceType": "ConceptMap",
        f"source{type_}": "http://s",
        f"target{type_}": "http://t",
        f"_target{type_}": {"id": "t"},
    }
    assert r4.upgrade(document) == {
        "resourceType": "ConceptMap",
        f"sourceScope{type_}": "http://s",
        f"targetScope{type_}": "http://t",
        f"_targetScope{type_}": {"id": "t"},
    }
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"mode": "provided"}, {"mode": "use-source-code", "relationship": "related-to"}),
        ({"mode": "fixed", "code": "x"}, {"mode": "fixed", "code": "x", "relationship": "related-to"}),
        ({"mode": "other-map", "url": "http://m"}, {"mode": "other-map", "otherMap": "http://m"}),
    ],
)
def test_unmapped_has_a_relationship_unless_another_map_is_asked(older: Document, newer: Document) -> None:
    document = {"resourceType": "ConceptMap", "group": [{"unmapped": older}]}
    assert r4.upgrade(document)["group"] == [{"unmapped": newer}]
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


def test_r4_has_one_identifier_and_r5_many() -> None:
    one, two = {"value": "1"}, {"value": "2"}
    document = {"resourceType": "ConceptMap", "identifier": [one, two]}
    down = r4.downgrade(document)
    assert down["identifier"] == one
    assert down["extension"] == [{"url": URL + "ConceptMap.identifier", "valueIdentifier": two}]
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document
    assert r4.upgrade({"resourceType": "ConceptMap", "identifier": one})["identifier"] == [one]


def test_a_condition_names_an_attribute_that_the_map_declares() -> None:
    coded = {
        "property": "http://x/technique",
        "system": "http://s|2",
        "value": "cold-knife",
        "display": "Cold",
    }
    plain = {"property": "http://x/setting", "value": "inpatient"}
    document = r4_map({"code": "b", "equivalence": "equivalent", "dependsOn": [coded], "product": [plain]})
    up = r4.upgrade(document)
    assert up["additionalAttribute"] == [
        {"code": "technique", "uri": "http://x/technique", "type": "Coding"},
        {"code": "setting", "uri": "http://x/setting", "type": "string"},
    ]
    coding = {"system": "http://s", "version": "2", "code": "cold-knife", "display": "Cold"}
    assert first_target(up)["dependsOn"] == [{"attribute": "technique", "valueCoding": coding}]
    assert first_target(up)["product"] == [{"attribute": "setting", "valueString": "inpatient"}]
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


def test_attributes_of_the_same_last_name_get_different_codes() -> None:
    nodes = [{"property": f"http://{host}/p", "value": "1"} for host in "xyz"]
    document = r4_map({"code": "b", "equivalence": "equivalent", "dependsOn": nodes})
    assert [a["code"] for a in r4.upgrade(document)["additionalAttribute"]] == ["p", "p-2", "p-3"]
    assert there_and_back(document, r4.upgrade, r4.downgrade) == document


@pytest.mark.parametrize(
    ("type_", "value", "text", "r4_says_all"),
    [
        ("string", {"valueString": "1"}, "1", True),
        ("code", {"valueCode": "x"}, "x", True),
        ("boolean", {"valueBoolean": False}, "false", True),
        ("boolean", {"valueBoolean": True}, "true", True),
        ("Quantity", {"valueQuantity": {"value": Decimal("2.50"), "unit": "mm"}}, "2.50 mm", False),
        ("Coding", {"valueCoding": {"code": "x"}}, "x", True),
        ("Coding", {"valueCoding": {"system": "http://s", "code": "x"}}, "x", True),
        ("Coding", {"valueCoding": {"system": "http://s", "code": "x", "userSelected": True}}, "x", False),
    ],
)
def test_a_value_of_a_condition_is_a_text_in_r4_and_has_a_type_in_r5(
    type_: str, value: Document, text: str, r4_says_all: bool
) -> None:
    target = {"code": "b", "relationship": "equivalent", "dependsOn": [{"attribute": "p", **value}]}
    declared = [{"code": "p", "uri": "http://x/property/p", "type": type_}]
    document = r5_map({"code": "a", "target": [target]}, additionalAttribute=declared)
    condition = first_target(r4.downgrade(document))["dependsOn"][0]
    assert (condition["property"], condition["value"]) == ("http://x/property/p", text)
    assert ("extension" not in condition) is r4_says_all
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document


def test_a_condition_without_a_value_says_so_because_r4_demands_one() -> None:
    target = {
        "code": "b",
        "relationship": "equivalent",
        "dependsOn": [{"attribute": "p", "valueSet": "http://vs"}],
    }
    document = r5_map(
        {"code": "a", "target": [target]},
        additionalAttribute=[{"code": "p", "uri": "http://x/p", "type": "string"}],
    )
    condition = first_target(r4.downgrade(document))["dependsOn"][0]
    assert condition["_value"]["extension"][0]["valueCode"] == "unsupported"
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document


# -- resources in resources -----------------------------------------------------------------------------


def test_a_resource_is_converted_wherever_it_stands() -> None:
    inner = {"resourceType": "CodeSystem", "copyrightLabel": "x"}
    older = r4.downgrade(inner)
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "tx-resource", "resource": inner},
            {"name": "a", "part": [{"name": "b", "part": [{"name": "c", "resource": inner}]}]},
        ],
    }
    document = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": parameters},
            {"resource": {"resourceType": "ValueSet", "contained": [inner]}},
            {
                "response": {
                    "status": "400",
                    "outcome": {"resourceType": "OperationOutcome", "contained": [inner]},
                }
            },
        ],
    }
    down = r4.downgrade(document)
    assert "copyrightLabel" not in json.dumps({**down, "entry": down["entry"]}).replace(".copyrightLabel", "")
    assert down["entry"][0]["resource"]["parameter"][0]["resource"] == older
    assert down["entry"][0]["resource"]["parameter"][1]["part"][0]["part"][0]["resource"] == older
    assert down["entry"][1]["resource"]["contained"] == [older]
    assert down["entry"][2]["response"]["outcome"]["contained"] == [older]
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document


def test_what_says_the_same_in_both_is_the_same_object() -> None:
    concept = {"code": "a", "designation": [{"value": "A"}], "concept": [{"code": "b"}]}
    document = {"resourceType": "CodeSystem", "concept": [concept]}
    assert r4.downgrade(document) is document
    assert r4.upgrade(document) is document
    changed = r4.downgrade({**document, "copyrightLabel": "x"})
    assert changed["concept"] is document["concept"]


def test_r5_demands_content_of_a_code_system_and_r4_cannot_say_it() -> None:
    older = {
        "resourceType": "TerminologyCapabilities",
        "codeSearch": "all",
        "codeSystem": [{"uri": "http://s"}],
    }
    up = r4.upgrade(older)
    assert up["codeSearch"] == "in-compose-or-expansion"
    assert up["codeSystem"][0]["_content"]["extension"][0]["valueCode"] == "unknown"
    assert there_and_back(older, r4.upgrade, r4.downgrade) == older
    strange = {"resourceType": "TerminologyCapabilities", "codeSystem": [{"_content": {"id": "x"}}]}
    assert there_and_back(strange, r4.downgrade, r4.upgrade) == strange


# -- $translate -----------------------------------------------------------------------------------------


def answer(*parts: Document) -> Document:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "result", "valueBoolean": True}, {"name": "match", "part": list(parts)}],
    }


CONCEPT = {"name": "concept", "valueCoding": {"system": "http://t", "code": "b"}}


@pytest.mark.parametrize("word", EVERY_WORD)
def test_a_match_has_relationship_in_r5_and_equivalence_in_r4(word: str) -> None:
    older = answer({"name": "equivalence", "valueCode": word}, CONCEPT)
    up = r4.upgrade(older)["parameter"][1]["part"]
    assert (up[0]["name"], up[0]["valueCode"]) == ("relationship", r4.relationship(word))
    assert there_and_back(older, r4.upgrade, r4.downgrade) == older


def test_the_kept_word_of_a_match_is_used_and_dropped() -> None:
    part = {
        "name": "relationship",
        "valueCode": "equivalent",
        "extension": [{"url": concept_map.KEPT_WORD, "valueCode": "equal"}],
    }
    assert r4.downgrade(answer(part, CONCEPT)) == answer(
        {"name": "equivalence", "valueCode": "equal"}, CONCEPT
    )


def test_a_match_without_a_target_is_unmatched() -> None:
    origin = {"name": "originMap", "valueCanonical": "http://m|1"}
    down = r4.downgrade(answer({"name": "noMap", "valueBoolean": True}, origin))
    assert down == answer(origin, {"name": "equivalence", "valueCode": "unmatched"})
    assert r4.upgrade(down) == answer(origin, {"name": "noMap", "valueBoolean": True})
    says_more = answer({"name": "equivalence", "valueCode": "unmatched", "id": "x"})
    assert r4.upgrade(says_more)["parameter"][1]["part"][0]["name"] == "relationship"
    assert there_and_back(says_more, r4.upgrade, r4.downgrade) == says_more


def test_a_product_has_element_and_concept_in_r4() -> None:
    newer = {
        "name": "product",
        "part": [
            {"name": "attribute", "valueUri": "http://x/p"},
            {"name": "value", "valueCoding": {"code": "x"}},
        ],
    }
    older = {
        "name": "product",
        "part": [
            {"name": "element", "valueUri": "http://x/p"},
            {"name": "concept", "valueCoding": {"code": "x"}},
        ],
    }
    assert r4.downgrade(answer(CONCEPT, newer)) == answer(CONCEPT, older)
    assert r4.upgrade(answer(CONCEPT, older)) == answer(CONCEPT, newer)
    text = {
        "name": "product",
        "part": [{"name": "attribute", "valueCode": "http://x/p"}, {"name": "value", "valueString": "x"}],
    }
    assert r4.downgrade(answer(CONCEPT, text)) == answer(CONCEPT, older)


def test_origin_map_becomes_source_only_where_that_is_asked() -> None:
    document = answer(CONCEPT, {"name": "originMap", "valueCanonical": "http://m|1"})
    assert r4.downgrade(document) == document
    before = deepcopy(document)
    assert r4.downgrade_translation(document, names_source=True) == answer(
        CONCEPT, {"name": "source", "valueUri": "http://m|1"}
    )
    assert document == before


# -- real resources, and real models --------------------------------------------------------------------


def suite_resources() -> list[Path]:
    return sorted(SUITE.rglob("*.json")) if SUITE.is_dir() else []


@pytest.mark.skipif(not SUITE.is_dir(), reason="the tx-ecosystem tests are not beside this checkout")
def test_every_resource_of_the_tx_ecosystem_survives_the_way_down_and_up() -> None:
    seen = 0
    for path in suite_resources():
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(document, dict) and document.get("resourceType") in (
            "CodeSystem",
            "ValueSet",
            "ConceptMap",
        ):
            assert there_and_back(document, r4.downgrade, r4.upgrade) == document, path.name
            seen += 1
    assert seen > 300


RICH = """[
  {
    "resourceType": "ConceptMap", "id": "x", "url": "http://x/cm", "version": "1", "status": "draft",
    "versionAlgorithmString": "semver", "copyrightLabel": "c", "approvalDate": "2024-01-01",
    "identifier": [{"value": "1"}, {"value": "2"}], "topic": [{"text": "t"}], "author": [{"name": "n"}],
    "relatedArtifact": [{"type": "cites", "classifier": [{"text": "c"}],
      "resourceReference": {"display": "d"}}],
    "property": [{"code": "p", "type": "string"}], "sourceScopeUri": "http://a",
    "targetScopeCanonical": "http://b|1",
    "additionalAttribute": [
      {"code": "a", "uri": "http://x/a", "type": "Quantity"},
      {"code": "b", "uri": "http://x/b", "type": "Coding"}
    ],
    "group": [
      {
        "source": "http://s|1", "target": "http://t|2",
        "element": [
          {"code": "1", "noMap": true, "extension": [{"url": "NO_MAP_COMMENT", "valueString": "why"}]},
          {
            "valueSet": "http://vs",
            "target": [
              {
                "code": "z", "relationship": "source-is-narrower-than-target", "comment": "c",
                "property": [{"code": "p", "valueString": "v"}],
                "extension": [{"url": "KEPT_WORD", "valueCode": "subsumes"}],
                "dependsOn": [
                  {"attribute": "a", "valueQuantity": {"value": 1.5, "unit": "mm"}},
                  {"attribute": "b", "valueSet": "http://vs"}
                ],
                "product": [{"attribute": "b", "valueCoding": {"system": "http://s", "code": "q"}}]
              }
            ]
          }
        ],
        "unmapped": {"mode": "use-source-code", "relationship": "equivalent"}
      }
    ]
  },
  {
    "resourceType": "ValueSet", "id": "x", "url": "http://x/vs", "status": "draft", "copyrightLabel": "c",
    "versionAlgorithmCoding": {"code": "semver"}, "scope": {"inclusionCriteria": "in"},
    "effectivePeriod": {"start": "2024-01-01"},
    "compose": {
      "property": ["p", "q"],
      "include": [
        {
          "system": "http://s", "copyright": "c",
          "filter": [{"property": "p", "op": "child-of", "value": "v"}]
        },
        {
          "system": "http://s",
          "concept": [{"code": "1", "designation": [{"value": "one", "additionalUse": [{"code": "u"}]}]}]
        }
      ]
    },
    "expansion": {
      "timestamp": "2024-01-01", "next": "http://next", "property": [{"code": "p", "uri": "http://x/p"}],
      "contains": [
        {
          "system": "http://s", "code": "1",
          "contains": [
            {
              "system": "http://s", "code": "2",
              "property": [
                {"code": "p", "valueDecimal": 1.5, "subProperty": [{"code": "q", "valueBoolean": true}]},
                {"code": "p", "valueCoding": {"code": "z"}}
              ]
            }
          ]
        }
      ]
    }
  },
  {
    "resourceType": "CodeSystem", "id": "x", "url": "http://x/cs", "status": "draft",
    "content": "complete", "editor": [{"name": "e"}], "lastReviewDate": "2024-01-01",
    "versionAlgorithmString": "integer",
    "filter": [{"code": "f", "operator": ["=", "child-of"], "value": "v"}],
    "concept": [{"code": "1", "designation": [{"value": "one", "additionalUse": [{"code": "u"}]}]}]
  },
  {
    "resourceType": "NamingSystem", "id": "x", "url": "http://x/ns", "version": "1", "title": "t",
    "name": "N", "status": "draft", "kind": "codesystem", "date": "2024-01-01", "experimental": true,
    "uniqueId": [{"type": "iri-stem", "value": "http://x", "authoritative": true}]
  },
  {
    "resourceType": "TerminologyCapabilities", "id": "x", "status": "draft", "date": "2024",
    "kind": "instance", "software": {"name": "s"}, "implementation": {"description": "d"},
    "codeSystem": [{"uri": "http://s", "content": "complete"}], "codeSearch": "in-compose"
  },
  {
    "resourceType": "CapabilityStatement", "id": "x", "status": "draft", "date": "2024",
    "kind": "requirements", "description": "d", "fhirVersion": "4.0.1", "format": ["json"],
    "acceptLanguage": ["en", "de"], "identifier": [{"value": "i"}],
    "rest": [
      {
        "mode": "server",
        "resource": [{"type": "ValueSet", "interaction": [{"code": "read"}], "conditionalPatch": false}]
      }
    ]
  }
]"""


def rich(kind: str) -> Document:
    """The example above of this type, with the extensions it names."""
    text = RICH.replace("KEPT_WORD", concept_map.KEPT_WORD).replace(
        "NO_MAP_COMMENT", concept_map.NO_MAP_COMMENT
    )
    return next(resource for resource in json.loads(text) if resource["resourceType"] == kind)


def model(release: str, name: str) -> Any:
    return getattr(importlib.import_module(f"fhir.resources.{release}{name.lower()}"), name)


KINDS = [
    "CapabilityStatement",
    "CodeSystem",
    "ConceptMap",
    "NamingSystem",
    "TerminologyCapabilities",
    "ValueSet",
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_models_accept_both_ways_between_the_releases(kind: str) -> None:
    """The models of R4B accept a downgraded resource, and the way back gives the resource of R5 again."""
    document: Document = rich(kind)
    model("", kind).model_validate(document)
    older = r4.downgrade(document)
    model("R4B.", kind).model_validate(older)
    assert there_and_back(document, r4.downgrade, r4.upgrade) == document


def test_the_models_of_r5_accept_a_rich_map_of_r4() -> None:
    document = r4_map(
        {
            "code": "b",
            "equivalence": "inexact",
            "product": [{"property": "http://x/p", "value": "1"}],
            "dependsOn": [{"property": "http://x/q", "system": "http://s", "value": "c"}],
        }
    )
    document["identifier"] = {"value": "1"}
    document["group"][0] |= {"source": "http://s", "sourceVersion": "1", "unmapped": {"mode": "provided"}}
    model("R4B.", "ConceptMap").model_validate(document)
    up = r4.upgrade(document)
    model("", "ConceptMap").model_validate(up)
    with pytest.raises(ValueError):
        model("", "ConceptMap").model_validate(document)


def test_a_lone_unmatched_target_without_a_code_is_not_taken_for_noMap() -> None:
    """A lone target without a code that keeps 'unmatched' is not taken for noMap."""
    kept = {"url": concept_map.KEPT_WORD, "valueCode": "unmatched"}
    target = {"relationship": "not-related-to", "extension": [kept]}
    document = {
        "resourceType": "ConceptMap",
        "status": "active",
        "group": [{"source": "urn:a", "target": "urn:b", "element": [{"code": "x", "target": [target]}]}],
    }
    assert r4.upgrade(r4.downgrade(document)) == document
