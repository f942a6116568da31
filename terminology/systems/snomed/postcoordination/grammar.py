"""The parser of post-coordinated expressions. Each method reads one rule of the grammar.

https://docs.snomed.org, Compositional Grammar (2.4), 5.1. Blanks may stand between any two parts, and there are no
comments. Attributes in no group come before the first group, and a value that is refined needs brackets.
"""

from __future__ import annotations

import re

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.systems.snomed.postcoordination.parts import (
    AttributeValuePair,
    ExpressionParts,
    Literal,
    PartValue,
    Reference,
)

# The most parts that may be nested, and the most concepts of an expression.
DEEPEST, MOST_CONCEPTS = 20, 500

_BLANK = re.compile(r"[ \t\r\n]*")
_ID = re.compile(r"[1-9][0-9]{5,17}(?![0-9])")
_DIGITS = re.compile(r"[0-9]+")
_TERM = re.compile(r"\|[ \t\r\n]*([^|]*?)[ \t\r\n]*\|")
_STRING = re.compile(r'"(?:[^"\\]|\\["\\])+"')
_NUMBER = re.compile(r"#[+-]?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{1,40})?(?![0-9.])")
_BOOLEAN = re.compile(r"(?:true|false)(?![A-Za-z0-9])", re.IGNORECASE)


class _Unexpected(Exception):
    """At the place ``at``, ``expected`` (a noun phrase) does not stand."""

    def __init__(self, at: int, expected: str) -> None:
        super().__init__(f"{expected} is expected at {at}")
        self.at, self.expected = at, expected


def parse(text: str) -> ExpressionParts:
    """The parts of an expression. Raises TerminologyError for a text that is not one.

    >>> parse("128241005:{363698007=181268008|Entire liver|}").groups[0][0].name.id
    '363698007'
    """
    reader = _Reader(text)
    try:
        parts = reader.expression()
        if reader.blank() < len(text):
            raise _Unexpected(reader.at, "the end")
    except _Unexpected as error:
        raise TerminologyError(issues.no_expression(text, error.at, error.expected)) from None
    return parts


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._depth = self._concepts = 0

    # -- parts of the text -------------------------------------------------------------------

    def blank(self) -> int:
        """Skip blanks. Returns the place after them."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.at

    def take(self, symbol: str) -> bool:
        if not self.text.startswith(symbol, self.blank()):
            return False
        self.at += len(symbol)
        return True

    def sees(self, symbol: str) -> bool:
        return self.text.startswith(symbol, self.blank())

    def need(self, symbol: str, or_else: str = "") -> None:
        if not self.take(symbol):
            raise _Unexpected(self.at, f"'{symbol}'{or_else}")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.blank())
        if match is not None:
            self.at = match.end()
        return match

    # -- rules -------------------------------------------------------------------------------

    def expression(self) -> ExpressionParts:
        is_primitive = not self.take("===") and self.take("<<<")
        return self.sub_expression(is_primitive)

    def sub_expression(self, is_primitive: bool = False) -> ExpressionParts:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _Unexpected(self.at, f"an expression of at most {DEEPEST} nested parts")
        foci = [self.reference()]
        while self.take("+"):
            foci.append(self.reference())
        alone, groups = self.refinement() if self.take(":") else ((), ())
        self._depth -= 1
        return ExpressionParts(tuple(foci), alone, groups, is_primitive)

    def refinement(
        self,
    ) -> tuple[tuple[AttributeValuePair, ...], tuple[tuple[AttributeValuePair, ...], ...]]:
        alone: list[AttributeValuePair] = []
        groups: list[tuple[AttributeValuePair, ...]] = []
        if self.sees("{"):
            groups.append(self.group())
        else:
            alone.append(self.attribute())
            while self.take(","):
                if self.sees("{"):
                    groups.append(self.group())
                    break
                alone.append(self.attribute())
        while self.sees("{") or self.sees(","):
            self.take(",")
            groups.append(self.group())
        return tuple(alone), tuple(groups)

    def group(self) -> tuple[AttributeValuePair, ...]:
        self.need("{")
        pairs = [self.attribute()]
        while self.take(","):
            pairs.append(self.attribute())
        self.need("}", " or ','")
        return tuple(pairs)

    def attribute(self) -> AttributeValuePair:
        name = self.reference()
        self.need("=")
        return AttributeValuePair(name, self.value())

    def value(self) -> PartValue:
        if self.take("("):
            nested = self.sub_expression()
            self.need(")")
            return nested.concept or nested
        if literal := self.match(_STRING) or self.match(_NUMBER) or self.match(_BOOLEAN):
            return Literal.read(literal[0])
        for symbol, what in (("#", "a number after '#'"), ('"', "a text that ends with '\"'")):
            if self.sees(symbol):
                raise _Unexpected(self.at, what)
        return self.reference("a concept, '(', '#', a text in quotes, true or false")

    def reference(self, expected: str = "a concept") -> Reference:
        at = self.blank()
        id_ = self.match(_ID)
        if id_ is None:
            is_number = _DIGITS.match(self.text, at) is not None
            raise _Unexpected(at, "an identifier of 6 to 18 digits" if is_number else expected)
        self._concepts += 1
        if self._concepts > MOST_CONCEPTS:
            raise _Unexpected(at, f"an expression of at most {MOST_CONCEPTS} concepts")
        return Reference(id_[0], self._term(), at)

    def _term(self) -> str | None:
        if not self.sees("|"):
            return None
        at, term = self.at, self.match(_TERM)
        if term is None or not term[1]:
            raise _Unexpected(at, "a term that ends with '|'")
        return term[1]
