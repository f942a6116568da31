"""The results of the commands that ask, as tables."""

from __future__ import annotations

from typing import Any

from terminology.cli.answers import AnswerTable
from terminology.core.issues.translate_hints import for_command_line
from terminology.core.model import Coding
from terminology.library.explanation_lines import explanation_lines
from terminology.library.result_parts import (
    ExpansionConcept,
    ResultDesignation,
    ResultMatch,
    ResultProperty,
)
from terminology.library.results import (
    ExpandResult,
    LookupResult,
    SearchResult,
    SubsumesResult,
    TranslateResult,
    ValidateResult,
)

_VALIDATION = ("result", "system", "code", "display", "message")
_EXPANSION = ("system", "code", "display", "note")
_RESOURCE = ("id", "url", "version", "status", "title")
_MATCH = ("relationship", "system", "code", "display", "map", "note")


def lookup_table(result: LookupResult) -> AnswerTable:
    """A row for each fact about the concept: its name and its value."""
    facts = [
        ("name", result.name),
        ("version", result.version),
        ("display", result.display),
        ("definition", result.definition),
        ("code", result.code),
        ("system", result.system),
        ("abstract", result.is_abstract),
    ]
    rows = [
        *((name, _text(value)) for name, value in facts if value is not None),
        *(_designation(designation) for designation in result.designations),
        *(_property(property_) for property_ in result.properties),
        *(("used-supplement", canonical) for canonical in result.used_supplements),
    ]
    return AnswerTable(("name", "value"), rows, shows_header=False)


def _designation(designation: ResultDesignation) -> tuple[str, str]:
    uses = [use for use in (designation.use, *designation.additional_use) if use is not None]
    names = ", ".join(_text(use.display or use.code) for use in uses)
    name = f"designation {designation.language or ''}".strip()
    return name, f"{_text(designation.value)}{f' (use: {names})' if names else ''}"


def _property(property_: ResultProperty) -> tuple[str, str]:
    description = f" ({_text(property_.description)})" if property_.description is not None else ""
    return property_.code, f"{_text(property_.value)}{description}"


def translate_table(result: TranslateResult) -> AnswerTable:
    """A table of the matches, below the message about them all, and above the explanation."""
    above = [for_command_line(_text(result.message))] if result.message else []
    below = [] if result.explanation is None else list(explanation_lines(result.explanation))
    return AnswerTable(_MATCH, [_match(match) for match in result.matches], above, below, bool(result))


def validate_table(result: ValidateResult) -> AnswerTable:
    """Whether the code is valid, and what there is to say about it."""
    word = "valid" if result else "not valid"
    message = result.message or "; ".join(issue.text for issue in result.issues)
    row = (word, result.system or "", result.code or "", result.display or "", _text(message))
    return AnswerTable(_VALIDATION, [row], is_positive=bool(result))


def expand_table(result: ExpandResult) -> AnswerTable:
    """The codes of an expansion, a child below its parent, and how many there are."""
    rows = [_expansion_row(concept) for concept in result]
    total = len(rows) if result.total is None else result.total
    below = [f"{len(rows):,} of {total:,} codes"] if total != len(rows) or not rows else []
    return AnswerTable(_EXPANSION, rows, below=below, is_positive=bool(rows))


def _expansion_row(concept: ExpansionConcept) -> tuple[str, ...]:
    notes = [
        name for name, holds in (("abstract", concept.abstract), ("inactive", concept.inactive)) if holds
    ]
    return concept.system or "", concept.code or "", _text(concept.display), ", ".join(notes)


def subsumes_table(result: SubsumesResult) -> AnswerTable:
    """How the first code is related to the second; positive if it subsumes it."""
    return AnswerTable(
        ("outcome",),
        [(result.outcome,)],
        is_positive=result.outcome in ("subsumes", "equivalent"),
        shows_header=False,
    )


def search_table(result: SearchResult) -> AnswerTable:
    """A row for each resource, and how many there are if these are not all."""
    documents = [resource.json for resource in result]
    rows = [tuple(_text(document.get(name)) for name in _RESOURCE) for document in documents]
    total = len(rows) if result.total is None else result.total
    below = [f"{len(rows):,} of {total:,} resources"] if total != len(rows) or not rows else []
    return AnswerTable(_RESOURCE, rows, below=below, is_positive=bool(rows))


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
