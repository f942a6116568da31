"""Python values as parameters of FHIR operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from terminology.core.model import Coding, Document, Typed
from terminology.wire import json
from terminology.wire.parameters import Parameter, from_body

Node = dict[str, Any]

# Parameters of these types are texts, whatever they are in Python: a code may be a number, a date a date.
_TEXTS = frozenset({"code", "string", "uri", "canonical", "dateTime", "languages"})


@runtime_checkable
class FhirModel(Protocol):
    """A model of ``fhir.resources``."""

    def model_dump_json(self) -> str: ...


# A resource as Python code may have it: as JSON, as a model, or as the path of a file, folder or package.
ResourceLike = Document | FhirModel | Path | str


def as_document(resource: Document | FhirModel) -> Document:
    """A resource as JSON; numbers of a model keep their digits."""
    if isinstance(resource, FhirModel):
        return json.read_resource(resource.model_dump_json().encode())
    return resource


def body_of(
    rows: Sequence[Parameter], values: Node, body: Document | None, operation: str
) -> Document | None:
    """The Parameters of a request. Those of ``body`` come first, so that their places in messages are right.

    Raises TerminologyError for a body that is not Parameters, if there are other parameters.
    """
    types = {name.casefold(): row.type for row in rows for name in row.names}
    nodes = [
        _node(name, types.get(name.casefold(), "string"), value)
        for name, values_ in ((python_name.replace("_", "-"), values[python_name]) for python_name in values)
        for value in listed(values_)
    ]
    if body is None or not nodes:
        return body if not nodes else {"resourceType": "Parameters", "parameter": nodes}
    from_body(body, operation)
    return {**body, "parameter": [*body.get("parameter", ()), *nodes]}


def listed(value: Any) -> Sequence[Any]:
    """The values of a parameter: a list of one, or none for None."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _node(name: str, type_: str, value: Any) -> Node:
    """A value as a node of Parameters; a Coding may also be ``system|code``."""
    if isinstance(value, str) and type_ == "Coding" and "|" in value:
        system, _, code = value.rpartition("|")
        return {"name": name, "valueCoding": Coding(system or None, code or None).as_json()}
    if isinstance(value, Coding):
        return {"name": name, "valueCoding": value.as_json()}
    if isinstance(value, FhirModel):
        value = as_document(value)
    if isinstance(value, Mapping):
        return {"name": name, **_STRUCTURED.get(type_, _untyped)(value)}
    if type_ in _TEXTS and not isinstance(value, bool):
        return {"name": name, "valueString": str(value)}
    return {"name": name, **_typed(value)}


def _typed(value: Any) -> Node:
    if isinstance(value, Coding):
        return {"valueCoding": value.as_json()}
    if isinstance(value, Mapping):
        return {"valueCodeableConcept" if "coding" in value else "valueCoding": dict(value)}
    types = {bool: "boolean", int: "integer", float: "decimal", Decimal: "decimal"}
    known = types.get(type(value))
    return {Typed(known, value).key: value} if known else {"valueString": str(value)}


def _parts(*names: str) -> Callable[[Mapping[str, Any]], Node]:
    def parts(value: Mapping[str, Any]) -> Node:
        return {"part": [{"name": name, **_typed(value[name])} for name in names if name in value]}

    return parts


def _untyped(value: Mapping[str, Any]) -> Node:
    return {"resource": value} if "resourceType" in value else _typed(value)


_STRUCTURED: dict[str, Callable[[Mapping[str, Any]], Node]] = {
    "Coding": lambda value: {"valueCoding": value},
    "CodeableConcept": lambda value: {"valueCodeableConcept": value},
    "whole CodeableConcept": lambda value: {"valueCodeableConcept": value},
    "Resource": lambda value: {"resource": value},
    "dependency": _parts("attribute", "value"),
    "sought": _parts("code", "value"),
}
