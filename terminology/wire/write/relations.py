"""The answers of ``$subsumes``, ``$related``, ``$closure`` and ``$find-matches``, as R5 resources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from terminology.core.model import Document
from terminology.operations.closure import Closure, ClosureEntry
from terminology.operations.find_matches import FoundMatch, SoughtProperty
from terminology.operations.value_set.related import ValueSetRelation
from terminology.wire.write.parameters import (
    Node,
    boolean,
    code,
    coding,
    group,
    parameters,
    string,
    typed,
)


def subsumption(outcome: str) -> Document:
    """https://hl7.org/fhir/R5/codesystem-operation-subsumes.html"""
    return parameters([code("outcome", outcome)])


# -- $related ------------------------------------------------------------------------------------


def value_set_relation(answer: ValueSetRelation) -> Document:
    """HL7's ecosystem separates the codes of a list by commas, and leaves an empty list out."""
    return parameters(
        [
            code("result", answer.result.value),
            string("message", answer.message),
            boolean("performed-expansion", answer.performed_expansion),
            string("common-codes", ",".join(answer.common) or None),
            string("missing-codes", ",".join(answer.missing) or None),
            string("extra-codes", ",".join(answer.extra) or None),
        ]
    )


# -- $closure ------------------------------------------------------------------------------------


def closure(answer: Closure) -> Document:
    """https://hl7.org/fhir/R5/conceptmap-operation-closure.html"""
    document: Document = {
        "resourceType": "ConceptMap",
        "version": str(answer.version),
        "name": "ClosureTable",
        "title": f"Closure table {answer.name}",
        "status": "active",
        "experimental": True,
    }
    groups = list(_groups(answer.entries))
    return document | ({"group": groups} if groups else {})


def _groups(entries: Sequence[ClosureEntry]) -> Iterable[Node]:
    by_systems: dict[tuple[str | None, str | None], dict[str | None, list[Node]]] = {}
    for entry in entries:
        elements = by_systems.setdefault((entry.source.system, entry.target.system), {})
        target = {"code": entry.target.code, "relationship": entry.relationship}
        elements.setdefault(entry.source.code, []).append(target)
    for (source, target_system), elements in by_systems.items():
        nodes = [{"code": code, "target": targets} for code, targets in elements.items()]
        yield {"source": source, "target": target_system, "element": nodes}


# -- $find-matches -------------------------------------------------------------------------------


def found_matches(answer: Sequence[FoundMatch]) -> Document:
    """https://hl7.org/fhir/R5/codesystem-operation-find-matches.html"""
    return parameters(group("match", _match(match)) for match in answer)


def _match(match: FoundMatch) -> Iterable[Node | None]:
    yield coding("code", match.coding.as_json())
    yield from (group("unmatched", _sought(sought)) for sought in match.unmatched)
    yield string("comment", match.comment or None)


def _sought(sought: SoughtProperty) -> Iterable[Node | None]:
    yield code("code", sought.code)
    yield typed("value", sought.value)
