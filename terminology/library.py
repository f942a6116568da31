"""The same answers without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document, Typed
from terminology.opening import Serving, open_state
from terminology.settings import Settings
from terminology.state import State
from terminology.wire.fhir_releases import RELEASES, FhirVersion
from terminology.wire.messages import Context, Request
from terminology.wire.operations import RESOURCES, answer, operation_of
from terminology.wire.parameters import Given, Parameter, from_body, read
from terminology.wire.sessions import Sessions
from terminology.wire.system_operations import system_operations

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
        return self._catalogue() if callable(self._catalogue) else self._catalogue

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
        spoken = RELEASES[release]
        *where, name = operation.split("/")
        if not name.startswith("$") or len(where) > 2:
            raise TerminologyError(issues.not_an_operation(operation))
        if not where:
            return self._ask_base(name.removeprefix("$"), spoken, body, parameters)
        return self._ask(where, name.removeprefix("$"), spoken, body, parameters)

    def _ask(
        self, where: Sequence[str], name: str, release: FhirVersion, body: Document | None, values: Node
    ) -> Document:
        kind, *id_ = where
        catalogue = self.catalogue.for_fhir(release.version)
        rows = (*operation_of(kind, name, release, bool(id_)).all_parameters, RESOURCES)
        instance = catalogue.resource(kind, id_[0]) if id_ else None
        given = _given(rows, values, body, f"{kind}/${name}")
        most = self.settings.largest_expansion
        return answer(catalogue, release, kind, name, given, instance, largest=most)

    def _ask_base(self, name: str, release: FhirVersion, body: Document | None, values: Node) -> Document:
        offered = system_operations(release)
        if name not in offered:
            known = [f"${other}" for other in offered]
            raise TerminologyError(issues.unknown_operation(name, "the base", known))
        rows = offered[name].parameters
        given = _given(rows, values, body, f"${name}")
        return offered[name].run(self._context(release), Request("POST", f"${name}"), read(rows, given))

    def _context(self, release: FhirVersion) -> Context:
        catalogue = self.catalogue.for_fhir(release.version)
        return Context(catalogue, release, "", self._state, self._sessions, (release,))

    @cached_property
    def _state(self) -> State:
        return open_state(self.settings)

    @cached_property
    def _sessions(self) -> Sessions:
        return Sessions(self._state)


# -- parameters as Python values -----------------------------------------------------------------


def _given(rows: Sequence[Parameter], values: Node, body: Document | None, operation: str) -> list[Given]:
    types = {name.casefold(): row.type for row in rows for name in row.names}
    given = []
    for python_name, value in values.items():
        name = python_name.replace("_", "-")
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            given.append(Given(name, _node(name, types.get(name.casefold(), "string"), one), name))
    return [*given, *(from_body(body, operation) if body is not None else ())]


def _node(name: str, type_: str, value: Any) -> str | Node:
    """A value as a node of Parameters; a Coding may also be ``system|code``."""
    if isinstance(value, str) and type_ == "Coding":
        return value
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
