"""A code system is four questions: what a CodeSystem resource answers, and what its supplements add."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology import Settings, Terminology, create_app
from terminology.catalogue.overlay import Overlay
from terminology.core.errors import TerminologyError
from terminology.core.model import Filter
from terminology.systems.bcp47 import languages
from terminology.systems.document import DocumentCodeSystem
from terminology.systems.filters import COMPARISONS, HIERARCHY
from terminology.systems.metadata import CONCEPT_PROPERTIES
from terminology.systems.supplement import SupplementedCodeSystem
from tests.support.engine import ENGINE, catalogue_of, system_of

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
BODY = system_of(DOCUMENT)
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


REFUSED = [
    ("exists is true or false", Filter("count", "exists", "maybe"), "must be true or false"),
    ("exists is written in lower case", Filter("count", "exists", "TRUE"), "must be true or false"),
    ("is-a is of a code that is there", Filter("concept", "is-a", "nope"), "no code 'nope'"),
    ("is-not-a is of a code that is there", Filter("concept", "is-not-a", "nope"), "no code 'nope'"),
    ("child-of is of a code that is there", Filter("concept", "child-of", "nope"), "no code 'nope'"),
]


@pytest.mark.parametrize(("title", "filter_", "says"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_filter_that_cannot_be_right_is_an_error_and_not_silently_empty(
    title: str, filter_: Filter, says: str
) -> None:
    with pytest.raises(TerminologyError, match=says) as error:
        BODY.select([filter_])
    assert error.value.issues[0].tx == "vs-invalid"


@pytest.mark.parametrize("op", sorted(set(HIERARCHY) - {"child-of"}))
@pytest.mark.parametrize("meaning", ["part-of", "grouped-by"])
def test_a_filter_by_kind_requires_a_hierarchy_of_kinds(op: str, meaning: str) -> None:
    """A filter by is-a and its relatives requires a hierarchy of kinds.

    As $subsumes does (https://hl7.org/fhir/R5/valueset-filter-operator.html).
    """
    system = system_of(DOCUMENT | {"hierarchyMeaning": meaning})
    with pytest.raises(TerminologyError, match=f"has the hierarchyMeaning '{meaning}'"):
        system.select([Filter("concept", op, "limb")])


def test_child_of_is_a_direct_relationship_in_any_hierarchy() -> None:
    """child-of is a direct hierarchical relationship, whatever the hierarchy means."""
    system = system_of(DOCUMENT | {"hierarchyMeaning": "part-of"})
    assert [c.code for c in system.select([Filter("concept", "child-of", "root")])] == ["limb", "trunk"]


@pytest.mark.parametrize(
    ("property_", "value", "expected"),
    [
        ("inactive", "true", ["leg"]),
        ("inactive", "false", ["root", "limb", "arm", "trunk", "tail"]),
        ("notSelectable", "true", ["trunk"]),
    ],
)
def test_a_filter_tests_what_the_answers_say(property_: str, value: str, expected: list[str]) -> None:
    """A retired concept is inactive in every answer; so it is for the filter."""
    assert chosen(property_, "=", value) == expected


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [("=", "1.5", ["a"]), ("=", "1.500", ["a"]), ("in", "7, 15e-1", ["a"]), ("not-in", "1.5", ["b"])],
)
def test_numbers_are_compared_by_value(op: str, value: str, expected: list[str]) -> None:
    declared = [{"code": "dose", "type": "decimal"}, {"code": "label", "type": "string"}]
    label = prop("label", valueString="1.50")
    concepts = [
        {"code": "a", "property": [prop("dose", valueDecimal=Decimal("1.50")), label]},
        {"code": "b", "property": [prop("dose", valueDecimal=Decimal("2"))]},
    ]
    system = system_of({"url": "u", "property": declared, "concept": concepts})
    assert [c.code for c in system.select([Filter("dose", op, value)])] == expected
    assert not list(system.select([Filter("label", "=", "1.5")]))


# -- value sets that a code system implies --------------------------------------------------------

EDITION = "http://example.org/body/11"
IMPLIED = {
    "http://example.org/body?fhir_vs": list(ALL),
    "http://example.org/body?fhir_vs=isa/limb": ["limb", "arm", "leg"],
    f"{EDITION}?fhir_vs=isa/limb": ["limb", "arm", "leg"],
    f"{EDITION}/version/2024?fhir_vs=isa/limb": ["limb", "arm", "leg"],
}


@pytest.mark.parametrize("url", IMPLIED)
def test_a_code_and_the_codes_below_it_are_an_implicit_value_set(url: str) -> None:
    """https://hl7.org/fhir/R4/snomedct.html#implicit; of an edition and of a version, too."""
    held = catalogue_of([DOCUMENT | {"version": f"{EDITION}/version/2024"}])
    expansion = Terminology(catalogue=held).ask("ValueSet/$expand", url=url, excludeNested=True)["expansion"]
    assert sorted(node["code"] for node in expansion["contains"]) == sorted(IMPLIED[url])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("isa/nope", "has no code 'nope'"),
        ("refset/1", "this server supports '?fhir_vs' (all codes) and"),
        ("isa/", "has no code ''"),
        ("refset", "this server supports '?fhir_vs' (all codes) and"),
    ],
)
def test_the_diagnostics_say_why_a_value_set_is_not_implied(asked: str, why: str) -> None:
    """A value set that the code system does not imply is not found, and the diagnostics say why."""
    with pytest.raises(TerminologyError, match="could not be found") as error:
        catalogue_of([DOCUMENT]).value_set(f"http://example.org/body?fhir_vs={asked}")
    assert why in (error.value.issues[0].diagnostics or "")


