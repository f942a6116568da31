"""Answers about the server itself, as R5 resources: its versions, and the caches of clients."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.model import Document
from terminology.state.sessions import Session
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.write.parameters import boolean, code, integer, parameters, string


def versions(answer: Sequence[FhirVersion]) -> Document:
    """https://hl7.org/fhir/R5/capabilitystatement-operation-versions.html; the first version is the default."""
    spoken = sorted(version.short for version in answer)
    return parameters([*(code("version", short) for short in spoken), code("default", answer[0].short)])


def cache(answer: Session) -> Document:
    """A cache of resources, as ``$cache-control`` in HL7's ecosystem has it; ``idle-timeout`` in seconds."""
    return parameters(
        [
            string("cache-id", answer.id),
            boolean("sealed", answer.sealed),
            integer("idle-timeout", int(answer.idle)),
        ]
    )
