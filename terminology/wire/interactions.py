"""The names of interactions, for logs and metrics: few, however many paths and methods clients invent."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.catalogue.protocol import KINDS
from terminology.wire.operation import BASE
from terminology.wire.operation_table import OPERATIONS

# The name of a request that is none of FHIR's interactions.
OTHER = "other"
# Of a resource type and of a resource, by method: https://hl7.org/fhir/R5/http.html#summary
_OF_TYPE = {
    "GET": "search-type",
    "HEAD": "search-type",
    "POST": "create",
    "PUT": "update",
    "DELETE": "delete",
}
_OF_RESOURCE = {"GET": "read", "HEAD": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def interaction_of(method: str, path: str) -> str:
    """The interaction that a request asks for, whether it is offered or not; ``path`` is relative to the base.

    An operation has its type before it; all others have FHIR's names.

    >>> interaction_of("GET", "CodeSystem/$lookup"), interaction_of("POST", "/ValueSet/x/$expand")
    ('CodeSystem/$lookup', 'ValueSet/$expand')
    >>> interaction_of("GET", "CodeSystem/x"), interaction_of("GET", "CodeSystem/$invented")
    ('read', 'other')
    """
    match [step for step in path.split("/") if step]:
        case []:
            return "batch" if method == "POST" else OTHER
        case ["metadata"]:
            return "capabilities"
        case [name] if name.startswith("$"):
            return _operation(BASE, name)
        case ["_history"]:
            return "history-system"
        case [kind, *rest] if kind in KINDS:
            return _of_kind(method, kind, rest)
    return OTHER


def _of_kind(method: str, kind: str, rest: Sequence[str]) -> str:
    match rest:
        case []:
            return _OF_TYPE.get(method, OTHER)
        case ["_search"]:
            return "search-type"
        case ["_history"]:
            return "history-type"
        case [name] | [_, name] if name.startswith("$"):
            return _operation(kind, name)
        case [_]:
            return _OF_RESOURCE.get(method, OTHER)
        case [_, "_history"]:
            return "history-instance"
        case [_, "_history", _]:
            return "vread"
    return OTHER


def _operation(kind: str, name: str) -> str:
    if (kind, name[1:]) not in OPERATIONS:
        return OTHER
    return f"{kind}/{name}" if kind else name
