"""Messages about ICD: why a text of several codes cannot be a code.

``name`` is the classification, ``rule`` completes the sentence after a colon.
"""

from __future__ import annotations

from terminology.core.issues.phrases import quoted
from terminology.core.issues.severity import warning
from terminology.core.model import CodeSystemInfo, Issue


def combination_breaks_rule(code: str, name: str, rule: str) -> str:
    return f"{quoted(code)} cannot be a code of {name}: {rule}"


def part_of_combination_unknown(code: str, name: str, part: str, about: CodeSystemInfo) -> str:
    return f"{quoted(code)} cannot be a code of {name}: '{about.canonical}' has no code {quoted(part)}"


def extension_code_alone(code: str) -> Issue:
    text = f"The extension code {quoted(code)} of ICD-11 says nothing alone: it follows a stem code, after the mark '&'"
    return warning(code="business-rule", text=text, tx="code-comment")


def combinations_are_unclosed(about: CodeSystemInfo, example: str) -> str:
    """Why an expansion is not closed: the text of HL7's extension valueset-unclosed."""
    return (
        f"The code System '{about.url}' has a grammar and so has infinite members: codes that are written together "
        f"({example}) are part of the value set, but cannot be listed"
    )
