"""CodeSystem $lookup, rule by rule, on a code system that has everything."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology, TerminologyError
from terminology.core.model import Document
from tests.support.asking import properties, value, values
from tests.support.builders import body_of
from tests.support.cats import ALIAS, CATS, FRAGMENT, OLDER, OLDEST, SUPPLEMENT, URL
from tests.support.engine import catalogue_of


@pytest.fixture(scope="module")
def cats() -> Terminology:
    return Terminology(catalogue=catalogue_of([CATS, OLDEST, OLDER, FRAGMENT, SUPPLEMENT, ALIAS]))


def look(cats: Terminology, code: str = "cat", **more: Any) -> Document:
    return cats.ask("CodeSystem/$lookup", system=URL, code=code, **more)


@pytest.mark.parametrize("release", ["r4", "r4b", "r5", "r6"])
def test_the_answer_says_where_it_is_from_and_what_the_code_means(cats: Terminology, release: str) -> None:
    answer = look(cats, release=release)
    said = {
        name: value(answer, name)
        for name in ("name", "version", "display", "definition", "code", "system", "abstract")
    }
    assert said == {
        "name": "Cats",
        "version": "2.0",
        "display": "Cat",
        "definition": "Says miaow",
        "code": "cat",
        "system": URL,
        "abstract": True,
    }


@pytest.mark.parametrize(
    "question",
    [
        {"name": "coding", "valueCoding": {"system": URL, "code": "cat"}},
        {"name": "coding", "valueCoding": [{"system": URL, "code": "cat"}]},
    ],
)
def test_a_coding_is_as_good_as_code_and_system(cats: Terminology, question: Document) -> None:
    assert value(cats.ask("CodeSystem/$lookup", body_of(question)), "display") == "Cat"


def test_a_coding_in_a_url_is_read_as_system_and_code(cats: Terminology) -> None:
    assert value(cats.ask("CodeSystem/$lookup", coding=f"{URL}|cat"), "display") == "Cat"


def test_every_property_comes_in_its_declared_type(cats: Terminology) -> None:
    answer = look(cats, "tabby")
    types = {
        value(p, "code"): next(k for k in p["part"][1] if k != "name") for p in values(answer, "property")
    }
    assert types == {
        "inactive": "valueBoolean",
        "parent": "valueCode",
        "legs": "valueInteger",
        "mass": "valueDecimal",
        "born": "valueDateTime",
        "kin": "valueCoding",
        "tame": "valueBoolean",
        "likes": "valueCode",
        "note": "valueString",
    }


def test_parents_children_and_codes_come_with_their_display(cats: Terminology) -> None:
    said = [
        (value(p, "code"), value(p, "value"), value(p, "description"))
        for code in ("cat", "tabby")
        for p in values(look(cats, code), "property")
        if value(p, "description")
    ]
    assert said == [
        ("child", "tabby", "Tabby"),
        ("child", "wildcat", "Wildcat"),
        ("parent", "cat", "Cat"),
        ("likes", "wildcat", "Wildcat"),
    ]


def test_inactive_is_said_also_if_false_unless_others_are_chosen(
    cats: Terminology,
) -> None:
    """inactive is said also where it is false, unless other properties are chosen."""
    assert "inactive" not in properties(look(cats, "tabby", property=["legs"]))
    assert properties(look(cats, "tabby", property=["inactive"])) == {"inactive": [False]}
    assert properties(look(cats, "cat"))["inactive"] == [False]
    assert properties(look(cats, "wildcat"))["inactive"] == [True]


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (["legs"], {"legs"}),
        (["legs", "note"], {"legs", "note"}),
        (["display"], set()),
        (["designation"], set()),
        (["*"], {"inactive", "parent", "legs", "mass", "born", "kin", "tame", "likes", "note"}),
    ],
)
def test_property_says_which_properties_come(cats: Terminology, asked: list[str], got: set[str]) -> None:
    assert properties(look(cats, "tabby", property=asked)).keys() == got


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ([], ["Cat", "Katze", "Katzerl", "Chat"]),
        (["designation"], ["Cat", "Katze", "Katzerl", "Chat"]),
        (["lang.de"], ["Katze", "Katzerl"]),
        (["lang.fr", "lang.en"], ["Cat", "Chat"]),
        (["legs"], []),
    ],
)
def test_lang_X_says_which_designations_come(cats: Terminology, asked: list[str], got: list[str]) -> None:
    assert [value(d, "value") for d in values(look(cats, property=asked), "designation")] == got


@pytest.mark.parametrize(
    ("language", "display"),
    [
        ("de", "Katze"),
        ("de-AT", "Katzerl"),
        ("de-CH", "Katze"),
        ("fr;q=0.9, de;q=0.1", "Chat"),
        ("ja", "Cat"),
        ("ja, *;q=0", "cat"),
        ("*", "Cat"),
    ],
)
def test_the_display_is_in_the_language_asked_for(cats: Terminology, language: str, display: str) -> None:
    assert value(look(cats, displayLanguage=language), "display") == display


def test_what_is_no_language_is_refused(cats: Terminology) -> None:
    with pytest.raises(TerminologyError, match="Invalid displayLanguage: 'no language!'"):
        look(cats, displayLanguage="no language!")


def test_a_supplement_adds_and_says_that_it_did(cats: Terminology) -> None:
    answer = look(cats, useSupplement="http://example.org/CodeSystem/cats-es", displayLanguage="es")
    assert value(answer, "display") == "Gato"
    assert value(answer, "used-supplement") == "http://example.org/CodeSystem/cats-es|1"
    assert properties(answer)["lives"] == [9]
    sources = [value(d, "source") for d in values(answer, "designation") if value(d, "language") == "es"]
    assert sources == ["http://example.org/CodeSystem/cats-es|1"]
    assert "lives" not in properties(look(cats))


def test_a_supplement_of_something_else_is_refused(cats: Terminology) -> None:
    with pytest.raises(TerminologyError, match="adds nothing to"):
        cats.ask(
            "CodeSystem/$lookup",
            system="http://example.org/CodeSystem/dogs",
            code="dog",
            useSupplement="http://example.org/CodeSystem/cats-es",
        )


def test_the_version_is_the_one_named_or_else_the_latest(cats: Terminology) -> None:
    assert value(look(cats), "version") == "2.0"
    assert value(look(cats, version="1.9"), "display") == "Oldest cat"
    assert value(look(cats, version="1.x"), "version") == "1.10"


def test_an_alias_or_oid_is_understood_and_the_preferred_uri_answered(
    cats: Terminology,
) -> None:
    """An alias or OID of a code system is understood, and the preferred URI answered."""
    for system in ("http://example.org/old-name-of-cats", "urn:oid:1.2.3.4", "1.2.3.4"):
        assert value(cats.ask("CodeSystem/$lookup", system=system, code="cat"), "system") == URL


@pytest.mark.parametrize(
    ("said", "stated", "name"),
    [
        ({"version": "1.9"}, {"version": "2.0"}, "version"),
        ({"code": "cat"}, {"code": "tabby"}, "code"),
        ({"system": URL}, {"system": FRAGMENT["url"]}, "system"),
    ],
)
def test_a_coding_and_a_parameter_may_not_contradict_each_other(
    cats: Terminology, said: dict[str, str], stated: dict[str, str], name: str
) -> None:
    coding = {"system": URL, "code": "cat"} | said
    parameters = [{"name": n, "valueString": v} for n, v in stated.items()]
    with pytest.raises(TerminologyError, match=f"'{name}' is .*, but the coding has"):
        cats.ask("CodeSystem/$lookup", body_of({"name": "coding", "valueCoding": coding}, *parameters))


def test_a_coding_may_be_said_again_under_an_alias(cats: Terminology) -> None:
    coding = {"name": "coding", "valueCoding": {"system": URL, "code": "cat"}}
    again = {"name": "system", "valueUri": "http://example.org/old-name-of-cats"}
    assert value(cats.ask("CodeSystem/$lookup", body_of(coding, again)), "display") == "Cat"
    assert value(cats.ask("CodeSystem/cats-1/$lookup", system="urn:oid:1.2.3.4", code="cat"), "display")


SPELT: Document = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/CodeSystem/spelt",
    "version": "1",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "concept": [{"code": code} for code in ("0UBC7ZZ", "N87.1", "67.2", "cone-biopsy", "5-671")],
}


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("0ubc7zz", "0UBC7ZZ"),
        ("N871", "N87.1"),
        ("n871", "N87.1"),
        ("672", "67.2"),
        ("067.2", "67.2"),
        ("5671", "5-671"),
        (" N87.1 ", "N87.1"),
        ("Cone Biopsy", "cone-biopsy"),
        ("68.2", None),
        ("?", None),
    ],
)
def test_a_code_that_is_nearly_one_is_told_which(code: str, meant: str | None) -> None:
    kept = Terminology(catalogue=catalogue_of([SPELT]))
    body = body_of(
        {"name": "coding", "valueCoding": {"system": SPELT["url"], "code": code}},
    )
    with pytest.raises(TerminologyError) as caught:
        kept.ask("CodeSystem/$lookup", body)
    assert ("Did you mean" in str(caught.value)) is (meant is not None)
    assert meant is None or f". Did you mean '{meant}'?" in str(caught.value)


@pytest.mark.parametrize(
    ("system", "hint"),
    [
        (URL + "/", f"Did you mean '{URL}'?"),
        (URL.replace("http:", "https:"), f"Did you mean '{URL}'?"),
        (URL.upper(), f"Did you mean '{URL}'?"),
        ("http://example.org/cows", "could not be found"),
    ],
)
def test_a_system_that_is_nearly_one_is_told_which(cats: Terminology, system: str, hint: str) -> None:
    with pytest.raises(TerminologyError) as caught:
        cats.ask("CodeSystem/$lookup", system=system, code="cat")
    assert str(caught.value).endswith(hint)


def test_a_code_is_answered_as_the_code_system_writes_it(cats: Terminology) -> None:
    assert value(look(cats, "CAT"), "code") == "cat"


def test_an_instance_names_system_and_version(cats: Terminology) -> None:
    assert value(cats.ask("CodeSystem/cats-1/$lookup", code="cat"), "display") == "Old cat"
    with pytest.raises(TerminologyError, match="the resource in the URL has"):
        cats.ask("CodeSystem/cats-1/$lookup", code="cat", version="2.0")


@pytest.mark.parametrize(
    ("question", "code", "tx", "text"),
    [
        (
            {"system": "http://example.org/cows", "code": "cow"},
            "not-found",
            "not-found",
            "CodeSystem 'http://example.org/cows' could not",
        ),
        (
            {"system": URL, "code": "cat", "version": "9"},
            "not-found",
            "not-found",
            "Valid versions: 1.9, 1.10 or 2.0",
        ),
        (
            {"system": URL, "code": "cow"},
            "code-invalid",
            "invalid-code",
            "Unknown code 'cow' in the CodeSystem",
        ),
        (
            {"system": FRAGMENT["url"], "code": "cow"},
            "not-found",
            "invalid-code",
            "may be valid in some other fragment",
        ),
        ({"system": SUPPLEMENT["url"], "code": "cat"}, "invalid", "invalid-data", "is a supplement"),
        ({"code": "cat"}, "required", None, "'code' with 'system'"),
        ({"system": URL}, "required", None, "'code' with 'system'"),
    ],
)
def test_each_way_not_to_find_a_code_has_its_own_answer(
    cats: Terminology, question: dict[str, Any], code: str, tx: str | None, text: str
) -> None:
    with pytest.raises(TerminologyError) as caught:
        cats.ask("CodeSystem/$lookup", **question)
    (issue,) = caught.value.issues
    assert (issue.code, issue.tx) == (code, tx)
    assert text in issue.text
