"""The filters of docs/systems.md on LOINC, RxNorm and NDC as questions, with the codes that the files say.

Each property is asked by each operator, and in each form of its values.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from terminology.systems import loinc, rxnorm
from tests.support import loinc_files, ndc_files, rxnorm_files

# Values of a property that are asked about one by one.
EACH = 5
UNKNOWN = "nothing of this name"


@dataclass(slots=True)
class Question:
    """A filter, or the url of an implicit value set, and the codes that are in it; ordered, or in any order."""

    property: str
    op: str
    value: str
    codes: list[str]
    is_ordered: bool = False
    url: str = ""

    def text(self) -> str:
        return self.url or f"{self.property} {self.op} {self.value!r}"

    def kind(self) -> str:
        """The filter and operator that is asked."""
        return self.url and "implicit value set" or f"{self.property.lower()} {self.op}"


def _asked(property_: str, op: str, value: str, codes: Iterable[str]) -> Question:
    return Question(property_, op, value, sorted(codes))


def _some(chance: random.Random, values: Iterable[str], count: int = EACH) -> list[str]:
    ordered = sorted(values)
    return chance.sample(ordered, min(count, len(ordered)))


def _without_commas(values: Iterable[str]) -> list[str]:
    return [value for value in values if "," not in value][:3]


def _lists(property_: str, items: Sequence[str], union: set[str], everything: set[str]) -> Iterator[Question]:
    """``in`` and ``not-in``: a list with blanks and an unknown value in it, in either case."""
    if items:
        yield _asked(property_, "in", ",".join(items), union)
        yield _asked(property_, "in", " , ".join([*items, UNKNOWN]), union)
        yield _asked(property_, "not-in", ", ".join(items), everything - union)


def _presence(property_: str, having: set[str], everything: set[str]) -> Iterator[Question]:
    yield _asked(property_, "exists", "true", having)
    yield _asked(property_, "exists", "false", everything - having)


def _codes_of(name: str, codes: set[str], chance: random.Random) -> Iterator[Question]:
    """``code`` and ``concept``."""
    some = _some(chance, codes)
    for code in some:
        yield _asked(name, "=", code, {code})
        pattern = code[:-2] + ".*"
        yield _asked(name, "regex", pattern, (c for c in codes if re.fullmatch(pattern, c)))
    yield _asked(name, "in", " , ".join(some), some)
    yield _asked(name, "not-in", ",".join(some), codes - set(some))
    yield from _presence(name, codes, codes)


# -- LOINC ---------------------------------------------------------------------------------------


def loinc_questions(plain: loinc_files.PlainLoinc, chance: random.Random) -> Iterator[Question]:
    """The filters and implicit value sets of LOINC."""
    everything = plain.codes
    not_asked = {"Answer", "AnswerList"}
    for property_ in sorted(set(plain.values) - not_asked):
        yield from _loinc_values(plain, property_, chance)
    for other, property_ in loinc.OTHER_NAMES.items():
        for value in _some(chance, {value for own in plain.values[property_].values() for value in own}, 2):
            yield _asked(other, "=", value.upper(), plain.having(property_, value))
            yield _asked(other, "regex", re.escape(value), plain.matching(property_, re.escape(value), False))
        yield from _presence(other, set(plain.values[property_]), everything)
    for name in ("code", "concept"):
        yield from _codes_of(name, everything, chance)
        code = chance.choice(sorted(c for c in everything if c.startswith("LP")))
        yield _asked(name, "=", code.lower(), {code})
    yield from _loinc_hierarchy(plain, chance)
    yield from _loinc_answers(plain, chance)
    yield Question("", "", "", sorted(everything), url=loinc.VALUE_SET)


def _loinc_values(plain: loinc_files.PlainLoinc, property_: str, chance: random.Random) -> Iterator[Question]:
    """The part, its name and the text of the table, in any case."""
    values = {value for own in plain.values[property_].values() for value in own}
    some = _some(chance, values)
    for place, value in enumerate(some):
        written = (str.lower, str.upper, str.title)[place % 3](value)
        yield _asked(property_, "=", written, plain.having(property_, value))
    yield _asked(property_, "=", UNKNOWN, ())
    listed = _without_commas(some)
    upper = [value.upper() for value in listed]
    yield from _lists(property_, upper, plain.having(property_, *listed), plain.codes)
    for pattern, is_anywhere in _patterns(some):
        yield _asked(
            property_, "regex", pattern, plain.matching(property_, pattern.replace("^^", "^"), is_anywhere)
        )
    having = {code for code, own in plain.values[property_].items() if own}
    yield from _presence(property_, having, plain.codes)


def _patterns(values: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Patterns, each with whether it matches anywhere: of the whole, of a beginning and end, and with anchors."""
    short = [value for value in values if len(value) < 100][:2]
    for value in short:
        yield re.escape(value).upper(), False
        yield re.escape(value[:3]) + ".*", False
        if value[1:4]:
            yield re.escape(value[1:4]), False
        yield "^" + re.escape(value[:4]), True
        yield re.escape(value[-3:]) + "$", True
    if len(short) == 2:
        yield "|".join(map(re.escape, short)), False


