"""Python values as parameters of FHIR operations and searches: their names, their types, and copies of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeGuard, cast, runtime_checkable

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document, Typed
from terminology.wire import json
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.parameters import Parameter, from_body, p
from terminology.wire.search import PARAMETERS, RESULT

Node = dict[str, Any]

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@runtime_checkable
class FhirModel(Protocol):
    """A model of ``fhir.resources``."""

    def model_dump_json(self) -> str: ...


# The primitive values of JSON.
_PRIMITIVE = frozenset({str, bool, int, float, Decimal, type(None)})

# A resource as Python code may have it: as JSON, as a model, or as the path of a file, folder or package.
ResourceLike = Document | FhirModel | Path | str


def is_model(value: object) -> TypeGuard[FhirModel]:
    """Is this a model? The class of a model is not one."""
    return isinstance(value, FhirModel) and not isinstance(value, type)


# The Python types of an argument, by the FHIR type of its parameter. A parameter of a search that says what the
# answer looks like is of type "form".
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "code": (str,),
    "string": (str,),
    "uri": (str,),
    "canonical": (str,),
    "languages": (str,),
    "dateTime": (str, date),
    "boolean": (bool,),
    "integer": (int,),
    "Coding": (Coding, Mapping, FhirModel, str),
    "CodeableConcept": (Mapping, FhirModel),
    "whole CodeableConcept": (Mapping, FhirModel),
    "Resource": (Mapping, FhirModel),
    "dependency": (Mapping,),
    "sought": (Mapping,),
    "token": (str,),
    "reference": (str,),
    "date": (str, date),
    "form": (str, bool),
}
# The values of parts, and of properties.
_VALUES = (str, bool, int, float, Decimal, date, Coding, Mapping, FhirModel)


def require_type(name: str, value: object, *types: type | None) -> None:
    """Raise TypeError, which names the types that are right, unless the argument is of one of them."""
    if not any(value is None if type_ is None else _is_of(value, type_) for type_ in types):
        names = " or ".join("None" if type_ is None else type_.__name__ for type_ in types)
        raise TypeError(f"'{name}' must be {names}, not {type(value).__name__}")


def type_of(value: object) -> str:
    return f"of type {type(value).__name__}"


def _is_of(value: object, type_: type) -> bool:
    """A boolean is not a number, although Python says so; and a class is not what its instances are."""
    if isinstance(value, type) or (type_ is int and isinstance(value, bool)):
        return False
    return isinstance(value, type_)


def copied(value: Any) -> Any:
    """A copy of JSON, to any depth, in a third of the time of ``deepcopy``; also of models and Codings in it.

    A tuple becomes a list, as it does in JSON.
    """
    kind = type(value)
    if kind in _PRIMITIVE:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {name: part if type(part) is str else copied(part) for name, part in value.items()}
    if kind is list or isinstance(value, list | tuple):
        return [part if type(part) is str else copied(part) for part in value]
    return deepcopy(value)


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


def by_fhir_name(
    rows: Sequence[Parameter],
    operation: str,
    parameters: Mapping[str, Any],
    own: Mapping[str, Any] | None = None,
    named: Mapping[str, str] | None = None,
) -> Node:
    """Copies of arguments, by the names that FHIR has for them; None and the empty list count as not given.

    ``rows`` are the parameters of the operation ``operation``, which is its name without ``$``. Each has the
    names of FHIR, and their Python spellings: ``codeable_concept`` is ``codeableConcept``, ``tx_resource`` is
    ``tx-resource``. ``own`` are the arguments of a method, by the names of FHIR; ``named`` says which of them
    have another name in Python than its spelling of FHIR's. Raises TypeError, in the words of the caller: for an
    unknown name, for two names of one parameter, and for a value that is not of the type of the parameter.
    """
    spellings, values, names = _spellings(tuple(rows)), Node(), dict[Parameter, str]()

    def add(name: str, typed: str, value: Any) -> None:
        known = spellings.get(name) or spellings.get(name.casefold())
        if known is None:
            python_names = list(dict.fromkeys(python_name(row.names[0]) for row in rows))
            raise TypeError(issues.unknown_parameter(name, operation, python_names, name).text)
        if not listed(value):
            return
        fhir_name, row = known
        if row in names:
            raise TypeError(
                f"${operation}: '{names[row]}' and '{typed}' are the same parameter; give one of them"
            )
        require_declared(typed, value, row)
        names[row], values[fhir_name] = typed, copied(value)

    for name, value in (own or {}).items():
        if value is not None:
            add(name, (named or {}).get(name) or python_name(name), value)
    for name, value in parameters.items():
        add(name, name, value)
    return values


def require_declared(name: str, value: Any, row: Parameter) -> None:
    """Raise TypeError unless a value is of the type that its parameter has, or a list of them if it repeats."""
    types = PYTHON_TYPES[row.type]
    for each in listed(value) if row.many else (value,):
        if type(each) is not types[0]:
            require_type(name, each, *types)


def search_query(kind: str, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The query of a search. Raises TypeError for an unknown name and for a value of a wrong type.

    Names are FHIR's or their Python spellings, perhaps with a modifier: ``name:contains``. A list repeats a
    parameter, whose values must then all match; ``_elements`` and ``_sort`` take a list as it is.
    """
    rows = _search_rows(kind)
    spellings, query = _spellings(rows), list[tuple[str, str]]()
    for name, value in arguments.items():
        base, colon, modifier = name.partition(":")
        if base not in spellings:
            python_names = [row.field for row in rows]
            raise TypeError(issues.unknown_search_parameter(base, kind, python_names).text)
        fhir_name, row = spellings[base]
        values = listed(value)
        if values:
            require_declared(name, value, _MISSING if modifier == "missing" else row)
        texts = [_as_text(each) for each in values]
        if fhir_name in _LISTS:
            texts = [",".join(texts)] if texts else []
        query += [(f"{fhir_name}{colon}{modifier}", text) for text in texts]
    return query


