"""Does $validate-code say of a code what is right and what is wrong, and where?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.builders import BASE, body_of, code_system, coding, concept, value_set
from tests.support.pets import (
    ANY_CASE,
    DUTCH,
    GONE,
    NEEDY,
    OTHER,
    PART,
    PETS,
    SKETCH,
    STRICT,
    TERMINOLOGY,
    Json,
    bare,
    flag,
    in_set,
    in_system,
    of,
    pet,
    pin,
    read,
    refused,
    several,
    text,
)

# -- what is asked, and what is answered ---------------------------------------------------------

RIGHT_CAT = {"result": True, "code": "cat", "system": PETS, "version": "2", "display": "Cat"}
NOT_FOUND = "The provided code '{}' was not found in the value set '{}/vs/{}|1'"


def lacking(code: str, name: str) -> str:
    return NOT_FOUND.format(code, BASE, name)


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(bare(code="cat", system=PETS), id="code and system"),
        pytest.param(bare(code="cat", system=PETS, display="Cat"), id="code, system and display"),
        pytest.param(bare(code="cat", system=PETS, systemVersion="2"), id="code, system and version"),
        pytest.param([pet("cat")], id="Coding"),
        pytest.param([pet("cat", version="2", display="cat")], id="Coding, with a display in another case"),
        pytest.param([text("code", "cat"), flag("inferSystem")], id="code alone, with inferSystem"),
    ],
)
def test_a_code_may_be_asked_in_every_form(parts: list[Json], release: str) -> None:
    assert in_set("pets", *parts, release=release) == RIGHT_CAT


def test_a_codeable_concept_is_sent_back_as_it_came() -> None:
    concept = several(of("cat"), text="my cat", id="a1")
    assert in_set("pets", concept) == {**RIGHT_CAT, "codeableConcept": concept["valueCodeableConcept"]}


IN_VALUE_SET = [
    (
        "a code that is in the code system but not in the value set keeps its display",
        ("listed", pet("dog")),
        {
            "result": False,
            "message": lacking(f"{PETS}#dog", "listed"),
            "issues": ["error not-in-vs Coding.code"],
            "display": "Dog, big",
        },
    ),
    (
        "a code that does not exist is said to be wrong in both ways",
        ("listed", *bare(code="unicorn", system=PETS)),
        {
            "result": False,
            "message": lacking(f"{PETS}#unicorn", "listed")
            + f"; Unknown code 'unicorn' in the CodeSystem '{PETS}' version '2'",
            "issues": ["error not-in-vs code", "error invalid-code code"],
            "version": "2",
        },
    ),
    (
        "the message names version and display as they were given",
        ("listed", pet("dog", version="2", display="Dog, big")),
        {"message": lacking(f"{PETS}|2#dog ('Dog, big')", "listed")},
    ),
    ("a filter is asked", ("cats", pet("tabby")), {"result": True, "display": "Tabby"}),
    ("an exclude takes out", ("no-cats", pet("cat")), {"result": False}),
    ("an exclude leaves the rest", ("no-cats", pet("dog")), {"result": True}),
    ("an import is followed", ("imported", pet("tabby")), {"result": True}),
    ("an import is no more than it is", ("imported", pet("dog")), {"result": False}),
    ("a contained value set is imported", ("holder", coding("cow", OTHER)), {"result": True}),
    (
        "a contained value set is asked by its own reference",
        ("holder#inner", pet("cat")),
        {"result": False},
    ),
    ("a stored expansion stands for a definition", ("stored", coding("cow", OTHER)), {"result": True}),
    (
        "an import that is not here is an answer, for nothing can be said of the code",
        ("imports-nothing", pet("cat")),
        {
            "result": False,
            "code": "cat",
            "message": f"A definition for the value Set '{BASE}/vs/nowhere' could not be found",
            "issues": ["error not-found"],
        },
    ),
    (
        "a listed code is right though nobody has its code system",
        ("gone", coding("g", GONE)),
        {"result": True, "code": "g", "issues": ["warning not-found Coding.system"]},
    ),
    (
        "a code system that the value set needs and nobody has is the cause",
        ("gone", coding("h", GONE)),
        {
            "result": False,
            "message": f"A definition for CodeSystem '{GONE}' could not be found, so the code cannot be "
            "validated",
            "issues": ["error not-found Coding.system"],
            "x-caused-by-unknown-system": GONE,
        },
    ),
    (
        "membership in a list can be told without the code system",
        ("gone", coding("g", GONE), flag("valueset-membership-only")),
        {"result": True, "code": "g"},
    ),
    (
        "a code system that only the coding names is unknown, but not the cause",
        ("pets", coding("g", GONE)),
        {
            "result": False,
            "issues": ["error not-found Coding.system", "error not-in-vs Coding.code"],
            "x-unknown-system": GONE,
        },
    ),
    (
        "a coding without a system means nothing",
        ("pets", {"name": "coding", "valueCoding": {"code": "cat"}}),
        {"result": False, "issues": ["error not-in-vs Coding.code", "warning invalid-data Coding"]},
    ),
    (
        "a system is an absolute uri",
        ("pets", coding("cat", "pets")),
        {
            "issues": [
                "error invalid-data Coding.system",
                "error not-found Coding.system",
                "error not-in-vs Coding.code",
            ]
        },
    ),
    (
        "a value set is not a code system",
        ("pets", coding("cat", f"{BASE}/vs/pets")),
        {"issues": ["error invalid-data Coding.system", "error not-in-vs Coding.code"]},
    ),
    (
        "a supplement is not a code system",
        ("pets", coding("cat", DUTCH)),
        {
            "issues": ["error invalid-data Coding.system", "error not-in-vs Coding.code"],
            "x-unknown-system": None,
        },
    ),
    (
        "the system is inferred only when it is the only one",
        ("mixed", text("code", "cat"), flag("inferSystem")),
        {
            "result": False,
            "message": "The System URI could not be determined for the code 'cat' in the ValueSet "
            f"'{BASE}/vs/mixed|1': value set expansion has multiple matches: [{PETS}, {OTHER}]; "
            + lacking("#cat", "mixed"),
            "issues": ["error cannot-infer code", "error not-in-vs code"],
        },
    ),
    (
        "the system of a code that the value set has once is inferred",
        ("mixed", text("code", "cow"), flag("inferSystem")),
        {"result": True, "system": OTHER},
    ),
    (
        "the system of a code that is not there cannot be inferred",
        ("mixed", text("code", "unicorn"), flag("inferSystem")),
        {"result": False, "issues": ["error cannot-infer code", "error not-in-vs code"]},
    ),
    (
        "an abstract code is allowed where nothing else is said",
        ("pets", pet("pet")),
        {"result": True},
    ),
    (
        "an abstract code is not allowed with abstract=false",
        ("pets", pet("pet"), flag("abstract", False)),
        {"result": False, "issues": ["error code-rule Coding.code", "error not-in-vs Coding.code"]},
    ),
    (
        "a retired code is valid, with a warning",
        ("pets", pet("dodo")),
        {
            "result": True,
            "inactive": True,
            "status": "retired",
            "message": "The concept 'dodo' has a status of retired and inactive and its use should be "
            "reviewed",
            "issues": ["warning code-comment Coding"],
        },
    ),
    (
        "an inactive code without a status has the status inactive",
        ("pets", pet("eel")),
        {"message": "The concept 'eel' has a status of inactive and its use should be reviewed"},
    ),
    (
        "a deprecated code is valid, with a warning",
        ("pets", pet("quagga")),
        {"result": True, "status": "deprecated", "issues": ["warning code-comment Coding"]},
    ),
    (
        "activeOnly takes inactive codes out",
        ("pets", pet("dodo"), flag("activeOnly")),
        {
            "result": False,
            "inactive": True,
            "issues": [
                "error code-rule Coding.code",
                "error not-in-vs Coding.code",
                "warning code-comment Coding",
            ],
        },
    ),
    (
        "so does a value set whose compose.inactive is false",
        ("active", pet("eel")),
        {
            "result": False,
            "issues": [
                "error code-rule Coding.code",
                "error not-in-vs Coding.code",
                "warning code-comment Coding",
            ],
        },
    ),
    (
        "a code in the wrong case is normalized where case does not count",
        ("any-case", coding("LOW", ANY_CASE)),
        {
            "result": True,
            "code": "LOW",
            "normalized-code": "Low",
            "issues": ["information code-rule Coding.code"],
        },
    ),
    (
        "case counts where the code system says so",
        ("strict", coding("LOW", STRICT)),
        {"result": False, "issues": ["error invalid-code Coding.code", "error not-in-vs Coding.code"]},
    ),
    (
        "a code in another case is normalized where nothing is said about case",
        ("pets", pet("CAT")),
        {
            "result": True,
            "code": "CAT",
            "normalized-code": "cat",
            "issues": ["information code-rule Coding.code"],
        },
    ),
    (
        "a code that a fragment does not have may be right",
        ("part", coding("b", PART)),
        {"result": True, "code": "b", "version": "1", "issues": ["warning invalid-code Coding.code"]},
    ),
    (
        "a code that a fragment does not have is in the value set that lists it",
        ("part-listed", coding("b", PART)),
        {"result": True},
    ),
    (
        "a code that a fragment does not have and the value set excludes is wrong",
        ("part-but-b", coding("b", PART)),
        {"result": False},
    ),
    (
        "a code that neither fragment nor value set has is wrong",
        ("part-listed", coding("c", PART)),
        {"result": False, "issues": ["error not-in-vs Coding.code", "warning invalid-code Coding.code"]},
    ),
    (
        "drafts and experiments are noted",
        ("sketches", coding("x", SKETCH)),
        {
            "result": True,
            "issues": ["information status-check"],
        },
    ),
    (
        "a concept that the value set is about to drop is noted",
        ("leaving", pet("cat")),
        {"result": True, "issues": ["warning code-comment Coding.code"]},
    ),
    (
        "valueset-membership-only looks at nothing else",
        ("pets", pet("dodo", display="wrong"), flag("valueset-membership-only")),
        {"result": True, "code": "dodo"},
    ),
    (
        "the Java validator's mode for codes that need not be members",
        ("cats", pet("dog"), text("valueSetMode", "NO_MEMBERSHIP_CHECK")),
        {"result": True, "display": "Dog, big"},
    ),
    ("a value set has a version", ("pets", pet("cat"), text("valueSetVersion", "0")), {"result": False}),
    ("a value set has a version in its canonical", ("pets|0", pet("dog")), {"result": True}),
    (
        "the version of an import is pinned",
        ("pets", pet("cat"), pin("default-valueset-version", "0", f"{BASE}/vs/pets")),
        {"result": False},
    ),
]


@pytest.mark.parametrize(("request_", "expected"), [pytest.param(r, e, id=t) for t, r, e in IN_VALUE_SET])
def test_in_a_value_set(request_: tuple[Any, ...], expected: Json) -> None:
    answer = in_set(*request_)
    shown = {name: answer.get(name) for name in expected}
    if "issues" in expected:
        shown["issues"], expected = (
            sorted(answer.get("issues", [])),
            {**expected, "issues": sorted(expected["issues"])},
        )
    assert shown == expected


# -- several codings -----------------------------------------------------------------------------

SEVERAL = [
    (
        "one right coding is enough when the others are only not in the value set",
        ("listed", several(of("dog"), of("cat"))),
        {
            "result": True,
            "code": "cat",
            "issues": ["information this-code-not-in-vs CodeableConcept.coding[0].code"],
        },
    ),
    (
        "a coding that is wrong in itself spoils it",
        ("listed", several(of("unicorn"), of("cat"))),
        {
            "result": False,
            "code": "cat",
            "issues": [
                "error invalid-code CodeableConcept.coding[0].code",
                "information this-code-not-in-vs CodeableConcept.coding[0].code",
            ],
        },
    ),
    (
        "when none is in the value set, the whole is not, and no code is named",
        ("listed", several(of("dog"), of("tabby"))),
        {
            "result": False,
            "code": None,
            "system": None,
            "display": None,
            "message": f"No valid coding was found for the value set '{BASE}/vs/listed|1'",
            "issues": [
                "error not-in-vs",
                "information this-code-not-in-vs CodeableConcept.coding[0].code",
                "information this-code-not-in-vs CodeableConcept.coding[1].code",
            ],
        },
    ),
    (
        "a concept of text only is not in the value set",
        ("listed", several(text="a cat")),
        {"result": False, "issues": ["error not-in-vs"]},
    ),
    (
        "a coding without a code says nothing",
        ("listed", several({"system": PETS}, of("cat"))),
        {"result": True, "issues": ["information this-code-not-in-vs CodeableConcept.coding[0].code"]},
    ),
    (
        "every display is looked at",
        ("listed", several(of("cat", display="Hat"), of("dodo", display="Hat"))),
        {
            "result": False,
            "issues": [
                "error invalid-display CodeableConcept.coding[0].display",
                "error invalid-display CodeableConcept.coding[1].display",
                "warning code-comment CodeableConcept.coding[1]",
            ],
        },
    ),
]


@pytest.mark.parametrize(("request_", "expected"), [pytest.param(r, e, id=t) for t, r, e in SEVERAL])
def test_several_codings(request_: tuple[Any, ...], expected: Json) -> None:
    answer = in_set(*request_)
    assert {name: answer.get(name) for name in expected} == expected


# -- in a code system ----------------------------------------------------------------------------

IN_SYSTEM = [
    ("a code", bare(code="cat", url=PETS), RIGHT_CAT),
    ("a Coding names its system itself", [pet("cat")], RIGHT_CAT),
    ("a version", bare(code="newt", url=PETS, version="1"), {"result": True, "version": "1"}),
    (
        "a code that is not there",
        bare(code="unicorn", url=PETS),
        {
            "result": False,
            "message": f"Unknown code 'unicorn' in the CodeSystem '{PETS}' version '2'",
            "issues": ["error invalid-code code"],
        },
    ),
    (
        "a code system without a version",
        bare(code="unicorn", url=OTHER),
        {"message": f"Unknown code 'unicorn' in the CodeSystem '{OTHER}'", "version": None},
    ),
    (
        "a code system that is not here",
        bare(code="x", url=GONE),
        {"result": False, "issues": ["error not-found system"], "x-caused-by-unknown-system": GONE},
    ),
    (
        "a version that is not here",
        bare(code="cat", url=PETS, version="3"),
        {"result": False, "version": "3", "issues": ["error not-found system"]},
    ),
    (
        "a version that the request does not allow",
        [*bare(code="cat", url=PETS, version="2"), pin("check-system-version", "1")],
        {"result": False, "issues": ["error version-error version"]},
    ),
    (
        "a code that means nothing without a version",
        bare(code="x", url=NEEDY),
        {"result": False, "issues": ["error invalid-data version"]},
    ),
    ("the same with a version", bare(code="x", url=NEEDY, version="1"), {"result": True}),
    ("a code that a fragment does not have", bare(code="b", url=PART), {"result": True}),
    (
        "a coding without a system",
        [{"name": "coding", "valueCoding": {"code": "cat"}}],
        {"result": False, "issues": ["warning invalid-data Coding"], "system": None},
    ),
    (
        "a supplement",
        [coding("cat", DUTCH)],
        {"result": False, "issues": ["error invalid-data Coding.system"], "system": DUTCH},
    ),
    (
        "codings of several code systems",
        [several(of("cat"), of("cow", OTHER), of("unicorn"))],
        {"result": False, "code": "cat", "issues": ["error invalid-code CodeableConcept.coding[2].code"]},
    ),
    ("an abstract code", [pet("pet"), flag("abstract", False)], {"result": False}),
    ("an inactive code", [pet("dodo"), flag("activeOnly")], {"result": False, "inactive": True}),
    (
        "a code system that travels with the request",
        [
            {"name": "codeSystem", "resource": code_system(f"{BASE}/mine", concept("m", "Mine"))},
            text("code", "m"),
        ],
        {"result": True, "system": f"{BASE}/mine", "display": "Mine"},
    ),
]


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(("parts", "expected"), [pytest.param(r, e, id=t) for t, r, e in IN_SYSTEM])
def test_in_a_code_system(parts: list[Json], expected: Json, release: str) -> None:
    answer = in_system(*parts, release=release)
    assert {name: answer.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (SKETCH, f"Reference to experimental CodeSystem {SKETCH}|1"),
        (f"{BASE}/draft", f"Reference to draft CodeSystem {BASE}/draft|1"),
        (f"{BASE}/old", f"Reference to retired CodeSystem {BASE}/old"),
    ],
)
def test_the_standing_of_a_code_system_is_noted(system: str, expected: str) -> None:
    answer = TERMINOLOGY.ask("CodeSystem/$validate-code", url=system, code="x")
    (issue,) = next(p["resource"]["issue"] for p in answer["parameter"] if p["name"] == "issues")
    assert issue["details"]["text"] == expected


def test_an_issue_says_all_that_a_validator_needs() -> None:
    answer = TERMINOLOGY.ask("CodeSystem/$validate-code", url=PETS, code="unicorn")
    (issue,) = next(p["resource"]["issue"] for p in answer["parameter"] if p["name"] == "issues")
    assert issue == {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id",
                "valueString": "Unknown_Code_in_Version",
            }
        ],
        "severity": "error",
        "code": "code-invalid",
        "details": {
            "coding": [
                {"system": "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type", "code": "invalid-code"}
            ],
            "text": f"Unknown code 'unicorn' in the CodeSystem '{PETS}' version '2'",
        },
        "expression": ["code"],
    }


# -- instances and refusals ----------------------------------------------------------------------


def test_an_instance_is_asked() -> None:
    body = body_of(pet("cat"))
    assert read(TERMINOLOGY.ask("ValueSet/listed/$validate-code", body))["result"] is True
    assert read(TERMINOLOGY.ask("CodeSystem/pets-1/$validate-code", code="newt"))["result"] is True


@pytest.mark.parametrize(
    ("operation", "parts", "expected"),
    [
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/nowhere"), pet("cat")],
            [("not-found", "Unable_to_resolve_value_Set_")],
            id="an unknown value set",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/pets"), text("valueSetVersion", "7"), pet("cat")],
            [("not-found", "Unable_to_resolve_value_Set_")],
            id="an unknown version of a value set",
        ),
        pytest.param("ValueSet/$validate-code", [pet("cat")], [("required", None)], id="no value set"),
        pytest.param(
            "ValueSet/$validate-code",
            [{"name": "valueSet", "resource": code_system(OTHER)}, pet("cat")],
            [("value", None)],
            id="a resource that is no value set",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/pets")],
            [("invalid", None)],
            id="nothing to validate",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/pets"), text("code", "cat")],
            [("invalid", None)],
            id="a code without system and without inferSystem",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/pets"), *bare(code="cat", system=PETS), pet("cat")],
            [("invalid", None)],
            id="a code and a Coding",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("context", f"{BASE}/StructureDefinition/pet#Pet.kind"), pet("cat")],
            [("not-supported", None)],
            id="a context",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/needs-more"), pet("cat")],
            [("not-found", "VALUESET_SUPPLEMENT_MISSING")],
            id="a supplement that the value set needs",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/broken"), pet("cat")],
            [("invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE")],
            id="a filter without a value",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/circle"), pet("cat")],
            [("processing", "VALUESET_CIRCULAR_REFERENCE")],
            id="a value set that includes itself",
        ),
        pytest.param(
            "ValueSet/$validate-code",
            [text("url", f"{BASE}/vs/pets"), pet("cat"), text("displayLanguage", "-")],
            [("processing", "INVALID_DISPLAY_NAME")],
            id="a language that is none",
        ),
        pytest.param(
            "CodeSystem/$validate-code",
            [text("url", OTHER), *bare(code="cat", system=PETS)],
            [("invalid", None)],
            id="a system other than the code system asked about",
        ),
        pytest.param(
            "CodeSystem/$validate-code",
            [several(text="x")],
            [("invalid", None)],
            id="a concept without codings",
        ),
    ],
)
def test_a_question_that_cannot_be_asked(operation: str, parts: list[Json], expected: list[Any]) -> None:
    assert refused(operation, *parts) == expected


def test_a_value_set_without_any_definition_is_refused() -> None:
    assert refused("ValueSet/$validate-code", text("url", f"{BASE}/vs/empty"), pet("cat"))


# -- many at once --------------------------------------------------------------------------------


def batch(operation: str, shared: list[Json], *questions: list[Json]) -> list[Json]:
    asked = [{"name": "validation", "resource": body_of(*q)} for q in questions]
    answer = TERMINOLOGY.ask(operation, body_of(*shared, *asked))
    assert [part["name"] for part in answer["parameter"]] == ["validation"] * len(questions)
    return [part["resource"] for part in answer["parameter"]]


def test_each_question_of_a_batch_is_answered_for_itself_and_in_order() -> None:
    url, lenient = text("url", f"{BASE}/vs/listed"), flag("lenient-display-validation")
    wrong, none, strict, elsewhere = batch(
        "ValueSet/$batch-validate-code",
        [url, lenient],
        [pet("cat", display="Hat")],
        [text("codingX", "cat")],
        [pet("cat", display="Hat"), {"name": "lenient-display-validation", "valueBoolean": "false"}],
        [coding("cow", OTHER), text("url", f"{BASE}/vs/mixed")],
    )
    assert (read(wrong)["result"], read(wrong)["issues"]) == (
        True,
        ["warning invalid-display Coding.display"],
    )
    assert none["resourceType"] == "OperationOutcome"
    assert none["issue"][0]["details"]["text"].startswith("Unable to find code to validate")
    assert read(strict)["result"] is False
    assert read(elsewhere)["result"] is True


def test_a_question_replaces_the_value_set_of_the_batch_by_its_own() -> None:
    shared = {"name": "valueSet", "resource": value_set("a", {"system": OTHER})}
    own = {"name": "valueSet", "resource": value_set("b", {"system": PETS})}
    first, second = batch("ValueSet/$batch-validate-code", [shared], [pet("cat"), own], [pet("cat")])
    assert (read(first)["result"], read(second)["result"]) == (True, False)


def test_resources_travel_with_a_whole_batch() -> None:
    mine = {"name": "tx-resource", "resource": code_system(f"{BASE}/mine", concept("m", "Mine"))}
    answers = batch("CodeSystem/$batch-validate-code", [mine], [coding("m", f"{BASE}/mine")], [pet("cat")])
    assert [read(answer)["display"] for answer in answers] == ["Mine", "Cat"]


def test_what_is_wrong_with_a_question_is_said_with_its_place() -> None:
    (answer,) = batch("CodeSystem/$batch-validate-code", [], [{"name": "coding", "valueString": "cat"}])
    assert answer["issue"][0]["expression"] == ["Parameters.parameter[0].resource.parameter[0]"]


def test_a_batch_needs_questions() -> None:
    assert refused("ValueSet/$batch-validate-code", text("url", f"{BASE}/vs/pets")) == [("required", None)]
