"""ValueSet $related: how the codes of two value sets are related, and what makes that unknown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from terminology import Settings, Terminology, TerminologyError, create_app
from terminology.core.model import Document
from terminology.systems.bcp13 import mime_types
from terminology.systems.ucum import units
from tests.support.asking import value
from tests.support.builders import body_of, code_system, concept, tree, tx_resource, url_of, value_set
from tests.support.engine import catalogue_of

BIRDS, FISH, PART, VERSIONED = (url_of(name) for name in ("birds", "fish", "part", "versioned"))
NEEDING = url_of("needing")
NOWHERE = url_of("nowhere")
UCUM = "http://unitsofmeasure.org"
MIME = "urn:ietf:bcp:13"
INACTIVE = [{"code": "inactive", "valueBoolean": True}]


def of(system: str, *codes: str, **more: Any) -> Document:
    """An include: of these codes, or of all."""
    listed = [{"code": code} for code in codes]
    return {"system": system, **({"concept": listed} if listed else {}), **more}


def below(system: str, code: str, op: str = "is-a", **more: Any) -> Document:
    return {"system": system, "filter": [{"property": "concept", "op": op, "value": code}], **more}


def imports(*names: str) -> Document:
    return {"valueSet": [url_of(name, "vs/") for name in names]}


CONTENT = [
    code_system(
        BIRDS,
        tree("bird", tree("owl", tree("barn"), tree("eagle")), tree("duck", tree("teal"))),
        concept("dodo", "Dodo", property=INACTIVE),
        hierarchyMeaning="is-a",
        version="1",
    ),
    code_system(FISH, tree("fish", tree("cod"))),
    code_system(PART, tree("p", tree("q")), tree("r"), content="fragment"),
    code_system(VERSIONED, tree("a", tree("b")), version="1"),
    code_system(VERSIONED, tree("a", tree("b"), tree("c")), version="2"),
    code_system(NEEDING, "a", "b", version="1", versionNeeded=True),
    code_system(NEEDING, "a", "b", version="2", versionNeeded=True),
    value_set("owls", below(BIRDS, "owl"), id="owls", version="1"),
    value_set("ducks", below(BIRDS, "duck")),
    value_set("both", imports("ducks"), imports("owls")),
    value_set("all", of(BIRDS)),
    value_set("round", imports("about")),
    value_set("about", imports("round")),
    value_set("lost", imports("missing")),
    {"resourceType": "ValueSet", "url": url_of("undefined", "vs/"), "status": "active"},
]
CATALOGUE = catalogue_of(CONTENT, [units(), mime_types()])


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(catalogue=CATALOGUE)


def named(name: str) -> str:
    return url_of(name, "vs/")


def written(*include: Document, exclude: tuple[Document, ...] = (), **compose: Any) -> Document:
    return value_set("written", *include, exclude=exclude, compose=compose)


NOTHING = of(BIRDS, "no such bird")
OWLS = below(BIRDS, "owl")

# What one value set is, towards another; the definitions decide it, or the codes.
RELATIONS: list[tuple[str, Document, Document, str, bool]] = [
    ("a definition is the same as itself", written(OWLS), written(OWLS), "same", False),
    (
        "includes may come in any order",
        written(OWLS, of(FISH)),
        written(of(FISH), OWLS, OWLS),
        "same",
        False,
    ),
    (
        "filters may come in any order",
        written(of(BIRDS, filter=[*OWLS["filter"], {"property": "code", "op": "regex", "value": "b.*"}])),
        written(of(BIRDS, filter=[{"property": "code", "op": "regex", "value": "b.*"}, *OWLS["filter"]])),
        "same",
        False,
    ),
    ("a value set is the same as what it imports", written(OWLS), written(imports("owls")), "same", False),
    (
        "imports may be imported by others, in any order",
        written(imports("both")),
        written(imports("owls"), imports("ducks")),
        "same",
        False,
    ),
    (
        "what is below a code is in what is below its parent",
        written(OWLS),
        written(below(BIRDS, "bird")),
        "subset",
        False,
    ),
    ("the other way round it is a superset", written(below(BIRDS, "bird")), written(OWLS), "superset", False),
    ("different code systems share nothing", written(of(BIRDS)), written(of(FISH)), "disjoint", False),
    ("one more code system is more", written(of(BIRDS)), written(of(BIRDS), of(FISH)), "subset", False),
    (
        "enumerations: the same",
        written(of(FISH, "fish", "cod")),
        written(of(FISH, "cod", "fish")),
        "same",
        False,
    ),
    ("enumerations: fewer", written(of(FISH, "cod")), written(of(FISH, "cod", "fish")), "subset", False),
    ("enumerations: others", written(of(FISH, "cod")), written(of(FISH, "fish")), "disjoint", False),
    (
        "a code that does not exist is in no value set",
        written(of(FISH, "cod", "whale")),
        written(of(FISH, "cod")),
        "same",
        False,
    ),
    ("two that are empty are empty", written(NOTHING), written(NOTHING, of(FISH, "whale")), "empty", False),
    ("an empty one shares nothing with another", written(NOTHING), written(OWLS), "disjoint", True),
    ("a filter and a list", written(OWLS), written(of(BIRDS, "owl", "barn", "eagle")), "same", True),
    (
        "a filter and a longer list",
        written(OWLS),
        written(of(BIRDS, "owl", "barn", "eagle", "teal")),
        "subset",
        True,
    ),
    ("a filter and another list", written(OWLS), written(of(BIRDS, "barn", "teal")), "overlapping", True),
    ("other branches", written(OWLS), written(imports("ducks")), "disjoint", True),
    (
        "without what is excluded",
        written(of(BIRDS), exclude=(below(BIRDS, "duck"), of(BIRDS, "bird", "dodo"))),
        written(imports("owls")),
        "same",
        True,
    ),
    (
        "an import and a filter must both have a code",
        written({**below(BIRDS, "bird"), **imports("owls")}),
        written(OWLS),
        "same",
        True,
    ),
    ("inactive codes are members", written(of(BIRDS)), written(of(BIRDS), inactive=False), "superset", True),
    (
        "where inactive codes are left out, the rest may be the same",
        written(of(BIRDS), inactive=False),
        written(below(BIRDS, "bird")),
        "same",
        True,
    ),
    (
        "a version has what it has",
        written(of(VERSIONED, version="1")),
        written(of(VERSIONED)),
        "subset",
        True,
    ),
    (
        "a code is the same in two versions",
        written(of(VERSIONED, "a", version="1")),
        written(of(VERSIONED, "a", version="2")),
        "same",
        False,
    ),
    (
        "unless the code system says that its codes need a version",
        written(of(NEEDING, version="1")),
        written(of(NEEDING, version="2")),
        "disjoint",
        False,
    ),
    # -- code systems that cannot be listed, or are not here ----------------------------------
    ("a grammar is the same as itself", written(of(UCUM)), written(of(UCUM)), "same", False),
    (
        "a list of what a grammar reads is less",
        written(of(UCUM, "kg", "m")),
        written(of(UCUM)),
        "subset",
        True,
    ),
    ("a grammar has more than a list", written(of(UCUM)), written(of(UCUM, "kg")), "superset", True),
    (
        "a grammar without a code",
        written(of(UCUM, "kg")),
        written(of(UCUM), exclude=(of(UCUM, "kg"),)),
        "disjoint",
        True,
    ),
    (
        "a list that a grammar does not read",
        written(of(UCUM, "no unit")),
        written(of(UCUM)),
        "disjoint",
        True,
    ),
    (
        "a grammar that an import bounds",
        written(
            {**of(MIME), "valueSet": ["#x"]},
        ),
        written(of(MIME, "text/csv")),
        "same",
        True,
    ),
    ("a fragment is the same as itself", written(of(PART)), written(of(PART)), "same", False),
    (
        "what a fragment says of its hierarchy is true",
        written(below(PART, "q")),
        written(below(PART, "p")),
        "subset",
        False,
    ),
    (
        "a fragment has more than a list",
        written(of(PART, "p")),
        written(of(PART)),
        "subset",
        True,
    ),
    (
        "lists of codes that a fragment lacks",
        written(of(PART, "p", "z")),
        written(of(PART, "z", "y")),
        "overlapping",
        False,
    ),
    (
        "what a fragment shows to overlap does so",
        written(below(PART, "p")),
        written(of(PART, "q", "r")),
        "overlapping",
        True,
    ),
    (
        "lists of an unknown code system",
        written(of(NOWHERE, "x", "y")),
        written(of(NOWHERE, "y", "z")),
        "overlapping",
        False,
    ),
    (
        "an unknown code system is the same as itself",
        written(of(NOWHERE)),
        written(of(NOWHERE)),
        "same",
        False,
    ),
    (
        "an unknown code system has none of another's codes",
        written(of(NOWHERE)),
        written(of(FISH)),
        "disjoint",
        False,
    ),
]


def with_contained(document: Document) -> Document:
    """The value set, with the one that it imports as ``#x``."""
    if "#x" not in str(document):
        return document
    return document | {"contained": [value_set("x", of(MIME, "text/csv")) | {"id": "x"}]}


