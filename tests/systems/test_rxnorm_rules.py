"""The rules of RxNorm, one by one: https://terminology.hl7.org/RxNorm.html, and NLM's technical documentation.

A row is a rule, a request and facts of its answer, on a small made-up release in R4, R4B and R5. That each filter
chooses what the files say is in ``test_rxnorm.py``.
"""

from __future__ import annotations

import pytest

from terminology import Terminology
from terminology.core.versions import best
from terminology.systems.rxnorm import COPYRIGHT, URL
from tests.support.rule_rows import RELEASES, Asking, Facts, Rule, holds
from tests.support.rxnorm_files import write_few
from tests.support.served import served

FLOUR, TABLET, BRANDED, BRAND, VAGUE, OLD, HIDDEN = "9001 9002 9003 9004 9005 9006 9007".split()
WORDS = "bakeflour 1 GM Oral Tablet"


@pytest.fixture(scope="module")
def terminology(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    return served("rxnorm", write_few(tmp_path_factory.mktemp("files")), tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def names_alone(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    """A release that came with RXNCONSO and nothing else."""
    others = "REL STY SAT ATOMARCHIVE CUI CUICHANGES".split()
    files = write_few(tmp_path_factory.mktemp("files"), *(f"RXN{name}.RRF" for name in others))
    return served("rxnorm", files, tmp_path_factory.mktemp("store"))


def codes(*listed: str) -> Facts:
    return {"codes": list(listed), "total": len(listed), "unclosed": False}


def refused(reason: str) -> Facts:
    return {"error": "not-supported", "text~": reason}


RULES: dict[str, Rule] = {
    "a code has a name by RxNorm": (
        ("validate", TABLET),
        {"result": True, "display": WORDS, "version": "07092034"},
    ),
    "a name by others alone makes no code": (("validate", "9008"), {"result": False}),
    "the display is no synonym, and a drug before a form": (("lookup", TABLET), {"display": WORDS}),
    "other names are designations by their term type": (
        ("lookup", TABLET),
        {
            "designations": {
                "preferredForLanguage": [WORDS],
                "DF": ["Tablet of bakeflour"],
                "PSN": ["Bakeflour 1 g tablet"],
                "SY": ["flour tablet"],
            }
        },
    ),
    "a synonym is a right display": (("validate", TABLET, {"display": "flour tablet"}), {"result": True}),
    "displays are compared without case": (
        ("validate", TABLET, {"display": WORDS.upper()}),
        {"result": True},
    ),
    "a name of another source is a wrong display": (
        ("validate", TABLET, {"display": "BAKEFLOUR TAB"}),
        {"result": False, "text~": WORDS},
    ),
    # -- archive and status
    "the archive has codes, which are inactive": (
        ("validate", "9011"),
        {
            "result": True,
            "inactive": True,
            "status": "archived",
            "display": "former bakeflour",
            "issues": ["warning"],
        },
    ),
    "the archive names the successor": (("lookup", "9011"), {"MERGED_TO_RXCUI": [FLOUR], "inactive": [True]}),
    "RXNCUI names a retired code": (("lookup", "9012"), {"MERGED_TO_RXCUI": [TABLET], "inactive": [True]}),
    "RXNCUICHANGES names a changed code": (
        ("lookup", "9013"),
        {"display": "bakeflour before its code changed", "MERGED_TO_RXCUI": [TABLET], "inactive": [True]},
    ),
    "a change of another source is not read": (("validate", "9014"), {"result": False}),
    "SUPPRESS=O is inactive": (("validate", OLD), {"result": True, "inactive": True, "issues": ["warning"]}),
    "SUPPRESS=E is in use": (("validate", VAGUE), {"result": True, "inactive": None, "issues": []}),
    "SUPPRESS=Y is in use": (("validate", HIDDEN), {"result": True, "inactive": None, "issues": []}),
    # -- subsumption
    "there is no subsumption": (("subsumes", FLOUR, TABLET), {"outcome": "not-subsumed"}),
    "a code subsumes itself": (("subsumes", FLOUR, FLOUR), {"outcome": "equivalent"}),
    # -- properties
    "relationships are read from the second concept to the first": (
        ("lookup", TABLET),
        {"has_ingredient": [FLOUR], "TTY": ["SCD", "DF", "PSN", "SY"], "SAB": ["RXNORM", "MTHSPL"]},
    ),
    "semantic types and attributes are properties": (
        ("lookup", TABLET),
        {"STY": ["Clinical Drug"], "TUI": ["T200"], "STN": ["A1.3.3"], "NDC": ["99999000101"]},
    ),
    # -- filters
    "TTY in any case": (("filter", "TTY = scd"), codes(TABLET, VAGUE, OLD, HIDDEN)),
    "TTY in a list": (("filter", "TTY in BN, SBD"), codes(BRANDED, BRAND)),
    "the name of a filter in any case": (("filter", "tty = BN"), codes(BRAND)),
    "STY: the default column is TUI": (("filter", "STY = T200"), codes(TABLET)),
    "STY: TUI": (("filter", "STY = TUI:T109"), codes(FLOUR)),
    "STY: the name": (("filter", "STY = STY:Clinical Drug"), codes(TABLET)),
    "STY: the place in the tree": (("filter", "STY = STN:A1.3.3"), codes(TABLET)),
    "STY in a list": (("filter", "STY in T200, TUI:T109"), codes(FLOUR, TABLET)),
    "SAB": (("filter", "SAB = MTHSPL"), codes(TABLET)),
    "REL: concepts that have it to the value": (("filter", "RO = CUI:9001"), codes(TABLET)),
    "REL: the other direction": (("filter", "RO = CUI:9002"), codes(FLOUR)),
    "REL in a list": (("filter", "RB in CUI:9002, CUI:9004"), codes(BRANDED)),
    "REL that no concept has selects nothing": (("filter", "PAR = CUI:9001"), codes()),
    "RELA: has_ingredient selects drugs": (("filter", "has_ingredient = CUI:9001"), codes(TABLET)),
    "RELA: tradename_of selects brands": (("filter", "tradename_of = CUI:9002"), codes(BRANDED)),
    "RELA: in any case, the concept alone": (("filter", "HAS_INGREDIENT = 9001"), codes(TABLET)),
    "RELA of another source is not there": (
        ("filter", "sibling_in_atc = CUI:9001"),
        {"error": "FILTER_NOT_UNDERSTOOD"},
    ),
    "an unknown CUI selects nothing": (("filter", "has_ingredient = CUI:1"), codes()),
    "an atom is refused with the reason": (
        ("filter", "has_ingredient = AUI:1"),
        {"error": "invalid", "text~": "licences of their own"},
    ),
    "an attribute": (("filter", "NDC = 99999000101"), codes(TABLET)),
    "two filters are both true": (("filter", "TTY = SCD", "has_ingredient = CUI:9001"), codes(TABLET)),
    "a merged concept by its successor": (("filter", "MERGED_TO_RXCUI = 9002"), codes("9012", "9013")),
    "membership": (("member", TABLET, "has_ingredient = CUI:9001"), {"result": True}),
    "no membership": (("member", BRAND, "has_ingredient = CUI:9001"), {"result": False}),
    # -- implicit value sets
    "all concepts": (("expand", f"{URL}/vs"), {"total": 10, "copyright": COPYRIGHT, "unclosed": False}),
    "all concepts in use": (("expand", f"{URL}/vs", {"activeOnly": True}), {"total": 6}),
    "no other implicit value set": (("expand", f"{URL}/vs/9001"), {"error": "Unable_to_resolve_value_Set_"}),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("title", RULES)
def test_rule(terminology: Terminology, title: str, release: str) -> None:
    holds(RULES[title], Asking(terminology, URL, release))


WITHOUT_FILES: dict[str, Rule] = {
    "RXNCONSO alone is a release": (
        ("lookup", TABLET),
        {"display": WORDS, "TTY": ["SCD", "DF", "PSN", "SY"]},
    ),
    "its filters are there": (("filter", "TTY = BN"), codes(BRAND)),
    "STY is refused without RXNSTY": (("filter", "STY = T200"), refused("of any code")),
    "TUI is refused without RXNSTY": (("filter", "TUI = T200"), refused("of any code")),
    "REL is refused without RXNREL": (("filter", "RO = CUI:9001"), refused("of any code")),
    "RELA is refused without RXNREL": (
        ("filter", "has_ingredient = CUI:9001"),
        {"error": "FILTER_NOT_UNDERSTOOD"},
    ),
    "an attribute is refused without RXNSAT": (("filter", "NDC = 1"), {"error": "FILTER_NOT_UNDERSTOOD"}),
    "an archived code is unknown without the archive": (("validate", "9011"), {"result": False}),
}


@pytest.mark.parametrize("title", WITHOUT_FILES)
def test_a_missing_file_makes_fewer_filters(names_alone: Terminology, title: str) -> None:
    holds(WITHOUT_FILES[title], Asking(names_alone, URL))


def test_versions_are_compared_by_year_month_and_day() -> None:
    versions = [{"url": URL, "version": version} for version in ("12012033", "07092034", "08012033")]
    newest = best(versions, None)
    assert newest is not None and newest["version"] == "07092034"
