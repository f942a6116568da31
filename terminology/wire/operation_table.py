"""THE TABLE of operations: the parameters of each, what answers it, and how the answer is written.

The URL router, the batch, the CapabilityStatement and docs/operations.md all read this table. A parameter
has one row, with every name that R4, R4B, R5 or R6 has for it: all are read on every root.
"""

from __future__ import annotations

from dataclasses import replace

from terminology.core import issues
from terminology.core.dates import now
from terminology.core.errors import RefusedError
from terminology.core.model import Document
from terminology.core.new_ids import new_uuid
from terminology.operations.find_matches import FindMatchesRequest, find_matches
from terminology.operations.lookup import LookupRequest, lookup
from terminology.operations.subsumes import SubsumesRequest, subsumes
from terminology.operations.translate.model import TranslateRequest, Translation
from terminology.operations.translate.translate import translate
from terminology.operations.validate.validate import validate_in_system, validate_in_value_set
from terminology.operations.validate.validate_request import ValidateRequest
from terminology.operations.value_set.expand import expand
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.operations.value_set.related import RelatedRequest, related
from terminology.wire import cache_control, r4
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.operation import BASE, Operation
from terminology.wire.parameters import p
from terminology.wire.system_operations import ClosureCall, VersionsRequest, closure, versions
from terminology.wire.write import expansion as write_expansion
from terminology.wire.write import lookup as write_lookup
from terminology.wire.write import relations as write_relations
from terminology.wire.write import server as write_server
from terminology.wire.write import translation as write_translation
from terminology.wire.write import validation as write_validation

# Where operations are defined: by HL7 in FHIR itself, and for the servers of its terminology ecosystem.
CORE = "http://hl7.org/fhir/OperationDefinition/"
ECOSYSTEM = "http://hl7.org/fhir/uv/tx-ecosystem/OperationDefinition/"


def _the_same(request: object, answer: object, document: Document) -> Document:
    """An answer that R4 writes as R5 does."""
    return document


def _translation_as_r4(request: TranslateRequest, answer: Translation, document: Document) -> Document:
    """In R4, ``source`` of a match is the map, with two exceptions.

    HL7's ecosystem sends R6's names of parameters to R4 servers, and expects ``originMap``. If the request has a
    target, ``source`` is the concept that was found.
    """
    return r4.downgrade_translation(document, names_source=not (request.as_mapped or request.finds_sources))


def _closure_as_r4(request: object, answer: object, document: Document) -> Document:
    """In R4, the relationships of a closure table have three codes of their own."""
    return r4.downgrade_closure(document)


# The version parameters of $expand and $validate-code: see operations/value_set/version_pins.py.
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
    p("code", "code", varies=True),
    p("display", "string", varies=True),
    p("coding", "Coding", varies=True),
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
        p("url", "uri", "url", "system", instance=False, version="version"),
        p("code_system", "Resource", "codeSystem", instance=False),
        p("version", "string", instance=False),
        *_VALIDATE_ROWS,
    ),
    body_parameter="codeSystem",
    downgrade=_the_same,
    warns_in="issues",
    definition=CORE + "CodeSystem-validate-code",
)
_VALIDATE_IN_VALUE_SET = Operation(
    ValidateRequest,
    validate_in_value_set,
    write_validation.validation,
    (
        p("url", "uri", instance=False, version="value_set_version"),
        p("value_set", "Resource", "valueSet", instance=False),
        p("value_set_version", "string", "valueSetVersion", instance=False),
        p("context", "uri", instance=False),
        p("system", "uri", version="version"),
        p("version", "string", "systemVersion"),
        p("unqualified_version", "string", "version"),
        p("infer_system", "boolean", "inferSystem", "implySystem"),
        p("membership_only", "boolean", "valueset-membership-only"),
        p("mode", "code", "valueSetMode", "mode"),
        *_VALIDATE_ROWS,
    ),
    body_parameter="valueSet",
    downgrade=_the_same,
    warns_in="issues",
    definition=CORE + "ValueSet-validate-code",
)


# HL7's ecosystem has renamed $related to $compare.
_RELATED = Operation(
    RelatedRequest,
    related,
    write_relations.value_set_relation,
    (
        p("this_url", "canonical", "thisUrl", instance=False),
        p("this_value_set", "Resource", "thisValueSet", instance=False),
        p("other_url", "canonical", "otherUrl"),
        p("other_value_set", "Resource", "otherValueSet"),
        p("value_set_version", "string", "valueSetVersion"),
        p("diagnostics", "boolean"),
        p("active_only", "boolean", "activeOnly"),
        p("version_policy", "code", "version-policy"),
        p("supplements", "canonical", "useSupplement", many=True),
        *VERSION_ROWS,
    ),
    downgrade=_the_same,
    warns_in="message",
)


def _many(operation: Operation, definition: str) -> Operation:
    """The operation of HL7's ecosystem that takes many requests at once."""
    return replace(operation, each="validation", definition=ECOSYSTEM + definition)


