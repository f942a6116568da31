"""The shape of an operation: one row of THE TABLE, and a request that was read with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from terminology.catalogue.licensed import LicensedView
from terminology.catalogue.protocol import Catalogue
from terminology.core.model import Document, Issue
from terminology.wire import r4
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.parameters import Parameter, p

# The kind of an operation of the base: ``[base]/$name``.
BASE = ""


def _downgraded(request: object, answer: object, document: Document) -> Document:
    return r4.downgrade(document)


@dataclass(slots=True, frozen=True, eq=False)
class Operation:
    """One operation of a resource type, or of the base.

    ``request`` is the dataclass that the parameters fill. It gets more than parameters where it has a field
    for it: ``instance`` (the resource; without this field the operation is offered on the type alone),
    ``languages`` (of the caller in general) and the others in ``rest.SURROUNDINGS``.

    ``body_parameter`` is the parameter that a bare resource as body stands for; ``each`` the parameter that holds
    one of many requests; ``definition`` the canonical of the OperationDefinition, where somebody publishes
    one. An operation that ``affects_state`` is never called by GET; one that does not ``read_content`` is
    answered without a cache of resources and without resources that come with the request. ``warns_in`` is the
    parameter of the answer that has room for warnings about the request: ``issues`` or ``message``. ``notes`` gives
    the warnings about the request that the operation itself has. ``right`` is what a user must be allowed to do with
    the type of the operation (``core.users.INTERACTIONS``); None for an operation that is open to everybody.
    """

    request: type[Any]
    run: Callable[[Catalogue, Any], Any]
    write: Callable[[Any], Document]
    parameters: Sequence[Parameter] = ()
    body_parameter: str | None = None
    downgrade: Callable[[Any, Any, Document], Document] = _downgraded
    each: str | None = None
    in_r6: bool = True
    definition: str | None = None
    affects_state: bool = False
    reads_content: bool = True
    warns_in: str | None = None
    notes: Callable[[Any], list[Issue]] | None = None
    right: str | None = "read"

    @property
    def is_for_instances(self) -> bool:
        return self.takes("instance")

    @property
    def all_parameters(self) -> Sequence[Parameter]:
        """The parameters, and the one that holds many requests."""
        return (*self.parameters, p(self.each, "Resource", many=True)) if self.each else self.parameters

    @property
    def resources(self) -> frozenset[str]:
        """The fields that hold a resource, or several."""
        return _resources(tuple(self.parameters))

    def takes(self, field: str) -> bool:
        """Does the request have such a field?"""
        return field in self.request.__dataclass_fields__

    def is_in(self, release: FhirVersion) -> bool:
        return self.in_r6 or not release.is_ballot


@cache
def _resources(parameters: tuple[Parameter, ...]) -> frozenset[str]:
    return frozenset(parameter.field for parameter in parameters if parameter.type == "Resource")


@dataclass(slots=True)
class PreparedRequest:
    """An operation with the fields of its request, so that it can be called again with other values.

    ``view``: the content is seen so, and answers carry its notices.
    """

    operation: Operation
    release: FhirVersion
    fields: dict[str, Any]
    view: LicensedView | None = None

    def answer(
        self,
        catalogue: Catalogue,
        fields: Mapping[str, Any] | None = None,
        notes: list[Issue] | None = None,
    ) -> Document:
        """The answer as the release has it, with these fields or the request's own. Raises TerminologyError.

        What the operation has to say about the request is added to ``notes``.
        """
        operation = self.operation
        request = operation.request(**(self.fields if fields is None else fields))
        answer = operation.run(catalogue, request)
        if notes is not None and operation.notes is not None:
            notes += operation.notes(answer)
        document = operation.write(answer)
        if self.release.is_r4:
            document = operation.downgrade(request, answer, document)
        return document if self.view is None else self.view.noticed(document)
