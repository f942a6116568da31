"""Answers that public reports and generated questions found wrong, kind by kind, in R4 and R5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from terminology import Terminology
from tests.support.asking import value
from tests.support.builders import BASE, body_of, code_system, concept, tx_resource, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json, read, text

SERVER = Terminology(catalogue=catalogue_of([]))
DOUGH = f"{BASE}/dough"
Ask = Callable[..., Json]


@pytest.fixture(params=["r4", "r5"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Asks an operation with some resources beside the parameters."""

    def asked(operation: str, resources: list[Json], *parameters: Json, **values: Any) -> Json:
        named = [text(name.replace("_", "-"), value) for name, value in values.items()]
        body = body_of(*parameters, *named, *map(tx_resource, resources))
        return SERVER.ask(operation, body, release=request.param)

    return asked


def codes_of(expansion: Json) -> list[str]:
    return [entry["code"] for entry in expansion["expansion"].get("contains", [])]


def texts_of(answer: Json) -> list[str]:
    """The texts of all issues of an answer."""
    outcomes = [part["resource"] for part in answer["parameter"] if part["name"] == "issues"]
    return [issue["details"]["text"] for outcome in outcomes for issue in outcome["issue"]]


# -- case ----------------------------------------------------------------------------------------

ANY_DOUGH = code_system(
    DOUGH,
    concept("Sour", "Sour dough", concept("Rye", "Rye dough")),
    concept("plain", "Plain"),
    concept("PLAIN", "Loud"),
    version="1",
)


@pytest.mark.parametrize(
    ("code", "display", "normal"),
    [
        ("Sour", "Sour dough", None),
        ("SOUR", "Sour dough", "Sour"),
        ("plain", "Plain", None),
        ("PLAIN", "Loud", None),
        ("Plain", "Plain", "plain"),
    ],
)
@pytest.mark.parametrize("operation", ["CodeSystem/$validate-code", "ValueSet/$validate-code"])
def test_a_code_in_another_case_is_right_unless_case_matters(
    ask: Ask, operation: str, code: str, display: str, normal: str | None
) -> None:
    all_doughs = value_set("doughs", {"system": DOUGH})
    url = {"url": DOUGH} if operation.startswith("Code") else {"url": all_doughs["url"], "system": DOUGH}
    answer = read(ask(operation, [ANY_DOUGH, all_doughs], code=code, **url))
    assert (answer["result"], answer["display"]) == (True, display)
    assert answer.get("normalized-code") == normal
    assert answer.get("issues", []) == (["information code-rule code"] if normal else [])


def test_the_note_on_case_says_how_the_code_is_written(ask: Ask) -> None:
    answer = ask("CodeSystem/$validate-code", [ANY_DOUGH], url=DOUGH, code="SOUR")
    assert texts_of(answer) == [
        f"The code 'SOUR' differs from the correct code 'Sour' by case. The code system '{DOUGH}|1' does "
        "not say whether case matters; use 'Sour'"
    ]


def test_lookup_and_subsumes_accept_another_case(ask: Ask) -> None:
    found = ask("CodeSystem/$lookup", [ANY_DOUGH], system=DOUGH, code="sour")
    assert (value(found, "code"), value(found, "display")) == ("Sour", "Sour dough")
    answer = ask("CodeSystem/$subsumes", [ANY_DOUGH], system=DOUGH, codeA="SOUR", codeB="rye")
    assert read(answer)["outcome"] == "subsumes"


@pytest.mark.parametrize(
    ("listed", "code", "result"),
    [("sour", "Sour", True), ("Sour", "SOUR", True), ("PLAIN", "plain", False), ("plain", "Plain", True)],
)
def test_a_listed_code_is_the_concept_that_it_means(ask: Ask, listed: str, code: str, result: bool) -> None:
    some = value_set("some", {"system": DOUGH, "concept": [{"code": listed}]})
    answer = ask("ValueSet/$validate-code", [ANY_DOUGH, some], url=some["url"], system=DOUGH, code=code)
    assert read(answer)["result"] is result


def test_filters_accept_another_case(ask: Ask) -> None:
    below = value_set(
        "below", {"system": DOUGH, "filter": [{"property": "concept", "op": "is-a", "value": "SOUR"}]}
    )
    expansion = ask(
        "ValueSet/$expand",
        [ANY_DOUGH, below],
        {"name": "excludeNested", "valueBoolean": True},
        url=below["url"],
    )
    assert codes_of(expansion) == ["Sour", "Rye"]


def test_case_counts_where_the_code_system_says_so(ask: Ask) -> None:
    exact = ANY_DOUGH | {"caseSensitive": True}
    assert read(ask("CodeSystem/$validate-code", [exact], url=DOUGH, code="SOUR"))["result"] is False