def test_a_grammar_says_which_value_sets_a_code_system_implies() -> None:
    """A grammar has no codes below a code, and says which value sets are implied."""
    with pytest.raises(TerminologyError) as error:
        catalogue_of([], [languages()]).value_set("urn:ietf:bcp:47?fhir_vs=isa/en")
    assert "if the code system has a hierarchy, '?fhir_vs=isa/[code]'" in (
        error.value.issues[0].diagnostics or ""
    )


def test_an_OID_among_the_identifiers_of_a_resource_finds_it() -> None:
    identifier = [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"}]
    whole = {"include": [{"system": "urn:oid:1.2.3"}]}
    value_set = {"resourceType": "ValueSet", "url": "http://example.org/vs", "compose": whole}
    held = catalogue_of([DOCUMENT | {"identifier": identifier}, value_set | {"identifier": identifier}])
    for catalogue in (held, Overlay.of(held, []), held.for_fhir("4.0.1")):
        ask = Terminology(catalogue=catalogue).ask
        looked_up = ask("CodeSystem/$lookup", system="urn:oid:1.2.3", code="arm")
        assert {"name": "code", "valueCode": "arm"} in looked_up["parameter"]
        answer = ask("ValueSet/$validate-code", url="urn:oid:1.2.3", system=DOCUMENT["url"], code="arm")
        assert {"name": "result", "valueBoolean": True} in answer["parameter"]
    if not ENGINE:  # an import refuses an identifier that is no list
        wrong = catalogue_of([DOCUMENT | {"identifier": "urn:oid:1.2.3"}])
        assert wrong.preferred("urn:oid:1.2.3") == "urn:oid:1.2.3"


@pytest.mark.parametrize(
    ("rule", "block"),
    [
        ("vsd-1", {}),
        ("vsd-2", {"concept": [{"code": "arm"}]}),
        ("vsd-2", {"filter": [{"property": "concept", "op": "is-a", "value": "arm"}]}),
    ],
)
@pytest.mark.parametrize("kind", ["include", "exclude"])
def test_an_include_must_have_a_system_or_a_value_set(kind: str, rule: str, block: Json) -> None:
    compose = {"include": [{"system": DOCUMENT["url"]}]} | {kind: [block]}
    value_set = {"resourceType": "ValueSet", "url": "http://example.org/vs", "compose": compose}
    ask = Terminology(catalogue=catalogue_of([DOCUMENT, value_set])).ask
    coded = {"system": DOCUMENT["url"], "code": "arm"}
    for operation, more in (("$expand", Json()), ("$validate-code", coded)):
        with pytest.raises(TerminologyError, match=rule) as error:
            ask(f"ValueSet/{operation}", url="http://example.org/vs", **more)
        assert error.value.issues[0].tx == "vs-invalid"


def test_the_diagnostics_of_a_missing_pinned_version_name_a_remedy() -> None:
    """Where a pinned version is not here, the diagnostics say how to use another."""
    pinned = {"include": [{"system": DOCUMENT["url"], "version": "0.9"}]}
    value_set = {"resourceType": "ValueSet", "url": "http://example.org/vs", "compose": pinned}
    ask = Terminology(catalogue=catalogue_of([DOCUMENT, value_set])).ask
    with pytest.raises(TerminologyError) as error:
        ask("ValueSet/$expand", url="http://example.org/vs")
    remedy = f"{DOCUMENT['url']}|1"
    assert f"force-system-version={remedy}" in (error.value.issues[0].diagnostics or "")
    forced: Json = {"force-system-version": remedy}
    assert ask("ValueSet/$expand", url="http://example.org/vs", **forced)["expansion"]["contains"]


def test_a_resource_of_the_wrong_shape_is_told_what_it_has_instead() -> None:
    body = {"name": "tx-resource", "resource": {"resourceType": "ValueSet", "url": 5}}
    app = create_app(Settings(environment={}, data=""), catalogue=catalogue_of([DOCUMENT]))
    given = {"resourceType": "Parameters", "parameter": [body]}
    answer = app.test_client().post("/fhir/r4/CodeSystem/$validate-code", json=given)
    assert answer.status_code == 400
    (issue,) = (answer.json or {})["issue"]
    assert issue["details"]["text"].endswith("are strings, but its url is 5")


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
        ("limb membre", ["limb"]),
        ("imb", []),
        ("leg", ["leg"]),
    ],
)
def test_every_word_of_a_text_begins_a_word_of_what_is_said(text: str, expected: list[str]) -> None:
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
def test_properties_have_the_meaning_of_their_uri(
    code: str, abstract: bool, inactive: bool, status: str | None
) -> None:
    """Properties have the meaning of their URI, and a deprecated concept may be used."""
    concept = BODY.locate(code)
    assert concept is not None
    assert (concept.abstract, concept.inactive, concept.status) == (abstract, inactive, status)


