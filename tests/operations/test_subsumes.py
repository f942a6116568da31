"""Does CodeSystem $subsumes give the four outcomes, and an error for what cannot be determined?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology import Settings, Terminology, TerminologyError, create_app
from terminology.catalogue.protocol import Catalogue
from terminology.operations.subsumes import SubsumesRequest, subsumes
from terminology.systems.bcp13 import mime_types
from terminology.systems.bcp47 import languages
from terminology.systems.ucum import units
from tests.support.builders import body_of, code_system, coding, tree, tx_resource
from tests.support.engine import catalogue_of

ANIMALS = "http://example.org/animals"

Json = dict[str, Any]


PARENT = {"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}
CATALOGUE = catalogue_of(
    [
        code_system(
            ANIMALS,
            tree("animal", tree("mammal", tree("cat"), tree("dog")), tree("bird")),
            id="animals",
            version="2",
            hierarchyMeaning="is-a",
        ),
        code_system(ANIMALS, tree("animal"), tree("cat"), version="1", id="animals-1"),
        code_system(
            "http://example.org/by-property",
            tree("a"),
            {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
            property=[PARENT],
        ),
        code_system("http://example.org/any-case", tree("Top", tree("Low")), caseSensitive=False),
        code_system("http://example.org/parts", tree("car", tree("wheel")), hierarchyMeaning="part-of"),
        code_system("http://example.org/groups", tree("group", tree("one")), hierarchyMeaning="grouped-by"),
        code_system(
            "http://example.org/classes", tree("A00-B99", tree("A00")), hierarchyMeaning="classified-with"
        ),
        code_system("http://example.org/part", tree("x", tree("y")), tree("z"), content="fragment"),
        {
            "resourceType": "NamingSystem",
            "kind": "codesystem",
            "name": "Animals",
            "uniqueId": [
                {"type": "uri", "value": ANIMALS, "preferred": True},
                {"type": "oid", "value": "1.2.3"},
            ],
        },
    ]
)


@pytest.fixture(scope="module")
def client() -> Any:
    return create_app(Settings(environment={}, data=""), catalogue=CATALOGUE).test_client()


def ask(**parameters: Any) -> str:
    answer = Terminology(catalogue=CATALOGUE).ask("CodeSystem/$subsumes", **parameters)
    assert [p["name"] for p in answer["parameter"]] == ["outcome"]
    outcome: str = answer["parameter"][0]["valueCode"]
    return outcome


# -- outcomes ------------------------------------------------------------------------------------

OUTCOMES = [
    ("a code is equivalent to itself", ANIMALS, "cat", "cat", "equivalent"),
    ("A subsumes B when A is above B", ANIMALS, "mammal", "cat", "subsumes"),
    ("A subsumes B over several levels", ANIMALS, "animal", "cat", "subsumes"),
    ("A is subsumed by B when B is above A", ANIMALS, "dog", "animal", "subsumed-by"),
    ("siblings are not subsumed", ANIMALS, "cat", "dog", "not-subsumed"),
    ("a hierarchy may be said by property", "http://example.org/by-property", "a", "b", "subsumes"),
    ("case is as the code system has it", "http://example.org/any-case", "TOP", "low", "subsumes"),
    ("in any case it is the same code", "http://example.org/any-case", "LOW", "low", "equivalent"),
    ("a classification subsumes", "http://example.org/classes", "A00-B99", "A00", "subsumes"),
    ("what a fragment says is true", "http://example.org/part", "x", "y", "subsumes"),
    ("an equal code needs no hierarchy", "http://example.org/parts", "wheel", "wheel", "equivalent"),
    ("an OID names the same system", "urn:oid:1.2.3", "mammal", "cat", "subsumes"),
]


@pytest.mark.parametrize("title,system,a,b,outcome", OUTCOMES, ids=[row[0] for row in OUTCOMES])
def test_outcome(title: Any, system: Any, a: Any, b: Any, outcome: Any) -> None:
    assert ask(system=system, codeA=a, codeB=b) == outcome


def test_the_best_version_is_asked_unless_one_is_named() -> None:
    assert ask(system=ANIMALS, codeA="animal", codeB="cat") == "subsumes"
    assert ask(system=ANIMALS, version="1", codeA="animal", codeB="cat") == "not-subsumed"


BODIES = [
    (
        "codings say their own system",
        body_of(codingA=coding("mammal", ANIMALS), codingB=coding("cat", ANIMALS)),
    ),
    (
        "a coding without a system has that of the request",
        body_of(codingA=coding("mammal", None), codingB=coding("cat", None), system={"valueUri": ANIMALS}),
    ),
    (
        "a code and a coding may be mixed",
        body_of(codeA={"valueCode": "mammal"}, codingB=coding("cat", ANIMALS), system={"valueUri": ANIMALS}),
    ),
    (
        "one version said is that of both",
        body_of(codingA=coding("mammal", ANIMALS, version="2"), codingB=coding("cat", ANIMALS)),
    ),
    (
        "systems are the same under an alias",
        body_of(codingA=coding("mammal", "urn:oid:1.2.3"), codingB=coding("cat", ANIMALS)),
    ),
]


@pytest.mark.parametrize("title,parameters", BODIES, ids=[row[0] for row in BODIES])
@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_codings(client: Any, title: Any, parameters: Any, release: Any) -> None:
    answer = client.post(f"/fhir/{release}/CodeSystem/$subsumes", json=parameters)
    assert answer.json == {
        "resourceType": "Parameters",
        "parameter": [{"name": "outcome", "valueCode": "subsumes"}],
    }


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
def test_type_and_instance_level_by_get_and_post_give_the_same(client: Any, release: Any) -> None:
    base = f"/fhir/{release}/CodeSystem"
    codes = body_of(codeA={"valueCode": "cat"}, codeB={"valueCode": "mammal"})
    answers = [
        client.get(f"{base}/$subsumes?system={ANIMALS}&codeA=cat&codeB=mammal"),
        client.post(f"{base}/$subsumes?system={ANIMALS}", json=codes),
        client.get(f"{base}/animals/$subsumes?codeA=cat&codeB=mammal"),
        client.post(f"{base}/animals/$subsumes", json=codes),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.json["parameter"][0]["valueCode"] for answer in answers] == ["subsumed-by"] * 4


def test_a_code_system_may_travel_with_the_request(client: Any) -> None:
    own = code_system("http://example.org/own", tree("top", tree("low")))
    parameters = body_of(
        tx_resource(own),
        codeA={"valueCode": "top"},
        codeB={"valueCode": "low"},
        system={"valueUri": own["url"]},
    )
    answer = client.post("/fhir/r5/CodeSystem/$subsumes", json=parameters)
    assert answer.json["parameter"][0]["valueCode"] == "subsumes"


# -- "if the server is unable to determine the relationship, it returns an error" ------------------

ERRORS = [
    ("A is missing", {"codeB": "cat", "system": ANIMALS}, "required", "codeA"),
    ("B is missing", {"codeA": "cat", "system": ANIMALS}, "required", "codeB"),
    ("the system is missing", {"codeA": "cat", "codeB": "dog"}, "required", "system"),
    ("the system is unknown", {"codeA": "cat", "codeB": "dog", "system": "urn:x"}, "not-found", "urn:x"),
    (
        "the version is unknown",
        {"codeA": "cat", "codeB": "dog", "system": ANIMALS, "version": "9"},
        "not-found",
        "'9'",
    ),
    ("A is unknown", {"codeA": "cow", "codeB": "cat", "system": ANIMALS}, "code-invalid", "cow"),
    ("B is unknown", {"codeA": "cat", "codeB": "cow", "system": ANIMALS}, "code-invalid", "cow"),
    (
        "the hierarchy is of parts",
        {"codeA": "car", "codeB": "wheel", "system": "http://example.org/parts"},
        "not-supported",
        "part-of",
    ),
    (
        "the hierarchy only groups",
        {"codeA": "group", "codeB": "one", "system": "http://example.org/groups"},
        "not-supported",
        "grouped-by",
    ),
    (
        "the rest of a fragment might relate them",
        {"codeA": "x", "codeB": "z", "system": "http://example.org/part"},
        "business-rule",
        "only a part",
    ),
]


@pytest.mark.parametrize("title,parameters,code,says", ERRORS, ids=[row[0] for row in ERRORS])
def test_error(title: Any, parameters: Any, code: Any, says: Any) -> None:
    with pytest.raises(TerminologyError) as refused:
        ask(**parameters)
    assert refused.value.issues[0].code == code
    assert says in refused.value.issues[0].text


BAD_BODIES = [
    (
        "codings of two systems",
        body_of(codingA=coding("cat", ANIMALS), codingB=coding("a", "http://example.org/by-property")),
    ),
    (
        "codings of two versions",
        body_of(codingA=coding("cat", ANIMALS, version="1"), codingB=coding("cat", ANIMALS, version="2")),
    ),
    (
        "a coding of another system than the request",
        body_of(
            codingA=coding("cat", ANIMALS),
            codingB=coding("cat", ANIMALS),
            system={"valueUri": "http://example.org/part"},
        ),
    ),
    (
        "a code and a coding that contradict",
        body_of(codeA={"valueCode": "dog"}, codingA=coding("cat", ANIMALS), codingB=coding("cat", ANIMALS)),
    ),
]


@pytest.mark.parametrize("title,parameters", BAD_BODIES, ids=[row[0] for row in BAD_BODIES])
def test_what_contradicts_itself_is_an_error_and_never_not_subsumed(
    client: Any, title: Any, parameters: Any
) -> None:
    answer = client.post("/fhir/r5/CodeSystem/$subsumes", json=parameters)
    assert answer.status_code in (400, 422)
    assert answer.json["resourceType"] == "OperationOutcome"


def test_an_instance_of_another_system_than_the_request_is_an_error(client: Any) -> None:
    answer = client.get("/fhir/r4/CodeSystem/animals/$subsumes?codeA=cat&codeB=dog&system=urn:x")
    assert answer.status_code == 400
    answer = client.get("/fhir/r4/CodeSystem/animals/$subsumes?codeA=cat&codeB=dog&version=1")
    assert answer.status_code == 400


# -- laws ----------------------------------------------------------------------------------------

CODES = [f"c{n}" for n in range(8)]


@st.composite
def hierarchies(draw: Any) -> Catalogue:
    """Every code below some of those before it, so that there is no circle."""
    concepts = []
    for place, code in enumerate(CODES):
        parents = draw(st.lists(st.sampled_from(CODES[:place]), max_size=2, unique=True)) if place else []
        concepts.append({"code": code, "property": [{"code": "parent", "valueCode": p} for p in parents]})
    return catalogue_of([code_system("http://example.org/law", *concepts, property=[PARENT])])


@given(hierarchies())
def test_subsumption_is_a_partial_order(catalogue: Any) -> None:
    outcome = {
        (a, b): subsumes(catalogue, SubsumesRequest(code_a=a, code_b=b, system="http://example.org/law"))
        for a in CODES
        for b in CODES
    }
    mirrored = {"subsumes": "subsumed-by", "subsumed-by": "subsumes"}
    for a in CODES:
        assert outcome[a, a] == "equivalent"
        for b in CODES:
            assert outcome[b, a] == mirrored.get(outcome[a, b], outcome[a, b])
            assert (outcome[a, b] == "equivalent") == (a == b)
            for c in CODES:
                if outcome[a, b] == outcome[b, c] == "subsumes":
                    assert outcome[a, c] == "subsumes"


def test_codes_that_are_above_each_other_contradict_and_are_not_equivalent() -> None:
    circle = code_system(
        "http://example.org/circle",
        {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
        {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
        property=[PARENT],
    )
    request = SubsumesRequest(code_a="a", code_b="b", system=circle["url"])
    with pytest.raises(TerminologyError, match="contradicts itself: 'a' is above 'b', and 'b' is above 'a'"):
        subsumes(catalogue_of([circle]), request)


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [(languages, "en", "en-US"), (units, "g", "kg"), (mime_types, "text/css", "text/html")],
)
def test_two_codes_of_a_grammar_cannot_be_compared(make: Any, first: str, second: str) -> None:
    """A grammar does not say how its codes are related, so it is an error to ask."""
    system = make()
    catalogue = catalogue_of([], [system])
    with pytest.raises(TerminologyError, match="cannot tell whether one subsumes the other"):
        subsumes(catalogue, SubsumesRequest(code_a=first, code_b=second, system=system.about.url))
    same = SubsumesRequest(code_a=first, code_b=first, system=system.about.url)
    assert subsumes(catalogue, same) == "equivalent"


def test_a_contradiction_says_what_says_what(client: Any) -> None:
    answer = client.get("/fhir/r4/CodeSystem/animals/$subsumes?codeA=cat&codeB=dog&system=urn:x")
    text = answer.json["issue"][0]["details"]["text"]
    assert text == f"The parameter 'system' is 'urn:x', but the resource in the URL has '{ANIMALS}'"
    answer = client.post(
        "/fhir/r4/CodeSystem/$lookup",
        json=body_of(system={"valueUri": ANIMALS}, coding=coding("cat", "urn:x")),
    )
    text = answer.json["issue"][0]["details"]["text"]
    assert text == f"The parameter 'system' is '{ANIMALS}', but the coding has 'urn:x'"
