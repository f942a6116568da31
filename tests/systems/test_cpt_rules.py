"""The rules of CPT, one by one: https://terminology.hl7.org/CPT.html.

A row is a rule, a request and facts of its answer, on a made-up release in R4, R4B and R5. The rules of modifiers and
filters have more rows in ``test_cpt.py``.
"""

from __future__ import annotations

import pytest

from terminology import Terminology
from terminology.core.versions import best
from terminology.systems.cpt import URL, notice_of
from tests.support import releases
from tests.support.builders import code_system
from tests.support.cpt_release import cpt_release
from tests.support.engine import catalogue_of
from tests.support.rule_rows import RELEASES, Asking, Facts, Rule, holds
from tests.support.served import served

SETS = "http://hl7.org/fhir/ValueSet"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    """A release that came in the AMA's files."""
    folder = tmp_path_factory.mktemp("files")
    releases.cpt(folder)
    return served("cpt", folder, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def whole() -> Terminology:
    """A release with a code of each kind."""
    return Terminology(catalogue=catalogue_of([cpt_release()]))


@pytest.fixture(scope="module")
def part() -> Terminology:
    fragment = code_system(URL, "57520", "57461", content="fragment", version="2031", caseSensitive=True)
    return Terminology(catalogue=catalogue_of([fragment]))


def codes(*listed: str, unclosed: bool = False) -> Facts:
    return {"codes": list(listed), "total": len(listed), "unclosed": unclosed}


IMPORTED: dict[str, Rule] = {
    "the version is the year of use, from the folder": (("lookup", "99001"), {"version": "2031"}),
    "the display is the long descriptor": (("lookup", "99001"), {"display": "Made-up long text one"}),
    "the descriptor in upper case is right": (
        ("validate", "99001", {"display": "MADE-UP LONG TEXT ONE"}),
        {"result": True, "issues": []},
    ),
    "the medium descriptor is right": (
        ("validate", "99001", {"display": "MADE-UP MEDIUM"}),
        {"result": True},
    ),
    "the short descriptor is right": (("validate", "99001", {"display": "MADE-UP SHORT"}), {"result": True}),
    "the descriptor for consumers is right": (
        ("validate", "99001", {"display": "Made-up words for everyone"}),
        {"result": True},
    ),
    "each descriptor for clinicians is right": (
        ("validate", "99001", {"display": "More made-up words for clinicians"}),
        {"result": True},
    ),
    "other words are wrong": (("validate", "99001", {"display": "Other words"}), {"result": False}),
    "a code has its properties": (
        ("lookup", "99001"),
        {"modifier": [False], "modified": [False], "kind": ["code"]},
    ),
    "a modifier has its properties": (
        ("lookup", "Z1"),
        {"modifier": [True], "modified": [False], "kind": ["cat-1"]},
    ),
    "$lookup has the notice": (("lookup", "99001"), {"copyright": [notice_of("2031")]}),
    "what a release does not say is refused": (
        ("filter", "telemedicine = true"),
        {"error": "not-supported", "text~": "does not say of any code"},
    ),
    "orthopox, too": (("filter", "orthopox = false"), {"error": "not-supported"}),
    "a kind that no file has selects nothing": (("filter", "kind = metadata"), codes()),
}
WHOLE: dict[str, Rule] = {
    # -- expressions
    "modifiers stand after colons, in any order": (
        ("validate", "57520:25:51"),
        {"result": True, "issues": []},
    ),
    "no hyphen": (("validate", "57520-51"), {"result": False, "text~": "Did you mean '57520:51'?"}),
    "no dot": (("validate", "57520.51"), {"result": False, "text~": "Did you mean '57520:51'?"}),
    "a base code in the place of a modifier": (
        ("validate", "57520:57461"),
        {"result": False, "issues": ["error", "information"], "text~": "modifiers of two characters"},
    ),
    "an unknown base code": (("validate", "99999:51"), {"result": False, "text~": "has no code '99999'"}),
    "an unknown modifier": (("validate", "57520:QQ"), {"result": False, "text~": "has no modifier 'QQ'"}),
    "a rule of the modifiers": (
        ("validate", "57520:P1"),
        {"result": False, "text~": "may follow only 00100-01999"},
    ),
    "$lookup says the reason, too": (("lookup", "57520:P1"), {"text~": "may follow only 00100-01999"}),
    "an expression has no display": (("validate", "57520:51"), {"result": True, "display": None}),
    "no display of it is wrong": (
        ("validate", "57520:51", {"display": "Words"}),
        {"result": True, "issues": ["warning"]},
    ),
    "$lookup has the expression in its place": (("lookup", "57520:51"), {"display": "57520:51"}),
    "an expression has the flags, and no kind": (
        ("lookup", "57520:51"),
        {"modifier": [False], "modified": [True], "kind": None},
    ),
    "an expression has its parts": (("lookup", "57520:51"), {"baseCode": ["57520"], "modifierCode": ["51"]}),
    # -- subsumption
    "a code subsumes itself": (("subsumes", "57520", "57520"), {"outcome": "equivalent"}),
    "no other code": (("subsumes", "57520", "57461"), {"outcome": "not-subsumed"}),
    "a base code does not subsume its expressions": (
        ("subsumes", "57520", "57520:51"),
        {"outcome": "not-subsumed"},
    ),
    # -- filters
    "modifier = true": (("filter", "modifier = true"), codes("51", "25", "59", "92", "95", "LT", "P1", "1P")),
    "modifier = false has expressions": (("member", "57520:51", "modifier = false"), {"result": True}),
    "modified = true lists nothing": (("filter", "modified = true"), codes(unclosed=True)),
    "modified = true has expressions": (("member", "57520:51", "modified = true"), {"result": True}),
    "modified = false has none": (("member", "57520:51", "modified = false"), {"result": False}),
    "kind in a list, as HL7 suggests for procedures": (
        ("filter", "kind in code,cat-2"),
        codes("00100", "57461", "57520", "99001", "0001F", "0001T", "1P"),
    ),
    "kind has no expressions": (("member", "57520:51", "kind = code"), {"result": False}),
    "code in ranges and codes": (("filter", "code in 57000 - 57499 , 99001"), codes("57461", "99001")),
    "a range has one category": (
        ("filter", "code in 0001F-0001T"),
        {"error": "invalid", "text~": "of one category"},
    ),
    "a range has no expressions": (("member", "57520:51", "code in 57000-57999"), {"result": False}),
    "another property is refused": (("filter", "colour = red"), {"error": "FILTER_NOT_UNDERSTOOD"}),
    # -- value sets
    "cpt-all": (
        ("expand", f"{SETS}/cpt-all"),
        {"total": 14, "unclosed": True, "copyright": notice_of("2031")},
    ),
    "cpt-base": (("expand", f"{SETS}/cpt-base"), {"total": 6, "unclosed": False}),
    "cpt-modifiers": (("expand", f"{SETS}/cpt-modifiers"), {"total": 8, "unclosed": False}),
    "cpt-usable": (("expand", f"{SETS}/cpt-usable"), {"total": 6, "unclosed": True}),
    "cpt-active is not HL7's": (("expand", f"{SETS}/cpt-active"), {"error": "Unable_to_resolve_value_Set_"}),
    "an expression that is listed is closed": (("listed", "57520:51"), codes("57520:51")),
    "it can be left out": (("listed", "57520:51", "57520", {"excludePostCoordinated": True}), codes("57520")),
}
PART: dict[str, Rule] = {
    "a base code that is missing may be": (("validate", "57522"), {"result": True, "issues": ["warning"]}),
    "a modifier that is missing may be": (("validate", "57520:51"), {"result": True, "issues": ["warning"]}),
    "a base code as modifier may not": (("validate", "57520:57520"), {"result": False}),
    "letters that no modifier has may not": (("validate", "57520:ZZ"), {"result": False}),
    "a hyphen may not": (("validate", "57520-22"), {"result": False}),
    "no code subsumes another, in a part neither": (
        ("subsumes", "57520", "57461"),
        {"outcome": "not-subsumed"},
    ),
}
TABLES = {"imported": IMPORTED, "whole": WHOLE, "part": PART}
ROWS = [(table, title) for table, rules in TABLES.items() for title in rules]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("table", "title"), ROWS, ids=[f"{table}: {title}" for table, title in ROWS])
def test_rule(request: pytest.FixtureRequest, table: str, title: str, release: str) -> None:
    holds(TABLES[table][title], Asking(request.getfixturevalue(table), URL, release))


def test_the_newest_year_is_the_latest_version() -> None:
    newest = best([{"url": URL, "version": year} for year in ("2030", "2031", "2029")], None)
    assert newest is not None and newest["version"] == "2031"
