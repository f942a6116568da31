"""Units of measure (UCUM, ``http://unitsofmeasure.org``) and their dimensions.

Syntax and table of units are those of the library ucumvert. ``canonical`` is the property that FHIR's filters
ask about: the unit in base units, without its factor. An arbitrary unit (``[iU]``) can be compared with
itself alone (UCUM, section 25), so it is its own base unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from terminology.core.cache import kept_results
from terminology.core.model import CodeSystemInfo, Concept, ConceptDetail, Designation
from terminology.systems.grammar import GrammarCodeSystem, Reading

URL = "http://unitsofmeasure.org"
VERSION = "2.2"
LONGEST = 255
DEEPEST = 40
_ANNOTATION = re.compile(r"\{[^{}]*\}")
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
    detail = ConceptDetail([Designation(_analysis(tree), "en")])
    return Reading(Concept(code, code), detail, {"canonical": [_written(_dimension(tree))]})


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
        return _table().parser.parse(_LEADING_STROKE.sub("1/", plain))
    except LarkError:
        return None


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
    """``(milligram) / (deciliter)``; an annotation is a one (UCUM, section 6)."""
    if not hasattr(tree, "data"):
        return _text_of(tree)
    if tree.data == "simple_unit":
        *before, atom = tree.children
        unit = _table().units.get(str(atom))
        return "".join(_table().prefixes[str(p)] for p in before) + (unit.name if unit else str(atom))
    if len(tree.children) == 1:
        return _analysis(tree.children[0])
    marks = ["*"] if tree.data == "component" else []
    parts = [f"({text})" if _is_compound(text) else text for text in map(_analysis, tree.children)]
    return " ".join([*parts[:-1], *marks, parts[-1]])


def _text_of(token: Any) -> str:
    signs = {"ANNOTATION": "1", "EXPONENT": f"^ {token}"}
    return signs.get(token.type, "*" if token == "." else str(token))


def _is_compound(text: str) -> bool:
    """Is it more than a number, an operator or an exponent?"""
    return any(character.isalpha() for character in text) or " " in text and not text.startswith("^")


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
    return GrammarCodeSystem(about, _read, {"canonical": canonical}, value_sets)
