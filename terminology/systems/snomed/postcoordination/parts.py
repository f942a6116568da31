"""The parts of a post-coordinated expression, and how they are written.

https://docs.snomed.org, Compositional Grammar (2.4), 5.1. ``at`` is the place in the text where a part begins; it is
ignored when parts are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from terminology.core.numbers import number

PRIMITIVE_MARK = "<<<"


@dataclass(frozen=True, slots=True)
class Reference:
    """A concept. ``term`` is the text between bars; it does not count when parts are compared."""

    id: str
    term: str | None = field(default=None, compare=False)
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A concrete value: ``kind`` is number, string or boolean; ``value`` is equal for equal values.

    ``text`` is as it is written.
    """

    kind: str
    value: str
    text: str = field(compare=False)

    @staticmethod
    def read(text: str) -> Literal:
        """The value that an expression or an RF2 file writes: ``#2.50``, ``"text"``, ``true``."""
        if text.startswith("#"):
            return Literal("number", number(text[1:].removeprefix("+")), text)
        if text.startswith('"'):
            return Literal("string", text[1:-1].replace('\\"', '"').replace("\\\\", "\\"), text)
        return Literal("boolean", text.lower(), text)


@dataclass(frozen=True, slots=True)
class AttributeValuePair:
    """``name = value``."""

    name: Reference
    value: PartValue


@dataclass(frozen=True, slots=True)
class ExpressionParts:
    """An expression, or one in brackets.

    ``foci`` are the concepts joined with ``+``. ``alone`` are the attributes in no group, ``groups`` those in braces.
    ``is_primitive``: the expression begins with ``<<<``, so that it is only known to be below its definition.
    """

    foci: tuple[Reference, ...]
    alone: tuple[AttributeValuePair, ...] = ()
    groups: tuple[tuple[AttributeValuePair, ...], ...] = ()
    is_primitive: bool = False

    @property
    def concept(self) -> Reference | None:
        """The concept, if the expression is one alone."""
        is_simple = len(self.foci) == 1 and not self.alone and not self.groups and not self.is_primitive
        return self.foci[0] if is_simple else None

    def references(self) -> Iterator[Reference]:
        """Every concept that occurs, in the order of the text."""
        yield from self.foci
        for pair in self.pairs():
            yield pair.name
            if isinstance(pair.value, Reference):
                yield pair.value
            elif isinstance(pair.value, ExpressionParts):
                yield from pair.value.references()

    def pairs(self) -> Iterator[AttributeValuePair]:
        """The attributes of the expression itself, in the order of the text."""
        yield from self.alone
        for group in self.groups:
            yield from group

    def attribute_names(self) -> Iterator[Reference]:
        """The names of all attributes, also of those in nested expressions."""
        for pair in self.pairs():
            yield pair.name
            if isinstance(pair.value, ExpressionParts):
                yield from pair.value.attribute_names()


PartValue = Reference | Literal | ExpressionParts


# -- writing -------------------------------------------------------------------------------------


def canonical(parts: ExpressionParts) -> str:
    """The same text for expressions that differ only in terms, blanks, order and repetitions.

    >>> from terminology.systems.snomed.postcoordination.grammar import parse
    >>> canonical(parse("=== 128241005 |x| + 54535009 : { 363698007 = (181268008), 363698007 = 181268008 }"))
    '128241005+54535009:{363698007=181268008}'
    """
    foci = "+".join(sorted({focus.id for focus in parts.foci}))
    alone = sorted({_canonical_pair(pair) for pair in parts.alone})
    groups = sorted({_canonical_group(group) for group in parts.groups})
    refinement = ",".join([*alone, *groups])
    text = f"{foci}:{refinement}" if refinement else foci
    return f"{PRIMITIVE_MARK}{text}" if parts.is_primitive else text


def _canonical_group(group: tuple[AttributeValuePair, ...]) -> str:
    return "{" + ",".join(sorted(set(map(_canonical_pair, group)))) + "}"


def _canonical_pair(pair: AttributeValuePair) -> str:
    value = pair.value
    if isinstance(value, ExpressionParts):
        text = value.concept.id if value.concept else f"({canonical(value)})"
    elif isinstance(value, Literal):
        quoted = value.value.replace("\\", "\\\\").replace('"', '\\"')
        text = {"number": f"#{value.value}", "string": f'"{quoted}"'}.get(value.kind, value.value)
    else:
        text = value.id
    return f"{pair.name.id}={text}"


def written(parts: ExpressionParts, terms: Mapping[str, str]) -> str:
    """The expression without blanks, each concept with its term: the one that it has, or else that of ``terms``.

    >>> from terminology.systems.snomed.postcoordination.grammar import parse
    >>> written(parse("128241005 : 363698007 = 181268008 |Liver|"), {"128241005": "Inflammatory disease of liver"})
    '128241005|Inflammatory disease of liver|:363698007=181268008|Liver|'
    """
    foci = "+".join(_with_term(focus, terms) for focus in parts.foci)
    alone = [_written_pair(pair, terms) for pair in parts.alone]
    groups = ("{" + ",".join(_written_pair(pair, terms) for pair in group) + "}" for group in parts.groups)
    refinement = ",".join([*alone, *groups])
    text = f"{foci}:{refinement}" if refinement else foci
    return f"{PRIMITIVE_MARK}{text}" if parts.is_primitive else text


def _written_pair(pair: AttributeValuePair, terms: Mapping[str, str]) -> str:
    value = pair.value
    if isinstance(value, ExpressionParts):
        text = f"({written(value, terms)})"
    else:
        text = value.text if isinstance(value, Literal) else _with_term(value, terms)
    return f"{_with_term(pair.name, terms)}={text}"


def _with_term(reference: Reference, terms: Mapping[str, str]) -> str:
    term = reference.term or terms.get(reference.id)
    return f"{reference.id}|{term}|" if term else reference.id
