"""Messages about $subsumes."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import CodeSystemInfo, Issue


def subsumption_across_systems(first: str, second: str) -> Issue:
    text = f"$subsumes compares codes of one code system, but these are of '{first}' and of '{second}'"
    return error(code="business-rule", text=text)


def subsumption_across_versions(url: str, first: str, second: str) -> Issue:
    text = f"The codes are of two versions of CodeSystem '{url}': '{first}' and '{second}'"
    return error(code="business-rule", text=text, tx="version-error")


def hierarchy_without_subsumption(about: CodeSystemInfo, meaning: str) -> Issue:
    """``meaning``: the ``CodeSystem.hierarchyMeaning``."""
    text = (
        f"CodeSystem '{about.canonical}' has the hierarchyMeaning '{meaning}', which does not say whether one "
        "code subsumes another"
    )
    return error(code="not-supported", text=text)


def subsumption_unknown(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"This server knows CodeSystem '{about.canonical}' by its grammar, which does not relate '{first}' "
        f"and '{second}': it cannot tell whether one subsumes the other"
    )
    return error(code="not-supported", text=text)


def subsumption_in_a_circle(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"CodeSystem '{about.canonical}' contradicts itself: '{first}' is above '{second}', and '{second}' is "
        f"above '{first}'"
    )
    return error(code="business-rule", text=text)


def subsumption_beyond_fragment(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"This server has only a part of CodeSystem '{about.canonical}' (content '{about.content}'), which "
        f"does not relate '{first}' and '{second}': it cannot tell whether one subsumes the other"
    )
    return error(code="business-rule", text=text)
