"""THE TABLE of operations: the parameters of each, what answers it, and how the answer is written.
 The URL router, the batch, the CapabilityStatement and docs/operations.md all read this table. A parameter
has one row, with every name that R4, R4B, R5 or R6 has for it: all are read on every root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Document
from terminology.core.structure import require
from terminology.operations.find_matches import FindMatchesRequest, find_matches
from terminology.operations.lookup import LookupRequest, lookup
from terminology.operations.subsumes import SubsumesRequest, subsumes
from terminology.operations.translate.model import TranslateRequest, Translation
from terminology.operations.translate.translate import translate
from terminology.operations.validate.validate import validate_in_system, validate_in_value_set
from terminology.operations.validate.validate_request import ValidateRequest
from terminology.operations.value_set.expand import expand
from terminology.operations.value_set.expand_request import LARGEST_EXPANSION, ExpandRequest
from terminology.wire import r4
from terminology.wire.batch_validate import answer_each
from terminology.wire.fhir_releases import FhirVersion
from terminology.wire.parameters import Given, Parameter, p, read
from terminology.wire.write import expansion as write_expansion
from terminology.wire.write import parameters as write
from terminology.wire.write import relations as write_relations
from terminology.wire.write import validation as write_validation

# Where operations are defined: by HL7 in FHIR itself, and for the servers of its terminology ecosystem.
CORE = "http://hl7.org/fhir/OperationDefinition/"
ECOSYSTEM = "http://hl7.org/fhir/uv/tx-ecosystem/OperationDefinition/"


@dataclass(slots=True, frozen=True)
class Operation:
    """One operation of a resource type. ``subject`` is the parameter that a bare resource as body stands
    for; ``each`` the parameter that holds one of many questions; ``definition`` the canonical of the
    OperationDefinition, where somebody publishes one.

    What else the request asks for it is given: ``instance`` (the resource, at instance level; without this
    field the operation is offered on the type alone) and ``languages`` (what the caller wants in general).
    """

    request: type[Any]
    run: Callable[[Catalogue, Any], Any]
    write: Callable[[Any], Document]
    parameters: Sequence[Parameter]
    subject: str | None = None
    downgrade: Callable[[Any, Any, Document], Document] = lambda request, answer, document: r4.downgrade(
        document
    )
    each: str | None = None
    in_r6: bool = True
    definition: str | None = None

    @property
    def is_for_instances(self) -> bool:
        return self.takes("instance")

    @property
    def all_parameters(self) -> Sequence[Parameter]:
        """The parameters, and the one that holds many questions."""
        return (*self.parameters, p(self.each, "Resource")) if self.each else self.parameters

    @property
    def resources(self) -> frozenset[str]:
        """The fields that hold a resource."""
        return _resources(tuple(self.parameters))

    def takes(self, field: str) -> bool:
        """Has the request such a field?"""
        return field in self.request.__dataclass_fields__

    def is_in(self, release: FhirVersion) -> bool:
        return self.in_r6 or not release.is_ballot


@cache
def _resources(parameters: tuple[Parameter, ...]) -> frozenset[str]:
    return frozenset(parameter.field for parameter in parameters if parameter.type == "Resource")


def _the_same(request: object, answer: object, document: Document) -> Document:
    """An answer that R4 writes as R5 does."""
    return document


def _translation_as_r4(request: TranslateRequest, answer: Translation, document: Document) -> Document:
    """R4 calls the map of a match ``source``, but not where the question was put in later words.

    The ecosystem asks R4 servers in R6's names and expects ``originMap``; and where a target was given,
    ``source`` is the concept that was found.
    """
    return r4.translation(document, names_source=not (request.as_mapped or request.finds_sources))


# The version parameters of $expand and $validate-code: see operations/value_set/pins.py.
VERSION_ROWS = (
    p("system_version", "canonical", "system-version", many=True),
    p("check_system_version", "canonical", "check-system-version", many=True),
    p("force_system_version", "canonical", "force-system-version", many=True),
    p("default_valueset_version", "canonical", "default-valueset-version", many=True),
    p("check_valueset_version", "canonical", "check-valueset-version", many=True),
    p("force_valueset_version", "canonical", "force-valueset-version", many=True),
)


# What to validate and how, of a code system and of a value set.
_VALIDATE_ROWS = (
    p("code", "code"),
    p("display", "string"),
    p("coding", "Coding"),
    p("concept", "whole CodeableConcept", "codeableConcept"),
    p("date", "dateTime"),
    p("abstract", "boolean"),
    p("active_only", "boolean", "activeOnly"),
    p("lenient_display", "boolean", "lenient-display-validation"),
    p("languages", "languages", "displayLanguage"),
    p("supplements", "canonical", "useSupplement", many=True),
    *VERSION_ROWS,
)
_VALIDATE_IN_SYSTEM = Operation(
    ValidateRequest,
    validate_in_system,
    write_validation.validation,
    (
        p("url", "uri", "url", "system", instance=False),
        p("code_system", "Resource", "codeSystem", instance=False),
        p("version", "string", instance=False),
        *_VALIDATE_ROWS,
    ),
    subject="codeSystem",
    downgrade=_the_same,
    definition=CORE + "CodeSystem-validate-code",
)
_VALIDATE_IN_VALUE_SET = Operation(
    ValidateRequest,
    validate_in_value_set,
    write_validation.validation,
    (
        p("url", "uri", instance=False),
        p("value_set", "Resource", "valueSet", instance=False),
        p("value_set_version", "string", "valueSetVersion", instance=False),
        p("context", "uri", instance=False),
        p("system", "uri"),
        p("version", "string", "systemVersion", "version"),
        p("infer_system", "boolean", "inferSystem", "implySystem"),
        p("membership_only", "boolean", "valueset-membership-only"),
        p("mode", "code", "valueSetMode", "mode"),
        *_VALIDATE_ROWS,
    ),
    subject="valueSet",
    downgrade=_the_same,
    definition=CORE + "ValueSet-validate-code",
)


def _many(operation: Operation, definition: str) -> Operation:
    """The same, of many questions at once: an operation of HL7's ecosystem."""
    return replace(operation, each="validation", definition=ECOSYSTEM + definition)


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("ValueSet", "expand"): Operation(
        ExpandRequest,
        expand,
        lambda answer: write_expansion.expansion(answer, datetime.now(UTC), uuid4()),
        (
            p("url", "uri", instance=False),
            p("value_set", "Resource", "valueSet", instance=False),
            p("value_set_version", "string", "valueSetVersion", instance=False),
            p("context", "uri", instance=False),
            p("filter", "string"),
            p("date", "dateTime"),
            p("offset", "integer"),
            p("count", "integer"),
            p("include_designations", "boolean", "includeDesignations"),
            p("designations", "string", "designation", many=True),
            p("include_definition", "boolean", "includeDefinition"),
            p("active_only", "boolean", "activeOnly"),
            p("exclude_nested", "boolean", "excludeNested"),
            p("exclude_not_for_ui", "boolean", "excludeNotForUI"),
            p("exclude_post_coordinated", "boolean", "excludePostCoordinated"),
            p("languages", "languages", "displayLanguage"),
            p("exclude_systems", "canonical", "exclude-system", many=True),
            p("properties", "string", "property", many=True),
            p("supplements", "canonical", "useSupplement", many=True),
            *VERSION_ROWS,
        ),
        subject="valueSet",
        definition=CORE + "ValueSet-expand",
    ),
    ("ValueSet", "validate-code"): _VALIDATE_IN_VALUE_SET,
    ("ValueSet", "batch-validate-code"): _many(_VALIDATE_IN_VALUE_SET, "ValueSet-batch-validate-code"),
    ("CodeSystem", "validate-code"): _VALIDATE_IN_SYSTEM,
    ("CodeSystem", "batch-validate-code"): _many(_VALIDATE_IN_SYSTEM, "CodeSystem-batch-validate-code"),
    ("CodeSystem", "lookup"): Operation(
        LookupRequest,
        lookup,
        write.lookup,
        (
            p("code", "code"),
            p("system", "uri", instance=False),
            p("version", "string", instance=False),
            p("coding", "Coding"),
            p("date", "dateTime"),
            p("languages", "languages", "displayLanguage"),
            p("properties", "code", "property", many=True),
            p("supplements", "canonical", "useSupplement", many=True),
        ),
        downgrade=_the_same,
        definition=CORE + "CodeSystem-lookup",
    ),
    ("CodeSystem", "subsumes"): Operation(
        SubsumesRequest,
        subsumes,
        write_relations.subsumption,
        (
            p("code_a", "code", "codeA"),
            p("code_b", "code", "codeB"),
            p("system", "uri", instance=False),
            p("version", "string", instance=False),
            p("coding_a", "Coding", "codingA"),
            p("coding_b", "Coding", "codingB"),
        ),
        downgrade=_the_same,
        definition=CORE + "CodeSystem-subsumes",
    ),
    ("CodeSystem", "find-matches"): Operation(
        FindMatchesRequest,
        find_matches,
        write_relations.found_matches,
        (
            p("system", "uri", instance=False),
            p("version", "string", instance=False),
            p("properties", "sought", "property", many=True),
            p("exact", "boolean"),
            p("compositional", "boolean"),
        ),
        in_r6=False,
        definition=CORE + "CodeSystem-find-matches",
    ),
    ("ConceptMap", "translate"): Operation(
        TranslateRequest,
        translate,
        write.translation,
        (
            p("url", "canonical", instance=False),
            p("concept_map", "Resource", "conceptMap", instance=False),
            p("map_version", "string", "conceptMapVersion", instance=False),
            p("code", "code", "sourceCode", "code"),
            p("system", "uri", "system", "sourceSystem"),
            p("version", "string", "version", "sourceVersion"),
            p("coding", "Coding", "sourceCoding", "coding"),
            p("concept", "CodeableConcept", "sourceCodeableConcept", "codeableConcept"),
            p("target_code", "code", "targetCode"),
            p("target_coding", "Coding", "targetCoding"),
            p("target_concept", "CodeableConcept", "targetCodeableConcept"),
            p("source_scope", "uri", "sourceScope", "source"),
            p("target_scope", "uri", "targetScope", "target"),
            p("target_system", "uri", "targetSystem", "targetsystem"),
            p("reverse", "boolean"),
            p("dependencies", "dependency", "dependency", many=True),
            p("languages", "languages", "displayLanguage"),
        ),
        subject="conceptMap",
        downgrade=_translation_as_r4,
        definition=CORE + "ConceptMap-translate",
    ),
}

