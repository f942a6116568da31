"""Is this the right display for a code?

Right is every way to say the concept, in a language that was asked for; upper and lower case do not count.
To validate is stricter than to show: ``de`` means German and nothing else, unless ``*`` is asked for as well
(tx-ecosystem, "languages", Validation).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, Languages, is_withdrawn
from terminology.core.model import CodeSystemInfo, Concept, Designation, Issue

# Our own mark: the words are not the code system's, which has displays that may not be shown here.
PLAIN_LANGUAGE = "plain-language"
_DISPLAY_USES = frozenset(
    {"display", "preferredForLanguage", "preferred", "900000000000003001", "900000000000013009"}
)
SNOMED_INACTIVE = "900000000000546006"


@dataclass(slots=True, frozen=True)
class Displays:
    """All ways to say one concept. ``default_language`` is that of the code system."""

    ways: Sequence[Designation]
    default_language: str | None

    @staticmethod
    def of(concept: Concept, about: CodeSystemInfo, designations: Iterable[Designation]) -> Displays:
        if not concept.display:
            return Displays(list(designations), about.language)
        own = Designation(concept.display, about.language, PREFERRED_FOR_LANGUAGE)
        return Displays([own, *designations], about.language)

    def and_(self, others: Displays) -> Displays:
        """The ways of both, the same only once."""
        ways = {(way.value, way.language): way for way in [*others.ways, *self.ways]}
        kept = [way for way in [*self.ways, *others.ways] if ways.get((way.value, way.language)) is way]
        return Displays(kept, self.default_language)

    def in_languages(self, asked: Languages | None) -> list[Designation]:
        """What may be said in the languages asked for; what has no language may be said in any."""
        if asked is None or _takes_any(asked):
            return list(self.ways)
        return [way for way in self.ways if way.language is None or asked.rank(way.language) is not None]

    def in_default_language(self) -> list[Designation]:
        return [way for way in self.ways if way.language in (None, self.default_language)]


def wrong_display(
    given: str, displays: Displays, coding: str, code: str, asked: Languages | None
) -> Issue | None:
    """What is to be said of a display: nothing if it is right.

    ``coding`` is the code with its system, as messages name it.
    """
    if not displays.ways:
        return issues.no_display_to_compare(given, coding)
    ways = displays.in_languages(asked)
    same = [way for way in ways if _alike(way.value, given)]
    current = [way for way in ways if not is_inactive(way)]
    if any(way in current for way in same):
        return None
    if same:
        status = inactive_status(same[0])
        return issues.display_no_longer_correct(given, code, status, _values(_proper(current)))
    if not current:
        return _none_in_language(given, displays, coding, asked)
    only_blanks = any(_without_blanks(way.value) == _without_blanks(given) for way in current)
    known = [_quoted(way) for way in _proper(current)]
    return issues.wrong_display(given, coding, known, _named(asked), only_blanks)


def _none_in_language(given: str, displays: Displays, coding: str, asked: Languages | None) -> Issue:
    """Nothing is known in the language asked for: what is right in the usual one is right after all."""
    usual = displays.in_default_language() or list(displays.ways)
    if any(_alike(way.value, given) for way in usual):
        return issues.display_in_default_language(given, coding, _named(asked))
    return issues.wrong_display_no_language(given, coding, _named(asked), _proper(usual)[0].value)


def are_of_others(displays: Displays) -> bool:
    """Are the words here somebody's else, so that a display cannot be held against them?"""
    return any((way.use or {}).get("code") == PLAIN_LANGUAGE for way in displays.ways)


def is_inactive(way: Designation) -> bool:
    return is_withdrawn(way) or (way.use or {}).get("code") == SNOMED_INACTIVE


def inactive_status(way: Designation) -> str:
    """HL7's ecosystem calls a designation deprecated, be it marked so or as withdrawn."""
    return "deprecated" if is_withdrawn(way) else "inactive"


def _takes_any(asked: Languages) -> bool:
    return "*" in asked.text and not asked.insist


def _proper(ways: Sequence[Designation]) -> list[Designation]:
    """The displays proper, without terms for special uses; those only when there is nothing else."""
    proper = [way for way in ways if way.use is None or way.use.get("code") in _DISPLAY_USES]
    return list({way.value: way for way in reversed(proper or list(ways))}.values())[::-1]


def _values(ways: Iterable[Designation]) -> list[str]:
    return [way.value for way in ways]


def _quoted(way: Designation) -> str:
    return f"'{way.value}'" + (f" ({way.language})" if way.language else "")


def _named(asked: Languages | None) -> str:
    return "--" if asked is None else asked.text or ", ".join(asked.ranges)


def _alike(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _without_blanks(text: str) -> str:
    return "".join(text.casefold().split())
