"""The check of a resource that a client writes, before anything is stored.

The package fhir.resources knows the elements, types and cardinalities of each release. Its models neither keep the
digits of decimals nor check bindings, so they name the faults, and nothing else is taken from them. The rules after
it are this server's: a resource must be one that it can find by its canonical, and compile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Issue
from terminology.core.structure import require, require_block
from terminology.wire.fhir_versions import FhirVersion

# So many faults are named; a client can mend those first.
MOST_FAULTS = 50
# Clients take "." and ".." out of an address.
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9\-.]{1,64}")
_IN_CANONICAL = re.compile(r"[|#\s]")
# The elements with a required binding on which an answer depends: their codes.
_CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "CodeSystem": {"content": ("not-present", "example", "fragment", "complete", "supplement")},
    "ValueSet": {},
    "ConceptMap": {},
}
_STATUS = ("draft", "active", "retired", "unknown")
# To check an element takes as long as so many steps.
_STEPS_OF_CHECK = 50


def require_id(id_: str) -> None:
    """Raises TerminologyError for a text that cannot be an id (https://hl7.org/fhir/R5/datatypes.html#id)."""
    if not _ID.fullmatch(id_):
        raise TerminologyError(issues.bad_id(id_))


def valid_resource(document: Document, release: FhirVersion) -> Document:
    """A CodeSystem, ValueSet or ConceptMap that came in a release, in the shape of R5.

    Raises TerminologyError with an issue for each fault, whose FHIRPath names the element.
    """
    faults = [*_faults_of_model(document, release), *_faults_of_header(document)]
    if not faults:
        faults = list(_repeated_codes(document))
    if faults:
        raise TerminologyError(faults[:MOST_FAULTS])
    upgraded = require(release.upgrade(document))
    compose = upgraded.get("compose", {})
    for part in ("include", "exclude"):
        for index, block in enumerate(compose.get(part, ())):
            require_block(block, f"ValueSet.compose.{part}[{index}]")
    return upgraded


def _faults_of_model(document: Document, release: FhirVersion) -> Iterator[Issue]:
    """What fhir.resources says. It has no models of R4 and R6: those of R4B and R5 have the same elements."""
    kind = document["resourceType"]
    package = "fhir.resources.R4B" if release.is_r4 else "fhir.resources"
    model = getattr(import_module(f"{package}.{kind.lower()}"), kind)
    from pydantic import ValidationError  # as late as the models, which take a while to import

    try:
        model.model_validate(document)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False)[:MOST_FAULTS]:
            yield issues.wrong_element(_path(kind, detail["loc"]), detail["msg"].rstrip("."))


def _path(kind: str, steps: tuple[Any, ...]) -> str:
    """The FHIRPath of an element.

    >>> _path("CodeSystem", ("concept", 1, "code"))
    'CodeSystem.concept[1].code'
    """
    return kind + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _faults_of_header(document: Document) -> Iterator[Issue]:
    kind = document["resourceType"]
    url = document.get("url")
    if not isinstance(url, str) or not url:
        yield issues.element_to_write_missing(f"{kind}.url")
    for name in ("url", "version"):
        if isinstance(document.get(name), str) and _IN_CANONICAL.search(document[name].strip()):
            yield issues.bar_in_canonical(f"{kind}.{name}")
    for name, choices in ({"status": _STATUS} | dict(_CHOICES[kind])).items():
        value = document.get(name)
        if isinstance(value, str) and value not in choices:
            yield issues.wrong_choice(f"{kind}.{name}", value, choices)


def _repeated_codes(document: Document) -> Iterator[Issue]:
    """The invariant csd-1: within a code system, all codes are unique."""
    places: dict[str, str] = {}
    open_ = [(document, document["resourceType"])] if document["resourceType"] == "CodeSystem" else []
    while open_:
        node, path = open_.pop()
        for index, concept in enumerate(counted(node.get("concept", ()), _STEPS_OF_CHECK)):
            at = f"{path}.concept[{index}]"
            first = places.setdefault(concept["code"], at)
            if first is not at:
                yield issues.repeated_code(f"{at}.code", concept["code"], first)
            open_.append((concept, at))
