"""Codes of ICD that are written together, over any copy of a classification that has some.

ICD-10 and ICD-10-GM: dual coding, ``J21.8+ B95.6*``; https://terminology.hl7.org/ICD.html. ICD-11: clusters of stem
codes and extension codes, ``NC72.Z&XK8G``; https://icdcdn.who.int/icd11referenceguide/en/html/index.html, 2.10. Each
is one code, that of one Coding, and a member of a value set only as itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from terminology.core import issues
from terminology.core.languages import Languages
from terminology.core.model import Concept, ConceptDetail, Filter, Issue, Property
from terminology.systems.description import CodeShape
from terminology.systems.protocol import CodeSystem, Selection, WrappedCodeSystem, open_selection

ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
OLD_ICD10GM = "http://fhir.de/CodeSystem/dimdi/icd-10-gm"
ICD11 = "http://id.who.int/icd/release/11/mms"

# More codes than anybody writes together.
_MOST_PARTS = 30
_LONGEST = 400


@dataclass(slots=True, frozen=True)
class CombinedPart:
    """One code of several, and its mark: after it in ICD-10, before it in ICD-11, "" without one."""

    code: str
    mark: str


class Combining:
    """How a classification writes codes together."""

    name = ""
    example = ""

    def is_written_so(self, code: str) -> bool:
        """Whether a text is several codes, or a code with a mark; it may be malformed."""
        raise NotImplementedError

    def parts(self, code: str) -> list[CombinedPart] | None:
        """The codes in their order; None if the text is malformed."""
        raise NotImplementedError

    def broken_rule(self, parts: Sequence[CombinedPart] | None) -> str | None:
        """The rule that the parts break, as the end of a sentence; None if they break none."""
        raise NotImplementedError

    def doubt(self, code: str) -> Issue | None:
        """A warning about a code of the list that stands alone."""
        return None

    def may_be_code(self, code: str) -> bool:
        """Whether a text that is written so breaks no rule; a list is not asked."""
        return not self.is_written_so(code) or self.broken_rule(self.parts(code)) is None


class DualCoding(Combining):
    """ICD-10: the underlying disease (``†`` or ``+``) comes first, then manifestations (``*``) and others (``!``)."""

    name, example = "ICD-10", "J21.8+ B95.6*"
    _PART = re.compile(r"([^\s+*!†]+)([+*!†]?)")
    _MARKS = "+*!†"

    def is_written_so(self, code: str) -> bool:
        return " " in code or code[-1:] in tuple(self._MARKS)

    def parts(self, code: str) -> list[CombinedPart] | None:
        matches = [self._PART.fullmatch(part) for part in code[:_LONGEST].split(" ")]
        if len(code) > _LONGEST or len(matches) > _MOST_PARTS:
            return None
        # The dagger is also written as a plus.
        parts = [CombinedPart(match[1], match[2].replace("†", "+")) for match in matches if match is not None]
        return parts if len(parts) == len(matches) else None

    def broken_rule(self, parts: Sequence[CombinedPart] | None) -> str | None:
        if parts is None:
            return "codes have one blank between them, and perhaps one mark each (+ or †, * or !), as in J21.8+ B95.6*"
        if len(parts) > 1 and parts[0].mark in ("*", "!"):
            return (
                f"the underlying disease comes first, and '{parts[0].code}{parts[0].mark}' is a further code"
            )
        later = next((part.code for part in parts[1:] if part.mark == "+"), None)
        return later and f"'{later}' has the mark of the underlying disease, which comes first"


class Clustering(Combining):
    """ICD-11: a stem code, then further ones after ``/`` and extension codes after ``&``."""

    name, example = "ICD-11", "NC72.Z&XK8G"
    _PART = re.compile(r"([/&]?)([^/&\s]+)")

    def is_written_so(self, code: str) -> bool:
        return "/" in code or "&" in code

    def parts(self, code: str) -> list[CombinedPart] | None:
        matches = list(self._PART.finditer(code[:_LONGEST]))
        if "".join(match[0] for match in matches) != code or len(matches) > _MOST_PARTS:
            return None
        return [CombinedPart(match[2], match[1]) for match in matches]

    def broken_rule(self, parts: Sequence[CombinedPart] | None) -> str | None:
        if not parts or parts[0].mark:
            return "stem codes are joined by '/', and extension codes follow after '&', as in NC72.Z&XK8G"
        for part in parts:
            is_extension = part.code.startswith("X")
            if part.mark == "" and is_extension:
                return f"a stem code comes first, and '{part.code}' is an extension code"
            if part.mark == "/" and is_extension:
                return f"a stem code follows after '/', and '{part.code}' is an extension code"
            if part.mark == "&" and not is_extension:
                return f"an extension code follows after '&', and '{part.code}' is a stem code"
        return None

    def doubt(self, code: str) -> Issue | None:
        return issues.extension_code_alone(code) if re.fullmatch(_EXTENSION, code) else None


# Neither has I or O. A stem code: a letter at the second place, a digit at the third, and perhaps a dot and one or two.
_STEM = r"[1-9A-HJ-NP-WYZ][A-HJ-NP-Z][0-9][0-9A-HJ-NP-Z](?:\.[0-9A-HJ-NP-Z]{1,2})?"
_EXTENSION = r"X[0-9A-HJ-NP-Z]{2,6}(?:\.[0-9A-HJ-NP-Z]{1,2})?"
DUAL_CODING, CLUSTERING = DualCoding(), Clustering()
COMBINING: dict[str, Combining] = {
    ICD10: DUAL_CODING,
    ICD10GM: DUAL_CODING,
    OLD_ICD10GM: DUAL_CODING,
    ICD11: CLUSTERING,
}

_CATEGORY = "[A-Z][0-9]{2}"
# With the marks of dual coding, several with blanks between them.
_CODE10 = rf"{_CATEGORY}(?:\.(?:[0-9]{{1,2}}-?|-))?[+*!†]?"
SHAPE10 = CodeShape(
    rf"{_CODE10}(?: {_CODE10})*|{_CATEGORY}-{_CATEGORY}|[IVX]{{1,5}}|[0-9]{{1,2}}",
    "a capital letter and two digits, and then perhaps a dot and more digits; of several codes, one blank apart, that "
    "of the underlying disease comes first",
    DUAL_CODING.may_be_code,
)
SHAPE11 = CodeShape(
    rf"(?:{_STEM}|{_EXTENSION})(?:[/&](?:{_STEM}|{_EXTENSION}))*|[0-9]{{2}}|[VX]",
    "four characters (a letter at the second place, a digit at the third, neither I nor O), and then perhaps a dot and "
    "one or two more, or begins with X; a stem code comes first, others after '/', extension codes after '&'",
    CLUSTERING.may_be_code,
)


class CombinedCodeSystem(WrappedCodeSystem):
    """A copy of a classification with the codes that are written together."""

    def __init__(self, system: CodeSystem, combining: Combining) -> None:
        super().__init__(system)
        self.about = replace(system.about, has_expressions=True)
        self._combining = combining

    def locate(self, code: str) -> Concept | None:
        concept = self._system.locate(code)
        if concept is not None or not self._combining.is_written_so(code):
            return concept
        concepts = self._concepts(code)
        if concepts is None:
            return None
        display = "; ".join(each.display or each.code for each in concepts)
        return Concept(code, display, inactive=any(each.inactive for each in concepts))

    def is_expression(self, code: str) -> bool:
        return self._combining.is_written_so(code) and self._system.locate(code) is None

    def remarks(self, code: str) -> Sequence[Issue]:
        if not self.is_expression(code):
            doubt = self._combining.doubt(code)
            return () if doubt is None else [doubt]
        reason = self._reason(code)
        if reason is None or (self.about.is_fragment and self._combining.may_be_code(code)):
            return ()
        return [issues.reason_for_unknown_code(reason)]

    def _reason(self, code: str) -> str | None:
        """The reason why an expression cannot be a code; None if it is one."""
        parts, name = self._combining.parts(code), self._combining.name
        rule = self._combining.broken_rule(parts)
        if rule is not None:
            return issues.combination_breaks_rule(code, name, rule)
        unknown = next((part.code for part in parts or () if self._system.locate(part.code) is None), None)
        return unknown and issues.part_of_combination_unknown(code, name, unknown, self.about)

    def _concepts(self, code: str) -> list[Concept] | None:
        """The concepts of the parts of an expression; None if it cannot be a code."""
        parts = self._combining.parts(code)
        if parts is None or self._combining.broken_rule(parts) is not None:
            return None
        concepts = [self._system.locate(part.code) for part in parts]
        return None if None in concepts else [each for each in concepts if each is not None]

    def describe(self, codes: Sequence[str]) -> Mapping[str, ConceptDetail]:
        details = self._system.describe(codes)
        if len(details) == len(codes):
            return details
        expressions = {
            code: self._concepts(code) for code in codes if code not in details and self.is_expression(code)
        }
        return {
            **details,
            **{code: _detail(concepts) for code, concepts in expressions.items() if concepts is not None},
        }

    def subsumes(self, ancestor: str, descendant: str) -> bool:
        """An expression is only above one that has the same codes in the same order, whatever their marks."""
        if self.is_expression(ancestor) or self.is_expression(descendant):
            return self._meaning(ancestor) == self._meaning(descendant)
        return self._system.subsumes(ancestor, descendant)

    def _meaning(self, code: str) -> list[str]:
        """The codes of an expression as the list writes them, or a code of the list."""
        parts = self._combining.parts(code) if self.is_expression(code) else None
        names = [part.code for part in parts] if parts else [code]
        concepts = ((name, self._system.locate(name)) for name in names)
        return [name if concept is None else concept.code for name, concept in concepts]

    def select(
        self, filters: Sequence[Filter] = (), text: str | None = None, languages: Languages | None = None
    ) -> Selection:
        selection = self._system.select(filters, text, languages)
        names = [self._named(filter_) for filter_ in filters]
        if text or None in names:
            return selection

        def accepts(code: str) -> bool:
            is_named = all(code in codes for codes in names if codes is not None)
            return is_named and self.is_expression(code) and self._concepts(code) is not None

        return open_selection(
            selection, accepts, issues.combinations_are_unclosed(self.about, self._combining.example)
        )

    def _named(self, filter_: Filter) -> frozenset[str] | None:
        """The expressions that a filter names; None if it names none."""
        if filter_.property not in ("code", "concept") or filter_.op not in ("=", "in"):
            return None
        codes = [filter_.value] if filter_.op == "=" else [item.strip() for item in filter_.value.split(",")]
        expressions = frozenset(code for code in codes if self.is_expression(code))
        return expressions or None

    def doubts(self, filters: Sequence[Filter]) -> list[Issue]:
        """Of filters that name no expression: the values of the others are those of listed codes."""
        return self._system.doubts([each for each in filters if self._named(each) is None])


def _detail(concepts: Sequence[Concept]) -> ConceptDetail:
    return ConceptDetail([], [Property("part", "code", each.code, each.display) for each in concepts])
