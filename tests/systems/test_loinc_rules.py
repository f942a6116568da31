"""The rules of LOINC, one by one: https://terminology.hl7.org/LOINC.html, and HL7's definition of the code system.

A row is a rule, a request and facts of its answer, on a small made-up release in R4, R4B and R5. That each filter
chooses what the files say is in ``test_loinc.py``.
"""

from __future__ import annotations

import pytest

from terminology import Terminology
from terminology.core.versions import best
from terminology.systems.loinc import COPYRIGHT, URL, is_loinc_code
from tests.support.loinc_files import write_few
from tests.support.rule_rows import RELEASES, Asking, Facts, Rule, holds
from tests.support.served import served

CRUMB, RECIPE, CAKE, OLD, CRUST, TASTE = "99990-4 99991-2 99992-0 99993-8 99994-6 99995-3".split()
WORDS = "Crumb [Mass] in Bread"


@pytest.fixture(scope="module")
def terminology(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    return served("loinc", write_few(tmp_path_factory.mktemp("files")), tmp_path_factory.mktemp("store"))


def codes(*listed: str) -> Facts:
    """An expansion with these codes, as a list that is closed."""
    return {"codes": list(listed), "total": len(listed), "unclosed": False}


CODES: dict[str, Rule] = {
    "a term is a code": (("validate", CRUMB), {"result": True, "display": WORDS, "version": "2.99"}),
    "a part is a code": (("validate", "LP99002-2"), {"result": True, "display": "Crumb"}),
    "a part of the hierarchy alone is a code": (
        ("validate", "LP99010-0"),
        {"result": True, "display": "Bakery"},
    ),
    "an answer is a code": (("validate", "LA9903-3"), {"result": True, "display": "Sour"}),
    "an answer list is a code": (("validate", "LL9901-1"), {"result": True, "display": "Tastes"}),
    "a wrong check digit is no code": (("validate", "99990-5"), {"result": False, "text~": "Unknown code"}),
    "a right check digit alone is no code": (("validate", "99996-1"), {"result": False}),
    "case of a code does not matter": (
        ("validate", "lp99002-2"),
        {"result": True, "normalized-code": "LP99002-2", "issues": ["information"]},
    ),
    "case of a code does not matter in $lookup": (("lookup", "lp99002-2"), {"code": "LP99002-2"}),
    "case of a code does not matter in $subsumes": (
        ("subsumes", "lp99010-0", CRUMB),
        {"outcome": "subsumes"},
    ),
    "case of a code does not matter in a list": (
        ("listed", "la9903-3", "Lp99002-2"),
        codes("LA9903-3", "LP99002-2"),
    ),
    "case of a display does not matter": (("validate", CRUMB, {"display": WORDS.upper()}), {"result": True}),
}
DISPLAYS: dict[str, Rule] = {
    "the long common name is the display": (("lookup", CRUMB), {"display": WORDS}),
    "the short name is right": (("validate", CRUMB, {"display": "Crumb Brd"}), {"result": True}),
    "a name for consumers is right": (
        ("validate", RECIPE, {"display": "How bread is made"}),
        {"result": True},
    ),
    "another name is wrong": (
        ("validate", CRUMB, {"display": "Crumb"}),
        {"result": False, "text~": f"Valid display is '{WORDS}'"},
    ),
    "a linguistic variant is right in its language": (
        ("validate", CRUMB, {"display": "Krümel im Brot", "displayLanguage": "de"}),
        {"result": True},
    ),
    "the display of a language is its long common name": (
        ("lookup", CRUMB, {"displayLanguage": "de"}),
        {"display": "Krume [Masse] in Brot"},
    ),
    "names have LOINC's own words as their use": (
        ("lookup", CRUMB),
        {
            "designations": {
                "preferredForLanguage": [WORDS],
                "LONG_COMMON_NAME": [WORDS, "Krume [Masse] in Brot"],
                "SHORTNAME": ["Crumb Brd", "Krume Brt"],
                "ConsumerName": ["Crumbs in bread"],
                "FullySpecifiedName": ["Crumb:MCnc:Pt:Bread:Qn"],
                "LinguisticVariantDisplayName": ["Krümel im Brot"],
            }
        },
    ),
    "a name for consumers has a file of its own": (
        ("lookup", RECIPE, {"property": ["designation"]}),
        {
            "designations": {
                "preferredForLanguage": ["Recipe of Bread"],
                "LONG_COMMON_NAME": ["Recipe of Bread"],
                "SHORTNAME": ["Recipe Brd"],
                "ConsumerName": ["How bread is made"],
                "FullySpecifiedName": ["Recipe:Find:Pt:Bread:Doc"],
            }
        },
    ),
    "the display of a part is its name": (
        ("lookup", "LP99002-2"),
        {
            "display": "Crumb",
            "designations": {"preferredForLanguage": ["Crumb"], "DisplayName": ["Crumbs of bakery"]},
        },
    ),
    "the display of an answer is its text": (("lookup", "LA9902-2"), {"display": "Sweet"}),
    "the display of a list is its name": (("lookup", "LL9901-1"), {"display": "Tastes"}),
}
STATUSES: dict[str, Rule] = {
    "DEPRECATED is inactive, with a warning": (
        ("validate", OLD),
        {
            "result": True,
            "inactive": True,
            "status": "DEPRECATED",
            "issues": ["warning"],
            "text~": "a status of DEPRECATED",
        },
    ),
    "DISCOURAGED is not inactive, and is told": (
        ("validate", CRUST),
        {
            "result": True,
            "inactive": None,
            "status": "DISCOURAGED",
            "issues": ["warning"],
            "text~": "a status of DISCOURAGED",
        },
    ),
    "TRIAL is not inactive": (
        ("validate", TASTE),
        {"result": True, "inactive": None, "status": None, "issues": []},
    ),
    "every status stands in $lookup": (("lookup", TASTE), {"STATUS": ["TRIAL"], "inactive": [False]}),
    "a status stands in $expand unless it is ACTIVE": (
        ("filter", "STATUS exists true"),
        {"statuses": ["DISCOURAGED", "TRIAL", "DEPRECATED", "DEPRECATED"], "inactive": ["LP99009-9", OLD]},
    ),
    "ACTIVE is not told": (
        ("validate", CRUMB),
        {"result": True, "inactive": None, "status": None, "issues": []},
    ),
    "a deprecated part is inactive": (("validate", "LP99009-9"), {"result": True, "inactive": True}),
    "activeOnly leaves out what is deprecated": (
        ("filter", f"code in {OLD},{CRUST}", {"activeOnly": True}),
        codes(CRUST),
    ),
    "a deprecated term names the one in its place": (("lookup", OLD), {"MAP_TO": [CRUMB]}),
}
HIERARCHY: dict[str, Rule] = {
    "a term has several parents": (("lookup", CRUMB), {"parent": ["LP99011-1", "LP99012-2"]}),
    "a part has children": (("lookup", "LP99012-2"), {"child": [CRUMB, OLD], "parent": ["LP99010-0"]}),
    "$subsumes goes along it": (("subsumes", "LP99012-2", CRUMB), {"outcome": "subsumes"}),
    "$subsumes goes over several levels": (("subsumes", CRUMB, "LP99010-0"), {"outcome": "subsumed-by"}),
    "siblings are not subsumed": (("subsumes", "LP99011-1", "LP99012-2"), {"outcome": "not-subsumed"}),
    "an expansion is a list": (("filter", f"code in LP99012-2,{OLD}"), codes("LP99012-2", OLD)),
    "a page is a list although a tree is asked for": (
        ("filter", "concept is-a LP99011-1", {"excludeNested": False, "count": 9}),
        codes("LP99011-1", CRUMB),
    ),
    "a tree is there only for who asks for one, and for no page": (
        ("filter", "ancestor = LP99010-0", {"excludeNested": False}),
        {"total": 4, "codes": ["LP99011-1", "LP99012-2"]},
    ),
}
PROPERTIES: dict[str, Rule] = {
    "$lookup has the version": (("lookup", CRUMB), {"version": "2.99"}),
    "an axis is the code of its part": (("lookup", RECIPE), {"SCALE_TYP": ["LP99001-1"]}),
    "an axis without a part is the text of the table": (
        ("lookup", CRUMB),
        {"SYSTEM": ["Bread"], "SCALE_TYP": ["Qn"]},
    ),
    "CLASS is there": (("lookup", CRUMB), {"CLASS": ["BAKE"]}),
    "columns have their names": (
        ("lookup", TASTE),
        {"STATUS": ["TRIAL"], "CLASSTYPE": ["4"], "ORDER_OBS": ["Observation"], "PanelType": ["Panel"]},
    ),
    "the version of the last change is there": (("lookup", CRUMB), {"VersionLastChanged": ["2.9"]}),
    "the notice of others is there": (
        ("lookup", CRUST, {"property": ["EXTERNAL_COPYRIGHT_NOTICE"]}),
        {"EXTERNAL_COPYRIGHT_NOTICE": ["© The Baker's Guild"]},
    ),
    "links of the document ontology are properties": (("lookup", RECIPE), {"document-kind": ["LP99003-3"]}),
    "links of the radiology playbook are properties": (
        ("lookup", CRUST),
        {"rad-modality-type": ["LP99004-4"]},
    ),
    "a term has its answer lists": (("lookup", TASTE), {"answer-list": ["LL9901-1"]}),
    "a list has the terms that it answers": (("lookup", "LL9901-1"), {"answers-for": [TASTE]}),
    "a list has its answers in their order": (("lookup", "LL9901-1"), {"Answer": ["LA9903-3", "LA9902-2"]}),
    "an answer has its lists": (("lookup", "LA9902-2"), {"AnswerList": ["LL9901-1"]}),
    "a part has its type": (("lookup", "LP99002-2"), {"PartTypeName": ["COMPONENT"]}),
}
FILTERS: dict[str, Rule] = {
    "the text of an axis": (("filter", "SCALE_TYP = Doc"), codes(RECIPE, CAKE)),
    "the text of an axis in another case": (("filter", "SCALE_TYP = DOC"), codes(RECIPE, CAKE)),
    "the part of an axis": (("filter", "SCALE_TYP = LP99001-1"), codes(RECIPE, CAKE)),
    "a list of texts and parts": (("filter", "SCALE_TYP in lp99001-1, qn"), codes(RECIPE, CAKE, CRUMB, OLD)),
    "exists": (("filter", "document-kind exists true"), codes(RECIPE)),
    "STATUS in another case": (("filter", "STATUS = trial"), codes(TASTE)),
    "STATUS in a list": (("filter", "STATUS in discouraged, TRIAL"), codes(CRUST, TASTE)),
    "CLASSTYPE by number": (("filter", "CLASSTYPE = 4"), codes(TASTE)),
    "CLASSTYPE by words": (("filter", "CLASSTYPE = surveys"), codes(TASTE)),
    "CLASSTYPE 3 by words": (("filter", "CLASSTYPE = Claims attachments"), codes(CRUST)),
    "ORDER_OBS in a list": (("filter", "ORDER_OBS in order,subset"), codes(CAKE, CRUST)),
    "copyright of LOINC": (("filter", "copyright = LOINC"), {"total": 5}),
    "copyright of others": (("filter", "copyright = 3rdparty"), codes(CRUST)),
    "a pattern matches the whole text": (("filter", "CLASS regex BAKE"), codes(CRUMB, OLD)),
    "a pattern with anchors of its own matches anywhere": (
        ("filter", r"CLASS regex CYTO|^PATH(\..*)?"),
        codes(CRUST, TASTE),
    ),
    "parent: directly below": (("filter", "parent = LP99010-0"), codes("LP99011-1", "LP99012-2")),
    "parent in a list": (("filter", "parent in LP99011-1, LP99012-2"), codes(CRUMB, OLD)),
    "ancestor: all below, not the code": (
        ("filter", "ancestor = LP99010-0"),
        codes("LP99011-1", CRUMB, "LP99012-2", OLD),
    ),
    "child: directly above": (("filter", f"child = {OLD}"), codes("LP99012-2")),
    "descendant: all above": (("filter", f"descendant = {OLD}"), codes("LP99010-0", "LP99012-2")),
    "descendent-of: without the code": (("filter", "concept descendent-of LP99012-2"), codes(CRUMB, OLD)),
    "code in a list": (("filter", f"code in {OLD}, {CRUMB}"), codes(CRUMB, OLD)),
    "answer-list: its answers in order": (
        ("filter", "answer-list = LL9901-1"),
        codes("LA9903-3", "LA9902-2"),
    ),
    "LIST: its answers in order": (("filter", "LIST = ll9901-1"), codes("LA9903-3", "LA9902-2")),
    "answers-for a list": (("filter", "answers-for = LL9901-1"), codes("LA9903-3", "LA9902-2")),
    "answers-for a term": (("filter", f"answers-for = {TASTE}"), codes("LA9903-3", "LA9902-2")),
    "an unknown part has no codes": (("filter", "ancestor = LP1-1"), codes()),
    "an unknown list has no codes": (("filter", "LIST = LL1-1"), codes()),
    "a term has nothing below it": (("filter", f"parent = {CRUMB}"), codes()),
    "HL7's name of a property that releases name otherwise": (
        ("filter", "rad-modality-modality-type = photograph"),
        codes(CRUST),
    ),
    "that name where no such part is linked": (
        ("filter", "rad-view-view-aggregation exists true"),
        {"error": "not-supported", "text~": "does not say of any code"},
    ),
    "an unknown property": (
        ("filter", "COLOUR = red"),
        {"error": "FILTER_NOT_UNDERSTOOD", "text~": "COLOUR"},
    ),
    "two filters are both true": (("filter", "SCALE_TYP = Doc", "SYSTEM = cake"), codes(CAKE)),
    "membership is what is listed": (("member", CAKE, "SCALE_TYP = LP99001-1"), {"result": True}),
    "and nothing else": (("member", CRUMB, "SCALE_TYP = LP99001-1"), {"result": False}),
}
VALUE_SETS: dict[str, Rule] = {
    "all codes": (
        ("expand", f"{URL}/vs", {"count": 0}),
        {"total": 16, "name": "LOINC Value Set - all LOINC codes", "copyright": COPYRIGHT, "version": "2.99"},
    ),
    "a list has its answers in their order": (
        ("expand", f"{URL}/vs/LL9901-1"),
        {"displays": ["Sour", "Sweet"], **codes("LA9903-3", "LA9902-2")},
    ),
    "answers that others define keep LOINC's codes": (
        ("inside", f"{URL}/vs/LL9901-1", "LA9902-2"),
        {"result": True, "system": URL},
    ),
    "a list has its name, version, status and notice": (
        ("expand", f"{URL}/vs/LL9901-1", {"includeDefinition": True}),
        {
            "name": "Tastes",
            "description": "LOINC Answer List for Tastes",
            "version": "2.99",
            "status": "active",
            "copyright": COPYRIGHT,
        },
    ),
    "a part has all below it": (
        ("expand", f"{URL}/vs/LP99012-2", {"includeDefinition": True}),
        {
            "name": "LOINC Value Set from Multi-Axial Hierarchy code LP99012-2",
            "description": "All LOINC codes for Crumbs",
            "version": "2.99",
            "copyright": COPYRIGHT,
            **codes(CRUMB, OLD),
        },
    ),
    "a term has none": (("expand", f"{URL}/vs/{CRUMB}"), {"error": "Unable_to_resolve_value_Set_"}),
    "an answer has none": (("expand", f"{URL}/vs/LA9902-2"), {"error": "Unable_to_resolve_value_Set_"}),
    "an unknown list has none": (("expand", f"{URL}/vs/LL1-1"), {"error": "Unable_to_resolve_value_Set_"}),
    "a version is named after a bar": (("expand", f"{URL}/vs|2.99", {"count": 0}), {"total": 16}),
    "a version in the url is not offered": (
        ("expand", f"{URL}/2.99/vs"),
        {"error": "Unable_to_resolve_value_Set_"},
    ),
}
RULES = (
    CODES
    | DISPLAYS
    | STATUSES
    | HIERARCHY
    | FILTERS
    | VALUE_SETS
    | {f"property: {title}": rule for title, rule in PROPERTIES.items()}
)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("title", RULES)
def test_rule(terminology: Terminology, title: str, release: str) -> None:
    holds(RULES[title], Asking(terminology, URL, release))


def test_titles_are_of_one_table_each() -> None:
    tables = (CODES, DISPLAYS, STATUSES, HIERARCHY, PROPERTIES, FILTERS, VALUE_SETS)
    assert len(RULES) == sum(map(len, tables))


def test_versions_are_compared_as_numbers() -> None:
    documents = [{"url": URL, "version": version} for version in ("2.9", "2.82", "2.100", "2.81")]
    newest = best(documents, None)
    assert newest is not None and newest["version"] == "2.100"


@pytest.mark.parametrize(
    ("code", "is_right"), [("99990-4", True), ("99990-5", False), ("1-8", True), ("65753-6", True)]
)
def test_a_term_has_a_check_digit_mod_10(code: str, is_right: bool) -> None:
    assert is_loinc_code(code) is is_right
