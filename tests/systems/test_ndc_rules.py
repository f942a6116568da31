"""The rules of the National Drug Codes, one by one: https://terminology.hl7.org/NDC.html.

A row is a rule, a request and facts of its answer, on a small made-up directory in R4, R4B and R5.
"""

from __future__ import annotations

import pytest

from terminology import Terminology
from terminology.core.versions import best
from terminology.systems.ndc import URL
from tests.support import releases
from tests.support.rule_rows import RELEASES, Asking, Rule, holds
from tests.support.served import served

PACKAGE, ELEVEN, PRODUCT = "0099-3105-02", "00099310502", "0099-3105"
EXCLUDED = "99999-040-62"


@pytest.fixture(scope="module")
def terminology(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    folder = tmp_path_factory.mktemp("files")
    releases.ndc(folder)
    return served("ndc", folder, tmp_path_factory.mktemp("store"))


RULES: dict[str, Rule] = {
    "the version is the date of the directory": (("lookup", PACKAGE), {"version": "20310301"}),
    "4-4-2 is a package": (("validate", PACKAGE), {"result": True, "issues": []}),
    "5-4-1 is a package": (("validate", "99998-4112-1"), {"result": True}),
    "5-3-2 is a package": (("validate", EXCLUDED), {"result": True}),
    "two parts are a product": (
        ("lookup", PRODUCT),
        {"code-type": ["product"], "display": "Fireproof Forte (product)"},
    ),
    "11 digits are the form for billing": (
        ("lookup", ELEVEN),
        {"code-type": ["11-digit"], "synonym": [PACKAGE]},
    ),
    "the zero of 5-4-1 stands before the last part": (("validate", "99998411201"), {"result": True}),
    "the zero of 5-3-2 stands before the second part": (("validate", "99999004062"), {"result": True}),
    "ten digits without hyphens are no code": (
        ("validate", "0099310502"),
        {
            "result": False,
            "issues": ["error", "information"],
            "text~": "ten digits in three parts with hyphens",
        },
    ),
    "other parts are no code": (("validate", "099-3105-02"), {"result": False}),
    "an unknown package may exist": (
        ("validate", "1234-5678-90"),
        {"result": True, "issues": ["warning"], "text~": "fragment"},
    ),
    "an unknown form of 11 digits may exist": (
        ("validate", "12345678901"),
        {"result": True, "issues": ["warning"]},
    ),
    "$lookup of an unknown one has nothing": (
        ("lookup", "1234-5678-90"),
        {"error": "UNKNOWN_CODE_IN_FRAGMENT"},
    ),
    "the display of a package is its description": (
        ("validate", PACKAGE, {"display": "100 tablets in 1 bottle"}),
        {"result": True, "display": "100 TABLETS in 1 BOTTLE"},
    ),
    "the trade name is not the display of a package": (
        ("validate", PACKAGE, {"display": "Fireproof"}),
        {"result": False},
    ),
    "a package that is excluded is inactive": (
        ("validate", EXCLUDED),
        {"result": True, "inactive": True, "issues": ["warning"]},
    ),
    "so is its form with 11 digits": (("validate", "99999004062"), {"result": True, "inactive": True}),
    "and a product without another package": (("validate", "99999-040"), {"result": True, "inactive": True}),
    "there is no hierarchy, in a fragment neither": (
        ("subsumes", PRODUCT, PACKAGE),
        {"outcome": "not-subsumed"},
    ),
    "a code subsumes itself": (("subsumes", PACKAGE, PACKAGE), {"outcome": "equivalent"}),
    "properties of a package": (
        ("lookup", PACKAGE),
        {
            "code-type": ["10-digit"],
            "synonym": [ELEVEN],
            "product": [PRODUCT],
            "description": ["100 TABLETS in 1 BOTTLE"],
            "type": ["HUMAN PRESCRIPTION DRUG"],
            "trade-name": ["Fireproof Forte"],
            "generic": ["fireproofin"],
            "dose-form": ["TABLET"],
            "route": ["ORAL"],
            "category": ["NDA"],
            "company": ["Dragon Works"],
            "active": [True],
        },
    ),
    "filter: code-type": (
        ("filter", "code-type = 10-digit"),
        {"codes": [PACKAGE, "99998-4112-1", EXCLUDED], "unclosed": True, "reason~": "fragment"},
    ),
    "filter: code-type 11-digit": (("filter", "code-type = 11-digit"), {"total": 3}),
    "filter: code-type product": (("filter", "code-type = product"), {"total": 3}),
    "filter: another property is refused": (("filter", "colour = red"), {"error": "FILTER_NOT_UNDERSTOOD"}),
    "an expansion names the fragment": (
        ("filter", "product = 0099-3105"),
        {"used-fragment": f"{URL}|20310301"},
    ),
    "no implicit value set of NDC": (("expand", f"{URL}/vs"), {"error": "Unable_to_resolve_value_Set_"}),
    "all codes by the general url": (
        ("expand", f"{URL}?fhir_vs"),
        {"total": 9, "unclosed": True, "copyright": None},
    ),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("title", RULES)
def test_rule(terminology: Terminology, title: str, release: str) -> None:
    holds(RULES[title], Asking(terminology, URL, release))


def test_versions_are_compared_by_date() -> None:
    newest = best(
        [{"url": URL, "version": version} for version in ("20301231", "20310301", "20290401")], None
    )
    assert newest is not None and newest["version"] == "20310301"
