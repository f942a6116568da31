"""Does the engine hold what HL7's terminology ecosystem requires of every server?

The titles and docstrings quote https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
and languages.html.
"""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from tests.support.builders import BASE, body_of, code_system, coding, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import PETS, TERMINOLOGY, Json, asked, bare, pet, several

NEW = f"{BASE}/new"
ALL_NEW = value_set("new", {"system": NEW})
LANGUAGE_PACK = {
    "url": "http://hl7.org/fhir/StructureDefinition/codesystem-supplement-type",
    "valueCode": "lang-pack",
}


def new(**more: Any) -> Json:
    return code_system(NEW, concept("a", "A"), concept("b", "B"), version="1", **more)


def with_(*resources: Json) -> list[Json]:
    return [{"name": "tx-resource", "resource": resource} for resource in resources]


def validated(*parts: Json, release: str = "r5") -> Json:
    url = {"name": "url", "valueUri": f"{BASE}/vs/new"}
    return asked("ValueSet/$validate-code", [url, *parts], release)


def expanded(*parts: Json, ask: Terminology = TERMINOLOGY, release: str = "r5") -> Json:
    body = body_of(*parts)
    return ask.ask("ValueSet/$expand", body, release)["expansion"]


def displays(expansion: Json) -> dict[str, str]:
    return {node["code"]: node["display"] for node in expansion["contains"]}


# -- CodeSystem.content --------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["not-present", "example"])
def test_validate_code_refuses_content_not_present_or_example(content: str) -> None:
    """Servers shall not process $validate-code on content not-present or example."""
    answer = validated(coding("a", NEW), *with_(new(content=content), ALL_NEW))
    assert answer["result"] is False
    assert answer["issues"] == ["error not-found Coding.system"]
    assert answer["x-caused-by-unknown-system"] == NEW
    assert answer["message"].endswith(f"this server has it with the content '{content}' only")


@pytest.mark.parametrize("content", ["not-present", "example"])
def test_nor_on_a_code_system_itself(content: str) -> None:
    answer = asked("CodeSystem/$validate-code", [coding("a", NEW), *with_(new(content=content))])
    assert (answer["result"], answer["issues"]) == (False, ["error not-found Coding.system"])


@pytest.mark.parametrize("content", ["not-present", "example"])
def test_expand_refuses_content_not_present_or_example(content: str) -> None:
    """Servers shall not process $expand on content not-present or example."""
    url = {"name": "url", "valueUri": f"{BASE}/vs/new"}
    with pytest.raises(TerminologyError) as caught:
        expanded(url, *with_(new(content=content), ALL_NEW))
    assert [issue.code for issue in caught.value.issues] == ["not-found"]
    assert f"'{content}'" in caught.value.issues[0].text


def test_a_fragment_is_processed_and_says_that_it_is_one() -> None:
    answer = validated(coding("z", NEW), *with_(new(content="fragment"), ALL_NEW))
    assert answer["issues"] == ["warning invalid-code Coding.code"]
    assert (
        "labeled as a fragment"
        in TERMINOLOGY.ask(
            "CodeSystem/$validate-code",
            body_of(coding("z", NEW), *with_(new(content="fragment"))),
        )["parameter"][-1]["resource"]["issue"][0]["details"]["text"]
    )


# -- CodeSystem.compositional, versionNeeded -----------------------------------------------------


@pytest.mark.parametrize(
    ("more", "noted"),
    [({"compositional": True}, ["information process-note Coding.code"]), ({}, [])],
    ids=["compositional: servers that do not know the grammar shall note this", "not compositional"],
)
def test_compositional_grammars_are_not_accepted(more: Json, noted: list[str]) -> None:
    answer = validated(coding("a:b=c", NEW), *with_(new(**more), ALL_NEW))
    assert answer["result"] is False
    wrong = ["error invalid-code Coding.code", "error not-in-vs Coding.code"]
    assert sorted(answer["issues"]) == sorted([*wrong, *noted])


@pytest.mark.parametrize(("version", "result"), [({}, False), ({"version": "1"}, True)], ids=["none", "1"])
def test_versionNeeded_validate_code_shall_check_that_version_is_populated(
    version: dict[str, str], result: bool
) -> None:
    answer = validated(coding("a", NEW, **version), *with_(new(versionNeeded=True), ALL_NEW))
    assert answer["result"] is result


# -- language packs ------------------------------------------------------------------------------


def pack(**more: Any) -> Json:
    german = {"code": "a", "designation": [{"language": "de", "value": "Ah"}]}
    return code_system(
        f"{BASE}/new-pack",
        german,
        {"code": "b", "display": "Bé"},
        content="supplement",
        supplements=NEW,
        version="4",
        language="fr",
        **more,
    )


