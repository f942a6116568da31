"""Messages about CPT: why a code with modifiers is none, or cannot be checked.

``rule`` completes "the modifier X may ...".
"""

from __future__ import annotations

from terminology.core.issues.phrases import and_list, quoted
from terminology.core.issues.severity import warning
from terminology.core.model import CodeSystemInfo, Issue


def modifiers_malformed(code: str) -> str:
    return (
        f"{quoted(code)} cannot be a code of CPT: a base code is followed by one or more modifiers of two characters, "
        "each after a colon, as in 57520:51"
    )


def base_code_unknown(code: str, base: str, about: CodeSystemInfo) -> str:
    return f"{quoted(code)} cannot be a code of CPT: '{about.canonical}' has no code {quoted(base)}"


def modifier_unknown(code: str, modifier: str, about: CodeSystemInfo) -> str:
    return f"{quoted(code)} cannot be a code of CPT: '{about.canonical}' has no modifier {quoted(modifier)}"


def modifier_breaks_rule(code: str, modifier: str, rule: str) -> str:
    return f"{quoted(code)} cannot be a code of CPT: the modifier {quoted(modifier)} may {rule}"


def modifiers_exclude_each_other(code: str, modifiers: list[str]) -> str:
    return f"{quoted(code)} cannot be a code of CPT: the modifiers {and_list(modifiers)} exclude one another"


def modifier_not_here(code: str, modifier: str, about: CodeSystemInfo) -> Issue:
    """For a copy of CPT that does not have all modifiers, such as a fragment."""
    text = (
        f"The modifier '{modifier}' of '{code}' cannot be checked: '{about.canonical}' on this server does not have "
        "all modifiers of CPT"
    )
    return warning(code="code-invalid", text=text, tx="code-comment")


def codes_with_modifiers_are_unclosed(about: CodeSystemInfo) -> str:
    """Why an expansion is not closed: the text of HL7's extension valueset-unclosed."""
    return (
        f"The code System '{about.url}' has a grammar and so has infinite members: codes with modifiers (57520:51) "
        "are part of the value set, but cannot be listed"
    )