def test_a_concept_without_a_code_is_skipped_but_not_those_beneath_it() -> None:
    system = system_of({"url": "u", "concept": [{"display": "?", "concept": [{"code": "a"}]}]})
    assert [concept.code for concept in system.select()] == ["a"]


def test_a_circle_in_the_hierarchy_does_no_harm() -> None:
    system = system_of(
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
    system = SupplementedCodeSystem(BODY, [DocumentCodeSystem(SUPPLEMENT)])
    detail = system.describe(["arm"])["arm"]
    source = "http://example.org/body-de|2"
    assert [(d.value, d.source) for d in detail.designations] == [("Oberarm", source)]
    said = [(p.code, p.type, p.value, p.source) for p in detail.properties]
    assert ("latin", "string", "brachium", source) in said
    assert list(detail.extension) == SUPPLEMENT["concept"][0]["extension"]
    assert system.supplements == [source]


def test_a_supplement_brings_no_concepts_and_changes_nothing() -> None:
    system = SupplementedCodeSystem(BODY, [DocumentCodeSystem(SUPPLEMENT)])
    before = BODY.describe(["arm"])["arm"]
    assert system.locate("wing") is None
    assert system.describe(["arm"])["arm"] == system.describe(["arm"])["arm"]
    assert BODY.describe(["arm"])["arm"] == before
    assert not before.designations


def test_a_text_finds_what_a_supplement_says() -> None:
    system = SupplementedCodeSystem(BODY, [DocumentCodeSystem(SUPPLEMENT)])
    found = system.select(text="oberarm")
    assert [concept.code for concept in found] == ["arm"]
    assert "arm" in found and "leg" not in found and "wing" not in found
    assert [c.code for c in system.select([Filter("concept", "is-a", "limb")], "body")] == ["limb"]