@pytest.mark.parametrize(
    ("this", "other", "result", "performed"),
    [each[1:] for each in RELATIONS],
    ids=[each[0] for each in RELATIONS],
)
def test_the_relation_of_this_value_set_to_the_other(
    terminology: Terminology, this: Document, other: Document, result: str, performed: bool
) -> None:
    answer = terminology.related(with_contained(this), with_contained(other), diagnostics=True)
    assert (answer.result, answer.performed_expansion) == (result, performed), answer.message
    assert terminology.related(with_contained(this), with_contained(other)).result == result


UNKNOWN: list[tuple[str, str | Document, str | Document, str]] = [
    (
        "an unknown code system",
        written(of(NOWHERE)),
        written(below(NOWHERE, "a")),
        "Both expansions failed: .*nowhere",
    ),
    (
        "a filter on an unknown code",
        written(OWLS),
        written(below(BIRDS, "emu")),
        "Other expansion failed: .*'emu'",
    ),
    (
        "a filter that is unknown",
        written(OWLS),
        written(below(BIRDS, "owl", op="of")),
        "Other expansion failed: .*of",
    ),
    ("a circle of imports", named("round"), named("all"), "This expansion failed: Found a circularity"),
    ("an unknown import", named("all"), named("lost"), "Other expansion failed: .*vs/missing"),
    (
        "a value set that nothing defines",
        named("undefined"),
        named("all"),
        "This expansion failed: .*neither",
    ),
    ("a circle in both", named("round"), named("round"), "Both expansions failed: Found a circularity"),
    ("an unknown other", named("owls"), "urn:no-set", "Other expansion failed: .*'urn:no-set' could not be"),
    (
        "an unknown version of this",
        named("owls") + "|9",
        named("owls"),
        "This expansion failed: .*owls.9' could",
    ),
    (
        "a fragment",
        written(of(PART)),
        written(of(PART, "p", "q", "r")),
        "This expansion is unclosed: .*a fragment of",
    ),
    (
        "a code that a fragment may lack",
        written(of(PART, "p", "other")),
        written(below(PART, "p")),
        "Other expansion is unclosed: .*a fragment of",
    ),
    (
        "two parts of a grammar",
        written(of(UCUM)),
        written(of(UCUM), exclude=(of(UCUM, "m"),)),
        "unclosed|failed",
    ),
    (
        "an include without a system",
        written({"concept": [{"code": "a"}]}),
        named("all"),
        "This expansion failed",
    ),
    (
        "a supplement that is not here",
        written(of(FISH, "cod"))
        | {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
                    "valueCanonical": "urn:no-supplement",
                }
            ]
        },
        named("all"),
        "This expansion failed: .*urn:no-supplement",
    ),
]


