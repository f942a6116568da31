"""The parser of the Expression Constraint Language, in its brief and its long syntax.

The grammar is that of ECL 2.2; each function reads one rule of it, and is named after it. Keywords may be
written in any case, and both syntaxes may be mixed. AND, OR and MINUS side by side need brackets, also where
the grammar allows to leave them out.

>>> parse("<< 73211009 |Diabetes mellitus| : 363698007 = *").of
Related(operator='<<', of=Focus(id='73211009', at=3))
"""

from __future__ import annotations

import re
from decimal import Decimal

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.systems.snomed.ecl.expression import (
    AlternateIdentifier,
    AttributeGroup,
    Compound,
    CompoundRefinement,
    Constraint,
    Dotted,
    EclAttribute,
    Focus,
    HavingMembers,
    MemberOf,
    Refined,
    Refinement,
    Related,
    Truth,
    Value,
    Wildcard,
    attributes_of,
)
from terminology.systems.snomed.ecl.filters import NUMBER, filtered, search_texts
from terminology.systems.snomed.ecl.text_reader import TextReader
from terminology.systems.snomed.identifiers import is_identifier

# The longest first: each begins with one of the shorter.
SYMBOLS = ("!!<", "!!>", "<<!", "<<", "<!", "<", ">>!", ">>", ">!", ">")
KEYWORDS = {
    "descendantorselfof": "<<",
    "descendantof": "<",
    "childorselfof": "<<!",
    "childof": "<!",
    "ancestororselfof": ">>",
    "ancestorof": ">",
    "parentorselfof": ">>!",
    "parentof": ">!",
    "top": "!!>",
    "bottom": "!!<",
}
COMPARISONS = ("!=", "<>", "<=", ">=", "=", "<", ">")

_DIGITS = re.compile(r"[0-9]+")
_TERM = re.compile(r"\|[^|]*\|")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9]*")
# ``SCHEME#code``, with quotes around the whole or the code if this has other characters than these.
_ALTERNATE = re.compile(
    r'"([A-Za-z][A-Za-z0-9-]*)#([^"]+)"|([A-Za-z][A-Za-z0-9-]*)#(?:"([^"]+)"|([A-Za-z0-9._-]+))'
)
_REFERENCE_SETS = re.compile(r"R(?![A-Za-z])")


def parse(text: str) -> Constraint:
    """The parts of an expression constraint.

    Raises TerminologyError, which names the place, for a text that is not one, or not supported.
    """
    reader = TextReader(text)
    constraint = expression_constraint(reader)
    reader.blank()
    if reader.at < len(text):
        raise reader.expected("the end, or one of AND, OR and MINUS with brackets where they differ,")
    return constraint


def expression_constraint(reader: TextReader) -> Constraint:
    reader.deeper()
    first = sub_expression_constraint(reader)
    if reader.take(":"):
        constraint: Constraint = Refined(first, ecl_refinement(reader))
    elif reader.sees("."):
        constraint = _dotted(reader, first)
    else:
        constraint = _compound(reader, first)
    reader.higher()
    return constraint


def _dotted(reader: TextReader, constraint: Constraint) -> Constraint:
    while reader.take("."):
        at = reader.at
        reader.costly()
        constraint = Dotted(constraint, sub_expression_constraint(reader), at)
    return constraint


def _operator(reader: TextReader, with_minus: bool) -> str | None:
    """``,`` is AND."""
    if reader.take(","):
        return "AND"
    word = reader.take_word("and", "or", "minus") if with_minus else reader.take_word("and", "or")
    return word.upper() if word else None


def _compound(reader: TextReader, first: Constraint) -> Constraint:
    operator = _operator(reader, with_minus=True)
    if operator is None:
        return first
    parts = [first, sub_expression_constraint(reader)]
    while operator != "MINUS":
        before = reader.at
        another = _operator(reader, with_minus=True)
        if another != operator:
            reader.at = before
            break
        parts.append(sub_expression_constraint(reader))
    return Compound(operator, tuple(parts))


def sub_expression_constraint(reader: TextReader) -> Constraint:
    reader.deeper()
    operator = reader.one_of(SYMBOLS) or reader.meaning(KEYWORDS)
    at = reader.at
    if reader.take("^") or reader.take_word("memberof"):
        constraint = _members(reader, at)
    else:
        constraint = _focus_or_brackets(reader)
    # The operator belongs to the concept, and the filters to both together.
    if operator:
        if not isinstance(constraint, Focus):
            reader.costly()
        constraint = Related(operator, constraint)
    constraint = filtered(reader, constraint, expression_constraint, sub_expression_constraint)
    reader.higher()
    return constraint


def _members(reader: TextReader, at: int) -> Constraint:
    if reader.match(_REFERENCE_SETS):
        reader.costly()
        return HavingMembers(_focus_or_brackets(reader))
    column = None
    if reader.take("["):
        start = reader.at
        name = reader.match(_COLUMN)
        if reader.sees("*") or reader.sees(","):
            raise reader.unsupported(
                "more than one column of a reference set, which no value set can have,", start
            )
        if name is None:
            raise reader.expected("a column of a reference set")
        column = name.casefold()
        reader.need("]")
    of = _focus_or_brackets(reader)
    members = MemberOf(of, column, (), at)
    return filtered(reader, members, expression_constraint, sub_expression_constraint, only="m")


