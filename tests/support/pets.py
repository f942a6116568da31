"""Pets: code systems and value sets to validate codes in, with requests and readers of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from tests.support.builders import BASE, body_of, code_system, coding, concept, value_set
from tests.support.engine import catalogue_of

Json = dict[str, Any]

PETS, ANY_CASE, PART, OWNED = f"{BASE}/pets", f"{BASE}/any-case", f"{BASE}/part", f"{BASE}/owned"
OTHER, SKETCH, DUTCH, NEEDY = f"{BASE}/other", f"{BASE}/sketch", f"{BASE}/pets-nl", f"{BASE}/needy"
GONE, STRICT = f"{BASE}/gone", f"{BASE}/strict"
STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
PARAMETER = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
PROPERTIES = "http://hl7.org/fhir/concept-properties"


def said(value: str, language: str | None = None, **more: Any) -> Json:
    return {"value": value, **more} | ({"language": language} if language else {})


def mark(**values: Any) -> list[Json]:
    types = {bool: "valueBoolean", str: "valueCode"}
    return [{"code": code, types[type(value)]: value} for code, value in values.items()]


DECLARED = [{"code": role, "uri": f"{PROPERTIES}#{role}"} for role in ("status", "notSelectable", "inactive")]
CAT = concept(
    "cat",
    "Cat",
    concept("tabby", "Tabby"),
    designation=[
        said("Katze", "de"),
        said("Kitty", "en", use={"code": "synonym"}),
        said("Mouser", "en", extension=[{"url": STATUS, "valueCode": "deprecated"}]),
    ],
)
PETS_2 = code_system(
    PETS,
    concept("pet", "Pet", property=mark(notSelectable=True)),
    CAT,
    concept("dog", "Dog, big"),
    concept("dodo", "Dodo", property=mark(status="retired")),
    concept("eel", "Eel", property=mark(inactive=True)),
    concept("quagga", "Quagga", property=mark(status="deprecated")),
    version="2",
    language="en",
    property=DECLARED,
)
RESOURCES: list[Json] = [
    PETS_2,
    code_system(
        PETS, concept("cat", "Cat (1)"), concept("newt", "Newt"), version="1", language="en", id="pets-1"
    ),
    code_system(ANY_CASE, concept("Low", "low one"), version="1", caseSensitive=False),
    code_system(STRICT, concept("Low", "low one"), version="1", caseSensitive=True),
    code_system(PART, concept("a", "A"), version="1", content="fragment"),
    code_system(
        OWNED,
        concept(
            "57520",
            "Words of ours",
            designation=[said("Words of ours", "en", use={"code": "plain-language"})],
        ),
        version="2026",
        language="en",
        content="fragment",
    ),
    code_system(OTHER, concept("cat", "Other cat"), concept("cow", "Cow")),
    code_system(SKETCH, concept("x", "X"), version="1", experimental=True),
    code_system(f"{BASE}/draft", concept("x", "X"), version="1", status="draft"),
    code_system(f"{BASE}/old", concept("x", "X"), status="retired"),
    code_system(NEEDY, concept("x", "X"), version="1", versionNeeded=True),
    code_system(
        DUTCH,
        {"code": "cat", "designation": [said("Poes", "nl")]},
        content="supplement",
        supplements=PETS,
        version="3",
    ),
    value_set("pets", {"system": PETS}),
    value_set("pets-1", {"system": PETS, "version": "1"}),
    value_set("pets-3", {"system": PETS, "version": "3"}),
    value_set("pets-any", {"system": PETS, "version": "x"}),
    value_set("both", {"system": PETS, "version": "1"}, {"system": PETS, "version": "2"}),
    value_set("listed", {"system": PETS, "concept": [{"code": "cat"}, {"code": "dodo"}]}),
    value_set("cats", {"system": PETS, "filter": [{"property": "concept", "op": "is-a", "value": "cat"}]}),
    value_set("no-cats", {"system": PETS}, exclude=({"system": PETS, "concept": [{"code": "cat"}]},)),
    value_set("active", {"system": PETS}, compose={"inactive": False}),
    value_set("imported", {"valueSet": [f"{BASE}/vs/cats"]}),
    value_set("imports-nothing", {"valueSet": [f"{BASE}/vs/nowhere"]}),
    value_set("circle", {"valueSet": [f"{BASE}/vs/circle"]}),
    value_set("broken", {"system": PETS, "filter": [{"property": "concept", "op": "is-a"}]}),
    value_set("mixed", {"system": PETS}, {"system": OTHER}),
    value_set("any-case", {"system": ANY_CASE, "concept": [{"code": "Low"}]}),
    value_set("strict", {"system": STRICT}),
    value_set("part", {"system": PART}),
    value_set("part-but-b", {"system": PART}, exclude=({"system": PART, "concept": [{"code": "b"}]},)),
    value_set("part-listed", {"system": PART, "concept": [{"code": "b"}]}),
    value_set("gone", {"system": GONE, "concept": [{"code": "g"}]}),
    value_set("sketches", {"system": SKETCH}, {"system": f"{BASE}/draft"}),
    value_set("own-words", {"system": PETS, "concept": [{"code": "cat", "display": "Puss"}]}),
    value_set(
        "leaving",
        {
            "system": PETS,
            "concept": [{"code": "cat", "extension": [{"url": STATUS, "valueCode": "deprecated"}]}],
        },
    ),
    value_set(
        "dutch",
        {"system": PETS},
        extension=[
            {"url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement", "valueCanonical": DUTCH}
        ],
    ),
    value_set(
        "needs-more",
        {"system": PETS},
        extension=[
            {
                "url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
                "valueCanonical": f"{BASE}/none",
            }
        ],
    ),
    value_set("german", {"system": PETS}, language="de"),
    value_set(
        "german-by-parameter",
        {"system": PETS},
        language="en",
        extension=[
            {
                "url": PARAMETER,
                "extension": [
                    {"url": "name", "valueCode": "displayLanguage"},
                    {"url": "value", "valueCode": "de"},
                ],
            }
        ],
    ),
    value_set(
        "holder",
        {"valueSet": ["#inner"]},
        contained=[
            {
                "resourceType": "ValueSet",
                "id": "inner",
                "status": "active",
                "compose": {"include": [{"system": OTHER}]},
            }
        ],
    ),
    value_set("pets", {"system": PETS, "concept": [{"code": "dog"}]}, version="0", id="pets-0"),
    value_set("stored") | {"compose": {}, "expansion": {"contains": [{"system": OTHER, "code": "cow"}]}},
]
EMPTY = {"resourceType": "ValueSet", "id": "empty", "url": f"{BASE}/vs/empty", "status": "active"}


def _with_id(resource: Json) -> Json:
    """A resource with an id, and a value set with a version, unless it has them."""
    defaults = {"id": resource["url"].rpartition("/")[2]}
    return defaults | ({"version": "1"} if resource["resourceType"] == "ValueSet" else {}) | resource


DOCUMENTS = [*map(_with_id, RESOURCES), EMPTY]
TERMINOLOGY = Terminology(catalogue=catalogue_of(DOCUMENTS))


# -- asking --------------------------------------------------------------------------------------


def pet(code: str, **more: str) -> Json:
    """The parameter 'coding' with a code of the pets."""
    return coding(code, PETS, **more)


def several(*codings: Json, **more: Any) -> Json:
    return {"name": "codeableConcept", "valueCodeableConcept": {"coding": list(codings), **more}}


def of(code: str, system: str = PETS, **more: str) -> Json:
    return {"system": system, "code": code, **more}


def bare(**values: str) -> list[Json]:
    return [{"name": name, "valueString": value} for name, value in values.items()]


def flag(name: str, value: bool = True) -> Json:
    return {"name": name, "valueBoolean": value}


def text(name: str, value: str) -> Json:
    return {"name": name, "valueString": value}


def pin(name: str, version: str, url: str = PETS) -> Json:
    return {"name": name, "valueCanonical": f"{url}|{version}"}


def in_set(name: str, *parts: Json, release: str = "r5") -> Json:
    parameter = [{"name": "url", "valueUri": f"{BASE}/vs/{name}"}, *parts]
    return asked("ValueSet/$validate-code", parameter, release)


def in_system(*parts: Json, release: str = "r5") -> Json:
    return asked("CodeSystem/$validate-code", list(parts), release)


def asked(operation: str, parameter: list[Json], release: str = "r5") -> Json:
    return read(TERMINOLOGY.ask(operation, body_of(*parameter), release))


def read(answer: Json) -> Json:
    """The parameters of an answer by name, the issues as lines."""
    found: Json = {}
    for part in answer["parameter"]:
        if part["name"] == "issues":
            found["issues"] = [line(issue) for issue in part["resource"]["issue"]]
        else:
            value = next(v for k, v in part.items() if k.startswith("value"))
            found[part["name"]] = value
    return found


def line(issue: Json) -> str:
    """An issue in short, e.g. ``error not-in-vs Coding.code``."""
    tx = [c["code"] for c in issue["details"].get("coding", ())]
    return " ".join([issue["severity"], *tx, *issue.get("expression", ())])


def refused(operation: str, *parts: Json) -> list[tuple[str, str | None]]:
    with pytest.raises(TerminologyError) as caught:
        TERMINOLOGY.ask(operation, body_of(*parts))
    return [(issue.code, issue.message_id) for issue in caught.value.issues]
