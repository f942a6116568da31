"""The rules of UCUM, one by one: https://terminology.hl7.org/UCUM.html, and UCUM's own specification.

A row is a rule, a request and facts of its answer, in R4, R4B and R5. The grammar has more rows in
``test_grammars.py``.
"""

from __future__ import annotations

from functools import cache

import pytest

from terminology import Terminology
from terminology.systems.ucum import URL, canonical
from tests.support.rule_rows import RELEASES, Asking, Rule, holds

COMMON = "http://hl7.org/fhir/ValueSet/ucum-common"


@cache
def terminology() -> Terminology:
    """With FHIR's own value sets, of which one has the common units of each release."""
    return Terminology()


GRAMMAR: dict[str, Rule] = {
    "a unit is a code in version 2.2": (
        ("validate", "mg/dL"),
        {"result": True, "version": "2.2", "display": "mg/dL"},
    ),
    "case matters": (
        ("validate", "KG"),
        {"result": False, "text~": "The unit 'KG' is unknown at character 1"},
    ),
    "another case may be another unit": (
        ("lookup", "Pm"),
        {"canonical": ["m"], "designations~": "petameter"},
    ),
    "a prefix stands before metric units alone": (
        ("validate", "k[lb_av]"),
        {"result": False, "text~": "The unit 'k[lb_av]' is unknown at character 1"},
    ),
    "no blanks outside of braces": (
        ("validate", "m s"),
        {"result": False, "text~": "The unit 'm s' is unknown"},
    ),
    "blanks inside of braces": (("validate", "{3 times}/d"), {"result": True}),
    "an annotation changes nothing": (("lookup", "10*3/uL{cells}"), {"canonical": ["m-3"]}),
    "an annotation alone is a one": (("lookup", "{x}"), {"canonical": ["1"], "designations~": "'1'"}),
    "no braces inside of braces": (("validate", "{a{b}}"), {"result": False}),
    "left to right": (("lookup", "g/m.s"), {"canonical": ["g.m-1.s"]}),
    "an exponent belongs to a symbol": (("validate", "10*3/uL"), {"result": True}),
    "ten to a power has two forms": (("validate", "10^3/uL"), {"result": True}),
    "a number has no exponent": (
        ("validate", "10+3/ul"),
        {
            "result": False,
            "issues": ["error", "information"],
            "text~": "a power of ten is written as in 10*3",
        },
    ),
    "nor a negative one": (
        ("validate", "10-3"),
        {"result": False, "text~": "The number '10' at character 1"},
    ),
    "the symbol at fault is named with its place": (
        ("validate", "mg/kgXX"),
        {
            "result": False,
            "text~": "Error processing unit 'mg/kgXX': The unit 'kgXX' is unknown at character 4",
        },
    ),
    "$lookup says so, too": (("lookup", "mg/kgXX"), {"text~": "is unknown at character 4"}),
    "a missing unit is named": (
        ("validate", "m/"),
        {"result": False, "text~": "A unit is missing at character 3"},
    ),
    "a bracket without another is named": (
        ("validate", "mg/(kg.d"),
        {"result": False, "text~": "The bracket '(' at character 4 has no other one"},
    ),
    "no hint of a unit with other numbers": (("validate", "10+3/uL"), {"result": False, "hint": False}),
    "a hint of another case": (("validate", "Mmol/l"), {"result": True}),
    "a special unit has the kind of its reference": (("lookup", "Cel"), {"canonical": ["K"]}),
    "an arbitrary unit is a kind of its own": (("lookup", "[iU]"), {"canonical": ["[iU]"]}),
}
DISPLAYS: dict[str, Rule] = {
    "the code is the display": (("validate", "kg", {"display": "kg"}), {"result": True, "display": "kg"}),
    "the analysed form is right": (
        ("validate", "mg/dL", {"display": "(milligram) / (deciliter)"}),
        {"result": True},
    ),
    "an exponent stands inside of the brackets": (
        ("validate", "m3.kg-1", {"display": "(meter ^ 3) * (kilogram ^ -1)"}),
        {"result": True},
    ),
    "another display is wrong": (
        ("validate", "kg", {"display": "kilos"}),
        {"result": False, "text~": "'(kilogram)'"},
    ),
    "designations are the analysed form and the common name": (
        ("lookup", "kg"),
        {"designations~": "(kilogram)"},
    ),
}
FILTERS: dict[str, Rule] = {
    "canonical: any unit with the same form": (("member", "mg/dL", "canonical = g.m-3"), {"result": True}),
    "canonical: in any order": (("member", "mg/dL", "canonical = m-3.g"), {"result": True}),
    "canonical: the value is brought to its form": (
        ("member", "mg/dL", "canonical = kg/L"),
        {"result": True},
    ),
    "canonical: another kind": (("member", "mL", "canonical = g"), {"result": False, "issues": ["error"]}),
    "canonical in a list": (("member", "h", "canonical in g, a"), {"result": True}),
    "comparable is the same": (("member", "[lb_av]", "comparable = mg"), {"result": True}),
    "property of a base unit": (("member", "[lb_av]", "property = mass"), {"result": True}),
    "property of another unit does not count": (
        ("filter", "property = volume"),
        {"codes": [], "unclosed": True},
    ),
    "a unit outside of the list is a member": (
        ("member", "ug{x}.kg-1.g", "property = mass"),
        {"result": True},
    ),
    "another property is refused": (("filter", "colour = red"), {"error": "FILTER_NOT_UNDERSTOOD"}),
    "a filter without value is refused": (
        ("filter", "canonical = "),
        {"error": "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE"},
    ),
    "a list by filter is that of common units, and says so": (
        ("filter", "canonical = g"),
        {"unclosed": True, "reason~": COMMON},
    ),
    "units that are listed one by one are closed": (
        ("listed", "kg", "ug{x}"),
        {"codes": ["kg", "ug{x}"], "unclosed": False, "total": 2},
    ),
    "a text that is no unit is not listed": (("listed", "kg", "kgXX"), {"codes": ["kg"]}),
}
VALUE_SETS: dict[str, Rule] = {
    "all units: no total, the reason, the common list": (
        ("expand", f"{URL}/vs", {"count": 2}),
        {"total": None, "unclosed": True, "reason~": COMMON},
    ),
    "all units by the general url": (
        ("expand", f"{URL}?fhir_vs", {"count": 2}),
        {"total": None, "unclosed": True},
    ),
    "any unit is a member of all": (("inside", f"{URL}/vs", "ug{x}/kg"), {"result": True}),
    "no other text is": (("inside", f"{URL}/vs", "kgXX"), {"result": False}),
    "a unit in the url: those comparable with it": (
        ("expand", f"{URL}/vs/mg%2FdL", {"count": 1}),
        {"name": "Ucum Expressions comparable to mg/dL", "version": "2.2", "unclosed": True},
    ),
    "its members": (("inside", f"{URL}/vs/mg%2FdL", "g/L"), {"result": True}),
    "and not others": (("inside", f"{URL}/vs/mg%2FdL", "g"), {"result": False}),
    "no unit in the url: not found": (
        ("expand", f"{URL}/vs/kgXX"),
        {"error": "Unable_to_resolve_value_Set_"},
    ),
}
RULES = GRAMMAR | DISPLAYS | FILTERS | VALUE_SETS


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("title", RULES)
def test_rule(title: str, release: str) -> None:
    holds(RULES[title], Asking(terminology(), URL, release))


# The common units of each release, and those among them that have the canonical form g.
COMMON_UNITS = {"r4": (1357, 68), "r5": (840, 38)}


@pytest.mark.parametrize("release", COMMON_UNITS)
def test_the_common_units_of_a_release_are_listed(release: str) -> None:
    asking = Asking(terminology(), URL, release)
    whole, masses = asking.expand(f"{URL}/vs"), asking.filter("canonical = g")
    assert (len(whole["codes"]), masses["total"], len(masses["codes"])) == (
        COMMON_UNITS[release][0],
        *2 * COMMON_UNITS[release][1:],
    )


def test_a_canonical_form_has_one_order() -> None:
    assert canonical("g/m3") == canonical("m-3.g") == canonical("/m3.g") == "g.m-3"


def test_units_are_not_said_to_subsume_one_another() -> None:
    asking = Asking(terminology(), URL)
    assert asking.subsumes("kg", "kg")["outcome"] == "equivalent"
    assert "cannot tell whether one subsumes the other" in asking.subsumes("kg", "g")["text"]
