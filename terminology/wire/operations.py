"""THE TABLE of operations: the parameters of each, what answers it, and how the answer is written.
 The URL router, the batch, the CapabilityStatement and docs/operations.md all read this table. A parameter
has one row, with every name that R4, R4B, R5 or R6 has for it: all are read on every root.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from terminology import issues
from terminology.catalogue import Catalogue
from terminology.languages import Languages
from terminology.model import Document, TerminologyError
from terminology.operations.lookup import LookupRequest, lookup
from terminology.operations.translate import translate
from terminology.operations.translation import TranslateRequest, Translation
from terminology.wire import r4, write
from terminology.wire.parameters import Given, Parameter, p, read
from terminology.wire.releases import Release


@dataclass(slots=True, frozen=True)
class Operation:
    """One operation of a resource type. ``subject`` is the parameter that a bare resource as body stands
    for.
    """

    request: type[Any]
    run: Callable[[Catalogue, Any], Any]
    write: Callable[[Any], Document]
    parameters: Sequence[Parameter]
    subject: str | None = None
    downgrade: Callable[[Any, Any, Document], Document] = lambda request, answer, document: r4.downgrade(
        document
    )
    instance_since: str = "R4"
    affects_state: bool = False


def _translation_as_r4(request: TranslateRequest, answer: Translation, document: Document) -> Document:
    """R4 calls the map of a match ``source``, but not where the question was put in later words.

    The ecosystem asks R4 servers in R6's names and expects ``originMap``; and where a target was given,
    ``source`` is the concept that was found.
    """
    document = r4.downgrade(document)
    later = request.plain or request.asks_for_source
    return document if later else r4.as_r4_source(document)


OPERATIONS: dict[tuple[str, str], Operation] = {
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
        instance_since="R5",
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
            p("backwards", "boolean", "reverse"),
            p("dependencies", "dependency", "dependency", many=True),
            p("languages", "languages", "displayLanguage"),
        ),
        subject="conceptMap",
        downgrade=_translation_as_r4,
    ),
}

# Operations of the base itself; rest.py answers them.
SYSTEM_OPERATIONS = {"versions": "CapabilityStatement"}

# Parameters that every operation takes.
_RESOURCES = p("resources", "Resource", "tx-resource", many=True)
_R6_NAMES = frozenset({"sourceSystem", "sourceVersion"})


def answer(
    catalogue: Catalogue,
    release: Release,
    kind: str,
    name: str,
    given: Sequence[Given],
    instance: Document | None = None,
    languages: Languages | None = None,
) -> Document:
    """Ask one operation, and write the answer as the release has it.

    ``languages`` is what the caller wants in general, where no parameter says otherwise. Raises
    TerminologyError.
    """
    operation = operation_of(kind, name)
    fields = read([*operation.parameters, _RESOURCES], given)
    for parameter in operation.parameters:
        if parameter.type == "Resource" and parameter.field in fields:
            fields[parameter.field] = release.upgrade(fields[parameter.field])
    overlay = [release.upgrade(resource) for resource in fields.pop("resources", ())]
    request = operation.request(**fields)
    if request.languages is None:
        request.languages = languages
    if instance is not None:
        request.instance = instance
    if isinstance(request, TranslateRequest):
        request.plain = any(item.name in _R6_NAMES for item in given)
    found = operation.run(catalogue.with_documents(overlay) if overlay else catalogue, request)
    document = operation.write(found)
    return operation.downgrade(request, found, document) if release.is_r4 else document


def operation_of(kind: str, name: str) -> Operation:
    """The row of an operation. Raises TerminologyError when there is none."""
    operation = OPERATIONS.get((kind, name))
    if operation is None:
        offered = [f"${n}" for k, n in OPERATIONS if k == kind]
        raise TerminologyError(issues.unknown_operation(name, kind or "the base", offered))
    return operation