def _loinc_hierarchy(plain: loinc_files.PlainLoinc, chance: random.Random) -> Iterator[Question]:
    everything = plain.codes
    inner = set(plain.children)
    codes = [*_some(chance, inner), *_some(chance, set(plain.parents) - inner, 3)]
    codes.append(max(sorted(inner), key=lambda code: len(plain.below(code))))
    for code in codes:
        children, parents = plain.children.get(code, set()), plain.parents.get(code, set())
        below, above = plain.below(code), plain.above(code)
        yield _asked("parent", "=", code.lower(), children)
        yield _asked("child", "=", code, parents)
        yield _asked("ancestor", "=", code.lower(), below)
        yield _asked("descendant", "=", code, above)
        yield _asked("concept", "is-a", code, below | {code})
        yield _asked("code", "descendent-of", code, below)
        yield _asked("concept", "is-not-a", code, everything - below - {code})
        yield _asked("concept", "child-of", code, children)
        yield _asked("concept", "descendent-leaf", code, below - inner)
        yield _asked("concept", "generalizes", code, above | {code})
        if code.startswith("LP"):
            yield Question("", "", "", sorted(below), url=f"{loinc.VALUE_SET}/{code}")
    two = codes[:2]
    union = {
        "parent": [plain.children.get(code, set()) for code in two],
        "child": [plain.parents.get(code, set()) for code in two],
        "ancestor": list(map(plain.below, two)),
        "descendant": list(map(plain.above, two)),
    }
    for name, sets in union.items():
        yield _asked(name, "in", " , ".join(two), sets[0] | sets[1])
        if name in ("parent", "child"):
            yield _asked(name, "not-in", ",".join(two), everything - sets[0] - sets[1])
    for name, steps in (("parent", plain.parents), ("child", plain.children)):
        yield from _presence(name, {code for code, others in steps.items() if others}, everything)
        pattern = f"{two[0][:-3]}.*"
        matching = (c for c, others in steps.items() if any(re.fullmatch(pattern, o) for o in others))
        yield _asked(name, "regex", pattern, matching)
    yield _asked("ancestor", "=", "LP1-1", ())


def _loinc_answers(plain: loinc_files.PlainLoinc, chance: random.Random) -> Iterator[Question]:
    """The answers of lists, in the order of the lists."""
    lists = _some(chance, plain.answers)
    for list_ in lists:
        answers = plain.answers[list_]
        for name in ("answer-list", "LIST", "answers-for"):
            yield Question(name, "=", list_.lower(), answers, is_ordered=True)
        yield Question("", "", "", answers, is_ordered=True, url=f"{loinc.VALUE_SET}/{list_}")
    several = list(dict.fromkeys(answer for list_ in lists[:3] for answer in plain.answers[list_]))
    for name in ("answer-list", "LIST", "answers-for"):
        yield Question(name, "in", ", ".join(lists[:3]), several, is_ordered=True)
    for term in _some(chance, plain.lists):
        answers = {answer for list_ in plain.lists[term] for answer in plain.answers[list_]}
        yield _asked("answers-for", "=", term, answers)
    yield _asked("answer-list", "=", "LL1-1", ())


# -- RxNorm --------------------------------------------------------------------------------------


def rxnorm_questions(plain: rxnorm_files.PlainRxNorm, chance: random.Random) -> Iterator[Question]:
    """The filters and the implicit value set of RxNorm."""
    everything = plain.codes | plain.former
    texts = ("TTY", "SAB", "TUI", "STN", *rxnorm.ATTRIBUTES, rxnorm.MERGED)
    for property_ in texts:
        yield from _rxnorm_values(plain, property_, everything, chance)
    yield from _semantic_types(plain)
    general = {rel for row in rxnorm_files.RELATIONSHIPS for rel in row[2:]}
    for name in sorted({name for row in rxnorm_files.RELATIONSHIPS for name in row if name}):
        yield from _relationships(plain, name, everything, name in general, chance)
    for name in ("code", "concept"):
        yield from _codes_of(name, everything, chance)
    yield Question("", "", "", sorted(everything), url=rxnorm.VALUE_SET)


