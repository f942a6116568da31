"""Which version of a code system answers, what the answer says of it, and systems that are no code systems."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from tests.support.builders import BASE, body_of, code_system, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json, read, several

SYSTEM, NOWHERE = f"{BASE}/x", "http://nowhere.example.org"
SUPPLEMENT = code_system(
    f"{BASE}/supplement",
    concept("a", designation=[{"language": "de", "value": "Erstes"}]),
    content="supplement",
    supplements=SYSTEM,
    version="1",
    id="s",
)


def inactive(code: str, **mark: Any) -> Json:
    return concept(code, code, property=[{"code": name, **node} for name, node in mark.items()])


DECLARED = [{"code": "status", "type": "code"}, {"code": "inactive", "type": "boolean"}]
DOCUMENTS = [
    code_system(SYSTEM, concept("a", "First"), concept("b", "Only in 1"), version="1", id="x-1"),
    code_system(SYSTEM, concept("a", "Later"), concept("c", "Only in 2"), version="2", id="x-2"),
    SUPPLEMENT,
    code_system(
        "states",
        inactive("old", status={"valueCode": "deprecated"}),
        inactive("gone", status={"valueCode": "retired"}),
        inactive("off", inactive={"valueBoolean": True}),
        inactive("old-and-off", status={"valueCode": "deprecated"}, inactive={"valueBoolean": True}),
        property=DECLARED,
        version="1",
    ),
    value_set("both", {"system": SYSTEM, "version": "1"}, {"system": SYSTEM, "version": "2"}, id="both"),
    value_set("open", {"system": SYSTEM, "version": "1"}, {"system": SYSTEM}, id="open"),
    value_set("one", {"system": SYSTEM, "version": "1"}, id="one"),
    value_set("two", {"system": SYSTEM, "version": "2"}, id="two"),
    value_set("imports-both", {"valueSet": [f"{BASE}/vs/both"]}, id="imports-both"),
    value_set(
        "imports-each", {"valueSet": [f"{BASE}/vs/one"]}, {"valueSet": [f"{BASE}/vs/two"]}, id="imports-each"
    ),
    value_set("states", {"system": f"{BASE}/states"}, id="states"),
]
LIBRARY = Terminology(catalogue=catalogue_of(DOCUMENTS))
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])
SETS = pytest.mark.parametrize("name", ["both", "open", "imports-both", "imports-each"])
FORMS = pytest.mark.parametrize("form", ["code", "coding", "codeableConcept"])


def in_form(form: str, **coding: str) -> list[Json]:
    if form == "code":
        return [{"name": name, "valueString": text} for name, text in coding.items()]
    if form == "coding":
        return [{"name": "coding", "valueCoding": coding}]
    return [several(coding)]


def validated(release: str, name: str, form: str, on_instance: bool = False, **coding: str) -> Json:
    own = in_form(form, **coding)
    if on_instance:
        return LIBRARY.ask(f"ValueSet/{name}/$validate-code", body_of(*own), release)
    url = {"name": "url", "valueUri": f"{BASE}/vs/{name}"}
    return LIBRARY.ask("ValueSet/$validate-code", body_of(url, *own), release)


# -- several versions ----------------------------------------------------------------------------


@BOTH_RELEASES
@SETS
@FORMS
@pytest.mark.parametrize("on_instance", [False, True])
@pytest.mark.parametrize(
    ("display", "result", "version", "shown"),
    [
        ("First", True, "1", "First"),
        ("Later", True, "2", "Later"),
        ("Never", False, "2", "Later"),
        ("", True, "2", "Later"),
    ],
)
def test_the_newest_version_that_accepts_the_display_answers(
    release: str,
    name: str,
    form: str,
    on_instance: bool,
    display: str,
    result: bool,
    version: str,
    shown: str,
) -> None:
    more = {"display": display} if display else {}
    answer = validated(release, name, form, on_instance, system=SYSTEM, code="a", **more)
    found = read(answer)
    assert (found["result"], found["version"], found["display"]) == (result, version, shown)
    others = {"First", "Later"} - {display, shown}
    assert not any(other in str(answer) for other in others), "displays of the other version"


@BOTH_RELEASES
@SETS
@FORMS
@pytest.mark.parametrize(("code", "version"), [("b", "1"), ("c", "2")])
def test_a_code_of_one_version_is_found_in_that_version(
    release: str, name: str, form: str, code: str, version: str
) -> None:
    found = read(validated(release, name, form, system=SYSTEM, code=code))
    assert (found["result"], found["version"]) == (True, version)


def expanded(release: str, name: str, **pins: str) -> Json:
    nodes = [{"name": pin.replace("_", "-"), "valueCanonical": canonical} for pin, canonical in pins.items()]
    url = {"name": "url", "valueUri": f"{BASE}/vs/{name}"}
    expansion: Json = LIBRARY.ask("ValueSet/$expand", body_of(url, *nodes), release)["expansion"]
    return expansion


@BOTH_RELEASES
@pytest.mark.parametrize("name", ["both", "imports-both", "imports-each"])
@pytest.mark.parametrize("version", ["1", "2"])
def test_entries_have_a_version_where_a_pin_merges_those_stated(
    release: str, name: str, version: str
) -> None:
    pin = f"{SYSTEM}|{version}"
    expansion = expanded(release, name, force_system_version=pin)
    assert {entry.get("version") for entry in expansion["contains"]} == {version}
    echoed = [p["valueUri"] for p in expansion["parameter"] if p["name"] == "force-system-version"]
    assert echoed == [pin]


@BOTH_RELEASES
@pytest.mark.parametrize("pin", ["system_version", "check_system_version", "force_system_version"])
def test_entries_have_no_version_where_the_definition_states_one(release: str, pin: str) -> None:
    for name in ("open", "one"):
        expansion = expanded(release, name, **{pin: f"{SYSTEM}|1"})
        assert {entry.get("version") for entry in expansion["contains"]} == {None}


# -- systems that are no code systems ------------------------------------------------------------

WRONG = [
    (SUPPLEMENT["url"], "is a supplement, so can't be used as a value in Coding.system"),
    (f"{BASE}/vs/one", "The Coding references a value set, not a code system"),
]


@BOTH_RELEASES
@pytest.mark.parametrize(("system", "text"), WRONG)
@pytest.mark.parametrize("form", ["code", "coding"])
def test_a_system_of_another_kind_is_refused_as_what_it_is(
    release: str, system: str, text: str, form: str
) -> None:
    own = in_form(form, system=system, code="a")
    for operation in ("CodeSystem/$lookup", "ConceptMap/$translate"):
        with pytest.raises(TerminologyError, match=text) as caught:
            LIBRARY.ask(operation, body_of(*own), release)
        assert "no code system" not in str(caught.value)
    with pytest.raises(TerminologyError, match=text):
        LIBRARY.ask("CodeSystem/$subsumes", release=release, system=system, codeA="a", codeB="b")


@BOTH_RELEASES
@pytest.mark.parametrize(("system", "text"), WRONG)
@FORMS
def test_a_system_of_another_kind_is_not_reported_as_unknown(
    release: str, system: str, text: str, form: str
) -> None:
    answers = [validated(release, "one", form, system=system, code="a")]
    if form != "code":
        body = body_of(*in_form(form, system=system, code="a"))
        answers.append(LIBRARY.ask("CodeSystem/$validate-code", body, release))
    for answer in answers:
        found = read(answer)
        assert found["result"] is False and text in found["message"]
        assert not {"x-unknown-system", "x-caused-by-unknown-system"} & found.keys()
        assert "could not be found" not in found["message"]


# -- versions of unknown systems -----------------------------------------------------------------


@BOTH_RELEASES
def test_the_version_of_an_unknown_system_stands_in_every_message(release: str) -> None:
    text = f"CodeSystem '{NOWHERE}' version '7' could not be found"
    asked: list[tuple[str, dict[str, Any]]] = [
        ("CodeSystem/$lookup", {"code": "a"}),
        ("CodeSystem/$subsumes", {"codeA": "a", "codeB": "b"}),
    ]
    named: list[dict[str, Any]] = [{"system": NOWHERE, "version": "7"}, {"system": f"{NOWHERE}|7"}]
    for operation, codes in asked:
        for system in named:
            with pytest.raises(TerminologyError, match=text) as caught:
                LIBRARY.ask(operation, release=release, **system, **codes)
            assert caught.value.issues[0].message_id == "UNKNOWN_CODESYSTEM_VERSION_NONE"
    for form in ("coding", "codeableConcept"):
        found = read(validated(release, "one", form, system=NOWHERE, code="a", version="7"))
        assert text in found["message"] and found["x-unknown-system"] == NOWHERE


# -- messages ------------------------------------------------------------------------------------


@BOTH_RELEASES
@FORMS
@pytest.mark.parametrize(
    ("code", "message_id", "text"),
    [
        ("old", "DEPRECATED_CONCEPT_FOUND", "The concept 'old' is deprecated and its use should be reviewed"),
        ("gone", "INACTIVE_CONCEPT_FOUND", "The concept 'gone' has a status of retired and inactive and its use"),
        ("off", "INACTIVE_CONCEPT_FOUND", "The concept 'off' has a status of inactive and its use"),
        ("old-and-off", "INACTIVE_CONCEPT_FOUND", "The concept 'old-and-off' has a status of deprecated and its use"),
    ],
)  # fmt: skip
def test_the_id_of_a_message_goes_with_its_text(
    release: str, form: str, code: str, message_id: str, text: str
) -> None:
    answer = validated(release, "states", form, system=f"{BASE}/states", code=code)
    (outcome,) = [part["resource"] for part in answer["parameter"] if part["name"] == "issues"]
    (issue,) = outcome["issue"]
    assert issue["extension"][0]["valueString"] == message_id
    assert issue["details"]["text"].startswith(text)
