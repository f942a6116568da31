"""Messages about $subsumes."""

from __future__ import annotations

from terminology.core.issues.severity import error
from terminology.core.model import CodeSystemInfo, Issue


def subsumption_across_systems(first: str, second: str) -> Issue:
    text = f"Subsumption is known within one code system, but the codes are of '{first}' and of '{second}'"
    return error(code="business-rule", text=text)


def subsumption_across_versions(url: str, first: str, second: str) -> Issue:
    text = f"The codes are of two versions of the CodeSystem '{url}': '{first}' and '{second}'"
    return error(code="business-rule", text=text, tx="version-error")


def hierarchy_without_subsumption(about: CodeSystemInfo, meaning: str) -> Issue:
    text = (
        f"The hierarchy of the CodeSystem '{about.canonical}' has the meaning '{meaning}', which does not "
        "say whether one code subsumes another"
    )
    return error(code="not-supported", text=text)


def subsumption_unknown(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"The CodeSystem '{about.canonical}' is known here by its grammar, which does not say how "
        f"'{first}' and '{second}' are related, so it cannot be determined whether one subsumes the other"
    )
    return error(code="not-supported", text=text)


def subsumption_in_a_circle(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"The CodeSystem '{about.canonical}' contradicts itself: it has '{first}' above '{second}' and "
        f"'{second}' above '{first}'"
    )
    return error(code="business-rule", text=text)


def subsumption_beyond_fragment(first: str, second: str, about: CodeSystemInfo) -> Issue:
    text = (
        f"Nothing here relates '{first}' and '{second}', but of the CodeSystem '{about.canonical}' only a "
        f"part (content '{about.content}') is here, so it cannot be determined whether one subsumes the other"
    )
    return error(code="business-rule", text=text)
