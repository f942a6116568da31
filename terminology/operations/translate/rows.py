"""The rows of a map for a code, also where the map writes the code in another case or without a modifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from terminology.catalogue.concept_map import ConceptMapRow, Rows
from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.model import Coding
from terminology.operations.spelling import base_code
from terminology.systems.cpt import MARK
from terminology.systems.cpt import URL as CPT
from terminology.systems.protocol import CodeSystem


@dataclass(slots=True)
class FoundRows:
    """The rows of a code; ``note`` is a sentence if the map does not have the code as it was sent.

    ``are_of_base``: they are those of the base code, which means more than the code with its modifiers.
    """

    rows: Sequence[ConceptMapRow] = ()
    note: str | None = None
    are_of_base: bool = False


NO_ROWS = FoundRows()


def find_rows(catalogue: Catalogue, rows: Rows, coding: Coding) -> FoundRows:
    """The rows of a coding of one end of a group: those of its very code, else of its other cases or its base code.

    Case counts unless the code system says otherwise: https://hl7.org/fhir/R5/codesystem-definitions.html
    """
    code = coding.code or ""
    exact = rows.of(code)
    if exact:
        return FoundRows(exact)
    same = codes_in_other_case(catalogue, rows, coding)
    if not same:
        return _rows_of_base(rows, coding)
    note = issues.map_has_code_in_other_case(code, same, coding.system)
    return FoundRows([row for other in same for row in rows.of(other)], note)


def _rows_of_base(rows: Rows, coding: Coding) -> FoundRows:
    """The rows of a code without its modifiers (CPT, HCPCS)."""
    parts = base_code(coding.system, coding.code or "")
    if parts is None:
        return NO_ROWS
    base, modifiers = parts
    base_rows = rows.of(base)
    if not base_rows:
        return NO_ROWS
    note = issues.translated_without_modifier(coding.code, base, modifiers)
    with_colons = MARK.join([base, *modifiers.split(", ")]).upper()
    if coding.system == CPT and coding.code != with_colons:
        note = f"{note} {issues.modifiers_follow_colons(with_colons)}"
    return FoundRows(base_rows, note, are_of_base=True)


def for_narrower(row: ConceptMapRow, reverse: bool) -> ConceptMapRow:
    """The row of a code, for one that means less. ``reverse``: the code is the target of the row.

    It is not stated that a code with modifiers is narrower than its base code, but it is equivalent to nothing that the
    base code is equivalent to.
    """
    closest, lost = (
        ("source-is-broader-than-target", "source-is-narrower-than-target")
        if reverse
        else ("source-is-narrower-than-target", "source-is-broader-than-target")
    )
    if row.relationship == "equivalent":
        return replace(row, relationship=closest, word=None)
    return replace(row, relationship="related-to", word=None) if row.relationship == lost else row


def lists(catalogue: Catalogue, rows: Rows, coding: Coding) -> bool:
    """True if one end of a group has the code, in any case if case does not count."""
    return coding.code in rows or bool(codes_in_other_case(catalogue, rows, coding))


def codes_in_other_case(catalogue: Catalogue, rows: Rows, coding: Coding) -> list[str]:
    """The listed codes that differ from a code in case only, and are the same code in its code system."""
    code = coding.code or ""
    if code.upper() == code.lower():
        return []
    similar = [other for other in rows.spelled_like(code) if _differs_in_case(code, other)]
    if not similar:
        return []
    url = coding.system or ""
    system = catalogue.find_system(url, coding.version) or catalogue.find_system(url)
    return [] if system is None else sorted({other for other in similar if _is_same(system, code, other)})


def is_same_code(catalogue: Catalogue, url: str, code: str, other: str) -> bool:
    """True if two codes differ in case at most, and are one code of the code system."""
    if not _differs_in_case(code, other):
        return code == other
    system = catalogue.find_system(url)
    return system is not None and _is_same(system, code, other)


def _differs_in_case(code: str, other: str) -> bool:
    return other != code and other.casefold() == code.casefold()


def _is_same(system: CodeSystem, code: str, other: str) -> bool:
    """True if two codes that differ in case are one code of the code system.

    Where it does not say whether case matters, it may have a concept for each of them.
    """
    if system.about.case_sensitive is False:
        return True
    one, two = system.locate(code), system.locate(other)
    if one is None or two is None:
        return system.about.case_sensitive is None
    return one.code == two.code
