"""Arguments of a method that stand for several parameters of an operation: value sets, validations, concepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminology.core.cache import kept_results
from terminology.core.errors import UnreadableFileError
from terminology.core.model import Coding, Document, split_canonical
from terminology.library.results import HOME
from terminology.library.values import (
    FhirModel,
    Node,
    as_document,
    by_fhir_name,
    copied,
    fields_of,
    is_model,
    type_of,
)
from terminology.wire import json
from terminology.wire.cache_control import CACHE_ID, RESOURCES
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.operation import BASE
from terminology.wire.operation_table import operations_of
from terminology.wire.parameters import Parameter

# The fields of ValueSet/$validate-code that name a value set.
_VALUE_SET = frozenset({"url", "value_set", "value_set_version", "context"})

# What the methods call the parameters that have other names in FHIR.
VALUE_SET_NAMES = {
    "url": "value_set",
    "valueSet": "value_set",
    "valueSetVersion": "value_set",
    "systemVersion": "version",
}


@kept_results(256)
def rows_at(operation: str, release: FhirVersion = RELEASES[HOME]) -> tuple[Parameter, ...]:
    """The parameters of an operation; none if there is no such operation, which the answer will say."""
    *where, name = operation.split("/")
    row = operations_of(where[0] if where else BASE, release).get(name.removeprefix("$"))
    return (*row.all_parameters, RESOURCES, CACHE_ID) if row is not None else ()


def bare_name(operation: str) -> str:
    """The name of an operation, without the ``$``."""
    return operation.rpartition("$")[2]


def chosen_value_set(operation: str, value_set: object, parameters: Node) -> Node:
    """The parameters that name a value set: by its canonical, or the resource itself.

    ``parameters`` lose ``valueSet``, which is FHIR's name of ``value_set``. Raises TypeError.
    """
    named = parameters.pop("valueSet", None)
    if value_set is None:
        value_set = named
    elif named is not None or not {"url", "value_set"}.isdisjoint(fields_of(rows_at(operation), parameters)):
        raise TypeError(f"${bare_name(operation)}: the value set is given twice; give 'value_set' alone")
    if value_set is None:
        return {}
    if isinstance(value_set, str):
        url, version = split_canonical(value_set)
        return {"url": url, "valueSetVersion": version}
    return {"valueSet": _resource_of("value_set", value_set)}


def compared_value_set(side: str, value_set: object) -> Node:
    """The parameter that names one of the two value sets of $related; ``side`` is this or other. Raises TypeError."""
    if value_set is None:
        return {}
    if isinstance(value_set, str):
        return {f"{side}Url": value_set}
    return {f"{side}ValueSet": _resource_of(side, value_set)}


def _resource_of(name: str, value_set: object) -> Document | Mapping[str, Any] | FhirModel:
    """The ValueSet of an argument, which may be a path. Raises TypeError, UnreadableFileError."""
    if isinstance(value_set, Path):
        try:
            return json.read_resource(value_set.read_bytes())
        except OSError as error:
            raise UnreadableFileError(f"{value_set}: cannot be read: {error.strerror}") from None
    if not (isinstance(value_set, Mapping) or is_model(value_set)):
        raise TypeError(f"'{name}' must be a canonical, a ValueSet or a path, not {type_of(value_set)}")
    return value_set


def names_value_set(operation: str, names: Mapping[str, Any]) -> bool:
    """Does one of these arguments name a value set, whose code is then validated?"""
    return not _VALUE_SET.isdisjoint(fields_of(rows_at(operation), names))


# What ``translate`` calls a parameter that has another name in FHIR.
TRANSLATE_NAMES = {"sourceCode": "code"}


def given_translation(
    index: int, item: object, rows: Sequence[Parameter]
) -> tuple[Document | FhirModel, Node]:
    """One of many translations: its Parameters resource, and its arguments by the names of FHIR.

    It is a Coding, a dictionary of arguments as ``translate`` takes them, or a Parameters resource. Raises TypeError.
    """
    if isinstance(item, Coding):
        item = {"sourceCoding": item}
    if is_model(item):
        return copied(item), {}
    if not isinstance(item, Mapping):
        raise TypeError(
            f"translations[{index}] must be a Coding, a dictionary or a Parameters resource, not {type_of(item)}"
        )
    if "resourceType" in item:
        return copied(item), {}
    arguments, typed = dict(item), Node()
    if "code" in arguments:
        typed["sourceCode"] = arguments.pop("code")
    values = by_fhir_name(rows, "batch-translate", arguments, typed, TRANSLATE_NAMES)
    return {"resourceType": "Parameters"}, values


@dataclass(slots=True)
class GivenValidation:
    """One of many validations: a Parameters resource, or arguments as ``validate_code`` takes them.

    ``names`` are those of its parameters; ``chosen`` those that name its value set, by the names of FHIR.
    """

    body: Document | FhirModel
    arguments: Node
    names: Mapping[str, Any]
    chosen: Node

    @classmethod
    def of(cls, index: int, item: Coding | Mapping[str, Any] | FhirModel) -> GivenValidation:
        """Raises TypeError for anything else."""
        if isinstance(item, Coding):
            item = {"coding": item}
        if is_model(item) or (isinstance(item, Mapping) and "resourceType" in item):
            body = copied(item)
            nodes = as_document(body).get("parameter") or ()
            return cls(body, {}, {node.get("name"): node for node in nodes}, {})
        if not isinstance(item, Mapping):
            raise TypeError(
                f"validations[{index}] must be a Coding, a dictionary or a Parameters resource, not {type_of(item)}"
            )
        arguments = dict(item)
        chosen = chosen_value_set(
            "ValueSet/$batch-validate-code", arguments.pop("value_set", None), arguments
        )
        return cls({"resourceType": "Parameters"}, arguments, {**arguments, **chosen}, chosen)

    def by_fhir_name(self, rows: Sequence[Parameter], operation: str) -> Node:
        """Raises TypeError for an argument that is not known, doubled or of a wrong type."""
        arguments, own = dict(self.arguments), dict(self.chosen)
        if operation.startswith("ValueSet") and "version" in arguments:
            own["systemVersion"] = arguments.pop("version")
        return by_fhir_name(rows, bare_name(operation), arguments, own, VALUE_SET_NAMES)


def several(name: str, items: object) -> list[Any]:
    """The items of an argument that has many. Raises TypeError for one alone."""
    if isinstance(items, str | Coding | Mapping) or is_model(items) or not isinstance(items, Iterable):
        raise TypeError(f"'{name}' must be a list, not {type_of(items)}")
    return list(items)


def codings_of(concepts: object) -> list[Coding | Mapping[str, Any]]:
    """Concepts as Codings; a single one is a list of one. Raises TypeError."""
    each = [concepts] if isinstance(concepts, Coding | Mapping) else concepts
    if isinstance(each, str) or not isinstance(each, Iterable):
        raise TypeError(f"'concepts' must be Codings, not {type_of(concepts)}")
    codings = list(each)
    for index, concept in enumerate(codings):
        if not isinstance(concept, Coding | Mapping):
            raise TypeError(f"concepts[{index}] must be a Coding or a dictionary, not {type_of(concept)}")
    return codings