@pytest.mark.parametrize(
    ("this", "other", "reason"), [each[1:] for each in UNKNOWN], ids=[each[0] for each in UNKNOWN]
)
def test_what_cannot_be_known_is_indeterminate_with_its_reason(
    terminology: Terminology, this: str | Document, other: str | Document, reason: str
) -> None:
    answer = terminology.related(this, other, diagnostics=True)
    assert answer.result == "indeterminate"
    assert answer.message is not None
    assert re.search(reason, answer.message), answer.message
    assert answer.performed_expansion


def test_a_part_that_is_unknown_does_not_hide_what_is_known(terminology: Terminology) -> None:
    """Codes of other code systems may show that two value sets overlap, whatever an unknown one has."""
    this = written(of(NOWHERE), of(FISH, "fish", "cod"), of(BIRDS, "owl"))
    other = written(below(NOWHERE, "a"), of(FISH, "cod"), of(BIRDS, "owl", "duck"))
    assert terminology.related(this, other).result == "overlapping"


def test_diagnostics_are_the_codes_of_each_side(terminology: Terminology) -> None:
    answer = terminology.related(
        named("owls"), written(of(BIRDS, "barn", "teal"), of(FISH, "cod")), diagnostics=True
    )
    assert answer.result == "overlapping" and answer.performed_expansion
    assert (answer.common_codes, answer.missing_codes, answer.extra_codes) == (
        ["barn"],
        ["owl", "eagle"],
        ["teal", "cod"],
    )
    without = terminology.related(named("owls"), written(of(BIRDS, "barn")))
    assert without.performed_expansion is None and without.missing_codes == []


