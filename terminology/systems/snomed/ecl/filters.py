"""The parser of ``{{ … }}``: filters on concepts, descriptions and members, and history supplements.

ECL 2.2, 6.7 to 6.11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.texts import words
from terminology.systems.snomed.ecl.expression import (
    ByActive,
    ByColumn,
    ByDefinitionStatus,
    ByDialect,
    ByIdentifier,
    ByLanguage,
    ByModule,
    ByTerm,
    ByTime,
    ByType,
    ConceptFilter,
    Constraint,
    Described,
    DescriptionFilter,
    Dialect,
    Filtered,
    Focus,
    MemberFilter,
    MemberOf,
    Text,
    Truth,
    Value,
    WithHistory,
    any_of,
)
from terminology.systems.snomed.ecl.text_reader import TextReader
from terminology.systems.snomed.identifiers import (
    ACCEPTABLE,
    DEFINED,
    DEFINITION,
    DIALECTS,
    FSN,
    PREFERRED,
    PRIMITIVE,
    SYNONYM,
    is_identifier,
)

Rule = Callable[[TextReader], Constraint]
T = TypeVar("T")

LETTERS = {
    "c": "c",
    "concept": "c",
    "d": "d",
    "description": "d",
    "m": "m",
    "member": "m",
}
TYPES = {
    "syn": SYNONYM,
    "synonym": SYNONYM,
    "fsn": FSN,
    "fullyspecifiedname": FSN,
    "def": DEFINITION,
    "definition": DEFINITION,
}
STATUSES = {"primitive": PRIMITIVE, "defined": DEFINED}
ACCEPTABILITIES = {
    "accept": ACCEPTABLE,
    "acceptable": ACCEPTABLE,
    "prefer": PREFERRED,
    "preferred": PREFERRED,
}
SUFFIXES = ("MIN", "MOD", "MAX")
TIMES = ("!=", "<>", "<=", ">=", "=", "<", ">")

_DIGITS = re.compile(r"[0-9]+")
_DIALECT = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_LANGUAGE = re.compile(r"[A-Za-z]{2}(?![A-Za-z-])")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9]*")
NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_TIME = re.compile(r"([0-9]{8})?")
_ESCAPED = re.compile(r'\\(["\\*])')
_TYPED = re.compile(r'\(?\s*(?:(?:match|wild|exact)\s*:\s*)?"', re.IGNORECASE)
_HISTORY = re.compile(r"history(?:[-_](min|mod|max))?(?![A-Za-z-])", re.IGNORECASE)


def filtered(
    reader: TextReader, of: Constraint, constraint: Rule, sub_constraint: Rule, only: str | None = None
) -> Constraint:
    """``of`` with the filters that follow it.

    ``constraint`` and ``sub_constraint`` read these rules; ``only`` is the one kind of filter that may follow.
    """
    read = FilterParser(reader, constraint, sub_constraint)
    while reader.sees("{{"):
        before = reader.at
        reader.costly()
        reader.need("{{")
        if only != "m" and reader.take("+"):
            with_history: Constraint = read.history(of)
            reader.need("}}")
            return with_history
        letter = reader.meaning(LETTERS) or "d"
        if letter == "m" and isinstance(of, MemberOf):
            of = MemberOf(of.of, of.column, (*of.filters, *read.several(read.member_filter)), of.at)
        elif only == "m":
            reader.at = before
            return of
        else:
            of = read.after(of, letter, before)
        reader.need("}}")
    return of


def search_texts(reader: TextReader) -> tuple[Text, ...]:
    """The texts of a typedSearchTerm or typedSearchTermSet; none where neither begins here."""
    if reader.sees("(") and _TYPED.match(reader.text, reader.at):
        reader.need("(")
        texts = []
        while not reader.take(")"):
            texts.append(_search_text(reader))
        return tuple(texts)
    return (_search_text(reader),) if _TYPED.match(reader.text, reader.at) else ()


def _search_text(reader: TextReader) -> Text:
    kind = reader.take_word("match", "wild", "exact") or "match"
    if not reader.sees('"'):
        reader.need(":")
    text = reader.quoted()
    if text is None:
        raise reader.expected("a text in quotes")
    if kind == "match" and not words(text):
        raise reader.expected("a text with a word in it before this")
    # In a text with wild cards an escape says that a star is only a character.
    return Text(kind, text if kind == "wild" else _ESCAPED.sub(r"\1", text))


class FilterParser:
    """Reads the filters in one pair of braces."""

    def __init__(self, reader: TextReader, constraint: Rule, sub_constraint: Rule) -> None:
        self._reader, self._constraint, self._sub_constraint = reader, constraint, sub_constraint

    def after(self, of: Constraint, letter: str, at: int) -> Constraint:
        if letter == "m":
            raise TerminologyError(issues.bad_expression(self._reader.text, at, "'^' before member filters"))
        if letter == "c":
            return Filtered(of, tuple(self.several(self.concept_filter)))
        return Described(of, tuple(self.several(self.description_filter)))

    def several(self, one: Callable[[], T]) -> list[T]:
        filters = [one()]
        while self._reader.take(","):
            filters.append(one())
        return filters

    # -- on concepts -------------------------------------------------------------------------

    def concept_filter(self) -> ConceptFilter:
        keyword = self._keyword(
            "definitionstatusid", "definitionstatus", "moduleid", "effectivetime", "active"
        )
        if keyword == "definitionstatusid":
            return ByDefinitionStatus(self._is_equal(), self._concepts())
        if keyword == "definitionstatus":
            return ByDefinitionStatus(self._is_equal(), self._tokens(STATUSES))
        return self._of_component(keyword)

    def _of_component(self, keyword: str) -> ByModule | ByTime | ByActive:
        if keyword == "moduleid":
            return ByModule(self._is_equal(), self._concepts())
        return self._time() if keyword == "effectivetime" else self._active()

    def _active(self) -> ByActive:
        is_equal = self._is_equal()
        value = self._reader.one_of(("0", "1", "*", '"*"')) or self._reader.take_word("true", "false")
        if value is None:
            raise self._reader.expected("1, 0, true, false or *")
        if value in ("*", '"*"'):
            if not is_equal:
                raise self._reader.expected("'=' before the '*' which is")
            return ByActive(None)
        return ByActive((value in ("1", "true")) == is_equal)

    def _time(self) -> ByTime:
        comparison = self._reader.one_of(TIMES)
        if comparison is None:
            raise self._reader.expected("a comparison such as '>='")
        comparison = "!=" if comparison == "<>" else comparison
        if not self._reader.take("("):
            return ByTime(comparison, (self._one_time(),))
        times = [self._one_time()]
        while not self._reader.take(")"):
            times.append(self._one_time())
        return ByTime(comparison, tuple(times))

    def _one_time(self) -> str:
        at = self._reader.at
        text = self._reader.quoted()
        if text is None or not _TIME.fullmatch(text):
            self._reader.at = at
            raise self._reader.expected('a day as "YYYYMMDD"')
        return text

    # -- on descriptions ---------------------------------------------------------------------

    def description_filter(self) -> DescriptionFilter:
        keyword = self._keyword(
            "term",
            "language",
            "typeid",
            "type",
            "dialectid",
            "dialect",
            "moduleid",
            "effectivetime",
            "active",
            "id",
        )
        rules: Mapping[str, Callable[[], DescriptionFilter]] = {
            "term": self._term,
            "language": self._language,
            "typeid": lambda: ByType(self._is_equal(), self._concepts()),
            "type": lambda: ByType(self._is_equal(), self._tokens(TYPES)),
            "dialectid": lambda: self._dialects(self._dialect_by_id),
            "dialect": lambda: self._dialects(self._dialect_by_alias),
            "id": self._identifier,
        }
        return rules[keyword]() if keyword in rules else self._of_component(keyword)

    def _term(self) -> ByTerm:
        is_equal = self._is_equal()
        texts = search_texts(self._reader)
        if not texts:
            raise self._reader.expected("a text in quotes")
        return ByTerm(is_equal, texts)

    def _language(self) -> ByLanguage:
        is_equal = self._is_equal()
        many = self._reader.take("(")
        languages = [self._one_language()]
        while many and not self._reader.take(")"):
            languages.append(self._one_language())
        return ByLanguage(is_equal, tuple(languages))

    def _one_language(self) -> str:
        language = self._reader.match(_LANGUAGE)
        if language is None:
            raise self._reader.expected("a language of two letters")
        return language.lower()

    def _identifier(self) -> ByIdentifier:
        is_equal = self._is_equal()
        many = self._reader.take("(")
        descriptions = [self._description()]
        while many and not self._reader.take(")"):
            descriptions.append(self._description())
        return ByIdentifier(is_equal, tuple(descriptions))

    def _description(self) -> Focus:
        """A description is named by its identifier, which has 01 or 11 before the check digit."""
        reader = self._reader
        reader.blank()
        at = reader.at
        id_ = reader.match(_DIGITS)
        if id_ is None or not is_identifier(id_) or id_[-3:-1] not in ("01", "11"):
            reader.at = at
            raise reader.expected("the identifier of a description")
        return Focus(id_, at)

    def _dialects(self, one: Callable[[], Constraint | None]) -> ByDialect:
        is_equal = self._is_equal()
        dialects = []
        if self._reader.take("("):
            while not self._reader.take(")"):
                dialects.append(Dialect(self._dialect(one), self._acceptability()))
        else:
            dialects.append(Dialect(self._dialect(one)))
        common = self._acceptability()
        if common:
            dialects = [Dialect(d.refset, d.acceptability or common) for d in dialects]
        return ByDialect(is_equal, tuple(dialects))

    def _dialect(self, one: Callable[[], Constraint | None]) -> Constraint:
        dialect = one()
        if dialect is None:
            raise self._reader.expected("a dialect")
        return dialect

    def _dialect_by_id(self) -> Constraint | None:
        return self._sub_constraint(self._reader)

    def _dialect_by_alias(self) -> Constraint | None:
        self._reader.blank()
        at = self._reader.at
        alias = self._reader.match(_DIALECT)
        if alias is None:
            return None
        refset = DIALECTS.get(alias.casefold())
        if refset is None:
            raise self._reader.unsupported(f"the dialect '{alias}' (give its reference set: dialectId)", at)
        return Focus(refset, at)

    def _acceptability(self) -> tuple[str, ...]:
        if not self._reader.take("("):
            return ()
        ids = []
        while not self._reader.take(")"):
            token = self._reader.meaning(ACCEPTABILITIES)
            ids.append(token or self._reference().id)
        if not set(ids) <= {PREFERRED, ACCEPTABLE}:
            raise self._reader.expected("'accept' or 'prefer' before this")
        return tuple(sorted(set(ids)))

    # -- on members --------------------------------------------------------------------------

    def member_filter(self) -> MemberFilter:
        reader = self._reader
        reader.blank()
        at = reader.at
        keyword = reader.take_word("moduleid", "effectivetime", "active")
        if keyword is not None:
            return self._of_component(keyword)
        column = reader.match(_COLUMN)
        if column is None:
            raise reader.expected("a column of a reference set")
        comparison = reader.one_of(TIMES) or ("!=" if reader.take_word("not") else None)
        if comparison is None:
            raise reader.expected("a comparison such as '='")
        if reader.text[reader.at - 3 : reader.at].casefold() == "not":
            reader.need("=")
        return ByColumn(
            column.casefold(), "!=" if comparison == "<>" else comparison, self._cell(comparison), at
        )

    def _cell(self, comparison: str) -> Value:
        """The value that a cell is compared with: a number, texts or days, true or false, or concepts."""
        reader = self._reader
        if reader.take("#"):
            number = reader.match(NUMBER)
            if number is None:
                raise reader.expected("a number")
            return Decimal(number)
        if comparison in ("=", "!=", "<>"):
            truth = reader.take_word("true", "false")
            return Truth(truth) if truth else search_texts(reader) or self._sub_constraint(reader)
        return (Text("exact", self._one_time()),)

    # -- history -----------------------------------------------------------------------------

    def history(self, of: Constraint) -> WithHistory:
        self._reader.blank()
        keyword = _HISTORY.match(self._reader.text, self._reader.at)
        if keyword is None:
            raise self._reader.expected("'HISTORY'")
        self._reader.at = keyword.end()
        if keyword[1]:
            return WithHistory(of, keyword[1].upper())
        if not self._reader.take("("):
            return WithHistory(of, "MAX")
        refsets = self._constraint(self._reader)
        self._reader.need(")")
        return WithHistory(of, "", refsets)

    # -- parts that filters share ------------------------------------------------------------

    def _keyword(self, *known: str) -> str:
        keyword = self._reader.take_word(*known)
        if keyword is None:
            raise self._reader.expected(f"one of {', '.join(known)}")
        return keyword

    def _is_equal(self) -> bool:
        comparison = self._reader.one_of(("!=", "<>", "="))
        if comparison is None and self._reader.take_word("not"):
            self._reader.need("=")
            return False
        if comparison is None:
            raise self._reader.expected("'=' or '!='")
        return comparison == "="

    def _reference(self) -> Focus:
        concept = self._sub_constraint(self._reader)
        if not isinstance(concept, Focus):
            raise self._reader.expected("a concept before this")
        return concept

    def _concepts(self) -> Constraint:
        """An expression, or several concepts in brackets with only blanks between them."""
        before = self._reader.at
        if self._reader.take("("):
            concepts = []
            while self._is_reference():
                concepts.append(self._reference())
            if len(concepts) > 1 and self._reader.take(")"):
                return any_of(concepts)
            self._reader.at = before
        return self._sub_constraint(self._reader)

    def _is_reference(self) -> bool:
        self._reader.blank()
        digits = _DIGITS.match(self._reader.text, self._reader.at)
        return digits is not None and is_identifier(digits[0])

    def _tokens(self, known: Mapping[str, str]) -> Constraint:
        many = self._reader.take("(")
        concepts = [self._token(known)]
        while many and not self._reader.take(")"):
            concepts.append(self._token(known))
        return any_of(concepts)

    def _token(self, known: Mapping[str, str]) -> Focus:
        at = self._reader.at
        id_ = self._reader.meaning(known)
        if id_ is None:
            raise self._reader.expected(f"one of {', '.join(known)}")
        return Focus(id_, at)
