"""A CodeSystem resource as operations and filters read it: its metadata, and the roles of its properties.

The meaning of a property is that of its ``uri``, or else of its code
(https://hl7.org/fhir/R5/codesystem.html#properties).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terminology.core.dates import is_past
from terminology.core.model import CodeSystemInfo, Designation, Document, Typed

CONCEPT_PROPERTIES = "http://hl7.org/fhir/concept-properties#"
ROLES = ("parent", "child", "subsumedBy", "notSelectable", "inactive", "status")
MARKS = ("notSelectable", "inactive", "status")
# These mean what their code says, also where a code system gives them some other uri.
BY_NAME = frozenset({"notSelectable", "inactive"})
# Properties that say that a concept is deprecated: from a date on, or with the value true, as older content has it.
DEPRECATIONS = ("deprecationDate", "deprecated")
# A deprecated concept may still be used: tx-ecosystem, test "act-class".
INACTIVE_STATUS = frozenset({"retired", "withdrawn", "inactive"})

# The beginning of the id of a stub: of no resource that others publish.
STUB = "built-in-"
STUB_DESCRIPTION = (
    "This server answers for the codes of this code system without a list of them: CodeSystem/$lookup and "
    "CodeSystem/$validate-code take any of them."
)


def info_of(document: Document) -> CodeSystemInfo:
    """The metadata of a CodeSystem resource."""
    return CodeSystemInfo(
        url=document.get("url", ""),
        version=document.get("version"),
        name=document.get("name"),
        title=document.get("title"),
        content=document.get("content", "complete"),
        case_sensitive=case_sensitivity(document),
        language=document.get("language"),
        supplements=document.get("supplements"),
        copyright=document.get("copyright"),
        document=document,
    )


def stub_of(about: CodeSystemInfo) -> Document:
    """A CodeSystem resource without codes, for a code system that is not a resource."""
    elements = {
        "resourceType": "CodeSystem",
        "id": f"{STUB}{about.name or about.url.rpartition('/')[2]}",
        "language": about.language,
        "url": about.url,
        "version": about.version,
        "name": about.name,
        "title": about.title,
        "status": "active",
        "experimental": False,
        "description": STUB_DESCRIPTION,
        "copyright": about.copyright,
        "caseSensitive": about.case_sensitive,
        "content": "not-present",
    }
    return {name: value for name, value in elements.items() if value is not None}


def case_sensitivity(document: Mapping[str, Any]) -> bool | None:
    """``CodeSystem.caseSensitive``; None if the resource does not say."""
    value = document.get("caseSensitive")
    return None if value is None else value is not False


def designation_of(node: dict[str, Any], language: str | None = None) -> Designation:
    """A ``designation`` of a CodeSystem or a ValueSet; ``language`` is that of the resource."""
    return Designation(
        value=node.get("value", ""),
        language=node.get("language"),
        use=node.get("use"),
        additional_use=node.get("additionalUse", ()),
        extension=node.get("extension", ()),
        resource_language=language,
    )


def roles_of(document: Document) -> dict[str, str]:
    """The code of the property that plays each role: by its uri, else by a code that has no other uri."""
    roles: dict[str, str] = {}
    for declared in document.get("property", ()):
        uri, code = declared.get("uri"), declared.get("code")
        if uri and uri.startswith(CONCEPT_PROPERTIES):
            roles[uri.removeprefix(CONCEPT_PROPERTIES)] = code
    taken = {d.get("code") for d in document.get("property", ()) if d.get("uri")} - BY_NAME
    return roles | {role: role for role in ROLES if role not in roles and role not in taken}


def deprecations_of(document: Document) -> frozenset[str]:
    """The codes of the properties that say that a concept is deprecated, of those that the resource declares."""
    declared = document.get("property", ())
    by_uri = {
        d.get("code") for d in declared if str(d.get("uri")).removeprefix(CONCEPT_PROPERTIES) in DEPRECATIONS
    }
    by_code = {d.get("code") for d in declared if not d.get("uri")} & set(DEPRECATIONS)
    return frozenset(by_uri | by_code)


def is_deprecation(value: Typed) -> bool:
    """True if a value of such a property holds today: the date has come, or it is true.

    https://hl7.org/fhir/R5/codesystem-concept-properties.html: a deprecated concept may still be used.
    """
    return is_past(value.value) if isinstance(value.value, str) else value.value is True
