"""CPT: its codes, and the modifiers that follow them after a colon, for any copy of it.

https://terminology.hl7.org/CPT.html. A copy, bundled or imported, has base codes and modifiers. ``CptCodeSystem`` adds
the codes that are made of both, such as ``57520:51``: they are read, and never listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from terminology.core import issues
from terminology.core.cache import Cache
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Concept, ConceptDetail, Document, Filter, Issue, Property
from terminology.systems.description import (
    COMPARING,
    CodeShape,
    DescribedProperty,
    Describing,
    FilterRule,
    ImplicitValueSet,
    NotOffered,
    SystemDescription,
)
from terminology.systems.protocol import CodeSystem, Selection, WrappedCodeSystem, open_selection

URL = "http://www.ama-assn.org/go/cpt"
# The notice that the AMA prescribes, word for word.
NOTICE = (
    "CPT © Copyright {year} American Medical Association. All rights reserved. AMA and CPT are registered "
    "trademarks of the American Medical Association."
)

# -- the shapes of codes -------------------------------------------------------------------------

CODE = re.compile(r"[0-9]{5}|[0-9]{4}[A-Z]")
MODIFIER = re.compile(r"[0-9]{2}|[1-8]P|[A-Z][A-Z0-9]")
MARK = ":"
_RANGE = "-"
# A claim has four; a text of more than these is not read.
MOST_MODIFIERS = 20
EXPRESSION = re.compile(rf"(?:{CODE.pattern})(?:{MARK}(?:{MODIFIER.pattern})){{1,{MOST_MODIFIERS}}}")
_PHYSICAL_STATUS = re.compile("P[1-6]")


def kinds_by_shape(code: str) -> frozenset[str]:
    """The kinds that a code or modifier has by its shape alone.

    >>> sorted(kinds_by_shape("0001F")), sorted(kinds_by_shape("P1")), sorted(kinds_by_shape("LT"))
    (['cat-2'], ['physical-status'], ['hcpcs'])
    """
    if MODIFIER.fullmatch(code) is None:
        return frozenset({"cat-2" if code.endswith("F") else "code"})
    if _PHYSICAL_STATUS.fullmatch(code):
        return frozenset({"physical-status"})
    if code.isdigit():
        return frozenset({"cat-1"})
    return frozenset({"cat-2" if code[0].isdigit() else "hcpcs"})


def within(ranges: str) -> Callable[[str], bool]:
    """A test whether a code is one of a list of codes and of ranges, both ends included. Raises ValueError.

    Only codes of one length and one category, which is their last letter, are in a range.

    >>> test = within("00100-01999, 92920, 0001T-0009T")
    >>> test("00100"), test("02000"), test("92920"), test("0005T"), test("0005U")
    (True, False, True, True, False)
    """
    items = [item.strip() for item in ranges.split(",")]
    single = frozenset(item for item in items if "-" not in item)
    pairs = [tuple(end.strip() for end in item.split("-")) for item in items if "-" in item]
    for pair in pairs:
        if len(pair) != 2 or not all(map(CODE.fullmatch, pair)) or _category(pair[0]) != _category(pair[1]):
            raise ValueError(ranges)
        if pair[0] > pair[1]:
            raise ValueError(ranges)

    def test(code: str) -> bool:
        return code in single or any(
            first <= code <= last and len(code) == len(first) and _category(code) == _category(first)
            for first, last in pairs
        )

    return test


def _category(code: str) -> str:
    """The letter that ends the codes of one category; empty for Category I."""
    return "" if code[-1:].isdigit() else code[-1:]


# The bytes of the details that are kept with the properties that their shapes give them.
_ROOM = 5_000_000


# -- codes with modifiers ------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class CptPart:
    """A base code or a modifier of an expression. ``has_telemedicine`` is None where the release does not say."""

    code: str
    kinds: Collection[str]
    has_telemedicine: bool | None = None
    inactive: bool = False
    is_here: bool = True


@dataclass(slots=True, frozen=True)
class ModifierRule:
    """The base codes that some modifiers may follow. ``text`` completes "the modifier X may ..."."""

    applies: Callable[[CptPart], bool]
    allows: Callable[[CptPart], bool]
    text: str


def _named(*codes: str) -> Callable[[CptPart], bool]:
    return lambda part: part.code in codes


def _of_kind(kind: str) -> Callable[[CptPart], bool]:
    return lambda part: kind in part.kinds


def _within(ranges: str) -> Callable[[CptPart], bool]:
    test = within(ranges)
    return lambda part: test(part.code)


_INFANTS = (
    "20100-69990, 92920, 92928, 92953, 92960, 92986, 92987, 92990, 92997, 92998, 93312-93318, 93452, 93505, 93563, "
    "93564, 93568, 93569, 93573-93575, 93580-93582, 93590-93598, 93615, 93616"
)
_TESTS_FOR_HIV = "86701, 86702, 86703, 87389"
RULES = (
    ModifierRule(_of_kind("cat-2"), _of_kind("cat-2"), "follow only a Category II code"),
    ModifierRule(_of_kind("physical-status"), _within("00100-01999"), "follow only 00100-01999"),
    ModifierRule(_named("50", "51"), lambda base: "cat-2" not in base.kinds, "not follow a Category II code"),
    ModifierRule(_named("63"), _within(_INFANTS), f"follow only {_INFANTS}"),
    ModifierRule(_named("92"), _within(_TESTS_FOR_HIV), f"follow only {_TESTS_FOR_HIV}"),
    ModifierRule(
        _named("95"),
        lambda base: base.has_telemedicine is not False,
        "follow only a code with the property telemedicine",
    ),
)
# Of each of these sets an expression has one at most.
EXCLUSIVE = (
    frozenset({"25", "57", "59"}),
    frozenset({"52", "53", "73", "74"}),
    frozenset({"76", "77", "78", "79"}),
    frozenset({"93", "95"}),
)
_NEEDED_WITH_HCPCS = "59"


def broken_rule(code: str, base: CptPart, modifiers: Sequence[CptPart]) -> str | None:
    """The reason why a base code and modifiers make no code, as a sentence; None if they make one."""
    for modifier in modifiers:
        for rule in RULES:
            if rule.applies(modifier) and not rule.allows(base):
                return issues.modifier_breaks_rule(code, modifier.code, rule.text)
    codes = [modifier.code for modifier in modifiers]
    hcpcs = next((modifier.code for modifier in modifiers if "hcpcs" in modifier.kinds), None)
    if hcpcs is not None and _NEEDED_WITH_HCPCS not in codes:
        rule_text = f"only stand beside the modifier {_NEEDED_WITH_HCPCS}"
        return issues.modifier_breaks_rule(code, hcpcs, rule_text)
    for exclusive in EXCLUSIVE:
        if len(several := sorted(exclusive.intersection(codes))) > 1:
            return issues.modifiers_exclude_each_other(code, several)
    return None


def may_be_code(code: str) -> bool:
    """Whether some release of CPT may have a code, as its shape and the rules for modifiers say."""
    if MARK not in code:
        return CODE.fullmatch(code) is not None or MODIFIER.fullmatch(code) is not None
    if EXPRESSION.fullmatch(code) is None:
        return False
    base, *modifiers = (CptPart(part, kinds_by_shape(part)) for part in code.split(MARK))
    return broken_rule(code, base, modifiers) is None


# -- filters and value sets ----------------------------------------------------------------------


def _boolean(filter_: Filter) -> bool:
    if filter_.value not in ("true", "false"):
        raise TerminologyError(issues.bad_filter_value(filter_, "true or false"))
    return filter_.value == "true"


def _by_modifier(filters: Any, filter_: Filter) -> Any:
    """By the property, and where the release does not have it, by the shape."""
    is_modifier = _boolean(filter_)
    if "modifier" in filters.declared:
        modifiers = filters.own_values("modifier").having(("true",))
    else:
        modifiers = filters.codes().matching(lambda code: MODIFIER.fullmatch(code) is not None, "")
    return modifiers if is_modifier else filters.everything() - modifiers


def _by_modified(filters: Any, filter_: Filter) -> Any:
    """No code that a release lists has a modifier."""
    return filters.nothing() if _boolean(filter_) else filters.everything()


def _by_kind(filters: Any, filter_: Filter) -> Any:
    if "kind" in filters.declared:
        return filters.compared(filter_, filters.own_values("kind"))
    kinds = {filter_.value} if filter_.op == "=" else {kind.strip() for kind in filter_.value.split(",")}
    return filters.codes().matching(lambda code: not kinds.isdisjoint(kinds_by_shape(code)), "")


def _by_code(filters: Any, filter_: Filter) -> Any:
    if filter_.op == "in" and _RANGE in filter_.value:
        return filters.codes().matching(_ranges(filter_), "")
    return filters.compared(filter_, filters.codes())


def _by_base_code(filters: Any, filter_: Filter) -> Any:
    """No code that a release lists has a base code besides itself."""
    _ranges(filter_)
    return filters.nothing()


def _ranges(filter_: Filter) -> Callable[[str], bool]:
    try:
        return within(filter_.value)
    except ValueError:
        expected = "codes and ranges of codes of one category, as in 20100-69990, 92920"
        raise TerminologyError(issues.bad_filter_value(filter_, expected)) from None


def _by_statement(filters: Any, filter_: Filter) -> Any:
    """``false`` has all codes of which the release does not say ``true``."""
    value = _boolean(filter_)
    if filter_.property not in filters.declared:
        raise TerminologyError(issues.property_without_values(filter_, filters.about))
    having = filters.own_values(filter_.property).having(("true",))
    return having if value else filters.everything() - having


def _value_set(name: str, title: str, *includes: Sequence[tuple[str, str]]) -> ImplicitValueSet:
    """A value set that HL7 defines; each include has filters, which compare a property with ``true`` or ``false``."""

    def make(system: Describing, url: str) -> Document:
        notice = notice_of(system.about.version)
        nodes = [
            {
                "system": URL,
                **(
                    {"filter": [{"property": p, "op": "=", "value": v} for p, v in filters]}
                    if filters
                    else {}
                ),
                "copyright": notice,
            }
            for filters in includes
        ]
        return {
            "resourceType": "ValueSet",
            "url": url,
            "name": name,
            "status": "active",
            "compose": {"include": nodes},
        }

    content = "; ".join(
        " and ".join(f"`{p} = {v}`" for p, v in filters) or "everything" for filters in includes
    )
    return ImplicitValueSet(f"http://hl7.org/fhir/ValueSet/{title}", content, make)


def notice_of(version: str | None) -> str:
    """The notice that the AMA prescribes, with the year of a version.

    >>> notice_of("2026")[:35]
    'CPT © Copyright 2026 American Medic'
    """
    year = re.match("[0-9]{4}", version or "")
    return NOTICE.format(year=year[0]) if year else NOTICE.replace(" {year}", "")


_BASE = (("modified", "false"), ("modifier", "false"))

DESCRIPTION = SystemDescription(
    url=URL,
    name="CPT",
    codes=(
        "Base codes: `ddddd` (Category I), `ddddF`, `ddddT`, `ddddU`, `ddddM`. Modifiers: two characters (`51`, "
        "`P1`, `1P`, `LT`). A base code with modifiers, each after a colon and in any order (`57520:51`), is a code, "
        "too, by the rules that HL7's server checks: modifiers of Category II only after such a code, physical "
        "status only after 00100-01999, HCPCS modifiers only beside `59`; `63`, `92` and `95` only after some codes, "
        "`50` and `51` not after Category II; at most one of `25 57 59`, of `52 53 73 74`, of `76 77 78 79`, of `93 "
        "95`. Other marks than colons get a hint. A fragment accepts base codes and modifiers that it lacks, if "
        "their shapes allow them, with a warning; so does a release that came without the file of modifiers. A map "
        "that does not have a code with modifiers translates its base code; targets equivalent to that are then "
        "broader. Expansions list codes with modifiers only where a value set enumerates them, and are unclosed "
        "where others are in it."
    ),
    displays=(
        "The long descriptor; every other descriptor of the code is right, too. A code with modifiers has none: "
        "`$lookup` repeats the code, and no display of it can be wrong."
    ),
    versions="The year of use, from the names of the files and folders, or else from the notice.",
    inactive="None; a code with modifiers is inactive if one of its parts is.",
    has_hierarchy=False,
    subsumption="None; the order of modifiers does not matter.",
    copyright=NOTICE.format(year="[year]"),
    source="https://terminology.hl7.org/CPT.html",
    shape=CodeShape(
        "[0-9A-Z:]*",
        "five digits, or four digits and a letter, each with perhaps a colon and a modifier of two characters that may "
        "follow it, or is a modifier",
        lambda code: may_be_code(code),
    ),
    properties=(
        DescribedProperty("modifier", "boolean", "Whether the concept is a modifier."),
        DescribedProperty("modified", "boolean", "Whether the code has modifiers. False for every code of a list."),
        DescribedProperty("kind", "code", "The kind of code or modifier. A code with modifiers has none."),
        DescribedProperty("baseCode", "code", "The base code of a code with modifiers. Not HL7's."),
        DescribedProperty("modifierCode", "code", "Each modifier of a code with modifiers. Not HL7's."),
        DescribedProperty(
            "all others", "as declared", "Of a code with modifiers: what its base code has beyond HL7's properties."
        ),
    ),
    filters=(
        FilterRule(
            ("modifier",), ("=",), "`true`, `false`",
            "the modifiers; all others, among them the codes with modifiers", _by_modifier,
        ),
        FilterRule(
            ("modified",), ("=",), "`true`, `false`", "the codes with modifiers, which are not listed; all others",
            _by_modified,
        ),
        FilterRule(
            ("kind",), ("=", "in"), "a kind, or a list", "codes and modifiers, never a code with modifiers", _by_kind
        ),
        FilterRule(
            ("code",), COMPARING, "for `in` codes and ranges: `20100-69990, 92920`",
            "these codes, both ends of a range included; only codes of one category are in a range. A code with "
            "modifiers only where it is named itself", _by_code,
        ),
        FilterRule(
            ("baseCode",), ("=", "in"), "codes and ranges",
            "the codes with modifiers whose base code is one of these. Not HL7's", _by_base_code,
        ),
        FilterRule(
            ("telemedicine", "orthopox"), ("=",), "`true`, `false`",
            "the codes of which the release says so; all others. Refused where it says it of no code", _by_statement,
        ),
    ),
    value_sets=(
        _value_set("CPTAll", "cpt-all", ()),
        _value_set("CPTBase", "cpt-base", _BASE),
        _value_set("CPTModifiers", "cpt-modifiers", (("modifier", "true"),)),
        _value_set("CPTUsable", "cpt-usable", _BASE, (("modified", "true"),)),
    ),
    not_offered=(
        NotOffered("concepts of the kind `metadata`", "the AMA's files have none; they come from HL7's own loader"),
        NotOffered(
            "deleted codes of CPT Link (`Deleted_DTK`)",
            "that licence has files of its own, whose format nobody here has seen. A code that is not in the files of "
            "a year is not a code of that year",
        ),
        NotOffered(
            "`telemedicine` and `orthopox` of an imported release",
            "no file that the importer reads says them. A CodeSystem resource may; then the filters work",
        ),
        NotOffered(
            "the displays of supplements before those of the release, as on HL7's own server",
            "a supplement adds; the display stays that of the code system, and the others are designations",
        ),
        NotOffered(
            "at most 1,000 codes in an expansion",
            "that is the agreement of HL7's own server with the AMA; yours may be another, see the setting "
            "`largest_expansion`",
        ),
        NotOffered("the value set `cpt-active`", "HL7 does not define it; `cpt-usable` has the codes that may be used"),
        NotOffered(
            "`code regex` that selects codes with modifiers",
            "a regular expression is compared with the codes of the list only",
        ),
    ),
)  # fmt: skip

# Properties of HL7's that a code with modifiers does not have from its base code.
_OWN = frozenset({"modifier", "modified", "kind", "baseCode", "modifierCode", "telemedicine", "orthopox"})
# Filters whose values are not those that concepts of the list have.
_WITHOUT_DOUBTS = frozenset({"modifier", "modified", "baseCode"})


# -- the code system -----------------------------------------------------------------------------

_Passes = Callable[["CptReading"], bool]


@dataclass(slots=True)
class CptReading:
    """A code with modifiers as it was read. ``reason`` says why it is none, ``doubts`` what could not be checked."""

    code: str
    base: str = ""
    modifiers: Sequence[str] = ()
    inactive: bool = False
    reason: str | None = None
    doubts: list[Issue] = field(default_factory=list)


class CptCodeSystem(WrappedCodeSystem):
    """A copy of CPT with the codes that have modifiers."""

    def __init__(self, system: CodeSystem) -> None:
        super().__init__(system)
        self.about = replace(system.about, has_expressions=True)
        declared = {p.get("code") for p in (system.about.document or {}).get("property", ())}
        self._has_modifiers, self._has_telemedicine = "modifier" in declared, "telemedicine" in declared
        self._lacking = {"modifier", "modified", "kind"} - declared
        self._details: Cache[ConceptDetail] = Cache(_ROOM, lambda detail: 200 + 200 * len(detail.properties))

    def locate(self, code: str) -> Concept | None:
        concept = self._system.locate(code)
        if concept is None and MARK in code:
            reading = self._read(code)
            return None if reading.reason is not None else Concept(code, inactive=reading.inactive)
        return concept

    def is_expression(self, code: str) -> bool:
        return MARK in code and self._system.locate(code) is None

    def expression_key(self, code: str) -> str:
        return MARK.join(_in_order(code)) if self.is_expression(code) else code

    def remarks(self, code: str) -> Sequence[Issue]:
        if not self.is_expression(code):
            return ()
        reading = self._read(code)
        if reading.reason is None:
            return reading.doubts
        may_be_elsewhere = self.about.is_fragment and may_be_code(code)
        return () if may_be_elsewhere else [issues.reason_for_unknown_code(reading.reason)]

    # -- reading -----------------------------------------------------------------------------

    def _read(self, code: str) -> CptReading:
        """A code with a colon that the list does not have."""
        if EXPRESSION.fullmatch(code) is None:
            return CptReading(code, reason=issues.modifiers_malformed(code))
        base, *modifiers = code.split(MARK)
        reading = CptReading(code, base, modifiers)
        parts = self._parts([base, *modifiers])
        if not parts[0].is_here:
            reading.reason = issues.base_code_unknown(code, base, self.about)
        for part in parts[1:]:
            if not part.is_here and self._knows_modifiers:
                reading.reason = reading.reason or issues.modifier_unknown(code, part.code, self.about)
            elif not part.is_here:
                reading.doubts.append(issues.modifier_not_here(code, part.code, self.about))
        reading.reason = reading.reason or broken_rule(code, parts[0], parts[1:])
        reading.inactive = any(part.inactive for part in parts)
        return reading

    @cached_property
    def _knows_modifiers(self) -> bool:
        """Whether every modifier is here: not in a fragment, nor where a release came without the file of modifiers."""
        modifiers = iter(self._system.select([Filter("modifier", "=", "true")]))
        return self.about.content == "complete" and next(modifiers, None) is not None

    def _parts(self, codes: Sequence[str]) -> list[CptPart]:
        details = self._system.describe(codes)
        return [self._part(code, details.get(code), is_base) for code, is_base in _with_place(codes)]

    def _part(self, code: str, detail: ConceptDetail | None, is_base: bool) -> CptPart:
        concept = None if detail is None else self._system.locate(code)
        if concept is None or detail is None or self._is_modifier(code, detail) is is_base:
            return CptPart(code, kinds_by_shape(code), is_here=False)
        kinds = [str(p.value) for p in detail.properties if p.code == "kind"]
        telemedicine = _states(detail, "telemedicine") if self._has_telemedicine else None
        return CptPart(code, kinds or kinds_by_shape(code), telemedicine, concept.inactive)

    def _is_modifier(self, code: str, detail: ConceptDetail) -> bool:
        if self._has_modifiers:
            return _states(detail, "modifier")
        return MODIFIER.fullmatch(code) is not None

    # -- the questions about concepts --------------------------------------------------------

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        details = self._system.describe(codes)
        if self._lacking:
            details = {code: self._with_shape(code, detail) for code, detail in details.items()}
        if len(details) == len(codes):
            return details
        readings = (self._read(code) for code in codes if code not in details and MARK in code)
        return {**details, **{r.code: self._detail(r) for r in readings if r.reason is None}}

    def _with_shape(self, code: str, detail: ConceptDetail) -> ConceptDetail:
        """The detail with the properties that a copy of CPT lacks which does not declare them."""
        return self._details.get(code, lambda: self._shaped(code, detail))

    def _shaped(self, code: str, detail: ConceptDetail) -> ConceptDetail:
        by_shape = [
            Property("modifier", "boolean", MODIFIER.fullmatch(code) is not None),
            Property("modified", "boolean", False),
            *(Property("kind", "code", kind) for kind in kinds_by_shape(code)),
        ]
        properties = [each for each in by_shape if each.code in self._lacking]
        return ConceptDetail(detail.designations, [*properties, *detail.properties], detail.extension)

    def _detail(self, reading: CptReading) -> ConceptDetail:
        """The parts of a code with modifiers, and the properties of its base code that are not HL7's."""
        base = self._system.describe([reading.base])[reading.base]
        properties = [
            Property("modifier", "boolean", False),
            Property("modified", "boolean", True),
            Property("baseCode", "code", reading.base, self._display(reading.base)),
            *(Property("modifierCode", "code", m, self._display(m)) for m in reading.modifiers),
        ]
        return ConceptDetail([], [*properties, *(p for p in base.properties if p.code not in _OWN)])

    def _display(self, code: str) -> str | None:
        concept = self._system.locate(code)
        return None if concept is None else concept.display

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        if self.is_expression(ancestor) and self.is_expression(descendant):
            return _in_order(ancestor) == _in_order(descendant)
        return self._system.subsumes(ancestor, descendant)

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        selection = self._system.select(filters, text, languages)
        tests = [self._test(filter_) for filter_ in filters]
        if text or None in tests:
            return selection
        passing = [test for test in tests if test is not None]

        def accepts(code: str) -> bool:
            if not self.is_expression(code):
                return False
            reading = self._read(code)
            return reading.reason is None and all(test(reading) for test in passing)

        return open_selection(selection, accepts, issues.codes_with_modifiers_are_unclosed(self.about))

    def _test(self, filter_: Filter) -> _Passes | None:
        """The codes with modifiers that pass a filter; None if there are none."""
        name, op, value = filter_.property, filter_.op, filter_.value
        if name == "modifier":
            return (lambda reading: True) if (op, value) == ("=", "false") else None
        if name == "modified":
            return (lambda reading: True) if (op, value) == ("=", "true") else None
        if name == "baseCode":
            test = within(value)
            return lambda reading: test(reading.base)
        if name in ("code", "concept") and op in ("=", "in") and MARK in value:
            codes = frozenset([value] if op == "=" else map(str.strip, value.split(",")))
            return lambda reading: reading.code in codes
        if name in _OWN or not self._is_added(name):
            return None
        selection = self._system.select([filter_])
        return lambda reading: reading.base in selection

    def _is_added(self, name: str) -> bool:
        """Whether a property is one that somebody has added to CPT."""
        documents = [self.about.document or {}, *self.supplement_documents]
        return any(name in (p.get("code"), p.get("uri")) for d in documents for p in d.get("property", ()))

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        """Of filters whose values are those of listed codes: a range, and a code with modifiers, is none."""
        listed = (each for each in filters if each.property not in _WITHOUT_DOUBTS)
        return self._system.doubts(
            [each for each in listed if each.property != "code" or not {_RANGE, MARK} & set(each.value)]
        )

    def implied_value_set(self, canonical: str) -> Document | None:
        value_set = self._system.implied_value_set(canonical)
        return value_set and {**value_set, "copyright": notice_of(self.about.version)}


def _with_place(codes: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each part of a code with modifiers, and whether it is the base code."""
    return ((code, place == 0) for place, code in enumerate(codes))


def _states(detail: ConceptDetail, name: str) -> bool:
    return any(p.code == name and p.value is True for p in detail.properties)


def _in_order(code: str) -> list[str]:
    """The parts of a code with modifiers, whose order does not matter."""
    base, *modifiers = code.split(MARK)
    return [base, *sorted(modifiers)]
