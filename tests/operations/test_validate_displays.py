"""Which version of a code is validated, and which display of it is right?"""

from __future__ import annotations

import pytest

from terminology import Terminology, create_app
from tests.support.asking import value
from tests.support.builders import BASE, body_of, code_system, coding, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import (
    DOCUMENTS,
    DUTCH,
    OWNED,
    PETS,
    Json,
    bare,
    flag,
    in_set,
    in_system,
    pet,
    pin,
    read,
    said,
    text,
)

# -- versions ------------------------------------------------------------------------------------

UNKNOWN_3 = (
    f"A definition for CodeSystem '{PETS}' version '3' could not be found, so the code cannot be validated. "
    "Valid versions: 1 or 2"
)


def differs(how: str, given: str) -> str:
    return f"The code system '{PETS}' version {how} is different to the one in the value ('{given}')"


VERSIONS = [
    ("the best version, where nobody says one", "pets", None, [], "2", True, []),
    ("the version of the coding, where nobody else says one", "pets", "1", [], "1", True, []),
    ("the version of the include", "pets-1", None, [], "1", True, []),
    ("include and coding agree", "pets-1", "1", [], "1", True, []),
    (
        "include and coding do not agree",
        "pets-1",
        "2",
        [],
        "1",
        False,
        [differs("'1' in the ValueSet include", "2")],
    ),
    (
        "the coding has a version that nobody knows, and the include none",
        "pets",
        "3",
        [],
        "2",
        False,
        [UNKNOWN_3],
    ),
    (
        "the coding has a version that nobody knows, and the include another",
        "pets-1",
        "3",
        [],
        "1",
        False,
        [UNKNOWN_3, differs("'1' in the ValueSet include", "3")],
    ),
    ("the include has a version that nobody knows", "pets-3", None, [], "2", False, [UNKNOWN_3]),
    ("a wildcard takes the version of the coding", "pets-any", "1", [], "1", True, []),
    ("a wildcard takes the best", "pets-any", None, [], "2", True, []),
    (
        "system-version is for where nobody says one",
        "pets",
        None,
        [pin("system-version", "1")],
        "1",
        True,
        [],
    ),
    ("system-version is not for the include", "pets-any", None, [pin("system-version", "1")], "2", True, []),
    (
        "system-version against the coding",
        "pets",
        "2",
        [pin("system-version", "1")],
        "1",
        False,
        [differs("'1' resulting from the version '' in the ValueSet include", "2")],
    ),
    (
        "force-system-version is stronger than the include",
        "pets-1",
        None,
        [pin("force-system-version", "2")],
        "2",
        True,
        [],
    ),
    (
        "force-system-version against the coding",
        "pets-1",
        "1",
        [pin("force-system-version", "2")],
        "2",
        False,
        [differs("'2' resulting from the version '1' in the ValueSet include", "1")],
    ),
    ("check-system-version is a default", "pets", None, [pin("check-system-version", "1")], "1", True, []),
    (
        "check-system-version checks the include",
        "pets-any",
        None,
        [pin("check-system-version", "1")],
        "2",
        False,
        [
            f"The version '2' is not allowed for system '{PETS}': required to be '1' by a version-check "
            "parameter"
        ],
    ),
    ("of two versions the newer", "both", None, [], "2", True, []),
    ("of two versions the one of the coding", "both", "1", [], "1", True, []),
]


@pytest.mark.parametrize(
    ("name", "version", "pins", "expected", "result", "messages"),
    [pytest.param(*row, id=title) for title, *row in VERSIONS],
)
def test_the_version_is_settled(
    name: str, version: str | None, pins: list[Json], expected: str, result: bool, messages: list[str]
) -> None:
    given = pet("cat", version=version) if version else pet("cat")
    answer = in_set(name, given, *pins)
    message = "; ".join(sorted(messages)) or None
    assert (answer["version"], answer["result"], answer.get("message")) == (expected, result, message)


def test_a_code_that_only_one_of_two_versions_has_is_in_that_one() -> None:
    assert in_set("both", pet("newt"))["version"] == "1"
    assert in_set("both", pet("newt", version="2"))["result"] is False


def test_a_display_of_either_version_is_right_when_the_coding_has_none() -> None:
    assert in_set("both", pet("cat", display="Cat (1)"))["result"] is True
    assert in_set("both", pet("cat", display="Cat (1)", version="2"))["result"] is False


