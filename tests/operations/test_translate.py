"""ConceptMap $translate, rule by rule, on maps that are small enough to see through."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import matches, value, values
from tests.support.builders import body_of
from tests.support.engine import catalogue_of
from tests.support.maps import (
    BASE,
    BEYOND,
    CODES,
    HERE,
    MAPS,
    SYSTEMS,
    THERE,
    VALUE_SETS,
    map_of,
    on,
    to,
)


@pytest.fixture(scope="module")
def small() -> Terminology:
    return Terminology(catalogue=catalogue_of([*SYSTEMS, *VALUE_SETS, *MAPS]))


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
    empty = Terminology(catalogue=catalogue_of())
    assert matches(empty.ask("ConceptMap/$translate", body, "r4")) == [("y", word)]
    kept = Terminology(catalogue=catalogue_of([_upgraded(r4_map)]))
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
    with pytest.raises(TerminologyError, match="ConceptMap .*nowhere.* could not be found"):
        small.ask("ConceptMap/$translate", url="http://example.org/nowhere", system=HERE, code="plain")


def test_no_suitable_map_says_where_the_maps_lead(small: Terminology) -> None:
    with pytest.raises(
        TerminologyError, match="There are maps from this code system to http://example.org/beyond"
    ):
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
    with pytest.raises(TerminologyError, match="version '2.0' could not be found. Valid versions: 1.0"):
        small.ask(
            "ConceptMap/$translate", system=HERE, code="plain", url=BASE + "main", conceptMapVersion="2.0"
        )


def test_a_map_may_come_with_the_request() -> None:
    empty = Terminology(catalogue=catalogue_of())
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
    with pytest.raises(TerminologyError, match="no code to translate"):
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
    with pytest.raises(TerminologyError, match="the resource in the URL has"):
        small.ask("ConceptMap/main/$translate", url=BASE + "second", code="plain")


def test_a_map_that_comes_along_is_not_contradicted_by_url_either(small: Terminology) -> None:
    coding = {"name": "sourceCoding", "valueCoding": {"system": HERE, "code": "plain"}}
    came = {"name": "conceptMap", "resource": MAPS[0]}
    for url in (BASE + "main", BASE + "main|1.0"):
        assert value(small.ask("ConceptMap/$translate", body_of(coding, came, uri(url))), "result") is True
    for url in (BASE + "second", BASE + "main|2.0"):
        with pytest.raises(TerminologyError, match="but the resource sent with the request has"):
            small.ask("ConceptMap/$translate", body_of(coding, came, uri(url)))


def uri(url: str) -> Document:
    return {"name": "url", "valueUri": url}


def test_a_coding_is_not_contradicted_by_system_or_version(small: Terminology) -> None:
    coding = {"name": "sourceCoding", "valueCoding": {"system": HERE, "version": "1", "code": "plain"}}
    for name, other in (("system", THERE), ("version", "2")):
        with pytest.raises(TerminologyError, match="but the coding has"):
            small.ask("ConceptMap/$translate", body_of(coding, {"name": name, "valueString": other}))


def test_a_target_code_alone_lacks_targetSystem_and_not_system(small: Terminology) -> None:
    with pytest.raises(TerminologyError, match="'targetSystem'"):
        small.ask("ConceptMap/$translate", targetCode="P")


def test_a_version_that_a_map_does_not_state_is_only_pointed_out(small: Terminology) -> None:
    """A map that does not state the version of the request is used, and the message says so."""
    assert value(main(small, "plain", version="1"), "message") is None
    answer = main(small, "plain", version="7")
    assert matches(answer) == [("P", "equivalent")]
    assert f"does not have {HERE} in the version '7', but in 1;" in value(answer, "message")


def test_a_version_that_a_map_does_state_is_that_of_its_codes() -> None:
    stated = map_of("stated", f"{HERE}|1", THERE, [{"code": "plain", "target": [to("P")]}])
    kept = Terminology(catalogue=catalogue_of([stated]))
    assert matches(
        kept.ask("ConceptMap/$translate", url=BASE + "stated", system=HERE, code="plain", version="1")
    )
    answer = kept.ask("ConceptMap/$translate", url=BASE + "stated", system=HERE, code="plain", version="2")
    assert f"is for {HERE} in the version 1." in value(answer, "message")


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


def test_what_a_scope_leaves_out_is_the_first_thing_to_say(small: Terminology) -> None:
    few, some = "http://example.org/ValueSet/few", "http://example.org/ValueSet/some"
    asked = main(small, "wide", sourceScope=few)
    found = main(small, "wide", targetScope=some)
    start = "No translations found within the scope: the code"
    assert value(asked, "message") == f"{start} 'wide' is not in the sourceScope {few}."
    assert value(found, "message") == f"{start} 'W' is not in the targetScope {some}."


def test_all_of_a_code_system_is_a_scope_too(small: Terminology) -> None:
    assert value(main(small, "plain", targetScope=f"{THERE}?fhir_vs"), "result") is True
    assert value(main(small, "plain", targetScope=f"{BEYOND}?fhir_vs"), "result") is False


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_a_code_system_given_as_scope_is_read_as_one_and_pointed_out(
    small: Terminology, release: str
) -> None:
    answer = main(small, "plain", release, targetScope=THERE)
    assert matches(answer) == [("P", "equivalent")]
    note = f"The target scope {THERE} is a code system, not a value set: it was read as 'targetSystem'."
    assert value(answer, "message") == note


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


def test_sourceSystem_and_sourceScope_restrict_the_sources_of_a_target() -> None:
    """operations.md 1.2: "targetCode + targetSystem name the given concept, sourceSystem restricts"."""
    also = map_of("also", BEYOND, THERE, [{"code": "b", "target": [to("W")]}])
    both = Terminology(catalogue=catalogue_of([*SYSTEMS, *VALUE_SETS, *MAPS, also]))
    elsewhere = {**VALUE_SETS[1], "url": "http://example.org/ValueSet/wide", "id": "wide"}
    elsewhere["compose"] = {"include": [{"system": HERE, "concept": [{"code": "wide"}]}]}

    def sources(release: str = "r5", **more: Any) -> list[str]:
        parameters = [{"name": name, "valueUri": text} for name, text in more.items()]
        body = body_of(
            {"name": "targetCode", "valueCode": "W"},
            {"name": "targetSystem", "valueUri": THERE},
            {"name": "tx-resource", "resource": elsewhere},
            *parameters,
        )
        answer = both.ask("ConceptMap/$translate", body, release)
        return [value(m, "source")["code"] for m in values(answer, "match")]

    for release in ("r4", "r5", "r6"):
        assert sources(release) == ["wide", "b"] or sources(release) == ["b", "wide"]
        for name in ("system", "sourceSystem"):
            assert sources(release, **{name: HERE}) == ["wide"]
            assert sources(release, **{name: BEYOND}) == ["b"]
        assert sources(release, sourceScope="http://example.org/ValueSet/wide") == ["wide"]
        assert sources(release, sourceScope="http://example.org/ValueSet/few") == []


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


def test_what_is_known_is_not_asked_for_again(small: Terminology) -> None:
    """docs/translate.md: "Of what is not sent … the message says what to send"."""

    def message(**facts: Any) -> str | None:
        said: str | None = value(small.ask("ConceptMap/$translate", known(**facts)), "message")
        return said

    assert message(technique="loop", guided=True) is None
    assert message(technique="knife") is None
    half = message(technique="loop")
    assert half is not None and "guided (true)" in half and "technique" not in half


def test_an_attribute_that_no_map_knows_is_named_with_those_that_they_know(small: Terminology) -> None:
    message = value(small.ask("ConceptMap/$translate", known(tecnique="loop")), "message")
    assert (
        "None of the maps has the attribute 'http://example.org/tecnique': they have guided, technique."
        in message
    )


def test_a_code_that_itself_says_otherwise_than_the_caller_is_pointed_out() -> None:
    cuts: Document = {
        "resourceType": "CodeSystem",
        "url": HERE,
        "status": "active",
        "content": "complete",
        "property": [{"code": "technique", "type": "code"}],
        "concept": [
            {
                "code": "cond",
                "property": [{"code": "technique", "valueCode": "needle"}],
                "concept": [{"code": "fine", "property": [{"code": "technique", "valueCode": "loop"}]}],
            },
            {"code": "cut", "property": [{"code": "technique", "valueCode": "knife"}]},
        ],
    }
    kept = Terminology(catalogue=catalogue_of([cuts, MAPS[0]]))
    contradicted = kept.ask("ConceptMap/$translate", known(technique="knife"))
    assert [code for code, _ in matches(contradicted)] == ["C1"]
    assert "The code 'cond' itself has technique 'needle', but the request has 'knife'." in value(
        contradicted, "message"
    )
    for more in ("loop", "needle", "laser"):  # of a narrower code, of this one, of none
        assert "itself" not in (
            value(kept.ask("ConceptMap/$translate", known(technique=more)), "message") or ""
        )


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
    assert "under other conditions: technique (sent 'LASER', needed knife | laser | loop)." in value(
        small.ask("ConceptMap/$translate", known(technique="LASER")), "message"
    )
    assert "or guided (sent 'false', needed true)." in value(
        small.ask("ConceptMap/$translate", known(technique="loop", guided=False)), "message"
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
    return map_of("rule", HERE, THERE, [{"code": "plain", "target": [to("P")]}], group={"unmapped": rule})


def asked(*maps: Document, code: str = "unlisted", **more: Any) -> Document:
    return Terminology(catalogue=catalogue_of([*SYSTEMS, *maps])).ask(
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
    assert matches(Terminology(catalogue=catalogue_of()).ask("ConceptMap/$translate", body, "r4")) == [
        ("unlisted", "relatedto")
    ]


def test_unmapped_other_map_is_followed_and_every_hop_is_named() -> None:
    other = map_of(
        "other", HERE, THERE, [], group={"unmapped": {"mode": "other-map", "otherMap": BASE + "last"}}
    )
    last = map_of("last", HERE, THERE, [{"code": "unlisted", "target": [to("N")]}])
    answer = asked(unmapped(mode="other-map", otherMap=BASE + "other"), other, last)
    (match,) = values(answer, "match")
    assert value(match, "originMap") == BASE + "last|1.0"
    assert values(match, "via") == [BASE + "rule|1.0", BASE + "other|1.0"]


def test_unmapped_other_map_never_goes_round_in_a_circle() -> None:
    back = map_of(
        "back", HERE, THERE, [], group={"unmapped": {"mode": "other-map", "otherMap": BASE + "rule"}}
    )
    answer = asked(unmapped(mode="other-map", otherMap=BASE + "back"), back)
    assert value(answer, "result") is False
    assert "in a circle" in value(answer, "message")


def question_of(map_: Document, name: str = "tx-resource", *more: Document) -> Document:
    coding = {"system": HERE, "code": "plain"}
    return body_of({"name": name, "resource": map_}, {"name": "sourceCoding", "valueCoding": coding}, *more)


def test_a_sent_map_that_refers_to_itself_is_a_circle_and_not_unknown() -> None:
    """A map that comes with the request and refers to itself is a circle, and not unknown."""
    empty = Terminology(catalogue=catalogue_of())
    answer = empty.ask(
        "ConceptMap/$translate", question_of(unmapped(mode="other-map", otherMap=BASE + "rule"), "conceptMap")
    )
    assert matches(answer) == [("P", "equivalent")]
    itself = unmapped(mode="other-map", otherMap=BASE + "rule")
    itself["group"][0]["element"] = []
    for other in (BASE + "rule", BASE + "rule|1.0"):
        itself["group"][0]["unmapped"]["otherMap"] = other
        answer = empty.ask("ConceptMap/$translate", question_of(itself, "conceptMap"))
        assert value(answer, "result") is False
        assert "in a circle" in value(answer, "message")


def test_another_map_that_is_missing_does_no_harm_to_the_maps_that_answer(small: Terminology) -> None:
    bystander = map_of(
        "bystander", HERE, BEYOND, [], group={"unmapped": {"mode": "other-map", "otherMap": "http://gone"}}
    )
    answer = small.ask("ConceptMap/$translate", question_of(bystander))
    assert matches(answer) == [("P", "equivalent"), ("P", "related-to")]
    assert "bystander" in value(answer, "message") and "'http://gone' could not be found" in value(
        answer, "message"
    )
    alone = small.ask("ConceptMap/$translate", question_of(bystander, "tx-resource", uri(BASE + "bystander")))
    assert value(alone, "result") is False
    assert "'http://gone' could not be found." in value(alone, "message")


@pytest.mark.parametrize(
    "group",
    [
        {"element": "x"},
        {"element": ["x"]},
        {"element": [{"code": ["plain"]}]},
        {"element": [{"code": "plain", "target": {"code": "P"}}]},
        {"element": [{"code": "plain", "target": [to("P", dependsOn=[{"attribute": 1}])]}]},
        {"source": 1},
        {"unmapped": "x"},
    ],
    ids=str,
)
def test_a_map_with_wrong_JSON_types_is_refused_wherever_it_is_sent(
    small: Terminology, group: Document
) -> None:
    broken = map_of("broken", HERE, THERE, [], group=group)
    for question in (
        question_of(broken),
        question_of(broken, "conceptMap"),
        question_of(broken, "tx-resource", uri(BASE + "broken")),
    ):
        with pytest.raises(TerminologyError, match=r"ConceptMap\.group\[0\]\..* must be") as caught:
            small.ask("ConceptMap/$translate", question)
        assert caught.value.issues[0].code == "structure"


def test_a_malformed_map_is_refused_only_where_it_is_asked(small: Terminology) -> None:
    """A malformed map is refused where it is asked, and does no harm where it is not."""
    group = {"element": [{"code": "plain", "target": [{"code": "P", "relationship": "bananas"}]}]}
    broken = map_of("broken", HERE, THERE, [], group=group)
    bystander = small.ask("ConceptMap/$translate", question_of(broken))
    assert matches(bystander) == [("P", "equivalent"), ("P", "related-to")]
    assert "cannot be used: ConceptMap.group" in value(bystander, "message")
    for question in (
        question_of(broken, "conceptMap"),
        question_of(broken, "tx-resource", uri(BASE + "broken")),
    ):
        with pytest.raises(TerminologyError) as caught:
            small.ask("ConceptMap/$translate", question)
        assert caught.value.issues[0].code == "structure"


def test_unmapped_is_not_for_codes_that_the_map_lists() -> None:
    assert matches(asked(unmapped(mode="fixed", code="N"), code="plain")) == [("P", "equivalent")]


# -- displays ------------------------------------------------------------------------------------


def test_a_display_is_that_of_the_target_system_and_not_of_the_map(small: Terminology) -> None:
    def display(code: str, **more: Any) -> str:
        (match,) = values(main(small, code, **more), "match")
        return str(value(match, "concept").get("display"))

    assert display("wide") == "There W"
    assert display("plain") == "There P"
    assert display("plain", displayLanguage="de") == "Dort P"
    assert display("wide", displayLanguage="de") == "Dort W"
    assert display("wide", displayLanguage="fr") == "There W"


# -- near misses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("672", "The map does not have '672', but '67.2'"),
        ("retired", "its successor is 'plain'"),
        ("elsewhere", "Other maps translate the code to http://example.org/beyond"),
        ("nonsense", "CodeSystem 'http://example.org/here|1' has no code 'nonsense'"),
    ],
)
def test_a_near_miss_says_what_would_have_matched(small: Terminology, code: str, hint: str) -> None:
    answer = main(small, code)
    assert value(answer, "result") is False
    assert hint in value(answer, "message")


def test_another_case_is_a_near_miss_only_where_case_counts(small: Terminology) -> None:
    assert value(main(small, "PLAIN"), "result") is True
    strict = [{**system, "caseSensitive": True} for system in SYSTEMS]
    answer = main(Terminology(catalogue=catalogue_of([*strict, *VALUE_SETS, *MAPS])), "PLAIN")
    assert value(answer, "result") is False
    assert "The map does not have 'PLAIN', but 'plain'" in value(answer, "message")


def test_a_reason_ends_with_one_full_stop(small: Terminology) -> None:
    said = "http://hl7.org/fhir/4.0/StructureDefinition/extension-ConceptMap.group.element.target.comment"
    nothing = {"code": "n", "noMap": True, "extension": [{"url": said, "valueString": "Not that."}]}
    kept = Terminology(catalogue=catalogue_of([map_of("nothing", HERE, THERE, [nothing])]))
    message = value(kept.ask("ConceptMap/$translate", system=HERE, code="n"), "message")
    assert "Not that." in message and ".." not in message


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_what_is_known_of_a_row_without_target_comes_with_it(release: str) -> None:
    where = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ConceptMap.group.element.target.property"
    parts = [{"url": "code", "valueCode": "seen"}, {"url": "value", "valueString": "in 1999"}]
    nothing = {"code": "n", "noMap": True, "extension": [{"url": where, "extension": parts}]}
    declared = [{"code": "seen", "uri": "http://example.org/seen", "type": "string"}]
    map_ = map_of("nothing", HERE, THERE, [nothing], property=declared)
    kept = Terminology(catalogue=catalogue_of([map_]))
    (match,) = values(kept.ask("ConceptMap/$translate", release=release, system=HERE, code="n"), "match")
    (property_,) = values(match, "property")
    assert (value(property_, "uri"), value(property_, "value")) == ("http://example.org/seen", "in 1999")


def test_the_way_back_that_is_named_leads_from_where_was_asked(small: Terminology) -> None:
    with pytest.raises(TerminologyError) as caught:
        small.ask("ConceptMap/$translate", system=BEYOND, code="B", targetSystem=HERE)
    assert f"The map {BASE}away|1.0 has the code as a target: translate in reverse" in str(caught.value)
    with pytest.raises(TerminologyError) as caught:
        small.ask("ConceptMap/$translate", system=BEYOND, code="B", targetSystem=THERE)
    assert "as a target" not in str(caught.value)


def test_a_coding_of_an_unknown_system_is_named(small: Terminology) -> None:
    codings = [{"system": HERE, "code": "plain"}, {"system": "urn:x", "code": "?"}]
    for some in (codings, codings[1:]):
        question = {"name": "sourceCodeableConcept", "valueCodeableConcept": {"coding": some}}
        body = body_of({"name": "url", "valueUri": BASE + "main"}, question)
        answer = small.ask("ConceptMap/$translate", body)
        assert "This server has no code system 'urn:x'." in value(answer, "message")


def test_a_message_stays_short_however_much_there_is_to_say() -> None:
    conditions = [
        on(f"attribute-{n}-{'x' * 40}", valueCode=f"value-{v}") for n in range(40) for v in range(20)
    ]
    elements = [{"code": "c", "target": [to("P", dependsOn=conditions)]}]
    maps = [map_of(f"m{n}", HERE, f"{THERE}/{n}", elements) for n in range(60)]
    kept = Terminology(catalogue=catalogue_of(maps))
    coding = {"name": "sourceCoding", "valueCoding": {"system": HERE, "code": "c"}}
    other = {"name": "sourceCoding", "valueCoding": {"system": HERE, "code": "d" * 3000}}
    fact = {
        "name": "dependency",
        "part": [
            {"name": "attribute", "valueUri": f"attribute-1-{'x' * 40}"},
            {"name": "value", "valueCode": "y" * 3000},
        ],
    }
    for body in (body_of(coding), body_of(coding, fact), body_of(other, fact)):
        message = value(kept.ask("ConceptMap/$translate", body), "message")
        assert 20 < len(message) <= 1000


def test_a_code_of_the_other_end_is_told_to_ask_in_reverse(small: Terminology) -> None:
    answer = small.ask("ConceptMap/$translate", url=BASE + "main", system=THERE, code="W")
    assert "translate in reverse" in value(answer, "message")


def test_a_target_system_that_the_map_does_not_lead_to_is_named(small: Terminology) -> None:
    answer = main(small, "plain", targetSystem=BEYOND)
    assert value(answer, "result") is False
    assert f"main|1.0 translates to {THERE}." in value(answer, "message")