PACK = pack(extension=[LANGUAGE_PACK])
DISPLAYS = [
    ("in the pack's language, what it calls a concept", "fr", {"a": "A", "b": "Bé"}),
    ("in another language, its designations", "de", {"a": "Ah", "b": "B"}),
    ("in none, what the code system says", None, {"a": "A", "b": "B"}),
]


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("language", "expected"), [row[1:] for row in DISPLAYS], ids=[row[0] for row in DISPLAYS]
)
def test_a_language_pack_applies_without_being_named(
    language: str | None, expected: dict[str, str], release: str
) -> None:
    parts = [{"name": "valueSet", "resource": ALL_NEW}, *with_(new(language="en"), PACK)]
    parts += [{"name": "displayLanguage", "valueCode": language}] if language else []
    expansion = expanded(*parts, release=release)
    assert displays(expansion) == expected
    assert {"name": "used-supplement", "valueUri": f"{BASE}/new-pack|4"} in expansion["parameter"]


def test_other_supplements_have_to_be_named() -> None:
    parts = [{"name": "valueSet", "resource": ALL_NEW}, *with_(new(language="en"), pack())]
    french = {"name": "displayLanguage", "valueCode": "fr"}
    assert displays(expanded(*parts, french)) == {"a": "A", "b": "B"}
    named = {"name": "useSupplement", "valueCanonical": f"{BASE}/new-pack"}
    assert displays(expanded(*parts, french, named)) == {"a": "A", "b": "Bé"}


@pytest.mark.parametrize(
    ("display", "resources", "result"),
    [
        pytest.param("Bé", [PACK], True, id="of the pack"),
        pytest.param("Bé", [pack()], False, id="of a supplement that nobody named"),
        pytest.param("B", [PACK], True, id="of the code system"),
        pytest.param("Bee", [PACK], False, id="of nobody"),
    ],
)
def test_a_display_is_right_that_a_language_pack_has(
    display: str, resources: list[Json], result: bool
) -> None:
    answer = validated(coding("b", NEW, display=display), *with_(new(language="en"), ALL_NEW, *resources))
    assert (answer["result"], answer["display"]) == (result, "B")


def test_a_newer_language_pack_of_the_request_replaces_the_loaded_one() -> None:
    """A language pack that is loaded is found beneath a request, and a newer one takes its place."""
    loaded = Terminology(catalogue=catalogue_of([new(language="en"), ALL_NEW, PACK]))
    url = {"name": "url", "valueUri": f"{BASE}/vs/new"}
    french = {"name": "displayLanguage", "valueCode": "fr"}
    assert displays(expanded(url, french, ask=loaded))["b"] == "Bé"
    newer = PACK | {"version": "5", "concept": [{"code": "b", "display": "Bééé"}]}
    expansion = expanded(url, french, *with_(newer), ask=loaded)
    assert displays(expansion)["b"] == "Bééé"
    used = [p["valueUri"] for p in expansion["parameter"] if p["name"] == "used-supplement"]
    assert used == [f"{BASE}/new-pack|5"]


def test_lookup_knows_language_packs_too() -> None:
    body = body_of(*bare(system=NEW, code="b", displayLanguage="fr"), *with_(new(language="en"), PACK))
    answer = TERMINOLOGY.ask("CodeSystem/$lookup", body)["parameter"]
    assert {"name": "display", "valueString": "Bé"} in answer
    assert {"name": "used-supplement", "valueCanonical": f"{BASE}/new-pack|4"} in answer


# -- supplements, value sets and code systems are never mistaken for each other -------------------


def test_a_supplement_cannot_be_included_as_a_code_system() -> None:
    wrong = value_set("new", {"system": f"{BASE}/new-pack"})
    with pytest.raises(TerminologyError) as caught:
        expanded({"name": "valueSet", "resource": wrong}, *with_(new(), PACK))
    assert [issue.code for issue in caught.value.issues] == ["not-found"]


# -- contained value sets ------------------------------------------------------------------------

HOLDER = value_set(
    "holder-of-one",
    {"valueSet": ["#one"]},
    contained=[
        {
            "resourceType": "ValueSet",
            "id": "one",
            "status": "active",
            "compose": {"include": [{"system": PETS, "concept": [{"code": "dog"}]}]},
        }
    ],
)
HOLDER_URL = f"{BASE}/vs/holder-of-one"


