"""The answer to $validate-code, as an R5 resource."""

from __future__ import annotations

from typing import Any

from terminology.core.model import Document, value_key
from terminology.operations.validate.validation import Validation
from terminology.wire.outcome import operation_outcome
from terminology.wire.write.parameters import Node, parameters


def validation(answer: Validation) -> Document:
    """https://hl7.org/fhir/R5/valueset-operation-validate-code.html, and what HL7's ecosystem adds: inactive,
    status, normalized-code, and the code systems that were missing.
    """
    issues = operation_outcome(answer.issues) if answer.issues else None
    return parameters(
        [
            _p("result", "boolean", answer.result),
            _p("message", "string", answer.message),
            _p("code", "code", answer.code),
            _p("system", "uri", answer.system),
            _p("version", "string", answer.version),
            _p("display", "string", answer.display),
            _p("normalized-code", "code", answer.normalized_code),
            _p("inactive", "boolean", answer.inactive or None),
            _p("status", "code", answer.status),
            _p("codeableConcept", "CodeableConcept", answer.concept),
            *(_p("x-caused-by-unknown-system", "canonical", s) for s in answer.missing_systems),
            *(_p("x-unknown-system", "canonical", s) for s in answer.unknown_systems),
            {"name": "issues", "resource": issues} if issues else None,
        ]
    )


def _p(name: str, type_: str, value: Any) -> Node | None:
    return None if value is None else {"name": name, value_key(type_): value}
