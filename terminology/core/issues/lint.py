"""Messages about faults of a code system, value set or map, for those who write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from terminology.core.issues.phrases import code_in_quotes, quoted, quoted_list


def element_is_missing(name: str) -> str:
    return f"There is no {name}."


def code_not_in_its_system(code: str, canonical: str, hint: str) -> str:
    return f"{canonical} has no code {code_in_quotes(code)}. {hint}".strip()


def code_is_inactive(code: str, canonical: str, successors: Collection[str]) -> str:
    then = f" It was replaced by {quoted_list(successors)}." if successors else ""
    return f"The code {code_in_quotes(code)} of {canonical} is not active.{then}"


def display_is_not_of_code(code: str, display: str, right: str) -> str:
    return f"{quoted(display)} is not a name of {code_in_quotes(code)}, which is {quoted(right)}."


def code_comes_twice(code: str) -> str:
    return f"The code {code_in_quotes(code)} comes twice."


def system_is_not_here(url: str) -> str:
    return f"The code system {quoted(url)} is not loaded, so its codes were not checked."


def unknown_word(word: str, known: Iterable[str]) -> str:
    return f"{quoted(word)} is not one of {quoted_list(known)}."


def target_without_code(code: str) -> str:
    return f"{code_in_quotes(code)} has neither a target nor 'noMap': say which."


def target_beside_no_map(code: str) -> str:
    return f"{code_in_quotes(code)} has both a target and 'noMap'."


def attribute_is_not_declared(attribute: str) -> str:
    return f"{quoted(attribute)} is not declared in 'additionalAttribute'."


def property_is_not_declared(code: str) -> str:
    return f"The property {code_in_quotes(code)} is not declared in 'property'."


def parent_is_unknown(code: str, parent: str) -> str:
    return f"The parent {code_in_quotes(parent)} of {code_in_quotes(code)} is not in the code system."


def count_is_wrong(count: int, actual: int) -> str:
    return f"'count' is {count:,}, and there are {actual:,} concepts."