def _rxnorm_values(
    plain: rxnorm_files.PlainRxNorm, property_: str, everything: set[str], chance: random.Random
) -> Iterator[Question]:
    values = plain.values[property_]
    some = _some(chance, values)
    for place, value in enumerate(some):
        name = (property_, property_.lower(), property_.swapcase())[place % 3]
        yield _asked(name, "=", (str.lower, str.upper, str.title)[place % 3](value), values[value])
        yield _asked(name, "regex", re.escape(value).lower(), values[value])
        pattern = re.escape(value[:2]) + ".*"
        matching = (codes for other, codes in values.items() if re.fullmatch(pattern, other, re.IGNORECASE))
        yield _asked(property_, "regex", pattern, set().union(*matching))
    yield _asked(property_, "=", UNKNOWN, ())
    listed = _without_commas(some)
    union = {code for value in listed for code in values[value]}
    yield from _lists(property_, [value.upper() for value in listed], union, everything)
    yield from _presence(property_, {code for codes in values.values() for code in codes}, everything)


def _semantic_types(plain: rxnorm_files.PlainRxNorm) -> Iterator[Question]:
    for tui, (stn, sty) in rxnorm_files.SEMANTIC_TYPES.items():
        codes = plain.values["TUI"][tui]
        for text in (tui, tui.lower(), f"TUI:{tui}", f"STY:{sty}", f"STN:{stn}", f"sty: {sty.upper()}", sty):
            yield _asked("STY", "=", text, codes)
    both = plain.values["TUI"]["T200"] | plain.values["TUI"]["T109"]
    yield _asked("STY", "in", "TUI:T200, Organic Chemical", both)
    yield _asked("sty", "in", "t200,STN:A1.4.1.2.1", both)
    yield _asked("STY", "=", UNKNOWN, ())


def _relationships(
    plain: rxnorm_files.PlainRxNorm,
    name: str,
    everything: set[str],
    is_general: bool,
    chance: random.Random,
) -> Iterator[Question]:
    """A concept as ``CUI:``, or alone: the one with most relations, one that has no name here, and others."""
    values = plain.values[name]
    others = [*_some(chance, values), max(sorted(values), key=lambda other: len(values[other]))]
    for place, other in enumerate(others):
        written = (f"CUI:{other}", other, f"cui:{other}")[place % 3]
        yield _asked((name, name.swapcase())[place % 2], "=", written, values[other])
    yield _asked(name, "=", "CUI:9999999", values.get("9999999", ()))
    yield _asked(name, "=", "CUI:1", ())
    union = {code for other in others[:3] for code in values[other]}
    listed = ", ".join((f"CUI:{others[0]}", *others[1:3], "CUI:1"))
    yield _asked(name, "in", listed, union)
    if not is_general:
        yield _asked(name, "not-in", listed, everything - union)
        yield from _presence(name, {code for codes in values.values() for code in codes}, everything)
        pattern = others[0][:-2] + ".*"
        matching = (codes for other, codes in values.items() if re.fullmatch(pattern, other))
        yield _asked(name, "regex", pattern, set().union(*matching))


# -- NDC -----------------------------------------------------------------------------------------


def ndc_questions(plain: ndc_files.PlainNdc, chance: random.Random) -> Iterator[Question]:
    """The filters of NDC: values as the directory writes them; codes of products, with 10 and with 11 digits."""
    everything = set(plain.displays)
    for property_ in ndc_files.PROPERTIES:
        values = plain.values[property_]
        some = _some(chance, values)
        for value in some:
            yield _asked(property_, "=", value, values[value])
            yield _asked(property_, "regex", re.escape(value), values[value])
            pattern = re.escape(value[:3]) + ".*"
            matching = (codes for other, codes in values.items() if re.fullmatch(pattern, other))
            yield _asked(property_, "regex", pattern, set().union(*matching))
        long = next((value for value in sorted(values) if len(value) > 250), None)
        if long is not None:
            yield _asked(property_, "=", long, values[long])
        yield _asked(property_, "=", UNKNOWN, ())
        listed = _without_commas(some)
        yield from _lists(property_, listed, {c for value in listed for c in values[value]}, everything)
        yield from _presence(property_, {code for codes in values.values() for code in codes}, everything)
    for name in ("code", "concept"):
        for codes in (plain.products, plain.packages, set(plain.forms)):
            for code in _some(chance, codes, 2):
                yield _asked(name, "=", code, {code})
        yield from _codes_of(name, everything, chance)
