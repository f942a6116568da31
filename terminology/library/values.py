"""Python values as parameters of FHIR operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeGuard, cast, runtime_checkable

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document, Typed
from terminology.wire import json
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.parameters import Parameter, from_body

Node = dict[str, Any]

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Parameters of these types are texts, whatever they are in Python: a code may be a number, a date a date.
_TEXTS = frozenset({"code", "string", "uri", "canonical", "dateTime", "languages"})


@runtime_checkable
class FhirModel(Protocol):
    """A model of ``fhir.resources``."""

    def model_dump_json(self) -> str: ...


# A resource as Python code may have it: as JSON, as a model, or as the path of a file, folder or package.
ResourceLike = Document | FhirModel | Path | str


def is_model(value: object) -> TypeGuard[FhirModel]:
    """Is this a model? The class of a model is not one."""
    return isinstance(value, FhirModel) and not isinstance(value, type)


def require_type(name: str, value: object, *types: type | None) -> None:
    """Raise TypeError, which names the types that are right, unless the argument is of one of them."""
    if not any(value is None if type_ is None else isinstance(value, type_) for type_ in types):
        names = " or ".join("None" if type_ is None else type_.__name__ for type_ in types)
        raise TypeError(f"'{name}' must be {names}, not {type(value).__name__}")


def copied(value: Any) -> Any:
    """A copy of JSON: of its objects and lists, to any depth. It takes about half the time of ``deepcopy``."""
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


def as_document(resource: Document | FhirModel) -> Document:
    """A resource or datatype as JSON; numbers of a model keep their digits."""
    if is_model(resource):
        return json.read_resource(resource.model_dump_json().encode())
    return cast(Document, resource)


def fhir_version_of(model: FhirModel) -> FhirVersion:
    """The version of FHIR that a model is of. Raises TerminologyError for one that is older than R4B."""
    package = type(model).__module__
    if ".STU3." in package:
        raise TerminologyError(issues.bad_value("resource", package, "a model of R4B or R5"))
    return RELEASES["r4b" if ".R4B." in package else "r5"]


def in_shape_of(release: FhirVersion, resource: Document | FhirModel) -> Document:
    """A resource or datatype as JSON, as a client of ``release`` sends it: a model of another version is converted.

    A dictionary stays as it is. Raises TerminologyError for a model that is older than R4B.
    """
    document = as_document(resource)
    if not is_model(resource) or "resourceType" not in document:
        return document
    version = fhir_version_of(resource)
    return document if version.is_r4 == release.is_r4 else release.downgrade(version.upgrade(document))


def by_fhir_name(rows: Sequence[Parameter], operation: str, *arguments: Mapping[str, Any]) -> Node:
    """Arguments by the names that FHIR has for them; None and the empty list count as not given.

    ``rows`` are the parameters of the operation ``operation``, which is its name without ``$``. Each has the
    names of FHIR, and their Python spellings: ``codeable_concept`` is ``codeableConcept``, ``tx_resource`` is
    ``tx-resource``. Raises TypeError for an unknown name, and for two names of one parameter.
    """
    spellings, values, names = _spellings(tuple(rows)), Node(), dict[Parameter, str]()
    for name, value in (item for mapping in arguments for item in mapping.items()):
        known = spellings.get(name) or spellings.get(name.casefold())
        if known is None:
            python_names = list(dict.fromkeys(python_name(row.names[0]) for row in rows))
            raise TypeError(issues.unknown_parameter(name, operation, python_names, name).text)
        if not listed(value):
            continue
        fhir_name, row = known
        if row in names:
            raise TypeError(
                f"${operation}: '{names[row]}' and '{name}' are the same parameter; give one of them"
            )
        names[row], values[fhir_name] = name, value
    return values


def fields_of(rows: Sequence[Parameter], arguments: Mapping[str, Any]) -> set[str]:
    """The fields of THE TABLE that these arguments fill; unknown names fill none."""
    spellings = _spellings(tuple(rows))
    return {
        spellings[name][1].field for name, value in arguments.items() if name in spellings and listed(value)
    }


def python_name(name: str) -> str:
    """The Python spelling of a name of FHIR: ``codeable_concept`` for ``codeableConcept``."""
    return _WORD.sub("_", name).replace("-", "_").lower()


@lru_cache(64)
def _spellings(rows: tuple[Parameter, ...]) -> Mapping[str, tuple[str, Parameter]]:
    """The name of FHIR and the row, by every spelling. Of two meanings of a spelling the closer one counts.

    ``system_version`` is ``system-version`` where an operation has that and ``systemVersion``.
    """
    spellings: dict[str, tuple[str, Parameter]] = {}
    for spelling in (str, lambda name: name.replace("-", "_"), python_name, str.casefold):
        for row in rows:
            for name in row.names:
                spellings.setdefault(spelling(name), (name, row))
    return spellings


def body_of(
    rows: Sequence[Parameter], values: Node, body: Document | None, operation: str, release: FhirVersion
) -> Document | None:
    """The Parameters of a request in the shape of ``release``; ``values`` are by FHIR's names.

    Those of ``body`` come first, so that their places in messages are right. Raises TerminologyError for a body
    that is not Parameters, if there are other parameters, and for a model that is older than R4B.
    """
    known = _spellings(tuple(rows))
    types = {name: known[name][1].type for name in values if name in known}
    nodes = [
        _node(name, types.get(name, "string"), value, release)
        for name in values
        for value in listed(values[name])
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


def _node(name: str, type_: str, value: Any, release: FhirVersion) -> Node:
    """A value as a node of Parameters; a Coding may also be ``system|code``."""
    if isinstance(value, str) and type_ == "Coding" and "|" in value:
        system, _, code = value.rpartition("|")
        return {"name": name, "valueCoding": Coding(system or None, code or None).as_json()}
    if isinstance(value, Coding):
        return {"name": name, "valueCoding": value.as_json()}
    if is_model(value):
        value = in_shape_of(release, value)
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