# Parameters that every operation takes.
RESOURCES = p("resources", "Resource", "tx-resource", many=True)
_R6_NAMES = frozenset({"sourceSystem", "sourceVersion"})


@dataclass(slots=True)
class PreparedRequest:
    """An operation with the fields of its request, so that it can be asked again with another code."""

    operation: Operation
    release: FhirVersion
    fields: dict[str, Any]

    def answer(self, catalogue: Catalogue, fields: Mapping[str, Any] | None = None) -> Document:
        """The answer as the release has it; ``fields`` may be others. Raises TerminologyError."""
        operation = self.operation
        request = operation.request(**(self.fields if fields is None else fields))
        found = operation.run(catalogue, request)
        document = operation.write(found)
        return operation.downgrade(request, found, document) if self.release.is_r4 else document


def answer(
    catalogue: Catalogue,
    release: FhirVersion,
    kind: str,
    name: str,
    given: Sequence[Given],
    instance: Document | None = None,
    languages: Languages | None = None,
    largest: int = LARGEST_EXPANSION,
) -> Document:
    """Ask one operation, and write the answer as the release has it.

    ``languages`` is what the caller wants in general, where no parameter says otherwise; ``largest`` how
    many codes an expansion may have. Raises TerminologyError.
    """
    operation = operation_of(kind, name, release, at_instance=instance is not None)
    catalogue = catalogue.for_fhir(release.version)
    own, catalogue = _with_resources(catalogue, release, given)

    def ask(given: Sequence[Given]) -> Document:
        given, seen = _with_resources(catalogue, release, given)
        return question(operation, release, given, instance, languages, largest).answer(seen)

    if operation.each is None:
        return ask(own)
    return answer_each(operation.each, operation.parameters, own, ask)