def test_the_codes_of_enumerations_are_sorted(terminology: Terminology) -> None:
    answer = terminology.related(
        written(of(BIRDS, "teal", "owl", "bird")),
        written(of(BIRDS, "duck", "bird", "teal")),
        diagnostics=True,
    )
    assert (answer.common_codes, answer.missing_codes, answer.extra_codes) == (
        ["bird", "teal"],
        ["owl"],
        ["duck"],
    )


def test_value_sets_that_are_the_same_by_their_codes_have_no_lists(terminology: Terminology) -> None:
    answer = terminology.related(named("owls"), written(of(BIRDS, "owl", "barn", "eagle")), diagnostics=True)
    assert [p["name"] for p in answer.json["parameter"]] == ["result", "message", "performed-expansion"]


def test_long_lists_are_cut_and_the_message_says_so() -> None:
    many = code_system("many", *(f"c{number:05}" for number in range(3_000)))
    answer = Terminology(catalogue=catalogue_of([many])).related(
        written(of(many["url"])), written(of(many["url"], "c00000", "x")), diagnostics=True
    )
    assert answer.result == "superset" and len(answer.missing_codes) == 1_000
    assert "'missing-codes' has the first 1,000 of 2,999 codes" in str(answer.message)


def test_active_only_leaves_inactive_codes_out(terminology: Terminology) -> None:
    this, other = written(of(BIRDS)), written(below(BIRDS, "bird"))
    assert terminology.related(this, other).result == "superset"
    assert terminology.related(this, other, active_only=True).result == "same"
    assert (
        terminology.related(written(of(BIRDS, "dodo")), written(of(BIRDS, "dodo")), active_only=True).result
        == "empty"
    )


POLICIES = [("always", "disjoint"), ("never", "same"), ("as-needed", "same"), (None, "same")]