_LISTS = frozenset({"_elements", "_sort"})
# The search parameters that are numbers.
NUMBERS = frozenset({"_count", "_offset"})
_MISSING = p("missing", "form")


@kept_results(20)
def _search_rows(kind: str) -> tuple[Parameter, ...]:
    """The search parameters of a kind, the usual ones first."""
    form = {name: "integer" if name in NUMBERS else "form" for name in sorted(RESULT)}
    return (
        *(p(name, parameter.type, many=True) for name, parameter in PARAMETERS[kind].items()),
        *(p(name, type_, many=name in _LISTS) for name, type_ in form.items()),
    )


def _as_text(value: Any) -> str:
    """A primitive value as a URL has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def fields_of(rows: Sequence[Parameter], arguments: Mapping[str, Any]) -> set[str]:
    """The fields of THE TABLE that these arguments fill; unknown names fill none."""
    spellings = _spellings(tuple(rows))
    return {
        spellings[name][1].field for name, value in arguments.items() if name in spellings and listed(value)
    }


@kept_results(1024)
def python_name(name: str) -> str:
    """The Python spelling of a name of FHIR: ``codeable_concept`` for ``codeableConcept``."""
    return _WORD.sub("_", name).replace("-", "_").lower()


@kept_results(64)
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
    if isinstance(value, str):
        if type_ != "Coding" or "|" not in value:
            return {"name": name, "valueString": value}
        system, _, code = value.rpartition("|")
        return {"name": name, "valueCoding": Coding(system or None, code or None).as_json()}
    if is_model(value):
        value = in_shape_of(release, value)
    if isinstance(value, Mapping):
        return {"name": name, **_STRUCTURED.get(type_, _untyped)(value)}
    return {"name": name, **_typed(name, value)}


def _typed(name: str, value: Any) -> Node:
    """A value with its FHIR type. Raises TypeError for a value that FHIR has no type for."""
    require_type(name, value, *_VALUES)
    if is_model(value):
        value = as_document(value)
    if isinstance(value, Coding):
        return {"valueCoding": value.as_json()}
    if isinstance(value, Mapping):
        return {"valueCodeableConcept" if "coding" in value else "valueCoding": value}
    types = {bool: "boolean", int: "integer", float: "decimal", Decimal: "decimal"}
    known = types.get(type(value))
    return {Typed(known, value).key: value} if known else {"valueString": _plain_text(value)}


def _plain_text(value: str | date) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _parts(text: str, value: str) -> Callable[[Mapping[str, Any]], Node]:
    """A group of two parts; the first one is a text."""

    def parts(group: Mapping[str, Any]) -> Node:
        for name in group:
            if name not in (text, value):
                raise TypeError(f"unknown part '{name}': the parts are '{text}' and '{value}'")
        if text in group:
            require_type(text, group[text], str)
        return {
            "part": [{"name": name, **_typed(name, group[name])} for name in (text, value) if name in group]
        }

    return parts


def _untyped(value: Mapping[str, Any]) -> Node:
    return {"resource": value} if "resourceType" in value else _typed("value", value)


_STRUCTURED: dict[str, Callable[[Mapping[str, Any]], Node]] = {
    "Coding": lambda value: {"valueCoding": value},
    "CodeableConcept": lambda value: {"valueCodeableConcept": value},
    "whole CodeableConcept": lambda value: {"valueCodeableConcept": value},
    "Resource": lambda value: {"resource": value},
    "dependency": _parts("attribute", "value"),
    "sought": _parts("code", "value"),
}
