"""A code system is four questions: what a CodeSystem resource answers, and what its supplements add."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology.model import Filter, TerminologyError, Typed
from terminology.systems.document import COMPARISONS, CONCEPT_PROPERTIES, HIERARCHY, DocumentSystem
from terminology.systems.supplement import Supplemented

Json = dict[str, Any]

STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"


def prop(code: str, **value: Any) -> Json:
    return {"code": code, **value}


#        root
#       /    \
#    limb    trunk (not selectable)
#    /  \
#  arm   leg (retired)       arm is subsumed by trunk, too
DOCUMENT: Json = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/body",
    "version": "1",
    "content": "complete",
    "caseSensitive": True,
    "property": [
        {"code": "state", "uri": CONCEPT_PROPERTIES + "status", "type": "code"},
        {"code": "under", "uri": CONCEPT_PROPERTIES + "parent", "type": "code"},
        {"code": "notSelectable", "uri": "http://example.org/not-selectable", "type": "boolean"},
        {"code": "count", "uri": "http://example.org/count", "type": "integer"},
    ],
    "concept": [
        {
            "code": "root",
            "display": "Body",
            "concept": [
                {
                    "code": "limb",
                    "display": "Limb of the body",
                    "designation": [{"language": "fr", "value": "Membre supérieur ou inférieur"}],
                    "property": [prop("count", valueInteger=4)],
                    "concept": [
                        {
                            "code": "arm",
                            "property": [prop("under", valueCode="trunk"), prop("count", valueInteger=2)],
                        },
                        {"code": "leg", "display": "Leg", "property": [prop("state", valueCode="retired")]},
                    ],
                },
                {"code": "trunk", "property": [prop("notSelectable", valueBoolean=True)]},
            ],
        },
        {"code": "tail", "extension": [{"url": STATUS, "valueCode": "deprecated"}]},
    ],
}
BODY = DocumentSystem(DOCUMENT)
ALL = ("root", "limb", "arm", "leg", "trunk", "tail")


def chosen(property_: str, op: str, value: str) -> list[str]:
    return [concept.code for concept in BODY.select([Filter(property_, op, value)])]


FILTERS = [
    ("concept", "is-a", "limb", ["limb", "arm", "leg"]),
    ("code", "is-a", "trunk", ["arm", "trunk"]),
    ("concept", "descendent-of", "limb", ["arm", "leg"]),
    ("concept", "child-of", "root", ["limb", "trunk"]),
    ("concept", "descendent-leaf", "root", ["arm", "leg"]),
    ("concept", "is-not-a", "limb", ["root", "trunk", "tail"]),
    ("concept", "generalizes", "arm", ["root", "limb", "arm", "trunk"]),
    ("under", "=", "trunk", ["arm"]),
    ("parent", "=", "root", ["limb", "trunk"]),
    ("child", "exists", "true", ["root", "limb", "trunk"]),
    ("count", "=", "4", ["limb"]),
    ("http://example.org/count", "=", "4", ["limb"]),
    ("count", "in", "2, 4", ["limb", "arm"]),
    ("count", "not-in", "4", ["root", "arm", "leg", "trunk", "tail"]),
    ("count", "exists", "true", ["limb", "arm"]),
    ("count", "exists", "false", ["root", "leg", "trunk", "tail"]),
    ("display", "regex", ".*body", ["limb"]),
    ("code", "regex", "[a-l]..", ["arm", "leg"]),
    ("code", "regex", "(a+)+b", []),
    ("notSelectable", "=", "true", ["trunk"]),
    ("status", "=", "retired", ["leg"]),
]


@pytest.mark.parametrize(("property_", "op", "value", "expected"), FILTERS)
def test_every_filter_of_the_base_specification_chooses(
    property_: str, op: str, value: str, expected: list[str]
) -> None:
    assert chosen(property_, op, value) == expected


def test_filters_are_all_that_the_base_specification_has() -> None:
    base = "= is-a descendent-of is-not-a regex in not-in generalizes child-of descendent-leaf exists"
    assert set(HIERARCHY) | set(COMPARISONS) == set(base.split())


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        (Filter("colour", "=", "red"), "FILTER_NOT_UNDERSTOOD"),
        (Filter("count", "sounds-like", "red"), "FILTER_NOT_UNDERSTOOD"),
        (Filter("count", "is-a", "limb"), "FILTER_NOT_UNDERSTOOD"),
        (Filter("concept", "is-a", ""), "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE"),
    ],
)
def test_a_filter_that_is_not_understood_is_an_error(filter_: Filter, message: str) -> None:
    with pytest.raises(TerminologyError) as error:
        BODY.select([filter_])
    assert error.value.issues[0].message_id == message


def test_an_expression_that_cannot_be_matched_in_linear_time_is_refused() -> None:
    with pytest.raises(TerminologyError, match="linear"):
        BODY.select([Filter("code", "regex", r"(a)\1")])


@given(
    st.lists(
        st.builds(
            Filter,
            st.sampled_from(["concept", "code", "count", "display", "under", "child", "status"]),
            st.sampled_from(sorted([*HIERARCHY, *COMPARISONS])),
            st.sampled_from([*ALL, "4", "2,4", "true", "false", "[a-l].*", "nobody"]),
        ),
        max_size=3,
    )
)
@settings(deadline=None)
def test_a_filter_finds_what_it_tests(filters: list[Filter]) -> None:
    try:
        selection = BODY.select(filters)
    except TerminologyError:
        return
    found = {concept.code for concept in selection}
    assert found == {code for code in ALL if code in selection}
    one_by_one = [{c.code for c in BODY.select([filter_])} for filter_ in filters]
    assert found == set(ALL).intersection(*one_by_one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("body", ["root", "limb"]),
        ("BOD lim", ["limb"]),
        ("superieur", ["limb"]),
        ("inférieur membre", ["limb"]),
        ("limb membre", []),
        ("imb", []),
        ("leg", ["leg"]),
    ],
)
def test_every_word_of_a_text_begins_a_word_of_one_thing_said(text: str, expected: list[str]) -> None:
    assert [concept.code for concept in BODY.select(text=text)] == expected


@pytest.mark.parametrize(
    ("code", "abstract", "inactive", "status"),
    [
        ("root", False, False, None),
        ("trunk", True, False, None),
        ("leg", False, True, "retired"),
        ("tail", False, False, "deprecated"),
    ],
)
def test_properties_mean_what_their_uri_says_and_what_is_deprecated_may_be_used(
    code: str, abstract: bool, inactive: bool, status: str | None
) -> None:
    concept = BODY.locate(code)
    assert concept is not None
    assert (concept.abstract, concept.inactive, concept.status) == (abstract, inactive, status)


def test_a_concept_without_a_code_is_passed_over_but_not_what_is_beneath_it() -> None:
    system = DocumentSystem({"url": "u", "concept": [{"display": "?", "concept": [{"code": "a"}]}]})
    assert [concept.code for concept in system.select()] == ["a"]


def test_a_circle_in_the_hierarchy_does_no_harm() -> None:
    system = DocumentSystem(
        {
            "url": "u",
            "concept": [
                {"code": "a", "property": [prop("parent", valueCode="b")]},
                {"code": "b", "property": [prop("parent", valueCode="a")]},
            ],
        }
    )
    assert [concept.code for concept in system.select([Filter("concept", "is-a", "a")])] == ["a", "b"]


SUPPLEMENT: Json = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/body-de",
    "version": "2",
    "content": "supplement",
    "supplements": "http://example.org/body",
    "property": [{"code": "latin", "uri": "http://example.org/latin", "type": "string"}],
    "concept": [
        {
            "code": "arm",
            "designation": [{"language": "de", "value": "Oberarm"}],
            "property": [prop("latin", valueString="brachium")],
            "extension": [{"url": STATUS, "valueCode": "draft"}],
        },
        {"code": "wing", "designation": [{"language": "de", "value": "Flügel"}]},
    ],
}


def test_a_supplement_adds_and_says_where_it_comes_from() -> None:
    system = Supplemented(BODY, [SUPPLEMENT])
    detail = system.describe(["arm"])["arm"]
    source = "http://example.org/body-de|2"
    assert [(d.value, d.source) for d in detail.designations] == [("Oberarm", source)]
    said = [(p.code, p.value, p.source) for p in detail.properties]
    assert ("latin", Typed("string", "brachium"), source) in said
    assert list(detail.extension) == SUPPLEMENT["concept"][0]["extension"]
    assert system.supplements == [source]


def test_a_supplement_brings_no_concepts_and_changes_nothing() -> None:
    system = Supplemented(BODY, [SUPPLEMENT])
    before = BODY.describe(["arm"])["arm"]
    assert system.locate("wing") is None
    assert system.describe(["arm"])["arm"] == system.describe(["arm"])["arm"]
    assert BODY.describe(["arm"])["arm"] == before
    assert not before.designations


def test_a_text_finds_what_a_supplement_says() -> None:
    system = Supplemented(BODY, [SUPPLEMENT])
    found = system.select(text="oberarm")
    assert [concept.code for concept in found] == ["arm"]
    assert "arm" in found and "leg" not in found and "wing" not in found
    assert [c.code for c in system.select([Filter("concept", "is-a", "limb")], "body")] == ["limb"]
