"""Units of measure (UCUM, ``http://unitsofmeasure.org``) and their dimensions.

Syntax and table of units are those of the library ucumvert, without the exponents that it allows after a number
(``10+3/uL``). ``canonical`` is the property that FHIR's filters ask about: the unit in base units, without its factor.
An arbitrary unit (``[iU]``) can be compared with itself alone (UCUM, section 25), so it is its own base unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import unquote

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.model import (
    CodeSystemInfo,
    Concept,
    ConceptDetail,
    Designation,
    Document,
    Filter,
    Issue,
    Property,
)
from terminology.systems.description import (
    COMPARING,
    DescribedProperty,
    Describing,
    FilterRule,
    ImplicitValueSet,
    NotOffered,
    SystemDescription,
)
from terminology.systems.filters import ReadValues, values_in_doubt
from terminology.systems.grammar import GrammarCodeSystem, Reading
from terminology.systems.implicit import all_of, in_version

URL = "http://unitsofmeasure.org"
VERSION = "2.2"
# The canonical form of each base unit, with the name of its property.
BASE_UNITS = {
    "m": "length",
    "s": "time",
    "g": "mass",
    "rad": "plane angle",
    "K": "temperature",
    "C": "electric charge",
    "cd": "luminous intensity",
}
LONGEST = 255
DEEPEST = 40
_ANNOTATION = re.compile(r"\{[^{}]*\}")
# A symbol, a number or an annotation, with its exponent.
_PIECE = re.compile(r"(?:\[[^\[\]]*\]|\{[^{}]*\}|[^./()])+")
_POWER_OF_NUMBER = re.compile(r"([0-9]+)[+-][0-9]+")
_EMPTY_PLACE = re.compile(r"[./(](?=[./)]|$)|^(?=[.)])")
_LEADING_STROKE = re.compile(r"(?:^|(?<=\())/")

Dimension = dict[str, int]


@dataclass(slots=True, frozen=True)
class _Unit:
    """``of`` is the unit by which it is defined; a base unit and an arbitrary unit have none."""

    name: str
    of: str | None


@dataclass(slots=True, frozen=True)
class _UnitTable:
    parser: Any
    units: dict[str, _Unit]
    prefixes: dict[str, str]


@cache
def _table() -> _UnitTable:
    """The table of units, read at first use: the library takes a quarter of a second to import."""
    from ucumvert import get_ucum_parser, xml_util  # type: ignore[import-untyped]

    units, prefixes = {}, {}
    for node in xml_util.root:
        code, name = node.attrib["Code"], node.findtext("{*}name", "")
        if node.tag.endswith("}prefix"):
            prefixes[code] = name
        else:
            units[code] = _Unit(name, None if node.get("isArbitrary") == "yes" else _definition(node))
    return _UnitTable(get_ucum_parser(), units, prefixes)


def _definition(node: Any) -> str | None:
    """A special unit (``Cel``) has a function of a unit, any other one a value in a unit."""
    value = node.find("{*}value")
    if value is None:
        return None
    function = value.find("{*}function")
    return str((value if function is None else function).get("Unit"))


@kept_results(4096)
def _read(code: str) -> Reading | None:
    tree = _parsed(code)
    if tree is None:
        return None
    dimension = _written(_dimension(tree))
    detail = ConceptDetail([Designation(_analysis(tree), "en")], [Property("canonical", "code", dimension)])
    return Reading(Concept(code, code), detail)


def _parsed(code: str) -> Any:
    """The syntax tree, or None.

    HL7's own lists have blanks in annotations, where UCUM has none; and a leading stroke is a one before it,
    since units are read from left to right (``/100.g`` is a mass).
    """
    from lark.exceptions import LarkError

    if len(code) > LONGEST or code.count("(") > DEEPEST or not code.isascii():
        return None
    plain = _ANNOTATION.sub(lambda match: match[0].replace(" ", "_"), code)
    try:
        tree = _table().parser.parse(_LEADING_STROKE.sub("1/", plain))
    except LarkError:
        return None
    return None if any(map(_is_power_of_number, tree.iter_subtrees())) else tree


def _is_power_of_number(tree: Any) -> bool:
    """An exponent follows a symbol of a unit; a number is a factor, and has none (UCUM, section 2, and OPC 10000-8)."""
    if getattr(tree.children[-1], "type", "") != "EXPONENT":
        return False
    number = tree.children[0]
    return bool(number.data == "simple_unit" and number.children[0].type == "FACTOR")


def why_no_unit(code: str) -> str:
    """The reason why a text is not a unit, as a sentence: the first symbol that is unknown, or else the mark at fault.

    >>> why_no_unit("mg/kgXX")
    "Error processing unit 'mg/kgXX': The unit 'kgXX' is unknown at character 4"
    """
    if len(code) > LONGEST:
        return issues.unit_too_long(code, LONGEST)
    # Annotations may have marks; blanks in their place keep the characters counted.
    plain = _ANNOTATION.sub(lambda match: "{" + "_" * (len(match[0]) - 2) + "}", code)
    for piece in _PIECE.finditer(plain):
        if (power := _POWER_OF_NUMBER.fullmatch(piece[0])) is not None:
            return issues.number_with_exponent(code, power[1], piece.start() + 1)
        if _parsed(piece[0]) is None:
            return issues.unit_unknown(code, code[slice(*piece.span())], piece.start() + 1)
    place = _EMPTY_PLACE.search(plain)
    if place is not None:
        return issues.unit_missing(code, place.end() + 1)
    bracket = _bracket_without_other(plain)
    return issues.unit_malformed(code) if bracket is None else issues.bracket_without_other(code, *bracket)


def _bracket_without_other(code: str) -> tuple[str, int] | None:
    """The first round bracket that is not closed, or was not opened, and its place."""
    opened: list[int] = []
    for place, character in enumerate(code, 1):
        if character == "(":
            opened.append(place)
        elif character == ")" and not opened:
            return character, place
        elif character == ")":
            opened.pop()
    return ("(", opened[0]) if opened else None


def canonical(code: str) -> str:
    """The unit in base units; a text that is not a unit stays as it is.

    >>> canonical("mL"), canonical("a"), canonical("mg/dL"), canonical("[iU]/L"), canonical("%")
    ('m3', 's', 'g.m-3', '[iU].m-3', '1')
    """
    tree = _parsed(code)
    return code if tree is None else _written(_dimension(tree))


def _written(dimension: Dimension) -> str:
    powers = (f"{base}{power if power != 1 else ''}" for base, power in sorted(dimension.items()) if power)
    return ".".join(powers) or "1"


# -- what a tree means ---------------------------------------------------------------------------


def _dimension(tree: Any) -> Dimension:
    """The power of each base unit."""
    if not hasattr(tree, "data"):
        return {}
    if tree.data == "simple_unit":
        return _dimension_of_unit(str(tree.children[-1])) if tree.children[-1].type != "FACTOR" else {}
    total: Dimension = {}
    for sign, part in _signed(tree.children):
        for base, power in _dimension(part).items():
            total[base] = total.get(base, 0) + sign * power
    return total


def _signed(children: list[Any]) -> Iterator[tuple[int, Any]]:
    """The parts of a term, each with its exponent; a stroke turns round the part after it alone."""
    sign = 1
    for place, child in enumerate(children):
        kind = getattr(child, "type", "")
        if kind == "OPERATOR":
            sign = -1 if child == "/" else 1
        elif kind not in ("EXPONENT", "ANNOTATION"):
            following = children[place + 1] if place + 1 < len(children) else None
            exponent = int(str(following)) if getattr(following, "type", "") == "EXPONENT" else 1
            yield sign * exponent, child


@kept_results(1024)
def _dimension_of_unit(atom: str) -> Dimension:
    unit = _table().units[atom]
    if unit.of is None:
        return {atom: 1}
    tree = _parsed(unit.of)
    return {} if tree is None else _dimension(tree)


def _analysis(tree: Any) -> str:
    """``(milligram) / (deciliter)``; an annotation beside a unit says nothing, and alone is a one (UCUM, section 6)."""
    if not hasattr(tree, "data"):
        return {"ANNOTATION": "1", "OPERATOR": "*" if tree == "." else "/"}.get(tree.type, str(tree))
    if tree.data == "simple_unit":
        is_number = tree.children[0].type == "FACTOR"
        return str(tree.children[0]) if is_number else f"({_name(tree)})"
    if tree.data == "annotatable":
        unit, exponent = tree.children
        return f"({_name(unit)} ^ {str(exponent).removeprefix('+')})"
    if tree.data == "component":
        return _analysis(tree.children[0])
    if len(tree.children) == 1:
        return _analysis(tree.children[0])
    # Units are read from left to right: only what follows an operator needs brackets.
    left, operator, right = map(_analysis, tree.children)
    return f"{left} {operator} {f'({right})' if _is_term(tree.children[2]) else right}"


def _is_term(tree: Any) -> bool:
    """Whether a tree has an operator, in brackets or not."""
    while getattr(tree, "data", "") in ("main_term", "component"):
        tree = tree.children[0]
    return getattr(tree, "data", "") == "term"


def _name(unit: Any) -> str:
    *prefixes, atom = unit.children
    known = _table().units.get(str(atom))
    return "".join(_table().prefixes[str(p)] for p in prefixes) + (known.name if known else str(atom))


# -- the code system -----------------------------------------------------------------------------


class UnitsOfMeasure(GrammarCodeSystem):
    """UCUM as a code system."""

    # What found the common units last, their value set, and their names. What one catalogue finds does not change.
    _named: tuple[object, Document | None, Mapping[str, str]] = (None, None, {})

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        """The analysed form, the name in FHIR's list of common units, and the canonical form of each unit."""
        names = self._common_names() if codes else {}
        details = super().describe(codes)
        for code, detail in details.items():
            if (name := names.get(code)) is not None and name != code:
                detail.designations.append(Designation(name, "en"))
        return details

    def _common_names(self) -> Mapping[str, str]:
        finder, before, names = self._named
        if finder is not self.find_value_set:
            common = map(self.find_value_set, self.about.common)
            value_set = next((each for each in common if each is not None), None)
            if value_set is not before:
                names = {} if value_set is None else _names_of(value_set)
            self._named = self.find_value_set, value_set, names
        return names

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        single = (each for filter_ in filters for each in values_in_doubt(filter_) if each.op == "=")
        return [issues.nothing_has_value(each, self.about) for each in single if not _is_possible(each)]

    def remarks(self, code: str) -> Sequence[Issue]:
        is_unit = not code or self.read(code) is not None
        return () if is_unit else [issues.reason_for_unknown_code(why_no_unit(code))]

    def implied_value_set(self, canonical: str) -> Document | None:
        return super().implied_value_set(canonical) or DESCRIPTION.implied_value_set(self, canonical)

    def _values(self, name: str) -> ReadValues[Reading] | None:
        if name in ("canonical", "comparable"):
            return ReadValues(lambda reading: [_canonical_of(reading)], canonical)
        if name == "property":
            return ReadValues(lambda reading: [BASE_UNITS.get(_canonical_of(reading), "")])
        return super()._values(name)