_TRANSLATE = Operation(
    TranslateRequest,
    translate,
    write_translation.translation,
    (
        p("url", "canonical", instance=False, version="map_version"),
        p("concept_map", "Resource", "conceptMap", instance=False),
        p("map_version", "string", "conceptMapVersion", instance=False),
        p("code", "code", "sourceCode", "code", varies=True),
        p("system", "uri", "system", "sourceSystem", version="version"),
        p("version", "string", "version", "sourceVersion"),
        p("coding", "Coding", "sourceCoding", "coding", varies=True),
        p("concept", "CodeableConcept", "sourceCodeableConcept", "codeableConcept"),
        p("target_code", "code", "targetCode", varies=True),
        p("target_coding", "Coding", "targetCoding", varies=True),
        p("target_concept", "CodeableConcept", "targetCodeableConcept"),
        p("source_scope", "uri", "sourceScope", "source"),
        p("target_scope", "uri", "targetScope", "target"),
        p("target_system", "uri", "targetSystem", "targetsystem", version="target_version"),
        p("reverse", "boolean"),
        p("date", "dateTime"),
        p("dependencies", "dependency", "dependency", many=True),
        p("composes", "boolean", "_compose"),
        p("explains", "boolean", "_explain"),
        p("languages", "languages", "displayLanguage"),
    ),
    body_parameter="conceptMap",
    downgrade=_translation_as_r4,
    warns_in="message",
    definition=CORE + "ConceptMap-translate",
)


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("ValueSet", "expand"): Operation(
        ExpandRequest,
        expand,
        lambda answer: write_expansion.expansion(answer, now(), new_uuid()),
        (
            p("url", "uri", instance=False, version="value_set_version"),
            p("value_set", "Resource", "valueSet", instance=False),
            p("value_set_version", "string", "valueSetVersion", "version", instance=False),
            p("context", "uri", instance=False),
            p("context_direction", "code", "contextDirection", instance=False),
            p("filter", "string", varies=True),
            p("date", "dateTime"),
            p("offset", "integer", varies=True),
            p("count", "integer", varies=True),
            p("limit", "integer"),
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
        body_parameter="valueSet",
        notes=lambda expansion: expansion.notes(),
        definition=CORE + "ValueSet-expand",
    ),
    ("ValueSet", "validate-code"): _VALIDATE_IN_VALUE_SET,
    ("ValueSet", "batch-validate-code"): _many(_VALIDATE_IN_VALUE_SET, "ValueSet-batch-validate-code"),
    ("ValueSet", "related"): _RELATED,
    ("ValueSet", "compare"): replace(_RELATED, definition=ECOSYSTEM + "ValueSet-compare"),
    ("CodeSystem", "validate-code"): _VALIDATE_IN_SYSTEM,
    ("CodeSystem", "batch-validate-code"): _many(_VALIDATE_IN_SYSTEM, "CodeSystem-batch-validate-code"),
    ("CodeSystem", "lookup"): Operation(
        LookupRequest,
        lookup,
        write_lookup.lookup,
        (
            p("code", "code", varies=True),
            p("system", "uri", instance=False, version="version"),
            p("version", "string", instance=False),
            p("coding", "Coding", varies=True),
            p("date", "dateTime"),
            p("languages", "languages", "displayLanguage"),
            p("properties", "code", "property", many=True),
            p("supplements", "canonical", "useSupplement", many=True),
        ),
        downgrade=_the_same,
        notes=lambda answer: answer.notes(),
        definition=CORE + "CodeSystem-lookup",
    ),
    ("CodeSystem", "subsumes"): Operation(
        SubsumesRequest,
        subsumes,
        write_relations.subsumption,
        (
            p("code_a", "code", "codeA", varies=True),
            p("code_b", "code", "codeB", varies=True),
            p("system", "uri", instance=False, version="version"),
            p("version", "string", instance=False),
            p("coding_a", "Coding", "codingA", varies=True),
            p("coding_b", "Coding", "codingB", varies=True),
        ),
        downgrade=_the_same,
        definition=CORE + "CodeSystem-subsumes",
    ),
    ("CodeSystem", "find-matches"): Operation(
        FindMatchesRequest,
        find_matches,
        write_relations.found_matches,
        (
            p("system", "uri", instance=False, version="version"),
            p("version", "string", instance=False),
            p("properties", "sought", "property", many=True),
            p("exact", "boolean"),
            p("compositional", "boolean"),
        ),
        in_r6=False,
        definition=CORE + "CodeSystem-find-matches",
    ),
    ("ConceptMap", "translate"): _TRANSLATE,
    # Ours, after the model of $batch-validate-code.
    ("ConceptMap", "batch-translate"): replace(_TRANSLATE, each="translation", definition=None),
    (BASE, "versions"): Operation(
        VersionsRequest,
        versions,
        write_server.versions,
        downgrade=_the_same,
        definition=CORE + "CapabilityStatement-versions",
        reads_content=False,
        right=None,
    ),
    (BASE, "closure"): Operation(
        ClosureCall,
        closure,
        write_relations.closure,
        (
            p("name", "string"),
            p("concepts", "Coding", "concept", many=True),
            p("version", "string"),
        ),
        downgrade=_closure_as_r4,
        in_r6=False,
        definition=CORE + "ConceptMap-closure",
        affects_state=True,
    ),
    (BASE, "cache-control"): Operation(
        cache_control.CacheControlRequest,
        cache_control.cache_control,
        write_server.cache,
        cache_control.PARAMETERS,
        downgrade=_the_same,
        definition=ECOSYSTEM + "cache-control",
        affects_state=True,
        reads_content=False,
    ),
}


def operation_of(kind: str, name: str, release: FhirVersion, at_instance: bool = False) -> Operation:
    """The row of an operation. Raises RefusedError (404) when there is none, or none at this level."""
    offered = operations_of(kind, release)
    if name not in offered:
        known = [f"${other}" for other in offered]
        raise RefusedError(404, issues.unknown_operation(name, kind or "the base", known))
    if at_instance and not offered[name].is_for_instances:
        raise RefusedError(404, issues.operation_of_type(name, kind))
    return offered[name]


def operations_of(kind: str, release: FhirVersion) -> dict[str, Operation]:
    """The operations of a resource type, or of the base, by name, that a release has."""
    rows = ((name, row) for (of, name), row in OPERATIONS.items() if of == kind)
    return {name: row for name, row in rows if row.is_in(release)}