def test_what_cannot_be_found_is_named_with_its_version() -> None:
    assert in_set("pets-3", pet("cat"))["x-caused-by-unknown-system"] == f"{PETS}|3"
    assert in_system(pet("cat", version="3"))["x-caused-by-unknown-system"] == f"{PETS}|3"


# -- displays ------------------------------------------------------------------------------------

WRONG = "Wrong Display Name 'Hat' for http://example.org/pets#cat. "
DISPLAYS = [
    ("the display", "Cat", None, True, None),
    ("case does not count", "cAT", None, True, None),
    ("a synonym", "Kitty", None, True, None),
    ("any language, where none is asked for", "Katze", None, True, None),
    (
        "what is no display is answered with those that are, and not with terms for special uses",
        "Hat",
        None,
        False,
        WRONG + "Valid display is one of 2 choices: 'Cat' (en) or 'Katze' (de) (for the language(s) '--')",
    ),
    (
        "blanks count, but are named",
        "C at",
        None,
        False,
        "Wrong whitespace in Display Name 'C at' for http://example.org/pets#cat. Valid display is one of 2 "
        "choices: 'Cat' (en) or 'Katze' (de) (for the language(s) '--')",
    ),
    ("the language asked for", "Katze", "de", True, None),
    ("a narrower language", "Katze", "de-CH", True, None),
    (
        "another language is wrong: to validate, de means German and nothing else",
        "Cat",
        "de",
        False,
        "Wrong Display Name 'Cat' for http://example.org/pets#cat. Valid display is 'Katze' (de) (for the "
        "language(s) 'de')",
    ),
    ("another language is right where any is asked for as well", "Cat", "de,*", True, None),
    (
        "the usual display is right where there is none in the language",
        "Cat",
        "zh",
        True,
        "There are no valid display names found for the code http://example.org/pets#cat for language(s) "
        "'zh'. The display is 'Cat' which is a valid display for the default language",
    ),
    (
        "any other is wrong there",
        "Katze",
        "zh",
        False,
        "Wrong Display Name 'Katze' for http://example.org/pets#cat. There are no valid display names found "
        "for language(s) 'zh'. Default display is 'Cat'",
    ),
]


@pytest.mark.parametrize(
    ("display", "language", "result", "message"), [pytest.param(*row, id=title) for title, *row in DISPLAYS]
)
def test_a_display_is_right(display: str, language: str | None, result: bool, message: str | None) -> None:
    languages = [text("displayLanguage", language)] if language else []
    answer = in_set("pets", pet("cat", display=display), *languages)
    assert (answer["result"], answer.get("message")) == (result, message)


NAMELESS = code_system("nameless", concept("x", designation=[said("Chat", "fr"), said("X of no language")]))
OWN_NAME = {"code": "x", "display": "Ours", "designation": [said("Unser x")]}
NAMES_X = value_set("names-x", {"system": NAMELESS["url"], "concept": [OWN_NAME]})


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize(
    ("operation", "display"), [("CodeSystem/$validate-code", "Chat"), ("ValueSet/$validate-code", "Ours")]
)
def test_the_display_that_is_shown_for_want_of_another_is_right(
    release: str, operation: str, display: str
) -> None:
    """A name without a language may be of the requested one, but nobody is shown it as that."""
    library = Terminology(catalogue=catalogue_of([NAMELESS, NAMES_X]))
    url = NAMELESS["url"] if operation.startswith("Code") else NAMES_X["url"]
    for language in ("de", "de, *;q=0"):
        asked_ = [text("url", url), coding("x", NAMELESS["url"]), text("displayLanguage", language)]
        named_ = [*asked_[:1], coding("x", NAMELESS["url"], display=display), asked_[2]]
        shown = read(library.ask(operation, body_of(*asked_), release))["display"]
        assert shown == display
        assert read(library.ask(operation, body_of(*named_), release))["result"] is True


WORDLESS = code_system(
    "wordless",
    concept("c", "Cat"),
    "bare",
    concept("german", designation=[said("Katze", "de")]),
)