@pytest.mark.parametrize(
    ("url", "travels"),
    [
        pytest.param("#one", "valueSet", id="#id of what came along"),
        pytest.param(f"{HOLDER_URL}#one", "valueSet", id="url#id of what came along"),
        pytest.param(HOLDER_URL, "valueSet", id="the one that contains it"),
        pytest.param(f"{HOLDER_URL}|1", "valueSet", id="with a version"),
        pytest.param(f"{HOLDER_URL}#one", "tx-resource", id="url#id of a resource of the request"),
        pytest.param(HOLDER_URL, "tx-resource", id="a resource of the request"),
    ],
)
def test_a_contained_value_set_is_used_however_it_is_named(url: str, travels: str) -> None:
    """A contained value set is expanded and validated against, however it is named."""
    parts: list[Json] = [{"name": "url", "valueUri": url}, {"name": travels, "resource": HOLDER}]
    assert displays(expanded(*parts)) == {"dog": "Dog, big"}
    verdicts = [asked("ValueSet/$validate-code", [*parts, pet(code)])["result"] for code in ("dog", "cat")]
    assert verdicts == [True, False]


def test_a_value_set_that_came_along_has_no_other_url() -> None:
    parts: list[Json] = [
        {"name": "url", "valueUri": f"{BASE}/vs/pets#one"},
        {"name": "valueSet", "resource": HOLDER},
    ]
    with pytest.raises(TerminologyError, match="the resource sent with the request"):
        expanded(*parts)


# -- the three ways to ask -----------------------------------------------------------------------

ASKED: list[tuple[str, str, dict[str, str]]] = [
    ("right", "pets", {"code": "cat"}),
    ("right, in a version", "pets", {"code": "cat", "version": "2"}),
    ("another version than the include has", "pets-1", {"code": "cat", "version": "2"}),
    ("a version that nobody has", "pets", {"code": "cat", "version": "9"}),
    ("a version that the include alone asks for", "pets-3", {"code": "cat"}),
    ("a display that is wrong", "pets", {"code": "cat", "display": "Hound"}),
    ("a retired code", "pets", {"code": "dodo"}),
    ("a code that nobody knows", "pets", {"code": "unicorn"}),
    ("a code that is not a member", "cats", {"code": "dog"}),
    ("an unknown code system", "pets", {"code": "g", "system": f"{BASE}/gone"}),
    ("a value set for a code system", "pets", {"code": "g", "system": f"{BASE}/vs/pets"}),
    ("a local name for a code system", "pets", {"code": "g", "system": "pets"}),
]
PLACES = {"code": "", "coding": "Coding", "codeableConcept": "CodeableConcept.coding[0]"}
# What is said of a whole CodeableConcept instead: no coding is a member.
_SUMMED_UP = ("error not-in-vs", "information this-code-not-in-vs")


def _one_way(form: str, given: Json) -> list[Json]:
    if form == "coding":
        return [{"name": "coding", "valueCoding": given}]
    if form == "codeableConcept":
        return [several(given)]
    return bare(**{"systemVersion" if name == "version" else name: v for name, v in given.items()})


def _findings(form: str, name: str, given: Json) -> list[str]:
    """What is found out about a coding, without where it stands and what sums it up."""
    answer = asked(
        "ValueSet/$validate-code",
        [{"name": "url", "valueUri": f"{BASE}/vs/{name}"}, *_one_way(form, given)],
    )
    lines = []
    for line in answer.get("issues", ()):
        issue, place = (line.split(" ")[:2], line.split(" ")[2:])
        part = place[0].removeprefix(PLACES[form]).removeprefix(".") if place else ""
        lines.append(" ".join([*issue, part if part != "code" else ""]).strip())
    kept = [line for line in lines if not line.startswith(_SUMMED_UP)]
    return [f"result {answer['result']}", f"member {kept == lines}", *sorted(kept)]


@pytest.mark.parametrize(("name", "given"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_code_Coding_and_CodeableConcept_get_the_same_issues(name: str, given: dict[str, str]) -> None:
    """code, Coding and CodeableConcept get the same issues, each at its own place."""
    full = {"system": PETS} | given
    alike = {form: _findings(form, name, full) for form in PLACES}
    assert alike["code"] == alike["coding"] == alike["codeableConcept"]


# -- force-system-version ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forced", "versions"),
    [([], {"1", "2"}), ([{"name": "force-system-version", "valueCanonical": f"{PETS}|1"}], {"1"})],
    ids=["two versions are told apart", "one version that is forced on both is told, too"],
)
def test_versions_in_use_are_told_apart(forced: list[Json], versions: set[str]) -> None:
    expansion = expanded({"name": "url", "valueUri": f"{BASE}/vs/both"}, *forced)
    assert {node.get("version") for node in expansion["contains"]} == versions