@pytest.mark.parametrize(("policy", "result"), POLICIES)
def test_the_policy_says_when_two_versions_of_a_code_are_two_codes(
    terminology: Terminology, policy: str | None, result: str
) -> None:
    this, other = (written(of(VERSIONED, "a", version=version)) for version in "12")
    assert terminology.related(this, other, version_policy=policy).result == result
    this, other = (written(of(NEEDING, version=version)) for version in "12")
    expected = "same" if policy == "never" else "disjoint"
    assert terminology.related(this, other, version_policy=policy).result == expected


def test_pins_choose_the_versions(terminology: Terminology) -> None:
    this, other = written(of(VERSIONED)), written(of(VERSIONED, version="1"))
    assert terminology.related(this, other).result == "superset"
    assert terminology.related(this, other, system_version=f"{VERSIONED}|1").result == "same"
    forced = terminology.related(this, other, force_system_version=[f"{VERSIONED}|2"], diagnostics=True)
    assert (forced.result, forced.performed_expansion) == ("same", False)
    checked = terminology.related(
        written(below(VERSIONED, "a")),
        written(of(VERSIONED, version="1")),
        check_system_version=f"{VERSIONED}|2",
    )
    assert checked.result == "indeterminate" and "not allowed" in str(checked.message)


def test_supplements_have_properties_to_filter_by(terminology: Terminology) -> None:
    wild = [{"code": "wild", "valueBoolean": True}]
    supplement = code_system(
        "wild",
        concept("owl", property=wild),
        content="supplement",
        supplements=BIRDS,
        property=[{"code": "wild", "type": "boolean"}],
    )
    other = written({"system": BIRDS, "filter": [{"property": "wild", "op": "=", "value": "true"}]})
    more = {"use_supplement": supplement["url"], "tx_resource": supplement}
    assert terminology.related(named("owls"), other, **more).result == "superset"
    assert terminology.related(written(of(FISH)), other, **more).result == "disjoint"
    with pytest.raises(TerminologyError, match="adds nothing"):
        terminology.related(written(of(FISH)), written(of(FISH)), **more)
    with pytest.raises(TerminologyError, match="urn:none"):
        terminology.related(named("owls"), other, use_supplement="urn:none")


REFUSED: list[tuple[str, dict[str, Any], str, int]] = [
    ("no other", {"thisUrl": named("owls")}, "'otherUrl' or 'otherValueSet'", 400),
    ("no this", {"otherUrl": named("owls")}, "'thisUrl' or 'thisValueSet'", 400),
    (
        "a policy that there is not",
        {"thisUrl": named("owls"), "otherUrl": named("owls"), "version-policy": "often"},
        "'version-policy' must be",
        400,
    ),
]


@pytest.mark.parametrize(
    ("query", "text", "status"), [each[1:] for each in REFUSED], ids=[e[0] for e in REFUSED]
)
def test_a_request_without_two_value_sets_is_refused(
    client: FlaskClient, query: dict[str, str], text: str, status: int
) -> None:
    for release in ("r4", "r4b", "r5"):
        answer = client.get(f"/fhir/{release}/ValueSet/$related", query_string=query)
        assert answer.status_code == status
        assert re.search(text, answer.get_json()["issue"][0]["details"]["text"])


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings(environment={}, data=""), catalogue=CATALOGUE).test_client()


