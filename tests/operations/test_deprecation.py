"""A concept is deprecated from the date that its property says, in every operation."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import Terminology
from terminology.core import dates
from tests.support.asking import properties
from tests.support.builders import BASE, body_of, code_system, concept, value_set
from tests.support.engine import catalogue_of
from tests.support.pets import Json, read

SYSTEM, PROPERTIES = f"{BASE}/loaf", "http://hl7.org/fhir/concept-properties#"
BOTH_RELEASES = pytest.mark.parametrize("release", ["r4", "r5"])


def marked(code: str, *marks: Json) -> Json:
    return concept(code, code.capitalize(), property=list(marks))


def on(date: str, code: str = "deprecationDate") -> Json:
    return {"code": code, "valueDateTime": date}


CONCEPTS = [
    marked("past", on("2020-01-01")),
    marked("past-year", on("2020")),
    marked("past-moment", on("2020-01-01T12:00:00Z")),
    marked("older-name", on("2020-01-01", "deprecated")),
    marked("own-name", on("2020-01-01", "endOfUse")),
    marked("older-flag", {"code": "deprecated", "valueBoolean": True}),
    marked("future", on("2999-01-01")),
    marked("flag-is-off", {"code": "deprecated", "valueBoolean": False}),
    marked("retired", on("2020-01-01"), {"code": "status", "valueCode": "retired"}),
    marked("active", on("2020-01-01"), {"code": "status", "valueCode": "active"}),
    marked("foreign", on("2020-01-01", "foreign")),
    concept("plain", "Plain"),
]
DEPRECATED = {"past", "past-year", "past-moment", "older-name", "own-name", "older-flag", "active"}
LOAVES = code_system(
    SYSTEM,
    *CONCEPTS,
    version="1",
    property=[
        {"code": "deprecationDate", "uri": f"{PROPERTIES}deprecationDate", "type": "dateTime"},
        {"code": "deprecated", "type": "dateTime"},
        {"code": "endOfUse", "uri": f"{PROPERTIES}deprecated", "type": "dateTime"},
        {"code": "foreign", "uri": "http://example.org/other#deprecated", "type": "dateTime"},
        {"code": "status", "uri": f"{PROPERTIES}status", "type": "code"},
    ],
)
ALL = value_set("loaves", {"system": SYSTEM})
LIBRARY = Terminology(catalogue=catalogue_of([LOAVES, ALL]))
CODES = [node["code"] for node in CONCEPTS]


def ask(operation: str, release: str, **values: Any) -> Json:
    nodes = [{"name": n, "valueBoolean" if v is True else "valueString": v} for n, v in values.items()]
    return LIBRARY.ask(operation, body_of(*nodes), release)


def message_ids(answer: Json) -> list[str]:
    outcomes = [part["resource"] for part in answer["parameter"] if part["name"] == "issues"]
    return [issue["extension"][0]["valueString"] for outcome in outcomes for issue in outcome["issue"]]


@BOTH_RELEASES
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", ["CodeSystem", "ValueSet"])
def test_a_deprecated_code_is_valid_with_a_warning(release: str, code: str, kind: str) -> None:
    more = {"url": SYSTEM} if kind == "CodeSystem" else {"url": ALL["url"], "system": SYSTEM}
    answer = ask(f"{kind}/$validate-code", release, code=code, **more)
    found = read(answer)
    assert found["result"] is True
    expected = {"retired": "INACTIVE_CONCEPT_FOUND"} | dict.fromkeys(DEPRECATED, "DEPRECATED_CONCEPT_FOUND")
    assert message_ids(answer) == ([expected[code]] if code in expected else [])
    status = "retired" if code == "retired" else "deprecated" if code in DEPRECATED else None
    assert (found.get("status"), found.get("inactive")) == (status, True if code == "retired" else None)


@BOTH_RELEASES
def test_an_expansion_has_the_status_and_lists_deprecated_codes(release: str) -> None:
    for more in ({}, {"activeOnly": True}):
        entries = ask("ValueSet/$expand", release, url=ALL["url"], **more)["expansion"]["contains"]
        assert DEPRECATED <= {entry["code"] for entry in entries}
        status = {entry["code"]: entry for entry in entries if '"deprecated"' in str(entry).replace("'", '"')}
        assert status.keys() == DEPRECATED
        assert not any(entry.get("inactive") for entry in entries if entry["code"] in DEPRECATED)


@BOTH_RELEASES
@pytest.mark.parametrize("code", CODES)
def test_lookup_says_that_a_date_has_come(release: str, code: str) -> None:
    own = properties(ask("CodeSystem/$lookup", release, system=SYSTEM, code=code))
    assert own["inactive"] == [code == "retired"]
    stated = {"retired": ["retired"], "active": ["active"]}.get(code)
    assert own.get("status") == (stated or (["deprecated"] if code in DEPRECATED else None))


@BOTH_RELEASES
def test_a_date_comes_while_the_server_runs(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def status() -> object:
        return read(ask("CodeSystem/$validate-code", release, url=SYSTEM, code="future")).get("status")

    assert status() is None
    monkeypatch.setattr(dates, "today", lambda: "2999-01-01")
    assert status() == "deprecated"