def _canonical_of(reading: Reading) -> str:
    return str(reading.detail.properties[0].value)


def _is_possible(filter_: Filter) -> bool:
    """Whether a unit can have the value of a filter."""
    if filter_.property == "property":
        return filter_.value in BASE_UNITS.values()
    return _read(filter_.value) is not None


def _names_of(value_set: Document) -> Mapping[str, str]:
    """The displays of a value set, by code."""
    nodes = (
        n for include in value_set.get("compose", {}).get("include", ()) for n in include.get("concept", ())
    )
    return {node["code"]: node["display"] for node in nodes if node.get("display")}


def _comparable(system: Describing, url: str) -> Document | None:
    """The value set of the units that are comparable with the one in its url."""
    unit = unquote(url.removeprefix(f"{URL}/vs/"))
    if _read(unit) is None:
        return None
    text = f"Ucum Expressions comparable to {unit}"
    value_set = all_of(system.about, url, Filter("comparable", "=", unit))
    return in_version(value_set, system.about.version) | {"name": text, "description": text}


def _all(system: Describing, url: str) -> Document:
    """This value set is older than this version of the code system, so it includes any version."""
    return all_of(replace(system.about, version=None), url)


DESCRIPTION = SystemDescription(
    url=URL,
    name="UCUM",
    codes=(
        "Any expression of the grammar, with the case-sensitive symbols. An exponent follows the symbol of a unit; a "
        "number has none (`10*3/uL`, not `10+3/uL`). A prefix stands before metric units alone. Annotations have no "
        "meaning; blanks are allowed in them, because HL7's lists have such codes. Of any other text an issue says "
        "which symbol is wrong, and where."
    ),
    displays=(
        "The code. Other right displays: the analysed form `(milligram) / (deciliter)`, and the name in FHIR's list of "
        "common units."
    ),
    versions=f"`{VERSION}`; a coding needs none.",
    inactive="None.",
    subsumption="None.",
    source="https://terminology.hl7.org/UCUM.html, https://ucum.org/ucum",
    properties=(
        DescribedProperty("canonical", "code", "The unit in base units, without its factor: `mL` has `m3`."),
    ),
    filters=(
        FilterRule(
            ("canonical", "comparable"),
            COMPARING,
            "any unit: `mg`; for `in` a list of them",
            "the units that are comparable with it, by the canonical form of both",
        ),
        FilterRule(
            ("property",),
            COMPARING,
            "the property of a base unit: `length`, `time`, `mass`, `plane angle`, `temperature`, `electric charge`, "
            "`luminous intensity`",
            "the units that are comparable with the base unit",
        ),
        FilterRule(
            ("code", "concept"), COMPARING, "a unit, a list or a regular expression", "the units written so"
        ),
    ),
    value_sets=(
        ImplicitValueSet(f"{URL}/vs", "all units; listed are FHIR's common ones", _all),
        ImplicitValueSet(
            f"{URL}/vs/[unit]",
            "the units that are comparable with this one (`/` in it may be `%2F`)",
            _comparable,
        ),
    ),
    not_offered=(
        NotOffered("a list of all units", "there is no end of them; FHIR's common units are listed"),
        NotOffered(
            "the sentence of HL7's server that a unit has another canonical form than a value set asks for",
            "that it is not in the value set is said as of any code; `canonical` in `$lookup` has the form",
        ),
        NotOffered(
            "deprecation of `[ppb]` and `[pptr]`", "the table of the library that reads units does not say so"
        ),
    ),
)


def units() -> GrammarCodeSystem:
    """UCUM as a code system."""
    about = CodeSystemInfo(
        URL,
        version=VERSION,
        name="UCUM",
        title="Unified Code for Units of Measure",
        language="en",
        common=(
            "http://hl7.org/fhir/ValueSet/ucum-common",
            "http://terminology.hl7.org/ValueSet/ucum-common",
        ),
    )
    value_sets = (f"{URL}/vs", "http://hl7.org/fhir/ValueSet/ucum-units")
    return UnitsOfMeasure(about, _read, value_sets=value_sets)
