"""The displays that a coding may have, and the issue for one that it may not have.

Every designation in a requested language is right, whatever its case. A validation is stricter than an
answer: ``de`` means German and nothing else, unless ``*`` is requested as well (tx-ecosystem, "languages",
Validation).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terminology.core import issues
from terminology.core.languages import PREFERRED_FOR_LANGUAGE, Languages, is_index_term, is_withdrawn
from terminology.core.model import CodeSystemInfo, Concept, Designation, Issue

# A use of our own, for words that are not those of the code system: its displays need a licence.
PLAIN_LANGUAGE = "plain-language"
# The uses of designations that are displays: HL7's, and SNOMED CT's synonym and fully specified name.
_DISPLAY_USES = frozenset(
    {"display", "preferredForLanguage", "preferred", "900000000000003001", "900000000000013009"}
)
SNOMED_INACTIVE = "900000000000546006"


@dataclass(slots=True)
class Displays:
    """All designations of one concept that are displays, its display among them.

    ``default_language`` is the language of the code system. Terms of an index are left out.
    """

    designations: Sequence[Designation]
    default_language: str | None

    def __post_init__(self) -> None:
        self.designations = [each for each in self.designations if not is_index_term(each)]

    @staticmethod
    def of(concept: Concept, about: CodeSystemInfo, designations: Iterable[Designation]) -> Displays:
        if not concept.display:
            return Displays(list(designations), about.language)
        display = Designation(concept.display, about.language, PREFERRED_FOR_LANGUAGE)
        return Displays([display, *designations], about.language)

    def in_languages(self, requested: Languages | None) -> list[Designation]:
        """Those in a requested language; one without a language is in any."""
        if requested is None or _allows_any(requested):
            return list(self.designations)
        languages = ((d, d.effective_language) for d in self.designations)
        return [d for d, tag in languages if tag is None or requested.rank(tag) is not None]

    def in_default_language(self) -> list[Designation]:
        return [d for d in self.designations if d.effective_language in (None, self.default_language)]


def display_issue(
    display: str, displays: Displays, coding: str, code: str, requested: Languages | None
) -> Issue | None:
    """The issue for the display of a coding; None if it is right.

    ``coding`` is the code with its system, as messages name it.
    """
    if not displays.designations:
        return issues.no_display_to_compare(display, coding)
    designations = displays.in_languages(requested)
    equal = [d for d in designations if _equals(d.value, display)]
    current = [d for d in designations if not is_inactive(d)]
    if any(d in current for d in equal):
        return None
    if equal:
        status = inactive_status(equal[0])
        return issues.display_no_longer_correct(display, code, status, _values(_proper_displays(current)))
    if not current:
        return _no_display_issue(display, displays, coding, requested)
    only_blanks = any(_without_blanks(d.value) == _without_blanks(display) for d in current)
    valid = [_quoted(d) for d in _proper_displays(current)]
    return issues.wrong_display(display, coding, valid, language_text(requested), only_blanks)


def _no_display_issue(display: str, displays: Displays, coding: str, requested: Languages | None) -> Issue:
    """No display is known in a requested language; then one in the default language will do."""
    default = displays.in_default_language() or list(displays.designations)
    if any(_equals(d.value, display) for d in default):
        return issues.display_in_default_language(display, coding, language_text(requested))
    valid = _proper_displays(default)[0].value
    return issues.wrong_display_no_language(display, coding, language_text(requested), valid)


def are_plain_language(displays: Displays) -> bool:
    """Whether some words are not the code system's own, so that they cannot prove a display wrong."""
    return any((d.use or {}).get("code") == PLAIN_LANGUAGE for d in displays.designations)


def is_inactive(designation: Designation) -> bool:
    return is_withdrawn(designation) or (designation.use or {}).get("code") == SNOMED_INACTIVE


def inactive_status(designation: Designation) -> str:
    """The status in messages: HL7's ecosystem says "deprecated" of withdrawn designations, too."""
    return "deprecated" if is_withdrawn(designation) else "inactive"


def _allows_any(requested: Languages) -> bool:
    return "*" in requested.text and not requested.insist


def _proper_displays(designations: Sequence[Designation]) -> list[Designation]:
    """Those whose use is that of a display, each value once; if there are none, all."""
    proper = [d for d in designations if d.use is None or d.use.get("code") in _DISPLAY_USES]
    return list({d.value: d for d in reversed(proper or list(designations))}.values())[::-1]


def _values(designations: Iterable[Designation]) -> list[str]:
    return [designation.value for designation in designations]


def _quoted(designation: Designation) -> str:
    return f"'{designation.value}'" + (f" ({designation.language})" if designation.language else "")


def language_text(requested: Languages | None) -> str:
    """The requested languages, as messages name them."""
    return "--" if requested is None else requested.text or ", ".join(requested.ranges)


def _equals(one: str, other: str) -> bool:
    """Case does not count, nor do blanks at the ends, which the parameters of a request lose."""
    return one.casefold().strip() == other.casefold().strip()


def _without_blanks(text: str) -> str:
    return "".join(text.casefold().split())