Ask = Callable[[FlaskClient, str], Any]
BODY = body_of(thisUrl={"valueUri": named("owls")}, otherUrl={"valueUri": named("all")})
FORMS: dict[str, Ask] = {
    "GET": lambda c, r: c.get(
        f"/fhir/{r}/ValueSet/$related", query_string={"thisUrl": named("owls"), "otherUrl": named("all")}
    ),
    "GET of an instance": lambda c, r: c.get(
        f"/fhir/{r}/ValueSet/owls/$related", query_string={"otherUrl": named("all")}
    ),
    "POST": lambda c, r: c.post(f"/fhir/{r}/ValueSet/$related", json=BODY),
    "POST of an instance": lambda c, r: c.post(f"/fhir/{r}/ValueSet/owls/$related", json=BODY),
    "under its other name": lambda c, r: c.post(f"/fhir/{r}/ValueSet/$compare", json=BODY),
    "resources in the request": lambda c, r: c.post(
        f"/fhir/{r}/ValueSet/$related",
        json=body_of(
            {"name": "thisValueSet", "resource": written(OWLS)},
            {"name": "otherValueSet", "resource": written(of(BIRDS))},
        ),
    ),
    "a resource that comes along": lambda c, r: c.post(
        f"/fhir/{r}/ValueSet/$related",
        json=body_of(
            tx_resource(value_set("mine", of(BIRDS, "owl"))),
            thisUrl={"valueUri": named("mine")},
            otherUrl={"valueUri": named("all")},
        ),
    ),
    "batch": lambda c, r: c.post(
        f"/fhir/{r}",
        json={
            "resourceType": "Bundle",
            "type": "batch",
            "entry": [
                {
                    "resource": BODY,
                    "request": {"method": "POST", "url": "ValueSet/$related"},
                }
            ],
        },
    ),
}


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize("form", FORMS)
def test_it_is_asked_in_every_form_and_release(client: FlaskClient, form: str, release: str) -> None:
    answer = FORMS[form](client, release)
    assert answer.status_code == 200, answer.text
    document = answer.get_json()
    if document["resourceType"] == "Bundle":
        document = document["entry"][0]["resource"]
    assert value(document, "result") == "subset"
    assert "is a sub-set of the valueSet" in value(document, "message")


def test_R4_sends_its_own_filters(client: FlaskClient) -> None:
    """In R4, operators of R5 are said by an extension."""
    op = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.compose.include.filter.op",
                "valueCode": "child-of",
            }
        ]
    }
    children = {"system": BIRDS, "filter": [{"property": "concept", "_op": op, "value": "owl"}]}
    body = body_of(
        {"name": "thisValueSet", "resource": written(children)}, otherUrl={"valueUri": named("owls")}
    )
    assert value(client.post("/fhir/r4/ValueSet/$related", json=body).get_json(), "result") == "subset"


def test_the_version_of_the_request_is_for_each_url_without_one(
    client: FlaskClient,
) -> None:
    query = {"thisUrl": named("owls"), "otherUrl": named("owls") + "|1", "valueSetVersion": "1"}
    assert value(client.get("/fhir/r5/ValueSet/$related", query_string=query).get_json(), "result") == "same"
    query["otherUrl"] = named("all")
    answer = client.get("/fhir/r5/ValueSet/$related", query_string=query).get_json()
    assert value(answer, "result") == "indeterminate"
    assert f"'{named('all')}|1' could not be found" in value(answer, "message")


def test_a_url_may_not_contradict_the_resource_beside_it(client: FlaskClient) -> None:
    query = {"thisUrl": named("all"), "otherUrl": named("all")}
    answer = client.get("/fhir/r5/ValueSet/owls/$related", query_string=query)
    assert answer.status_code == 400 and "'thisUrl'" in answer.text


def test_what_takes_too_long_is_indeterminate() -> None:
    many = code_system("many", *(f"c{number:05}" for number in range(5_000)))
    small = Settings(environment={}, data="", max_work=2_000)
    app = create_app(small, catalogue=catalogue_of([many])).test_client()
    regex = {"property": "code", "op": "regex", "value": ".*1"}
    body = body_of(
        {"name": "thisValueSet", "resource": written(of(many["url"], filter=[regex]))},
        {
            "name": "otherValueSet",
            "resource": written(of(many["url"], filter=[{**regex, "value": ".*[12]"}])),
        },
        diagnostics={"valueBoolean": True},
    )
    answer = app.post("/fhir/r5/ValueSet/$related", json=body)
    assert answer.status_code == 200
    assert value(answer.get_json(), "result") == "indeterminate"
    assert "2,000" in value(answer.get_json(), "message")
