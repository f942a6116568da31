"""Languages that a request asks for, and the display in these.

Languages come as in HTTP's ``Accept-Language``: ranges with weights. HL7's ecosystem ("languages" page) adds
that ``de`` alone means "German, or else any language", and ``de, *;q=0`` means "German only" (``insist``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Designation, Document

_RANGE = re.compile(r"^(\*|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*(-\*)?)$")
# The ranges of one list. Each is compared with the language of each designation.
MOST_LANGUAGES = 50
_PREFERRED = ("preferredForLanguage", "display")
# The use of a designation that is an entry of an alphabetic index: it leads to a code, and is not its name.
INDEX_TERM = "index-term"

STANDARDS_STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
PREFERRED_FOR_LANGUAGE: Document = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
    "display": "Preferred For Language",
}


@dataclass(slots=True, frozen=True)
class Languages:
    """Language ranges, the best first.

    ``insist`` excludes all other languages; ``text`` is the parameter as it came.
    """

    ranges: tuple[str, ...]
    insist: bool = False
    text: str = field(default="", compare=False, repr=False)

    @staticmethod
    def parse(text: str) -> Languages | None:
        """Read ``de-CH, fr;q=0.8, *;q=0``; None when no language in particular is asked for.

        Raises TerminologyError when it is not a list of language ranges, or too long a one.

        >>> Languages.parse("fr;q=0.5, de-CH")
        Languages(ranges=('de-CH', 'fr'), insist=False)
        >>> Languages.parse("*") is None
        True
        """
        items = [item for item in text.split(",") if item.strip()]
        if len(items) > MOST_LANGUAGES:
            raise TerminologyError(issues.too_many_languages(len(items), MOST_LANGUAGES))
        weighed = [_weighed(item, text) for item in items]
        ranges = sorted((w for w in weighed if w[0] != "*" and w[1] > 0), key=lambda w: -w[1])
        if not ranges:
            return None
        return Languages(tuple(range_ for range_, _ in ranges), ("*", 0.0) in weighed, text)

    def rank(self, tag: str | None) -> tuple[int, int] | None:
        """How well a language tag fits: smaller is better, None is not at all."""
        if tag is None:
            return None
        for place, range_ in enumerate(self.ranges):
            fit = _fit(range_.lower().removesuffix("-*"), tag.lower())
            if fit is not None:
                return place, fit
        return None


def _weighed(item: str, whole: str) -> tuple[str, float]:
    range_, _, parameter = (part.strip() for part in item.partition(";"))
    name, _, weight = (part.strip() for part in parameter.partition("="))
    try:
        q = float(weight) if name == "q" else 1.0
    except ValueError:
        q = -1.0
    if not _RANGE.match(range_) or name not in ("", "q") or not 0 <= q <= 1:
        raise TerminologyError(issues.bad_language(whole))
    return range_, q


def _fit(range_: str, tag: str) -> int | None:
    """RFC 4647: the tag itself, then a narrower one (de for de-AT), then a wider one (de-CH finds de)."""
    if range_ == tag:
        return 0
    if tag.startswith(range_ + "-"):
        return 1
    if range_.startswith(tag + "-"):
        return 2
    return None


def best_display(
    display: str | None,
    language: str | None,
    designations: Iterable[Designation],
    languages: Languages | None,
) -> str | None:
    """The display in the best of the languages, else the usual one; None if ``languages`` insist and none fits.

    A concept without a display is shown by one of its designations. Every operation uses this function.
    """
    if languages is None and display:
        return display
    usual = Designation(display, language, PREFERRED_FOR_LANGUAGE) if display else None
    chosen = best_designation(usual, designations, languages)
    return chosen.value if chosen else None


def best_designation(
    usual: Designation | None, designations: Iterable[Designation], languages: Languages | None
) -> Designation | None:
    """The designation that is the display of a concept in the best of the languages.

    ``usual`` is its display where no language is asked for; without one, a designation is. None if the
    languages insist and none fits, or if there is neither display nor designation. Index terms are left out.
    """
    if languages is None and usual:
        return usual
    designations = [designation for designation in designations if not is_index_term(designation)]
    if languages is None:
        return min(designations, key=_preference, default=None)
    candidates = [] if usual is None else [(languages.rank(usual.language), 0, usual)]
    candidates += [(languages.rank(d.effective_language), _preference(d), d) for d in designations]
    fitting = [(rank, preference, d) for rank, preference, d in candidates if rank is not None]
    if fitting:
        return min(fitting, key=lambda candidate: candidate[:2])[2]
    return None if languages.insist else usual or min(designations, key=_preference, default=None)


def _preference(designation: Designation) -> int:
    """Preferred terms before plain ones, those before terms with some special use, withdrawn ones last."""
    if is_withdrawn(designation):
        return 4
    uses = uses_of(designation)
    if not uses:
        return 2
    return 1 if any(use.get("code") in _PREFERRED for use in uses) else 3


def uses_of(designation: Designation) -> list[Document]:
    """``use`` and ``additionalUse``."""
    return [use for use in (designation.use, *designation.additional_use) if use]


def is_index_term(designation: Designation) -> bool:
    """Whether a designation is an entry of an alphabetic index: texts find it, and nobody is shown it as a display."""
    return designation.use is not None and designation.use.get("code") == INDEX_TERM


def is_withdrawn(designation: Designation) -> bool:
    """A designation that should not be used any more (tx-ecosystem, "Inactive Codes")."""
    return any(
        extension.get("url") == STANDARDS_STATUS and extension.get("valueCode") in ("withdrawn", "deprecated")
        for extension in designation.extension
    )


def matching(designations: Iterable[Designation], languages: Sequence[str]) -> list[Designation]:
    """The designations in one of these languages, each a basic range (RFC 4647)."""
    return [
        d
        for d in designations
        if d.language and any(_fit(range_.lower(), d.language.lower()) in (0, 1) for range_ in languages)
    ]
