"""The answer of ``$validate-code``, as an R5 resource."""

from __future__ import annotations

from terminology.core.model import Document
from terminology.operations.validate.validation import Validation
from terminology.wire.outcome import operation_outcome
from terminology.wire.write.parameters import (
    boolean,
    canonical,
    code,
    codeable_concept,
    parameters,
    resource,
    string,
    uri,
)


def validation(answer: Validation) -> Document:
    """https://hl7.org/fhir/R5/valueset-operation-validate-code.html.

    HL7's ecosystem adds inactive, status, normalized-code, and the code systems that were missing.
    """
    return parameters(
        [
            boolean("result", answer.result),
            string("message", answer.message),
            code("code", answer.code),
            uri("system", answer.system),
            string("version", answer.version),
            string("display", answer.display),
            code("normalized-code", answer.normalized_code),
            boolean("inactive", answer.inactive or None),
            code("status", answer.status),
            codeable_concept("codeableConcept", answer.concept),
            *(canonical("x-caused-by-unknown-system", system) for system in answer.missing_systems),
            *(canonical("x-unknown-system", system) for system in answer.unknown_systems),
            resource("issues", operation_outcome(answer.issues) if answer.issues else None),
        ]
    )
