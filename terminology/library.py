"""The same answers without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from terminology.catalogue.content import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document, Typed
from terminology.opening import Serving, open_state
from terminology.settings import Settings
from terminology.state import State
from terminology.wire.cache_control import RESOURCES
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.messages import Context, Request
from terminology.wire.operation import BASE
from terminology.wire.operations import operation_of
from terminology.wire.parameters import Parameter
from terminology.wire.rest import answered
from terminology.wire.sessions import Sessions

Node = dict[str, Any]

# Parameters of these types are texts, whatever they look like in Python: a code, a date.
_TEXTS = frozenset({"code", "string", "uri", "canonical", "dateTime", "languages"})


class Terminology:
    """Terminology in this process.

    >>> terminology = Terminology()
    >>> answer = terminology.ask("CodeSystem/$lookup", system="http://www.ama-assn.org/go/cpt", code="57520")
    >>> next(p["valueString"] for p in answer["parameter"] if p["name"] == "display")
    'Cervical conization (cone biopsy) by cold knife or laser'

    What is asked is what ``Settings`` name: ``Terminology(Settings(store="/srv/terminology"))``.

    Raises SettingError for settings that cannot be used, and UnreadableFileError for content that cannot be read.
    """

    def __init__(self, settings: Settings | None = None, catalogue: Catalogue | None = None) -> None:
        self.settings = settings or Settings()
        self._catalogue = catalogue or Serving(self.settings).catalogue

    @property
    def catalogue(self) -> Catalogue:
        """What there is at the moment."""
        return self._catalogue if isinstance(self._catalogue, Catalogue) else self._catalogue()

    def ask(
        self, operation: str, body: Document | None = None, release: str = "r5", **parameters: Any
    ) -> Document:
        """Ask ``Type/$operation``, ``Type/id/$operation`` or ``$operation``; the answer is what HTTP would
        give: a Parameters resource, a ValueSet for ``$expand``, a ConceptMap for ``$closure``.

        Parameters are given by FHIR's names (``_`` stands for ``-``) as Python values, or lists of them:

        * text, numbers and booleans; a Coding or CodeableConcept as a dictionary; resources as dictionaries;
        * ``dependency`` as ``{"attribute": ..., "value": ...}``, $find-matches' ``property`` as
          ``{"code": ..., "value": ...}``;

        or all of them as a Parameters resource, ``body``.

        Raises TerminologyError where HTTP would answer with an OperationOutcome: its ``issues`` have the
        severity, FHIR's code, the text and, where there is one, the place (``at``) of each.
        Raises UnavailableError while the database of the store cannot be reached.
        """
        if release not in RELEASES:
            raise TerminologyError(issues.bad_value("release", release, f"one of {', '.join(RELEASES)}"))
        *where, name = operation.split("/")
        if not name.startswith("$") or len(where) > 2:
            raise TerminologyError(issues.no_operation(operation))
        context = self._context(RELEASES[release])
        kind = where[0] if where else BASE
        row = operation_of(kind, name.removeprefix("$"), context.release, len(where) > 1)
        nodes = _nodes((*row.all_parameters, RESOURCES), parameters)
        request = Request("POST", operation, body=_with_nodes(body, nodes))
        return answered(context, request).resource or {}

    def _context(self, release: FhirVersion) -> Context:
        catalogue = self.catalogue.for_fhir(release.version)
        largest = self.settings.largest_expansion
        return Context(catalogue, release, "", self._state, self._sessions, (release,), largest)

    @cached_property
    def _state(self) -> State:
        return open_state(self.settings)

    @cached_property
    def _sessions(self) -> Sessions:
        return Sessions(self._state)


# -- parameters as Python values -----------------------------------------------------------------


def _nodes(rows: Sequence[Parameter], values: Node) -> list[Node]:
    """The values as nodes of Parameters."""
    types = {name.casefold(): row.type for row in rows for name in row.names}
    nodes = []
    for python_name, value in values.items():
        name = python_name.replace("_", "-")
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            nodes.append(_node(name, types.get(name.casefold(), "string"), one))
    return nodes


def _with_nodes(body: Document | None, nodes: list[Node]) -> Document:
    """A Parameters resource with these nodes, and those of the body after them."""
    if body is None:
        return {"resourceType": "Parameters", "parameter": nodes}
    if not nodes or body.get("resourceType") != "Parameters":
        return body
    return {**body, "parameter": [*nodes, *body.get("parameter", ())]}


def _node(name: str, type_: str, value: Any) -> Node:
    """A value as a node of Parameters; a Coding may also be ``system|code``."""
    if isinstance(value, str) and type_ == "Coding":
        system, _, code = value.rpartition("|")
        return {"name": name, "valueCoding": {"system": system, "code": code}}
    if isinstance(value, dict):
        return {"name": name, **_STRUCTURED.get(type_, _of_no_type)(value)}
    if type_ in _TEXTS and not isinstance(value, bool):
        return {"name": name, "valueString": str(value)}
    return {"name": name, **_typed(value)}


def _typed(value: Any) -> Node:
    if isinstance(value, Coding):
        return {"valueCoding": value.as_json()}
    if isinstance(value, dict):
        return {"valueCodeableConcept" if "coding" in value else "valueCoding": value}
    types = {bool: "boolean", int: "integer", float: "decimal", Decimal: "decimal"}
    known = types.get(type(value))
    return {Typed(known, value).key: value} if known else {"valueString": str(value)}


def _parts(*names: str) -> Callable[[Node], Node]:
    def parts(value: Node) -> Node:
        return {"part": [{"name": name, **_typed(value[name])} for name in names if name in value]}

    return parts


def _of_no_type(value: Node) -> Node:
    return {"resource": value} if "resourceType" in value else _typed(value)


_STRUCTURED: dict[str, Callable[[Node], Node]] = {
    "Coding": lambda value: {"valueCoding": value},
    "CodeableConcept": lambda value: {"valueCodeableConcept": value},
    "whole CodeableConcept": lambda value: {"valueCodeableConcept": value},
    "Resource": lambda value: {"resource": value},
    "dependency": _parts("attribute", "value"),
    "sought": _parts("code", "value"),
}
