"""Results of lookup and translate as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from terminology.core.issues.translate_hints import for_command_line
from terminology.core.model import Coding
from terminology.library.explanation_lines import columns, explanation_lines
from terminology.library.result_parts import (
    ResultDesignation,
    ResultMatch,
    ResultProperty,
)
from terminology.library.results import LookupResult, TranslateResult

_MATCH = ("relationship", "system", "code", "display", "map", "note")


def lookup_lines(result: LookupResult) -> Iterator[str]:
    """One line for each fact about the concept, ``name  value``."""
    facts = [
        ("name", result.name),
        ("version", result.version),
        ("display", result.display),
        ("definition", result.definition),
        ("code", result.code),
        ("system", result.system),
        ("abstract", result.is_abstract),
    ]
    yield from columns(
        [
            *((name, _text(value)) for name, value in facts if value is not None),
            *(_designation(designation) for designation in result.designations),
            *(_property(property_) for property_ in result.properties),
            *(("used-supplement", canonical) for canonical in result.used_supplements),
        ]
    )


def _designation(designation: ResultDesignation) -> tuple[str, str]:
    uses = [use for use in (designation.use, *designation.additional_use) if use is not None]
    names = ", ".join(_text(use.display or use.code) for use in uses)
    name = f"designation {designation.language or ''}".strip()
    return name, f"{_text(designation.value)}{f' (use: {names})' if names else ''}"


def _property(property_: ResultProperty) -> tuple[str, str]:
    description = f" ({_text(property_.description)})" if property_.description is not None else ""
    return property_.code, f"{_text(property_.value)}{description}"


def translate_lines(result: TranslateResult) -> Iterator[str]:
    """A table of the matches, below the message about them all."""
    if result.message:
        yield for_command_line(_text(result.message))
    rows = [_match(match) for match in result.matches]
    if rows:
        yield from columns([_MATCH, *rows])
    if result.explanation is not None:
        yield from explanation_lines(result.explanation)


def _match(match: ResultMatch) -> tuple[str, ...]:
    concept = match.concept or Coding()
    notes = [_text(match.comment)] if match.comment else []
    for condition in match.depends_on:
        notes.append(f"if {condition.attribute.rpartition('#')[2]}={_text(condition.value)}")
    coding = (concept.system or "", concept.code or "", concept.display or "")
    return match.relationship or "no map", *coding, match.origin_map or "", "; ".join(notes)


def _text(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Coding):
        return f"{value.system or ''}|{value.code or ''} {value.display or ''}".strip()
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