def question(
    operation: Operation,
    release: FhirVersion,
    given: Sequence[Given],
    instance: Document | None = None,
    languages: Languages | None = None,
    largest: int = LARGEST_EXPANSION,
) -> PreparedRequest:
    """What is asked, read from its parameters. Raises TerminologyError."""
    fields = read(operation.parameters, given)
    for field in operation.resources & fields.keys():
        fields[field] = require(release.upgrade(fields[field]))
    beside = {
        "accepted": languages,
        "languages": None if operation.takes("accepted") else languages,
        "largest": largest,
        "as_mapped": any(item.name in _R6_NAMES for item in given),
        "instance": instance,
    }
    for name, value in beside.items():
        if value is not None and operation.takes(name):
            fields.setdefault(name, value)
    return PreparedRequest(operation, release, fields)


def _with_resources(
    catalogue: Catalogue, release: FhirVersion, given: Sequence[Given]
) -> tuple[Sequence[Given], Catalogue]:
    """The other parameters, and the catalogue with the resources that travel with the request before it."""
    rest = [item for item in given if item.name.casefold() not in RESOURCES.names]
    if len(rest) == len(given):
        return given, catalogue
    resources = read([RESOURCES], given).get("resources", ())
    overlay = [release.upgrade(resource) for resource in resources]
    return rest, Overlay.of(catalogue, overlay) if overlay else catalogue


def operation_of(kind: str, name: str, release: FhirVersion, at_instance: bool = False) -> Operation:
    """The row of an operation. Raises TerminologyError when there is none, or none at this level."""
    offered = operations_of(kind, release)
    if name not in offered:
        raise TerminologyError(issues.unknown_operation(name, kind, [f"${other}" for other in offered]))
    if at_instance and not offered[name].is_for_instances:
        raise TerminologyError(issues.operation_of_type(name, kind))
    return offered[name]


def operations_of(kind: str, release: FhirVersion) -> dict[str, Operation]:
    """The operations of a resource type, by name, that a release has."""
    rows = ((name, row) for (of, name), row in OPERATIONS.items() if of == kind)
    return {name: row for name, row in rows if row.is_in(release)}
