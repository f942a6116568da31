"""ConceptMap $translate, rule by rule, on maps that are small enough to see through."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from conftest import body_of, matches, value, values

from terminology import Terminology, TerminologyError
from terminology.catalogue import Catalogue
from terminology.model import Document

HERE = "http://example.org/here"
THERE = "http://example.org/there"
BEYOND = "http://example.org/beyond"
BASE = "http://example.org/ConceptMap/"


def concept_map(id_: str, source: str, target: str, elements: list[Document], **more: Any) -> Document:
    group: Document = {"source": source, "target": target, "element": elements} | more.pop("group", {})
    return {
        "resourceType": "ConceptMap",
        "id": id_,
        "url": BASE + id_,
        "version": "1.0",
        "status": "active",
        "group": [group],
    } | more


def to(code: str, relationship: str = "equivalent", **more: Any) -> Document:
    return {"code": code, "relationship": relationship} | more


def on(attribute: str, **value_: Any) -> Document:
    return {"attribute": attribute, **value_}


ATTRIBUTES = [
    {"code": "technique", "uri": "http://example.org/technique", "type": "code"},
    {"code": "guided", "uri": "http://example.org/guided", "type": "boolean"},
]
CODES = {
    HERE: ["plain", "wide", "many", "none", "not", "cond", "retired", "elsewhere", "67.2", "unlisted"],
    THERE: ["P", "W", "M1", "M2", "N", "C1", "C2"],
}
SYSTEMS: list[Document] = [
    {
        "resourceType": "CodeSystem",
        "id": "here",
        "url": HERE,
        "version": "1",
        "status": "active",
        "content": "complete",
        "property": [{"code": "replacedBy", "type": "code"}],
        "concept": [{"code": code, "display": code.title()} for code in CODES[HERE] if code != "retired"]
        + [
            {
                "code": "retired",
                "property": [
                    {"code": "inactive", "valueBoolean": True},
                    {"code": "replacedBy", "valueCode": "plain"},
                ],
            }
        ],
    },
    {
        "resourceType": "CodeSystem",
        "id": "there",
        "url": THERE,
        "version": "1",
        "status": "active",
        "language": "en",
        "content": "complete",
        "concept": [
            {
                "code": code,
                "display": f"There {code}",
                "designation": [{"language": "de", "value": f"Dort {code}"}],
            }
            for code in CODES[THERE]
        ],
    },
]
VALUE_SETS: list[Document] = [
    {
        "resourceType": "ValueSet",
        "id": "some",
        "url": "http://example.org/ValueSet/some",
        "status": "active",
        "compose": {"include": [{"system": THERE, "concept": [{"code": "M1"}, {"code": "P"}]}]},
    },
    {
        "resourceType": "ValueSet",
        "id": "few",
        "url": "http://example.org/ValueSet/few",
        "status": "active",
        "compose": {"include": [{"system": HERE, "concept": [{"code": "plain"}]}]},
    },
]
ELEMENTS: list[Document] = [
    {"code": "plain", "target": [to("P")]},
    {"code": "wide", "target": [to("W", "source-is-narrower-than-target", display="As the map says")]},
    {"code": "many", "target": [to("M2", "related-to"), to("M1")]},
    {
        "code": "none",
        "noMap": True,
        "extension": [
            {
                "url": "http://hl7.org/fhir/4.0/StructureDefinition/extension-ConceptMap.group.element.target.comment",
                "valueString": "there is nothing like it",
            }
        ],
    },
    {"code": "not", "target": [to("N", "not-related-to", comment="a look-alike")]},
    {
        "code": "cond",
        "target": [
            to("C1", dependsOn=[on("technique", valueCode="knife"), on("technique", valueCode="laser")]),
            to("C2", dependsOn=[on("technique", valueCode="loop"), on("guided", valueBoolean=True)]),
        ],
    },
    {"code": "67.2", "target": [to("P", product=[on("technique", valueCode="knife")])]},
]
MAPS = [
    concept_map("main", HERE, THERE, ELEMENTS, additionalAttribute=ATTRIBUTES),
    concept_map("second", HERE, THERE, [{"code": "plain", "target": [to("P", "related-to")]}]),
    concept_map("away", HERE, BEYOND, [{"code": "elsewhere", "target": [to("B")]}]),
]


@pytest.fixture(scope="module")
def small() -> Terminology:
    return Terminology(catalogue=Catalogue([*SYSTEMS, *VALUE_SETS, *MAPS]))


def main(small: Terminology, code: str, release: str = "r5", **more: Any) -> Document:
    return small.ask(
        "ConceptMap/$translate", release=release, url=BASE + "main", system=HERE, code=code, **more
    )


# -- relationships -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "relationship"),
    [
        ("equivalent", "equivalent"),
        ("equal", "equivalent"),
        ("wider", "source-is-narrower-than-target"),
        ("subsumes", "source-is-narrower-than-target"),
        ("narrower", "source-is-broader-than-target"),
        ("specializes", "source-is-broader-than-target"),
        ("relatedto", "related-to"),
        ("inexact", "related-to"),
        ("disjoint", "not-related-to"),
    ],
)
def test_an_R4_word_is_its_relationship_in_R5_and_itself_again_in_R4(word: str, relationship: str) -> None:
    r4_map: Document = {
        "resourceType": "ConceptMap",
        "url": BASE + "r4",
        "status": "active",
        "group": [
            {
                "source": HERE,
                "target": THERE,
                "element": [{"code": "x", "target": [{"code": "y", "equivalence": word}]}],
            }
        ],
    }
    body = body_of(
        {"name": "conceptMap", "resource": r4_map},
        {"name": "code", "valueCode": "x"},
        {"name": "system", "valueUri": HERE},
    )
    empty = Terminology(catalogue=Catalogue())
    assert matches(empty.ask("ConceptMap/$translate", body, "r4")) == [("y", word)]
    kept = Terminology(catalogue=Catalogue([_upgraded(r4_map)]))
    answer = kept.ask("ConceptMap/$translate", release="r5", system=HERE, code="x")
    assert matches(answer) == [("y", relationship)]
    assert value(answer, "result") is (word != "disjoint")


def _upgraded(document: Document) -> Document:
    from terminology.wire.r4 import upgrade

    return upgrade(document)


def test_the_best_match_comes_first_and_all_matches_come(small: Terminology) -> None:
    assert matches(main(small, "many")) == [("M1", "equivalent"), ("M2", "related-to")]


def test_result_is_true_only_if_a_match_says_more_than_what_it_is_not(small: Terminology) -> None:
    answer = main(small, "not")
    assert value(answer, "result") is False
    assert matches(answer) == [("N", "not-related-to")]
    assert value(values(answer, "match")[0], "targetComment") == "a look-alike"
    assert "a look-alike" in value(answer, "message")


@pytest.mark.parametrize(("release", "said"), [("r4", "unmatched"), ("r5", None)])
def test_a_row_that_says_there_is_nothing_is_reported_with_its_reason(
    small: Terminology, release: str, said: str | None
) -> None:
    answer = main(small, "none", release)
    assert value(answer, "result") is False
    assert matches(answer) == [(None, said)]
    (match,) = values(answer, "match")
    assert value(match, "sourceComment") == "there is nothing like it"
    assert "there is nothing like it" in value(answer, "message")


# -- which map -----------------------------------------------------------------------------------


def test_several_maps_give_one_match_per_concept_and_map_each_named(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", system=HERE, code="plain", targetSystem=THERE)
    origins = [value(match, "originMap") for match in values(answer, "match")]
    assert matches(answer) == [("P", "equivalent"), ("P", "related-to")]
    assert origins == [BASE + "main|1.0", BASE + "second|1.0"]


def test_R4_calls_the_map_of_a_match_source(small: Terminology) -> None:
    (match,) = values(main(small, "wide", "r4"), "match")
    assert value(match, "source") == BASE + "main|1.0"
    assert value(match, "equivalence") == "wider"
    assert value(match, "originMap") is None and value(match, "relationship") is None


def test_an_unknown_map_is_404(small: Terminology) -> None:
    with pytest.raises(TerminologyError, match="nowhere.*not known here"):
        small.ask("ConceptMap/$translate", url="http://example.org/nowhere", system=HERE, code="plain")


def test_no_suitable_map_says_where_the_maps_lead(small: Terminology) -> None:
    with pytest.raises(TerminologyError, match="There are maps from it to http://example.org/beyond"):
        small.ask(
            "ConceptMap/$translate", system=HERE, code="plain", targetSystem="http://example.org/nowhere"
        )


def test_a_version_of_the_map_may_be_named_in_either_way(small: Terminology) -> None:
    ways: list[dict[str, Any]] = [
        {"url": BASE + "main|1.0"},
        {"url": BASE + "main", "conceptMapVersion": "1.0"},
    ]
    for more in ways:
        assert value(small.ask("ConceptMap/$translate", system=HERE, code="plain", **more), "result") is True
    with pytest.raises(TerminologyError, match="version '2.0' is not known here. Valid versions: 1.0"):
        small.ask(
            "ConceptMap/$translate", system=HERE, code="plain", url=BASE + "main", conceptMapVersion="2.0"
        )


def test_a_map_may_come_with_the_request() -> None:
    empty = Terminology(catalogue=Catalogue())
    question = ({"name": "sourceCode", "valueCode": "plain"}, {"name": "system", "valueUri": HERE})
    for name in ("conceptMap", "tx-resource"):
        answer = empty.ask("ConceptMap/$translate", body_of({"name": name, "resource": MAPS[0]}, *question))
        assert matches(answer) == [("P", "equivalent")]


def test_a_map_is_never_changed_by_being_asked(small: Terminology) -> None:
    before = copy.deepcopy(MAPS)
    for code in CODES[HERE]:
        for release in ("r4", "r5"):
            main(small, code, release)
    assert before == MAPS


# -- what is asked -------------------------------------------------------------------------------


def test_every_coding_of_a_codeable_concept_is_translated(small: Terminology) -> None:
    concept = {
        "coding": [
            {"system": HERE, "code": "wide"},
            {"system": HERE, "code": "plain"},
            {"system": "urn:x", "code": "?"},
        ]
    }
    body = body_of(
        {"name": "url", "valueUri": BASE + "main"},
        {"name": "sourceCodeableConcept", "valueCodeableConcept": concept},
    )
    answer = small.ask("ConceptMap/$translate", body)
    assert matches(answer) == [("P", "equivalent"), ("W", "source-is-narrower-than-target")]
    assert [value(match, "sourceConcept")["code"] for match in values(answer, "match")] == ["plain", "wide"]


SPELLINGS: dict[str, dict[str, Any]] = {
    "R4": {"code": "plain", "system": HERE, "targetsystem": THERE},
    "R5": {"sourceCode": "plain", "system": HERE, "targetSystem": THERE},
    "R6": {"sourceCode": "plain", "sourceSystem": HERE, "targetSystem": THERE},
}


@pytest.mark.parametrize("release", ["r4", "r4b", "r5", "r6"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_every_release_is_read_on_every_root(
    small: Terminology, release: str, spelling: str
) -> None:
    answer = small.ask("ConceptMap/$translate", release=release, url=BASE + "main", **SPELLINGS[spelling])
    assert matches(answer) == [("P", "equivalent")]


def test_exactly_one_thing_is_translated(small: Terminology) -> None:
    with pytest.raises(TerminologyError, match="nothing to translate"):
        small.ask("ConceptMap/$translate", url=BASE + "main")
    body = body_of(
        {"name": "sourceCode", "valueCode": "plain"},
        {"name": "sourceCoding", "valueCoding": {"code": "wide"}},
    )
    with pytest.raises(TerminologyError, match="Only one of"):
        small.ask("ConceptMap/$translate", body)


def test_a_code_alone_needs_a_map_with_one_source_system(small: Terminology) -> None:
    assert value(small.ask("ConceptMap/$translate", url=BASE + "main", code="plain"), "result") is True
    assert value(small.ask("ConceptMap/main/$translate", code="plain"), "result") is True
    with pytest.raises(TerminologyError, match="'system'"):
        small.ask("ConceptMap/$translate", code="plain")


def test_an_instance_may_be_named_again_but_not_contradicted(small: Terminology) -> None:
    assert value(small.ask("ConceptMap/main/$translate", url=BASE + "main", code="plain"), "result") is True
    with pytest.raises(TerminologyError, match="the resource it is asked of has"):
        small.ask("ConceptMap/main/$translate", url=BASE + "second", code="plain")


# -- scopes --------------------------------------------------------------------------------------


def test_a_target_scope_is_a_value_set_and_not_a_name(small: Terminology) -> None:
    scope = "http://example.org/ValueSet/some"
    assert matches(main(small, "many", targetScope=scope)) == [("M1", "equivalent")]
    assert matches(main(small, "many", "r4", target=scope)) == [("M1", "equivalent")]
    assert value(main(small, "wide", targetScope=scope), "result") is False


def test_a_source_scope_bounds_what_is_translated(small: Terminology) -> None:
    scope = "http://example.org/ValueSet/few"
    assert value(main(small, "plain", sourceScope=scope), "result") is True
    assert value(main(small, "wide", sourceScope=scope), "result") is False


def test_all_of_a_code_system_is_a_scope_too(small: Terminology) -> None:
    assert value(main(small, "plain", targetScope=f"{THERE}?fhir_vs"), "result") is True
    assert value(main(small, "plain", targetScope=f"{BEYOND}?fhir_vs"), "result") is False


def test_a_code_system_given_as_scope_is_pointed_out(small: Terminology) -> None:
    with pytest.raises(TerminologyError, match="targetSystem"):
        main(small, "plain", targetScope=THERE)


# -- the way back --------------------------------------------------------------------------------


def test_R4_reverse_finds_every_source_and_turns_the_relationship_round(small: Terminology) -> None:
    def back(code: str, release: str) -> Document:
        return small.ask(
            "ConceptMap/$translate", release=release, url=BASE + "main", system=THERE, code=code, reverse=True
        )

    assert matches(back("W", "r4")) == [("wide", "narrower")]
    assert matches(back("W", "r5")) == [("wide", "source-is-broader-than-target")]
    assert matches(back("P", "r4")) == [("plain", "equivalent"), ("67.2", "equivalent")]


def test_R5_target_code_names_the_target_and_the_source_found(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", url=BASE + "main", targetCode="W", targetSystem=THERE)
    (match,) = values(answer, "match")
    assert value(match, "concept")["code"] == "W"
    assert value(match, "source")["code"] == "wide"
    assert value(match, "relationship") == "source-is-narrower-than-target"


def test_R5_types_target_coding_as_uri_and_clients_send_what_they_mean(small: Terminology) -> None:
    for parameter in (
        {"name": "targetCoding", "valueCoding": {"system": THERE, "code": "W"}},
        {"name": "targetCode", "valueUri": "W"},
    ):
        body = body_of(
            {"name": "url", "valueUri": BASE + "main"}, parameter, {"name": "targetSystem", "valueUri": THERE}
        )
        assert value(small.ask("ConceptMap/$translate", body), "result") is True


def test_there_and_back_again_is_where_one_started(small: Terminology) -> None:
    for code in CODES[HERE]:
        for there in values(main(small, code), "match"):
            concept = value(there, "concept")
            if concept is not None:
                back = small.ask(
                    "ConceptMap/$translate",
                    url=BASE + "main",
                    system=THERE,
                    code=concept["code"],
                    reverse=True,
                )
                assert code in [found for found, _ in matches(back)]


# -- conditions ----------------------------------------------------------------------------------


def known(**facts: Any) -> Document:
    """R5 dependencies: technique="loop" and the like."""
    parts = []
    for name, fact in facts.items():
        key = "valueBoolean" if isinstance(fact, bool) else "valueCode"
        attribute = {"name": "attribute", "valueUri": f"http://example.org/{name}"}
        parts.append({"name": "dependency", "part": [attribute, {"name": "value", key: fact}]})
    return body_of(
        {"name": "url", "valueUri": BASE + "main"},
        {"name": "sourceCoding", "valueCoding": {"system": HERE, "code": "cond"}},
        *parts,
    )


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({}, ["C1", "C2"]),
        ({"technique": "knife"}, ["C1"]),
        ({"technique": "laser"}, ["C1"]),
        ({"technique": "loop"}, ["C2"]),
        ({"technique": "loop", "guided": True}, ["C2"]),
        ({"technique": "loop", "guided": False}, []),
        ({"technique": "needle"}, []),
        ({"guided": False}, ["C1"]),
        ({"weather": "fair"}, ["C1", "C2"]),
    ],
)
def test_a_condition_decides_as_far_as_it_is_known(
    small: Terminology, facts: dict[str, Any], codes: list[str]
) -> None:
    answer = small.ask("ConceptMap/$translate", known(**facts))
    assert [code for code, _ in matches(answer)] == codes
    assert value(answer, "result") is bool(codes)


def test_an_open_condition_comes_with_its_match_and_is_pointed_out(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", known())
    conditions = [
        [(value(c, "attribute"), value(c, "value")) for c in values(m, "dependsOn")]
        for m in values(answer, "match")
    ]
    technique = "http://example.org/technique"
    assert conditions == [
        [(technique, "knife"), (technique, "laser")],
        [(technique, "loop"), ("http://example.org/guided", True)],
    ]
    assert "technique (knife | laser | loop)" in value(answer, "message")


def test_R4_dependencies_are_elements_with_concepts(small: Terminology) -> None:
    concept = {"coding": [{"code": "loop"}]}
    parts = [
        {"name": "element", "valueUri": "technique"},
        {"name": "concept", "valueCodeableConcept": concept},
    ]
    body = body_of(
        {"name": "code", "valueCode": "cond"},
        {"name": "system", "valueUri": HERE},
        {"name": "url", "valueUri": BASE + "main"},
        {"name": "dependency", "part": parts},
    )
    assert [code for code, _ in matches(small.ask("ConceptMap/$translate", body, "r4"))] == ["C2"]


def test_conditions_that_are_not_met_are_named(small: Terminology) -> None:
    assert "on other conditions: technique" in value(
        small.ask("ConceptMap/$translate", known(technique="needle")), "message"
    )


@pytest.mark.parametrize(
    ("release", "parts"), [("r4", ("element", "concept")), ("r5", ("attribute", "value"))]
)
def test_products_come_in_the_parts_of_the_release(
    small: Terminology, release: str, parts: tuple[str, str]
) -> None:
    (match,) = values(main(small, "67.2", release), "match")
    (product,) = values(match, "product")
    assert value(product, parts[0]) == "http://example.org/technique"
    found = value(product, parts[1])
    assert found == "knife" or found["code"] == "knife"


# -- codes that the map does not list ------------------------------------------------------------


def unmapped(**rule: Any) -> Document:
    return concept_map(
        "rule", HERE, THERE, [{"code": "plain", "target": [to("P")]}], group={"unmapped": rule}
    )


def asked(*maps: Document, code: str = "unlisted", **more: Any) -> Document:
    return Terminology(catalogue=Catalogue([*SYSTEMS, *maps])).ask(
        "ConceptMap/$translate", url=BASE + "rule", system=HERE, code=code, **more
    )


def test_unmapped_fixed_is_one_code_for_all_the_rest() -> None:
    answer = asked(unmapped(mode="fixed", code="N", relationship="source-is-narrower-than-target"))
    assert matches(answer) == [("N", "source-is-narrower-than-target")]


def test_unmapped_use_source_code_keeps_the_code_R4_calls_it_provided() -> None:
    assert matches(asked(unmapped(mode="use-source-code"))) == [("unlisted", "related-to")]
    r4_map = {**unmapped(), "group": [{"source": HERE, "target": THERE, "unmapped": {"mode": "provided"}}]}
    body = body_of(
        {"name": "conceptMap", "resource": r4_map},
        {"name": "code", "valueCode": "unlisted"},
        {"name": "system", "valueUri": HERE},
    )
    assert matches(Terminology(catalogue=Catalogue()).ask("ConceptMap/$translate", body, "r4")) == [
        ("unlisted", "relatedto")
    ]


def test_unmapped_other_map_is_followed_and_every_hop_is_named() -> None:
    other = concept_map(
        "other", HERE, THERE, [], group={"unmapped": {"mode": "other-map", "otherMap": BASE + "last"}}
    )
    last = concept_map("last", HERE, THERE, [{"code": "unlisted", "target": [to("N")]}])
    answer = asked(unmapped(mode="other-map", otherMap=BASE + "other"), other, last)
    (match,) = values(answer, "match")
    assert value(match, "originMap") == BASE + "last|1.0"
    assert values(match, "via") == [BASE + "rule|1.0", BASE + "other|1.0"]


def test_unmapped_other_map_never_goes_round_in_a_circle() -> None:
    back = concept_map(
        "back", HERE, THERE, [], group={"unmapped": {"mode": "other-map", "otherMap": BASE + "rule"}}
    )
    answer = asked(unmapped(mode="other-map", otherMap=BASE + "back"), back)
    assert value(answer, "result") is False


def test_unmapped_is_not_for_codes_that_the_map_lists() -> None:
    assert matches(asked(unmapped(mode="fixed", code="N"), code="plain")) == [("P", "equivalent")]


# -- displays ------------------------------------------------------------------------------------


def test_a_display_is_that_of_the_map_or_else_of_the_target_system(small: Terminology) -> None:
    def display(code: str, **more: Any) -> str:
        (match,) = values(main(small, code, **more), "match")
        return str(value(match, "concept").get("display"))

    assert display("wide") == "As the map says"
    assert display("plain") == "There P"
    assert display("plain", displayLanguage="de") == "Dort P"
    assert display("wide", displayLanguage="de") == "Dort W"
    assert display("wide", displayLanguage="fr") == "As the map says"


# -- near misses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("672", "Instead of '672' the map has '67.2'"),
        ("PLAIN", "Instead of 'PLAIN' the map has 'plain'"),
        ("retired", "its successor is 'plain'"),
        ("elsewhere", "Other maps translate the code to http://example.org/beyond"),
        ("nonsense", "The code 'nonsense' is not in http://example.org/here|1"),
    ],
)
def test_a_near_miss_says_what_would_have_matched(small: Terminology, code: str, hint: str) -> None:
    answer = main(small, code)
    assert value(answer, "result") is False
    assert hint in value(answer, "message")


def test_a_code_of_the_other_end_is_told_to_ask_in_reverse(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", url=BASE + "main", system=THERE, code="W")
    assert "ask in reverse" in value(answer, "message")


def test_a_target_system_that_the_map_does_not_lead_to_is_named(small: Terminology) -> None:
    answer = main(small, "plain", targetSystem=BEYOND)
    assert value(answer, "result") is False
    assert f"leads to {THERE}" in value(answer, "message")