def _focus_or_brackets(reader: TextReader) -> Constraint:
    if reader.take("("):
        constraint = expression_constraint(reader)
        reader.need(")")
        return constraint
    return ecl_focus_concept(reader)


def ecl_focus_concept(reader: TextReader) -> Constraint:
    if reader.take("*") or reader.take_word("any"):
        return Wildcard()
    return _alternate(reader) or concept_reference(reader)


def _alternate(reader: TextReader) -> AlternateIdentifier | None:
    reader.blank()
    at = reader.at
    text = reader.match(_ALTERNATE)
    parts = _ALTERNATE.fullmatch(text) if text else None
    if parts is None:
        return None
    _skip_term(reader)
    alias, code = (part for part in parts.groups() if part is not None)
    return AlternateIdentifier(alias, code, at)


def _skip_term(reader: TextReader) -> None:
    if reader.sees("|") and reader.match(_TERM) is None:
        raise reader.expected("'|' after the term")


def concept_reference(reader: TextReader) -> Focus:
    reader.blank()
    at = reader.at
    id_ = reader.match(_DIGITS)
    if id_ is None:
        raise reader.expected("a concept, '*', '^' or '('")
    if not is_identifier(id_):
        raise TerminologyError(issues.not_an_identifier(reader.text, at, id_))
    _skip_term(reader)
    return Focus(id_, at)


# -- refinements ---------------------------------------------------------------------------------


def ecl_refinement(reader: TextReader, in_group: bool = False) -> Refinement:
    """Also an attribute set, which is a refinement without groups (``in_group``)."""
    reader.deeper()
    parts = [_sub_refinement(reader, in_group)]
    chosen = operator = _operator(reader, with_minus=False)
    while operator:
        parts.append(_sub_refinement(reader, in_group))
        before = reader.at
        operator = _operator(reader, with_minus=False)
        if operator not in (None, chosen):
            reader.at = before
            raise reader.expected(f"{chosen}, or brackets where AND and OR stand side by side,")
    reader.higher()
    return CompoundRefinement(chosen, tuple(parts)) if chosen else parts[0]


def _sub_refinement(reader: TextReader, in_group: bool) -> Refinement:
    if reader.sees("(") and not _is_name_in_brackets(reader):
        reader.need("(")
        refinement = ecl_refinement(reader, in_group)
        reader.need(")")
        return refinement
    least, most = _cardinality(reader)
    if not reader.sees("{") or reader.sees("{{"):
        return _attribute(reader, least, most)
    if in_group:
        raise reader.expected("an attribute (a group cannot be in another group)")
    reader.need("{")
    refinement = ecl_refinement(reader, in_group=True)
    reader.need("}")
    return AttributeGroup(refinement, least, most, _is_reversed(reader, refinement))


def _is_reversed(reader: TextReader, refinement: Refinement) -> bool:
    """Whether the attributes of a group are reversed: all of them, since a role group belongs to one concept."""
    first, *others = attributes_of(refinement)
    for attribute in others:
        if attribute.reverse is not first.reverse:
            raise reader.unsupported("a group with reversed and other attributes", attribute.at)
    return first.reverse


def _is_name_in_brackets(reader: TextReader) -> bool:
    """Do the brackets hold the name of an attribute? Then a comparison follows them."""
    rest = reader.after_bracket()
    return rest.startswith((*COMPARISONS, "{{")) or rest.casefold().startswith("not")


def _cardinality(reader: TextReader) -> tuple[int, int | None]:
    if not reader.take("["):
        return 1, None
    least = _count(reader)
    if not reader.take("..") and not reader.take_word("to"):
        raise reader.expected("'..'")
    most = None if reader.take("*") or reader.take_word("many") else _count(reader)
    if most is not None and most < least:
        raise reader.expected(f"at least {least}")
    reader.need("]")
    return least, most


def _count(reader: TextReader) -> int:
    digits = reader.match(_DIGITS)
    if digits is None or len(digits) > 9:
        raise reader.expected("a whole number")
    return int(digits)


def _attribute(reader: TextReader, least: int, most: int | None) -> EclAttribute:
    reader.blank()
    reader.costly()
    at = reader.at
    reverse = reader.take_word("r", "reverseof") is not None
    name = sub_expression_constraint(reader)
    comparison = reader.one_of(COMPARISONS) or _not_equal(reader)
    if comparison is None:
        raise reader.expected("a comparison such as '='")
    comparison = "!=" if comparison == "<>" else comparison
    value = _value(reader, comparison)
    if reverse and not _is_constraint(value):
        raise reader.unsupported("a reversed attribute with a value that is not a concept", at)
    return EclAttribute(name, comparison, value, least, most, reverse, at)


def _not_equal(reader: TextReader) -> str | None:
    if not reader.take_word("not"):
        return None
    reader.need("=")
    return "!="


def _value(reader: TextReader, comparison: str) -> Value:
    if reader.take("#"):
        number = reader.match(NUMBER)
        if number is None:
            raise reader.expected("a number")
        return Decimal(number)
    if comparison not in ("=", "!="):
        raise reader.expected("a number after '#'")
    truth = reader.take_word("true", "false")
    if truth:
        return Truth(truth)
    return _alternate(reader) or search_texts(reader) or sub_expression_constraint(reader)


def _is_constraint(value: Value) -> bool:
    return not isinstance(value, Decimal | Truth | tuple)