@pytest.mark.parametrize("language", ["xx, *;q=0", "xx", "de", None])
@pytest.mark.parametrize("code", ["c", "bare", "german"])
@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("own", [{}, {"language": "en"}], ids=["no language", "English"])
def test_the_display_that_lookup_shows_is_right(
    own: Json, release: str, code: str, language: str | None
) -> None:
    """Also where $lookup must have a display (1..1) and there is none, so that it has the code."""
    whole = value_set("wordless", {"system": WORDLESS["url"]})
    library = Terminology(catalogue=catalogue_of([WORDLESS | own, whole]))
    wanted = [text("displayLanguage", language)] if language else []
    looked_up = library.ask("CodeSystem/$lookup", body_of(coding(code, WORDLESS["url"]), *wanted), release)
    shown = value(looked_up, "display")
    for operation, url in (("CodeSystem", WORDLESS["url"]), ("ValueSet", whole["url"])):
        named = [text("url", url), coding(code, WORDLESS["url"], display=shown), *wanted]
        answer = read(library.ask(f"{operation}/$validate-code", body_of(*named), release))
        assert answer["result"] is True


def test_the_code_is_no_display_where_another_language_is_allowed() -> None:
    library = Terminology(catalogue=catalogue_of([WORDLESS]))
    for wanted in ([], [text("displayLanguage", "xx")]):
        named = [text("url", WORDLESS["url"]), coding("c", WORDLESS["url"], display="c"), *wanted]
        assert read(library.ask("CodeSystem/$validate-code", body_of(*named)))["result"] is False


def test_lenient_display_validation_warns() -> None:
    answer = in_set("pets", pet("cat", display="Hat"), flag("lenient-display-validation"))
    assert answer["result"] is True
    assert answer["issues"] == ["warning invalid-display Coding.display"]
    assert answer["message"].startswith("Wrong Display Name 'Hat'")


def test_a_display_that_is_no_longer_right_is_right_with_a_warning() -> None:
    answer = in_system(*bare(code="cat", url=PETS, display="Mouser"))
    assert answer["result"] is True
    assert answer["issues"] == ["warning display-comment display"]
    assert "message" not in answer


def test_the_answer_is_in_the_language_asked_for() -> None:
    assert in_set("pets", pet("cat"), text("displayLanguage", "de"))["display"] == "Katze"
    assert in_set("pets", pet("dog"), text("displayLanguage", "de"))["display"] == "Dog, big"
    assert in_set("pets", pet("dog"), text("displayLanguage", "de,*;q=0"))["display"] == "Dog, big"


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        pytest.param("pets", None, "Cat", id="nobody says a language"),
        pytest.param("pets", "de", "Katze", id="the header says one"),
        pytest.param("german", None, "Katze", id="the value set is in one"),
        pytest.param("german", "en", "Cat", id="the header is stronger than the language of the value set"),
        pytest.param("german-by-parameter", "en", "Katze", id="a parameter of the value set is stronger"),
    ],
)
def test_who_says_the_language(name: str, header: str | None, expected: str) -> None:
    client = create_app(catalogue=catalogue_of(DOCUMENTS)).test_client()
    headers = {"Accept-Language": header} if header else {}
    url = f"/fhir/r4/ValueSet/$validate-code?url={BASE}/vs/{name}&system={PETS}&code=cat"
    assert read(dict(client.get(url, headers=headers).get_json()))["display"] == expected


def test_what_the_value_set_says_is_right_too_and_comes_first() -> None:
    assert in_set("own-words", pet("cat", display="Cat"))["display"] == "Puss"
    assert in_set("own-words", pet("cat", display="Puss"))["result"] is True


def test_a_supplement_adds_displays() -> None:
    poes = pet("cat", display="Poes")
    assert in_set("pets", poes)["result"] is False
    assert in_set("pets", poes, text("useSupplement", DUTCH))["result"] is True
    assert in_set("dutch", poes)["result"] is True
    assert in_system(poes, text("useSupplement", f"{DUTCH}|3"))["result"] is True


def test_a_display_is_not_checked_against_words_that_only_stand_in() -> None:
    """A display is not checked against words that stand in for the right ones."""
    answer = in_system(*bare(code="57520", url=OWNED, display="The owner's own words"))
    assert (answer["result"], answer["issues"]) == (True, ["warning process-note display"])
    assert "cannot be checked" in answer["message"]
    assert "issues" not in in_system(*bare(code="57520", url=OWNED, display="Words of ours"))
