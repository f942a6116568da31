"""Messages about the version of a code system that a coding, a value set or the request names."""

from __future__ import annotations

from terminology.core.issues.severity import error, warning
from terminology.core.model import Issue

# -- HL7's texts ---------------------------------------------------------------------------------


def version_differs(url: str, included: str, coding_version: str) -> Issue:
    text = (
        f"The code system '{url}' version '{included}' in the ValueSet include is different to the one in "
        f"the value ('{coding_version}')"
    )
    return error(code="invalid", text=text, tx="vs-invalid", message_id="VALUESET_VALUE_MISMATCH")


def version_differs_from_default(url: str, default: str, coding_version: str) -> Issue:
    """The include names no version, so ``default`` is used, and the coding has another one."""
    text = (
        f"The code system '{url}' version '{default}' for the versionless include in the ValueSet include is "
        f"different to the one in the value ('{coding_version}')"
    )
    return warning(code="invalid", text=text, tx="vs-invalid", message_id="VALUESET_VALUE_MISMATCH_DEFAULT")


def version_differs_from_pinned(url: str, pinned: str, included: str, coding_version: str) -> Issue:
    """A parameter of the request names another version than the include does."""
    text = (
        f"The code system '{url}' version '{pinned}' resulting from the version '{included}' in the ValueSet "
        f"include is different to the one in the value ('{coding_version}')"
    )
    return error(code="invalid", text=text, tx="vs-invalid", message_id="VALUESET_VALUE_MISMATCH_CHANGED")


def version_not_allowed(url: str, version: str, required: str) -> Issue:
    text = (
        f"The version '{version}' is not allowed for system '{url}': required to be '{required}' by a "
        "version-check parameter"
    )
    return error(code="exception", text=text, tx="version-error", message_id="VALUESET_VERSION_CHECK")


def value_set_version_check(url: str, version: str | None, required: str | None) -> Issue:
    text = (
        f"The version '{version or ''}' is not allowed for value set '{url}': required to be '{required}' by "
        "a version-check parameter"
    )
    return error(code="exception", text=text, tx="version-error", message_id="VALUESET_VERSION_CHECK")


# -- our own texts -------------------------------------------------------------------------------


def version_needed(url: str) -> Issue:
    text = f"CodeSystem '{url}' requires a version with each code (versionNeeded), and the coding has none"
    return error(code="required", text=text, tx="invalid-data")


def date_not_supported(date: str) -> Issue:
    text = (
        f"'date' is {date}; this server cannot tell which versions were current then. Name the version "
        "of the resource instead"
    )
    return error(code="not-supported", text=text, at=("date",))


def locked_date_not_supported(value_set: str, date: str) -> Issue:
    text = (
        f"ValueSet '{value_set}' has a lockedDate ({date}); this server cannot tell which versions were "
        "current then. Set 'version' in its includes and excludes, or send 'system-version'"
    )
    return error(code="not-supported", text=text)
