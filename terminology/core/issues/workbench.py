"""Messages about the rows of a sheet and about versions that are compared, for people who map codes."""

from __future__ import annotations

from collections.abc import Sequence

from terminology.core.issues.phrases import code_in_quotes, shortened
from terminology.core.issues.severity import error
from terminology.core.model import Issue

_SPOILED = {
    "spreadsheet-error": "is an error of the spreadsheet program",
    "spreadsheet-date": "is a date: the spreadsheet program has taken the code for one",
    "spreadsheet-number": "is a number in scientific notation: the digits of the code are lost",
    "spreadsheet-formula": "is a formula: open the file in a spreadsheet program, and save the values",
}
# The types that are compared, in words: several of them, and one.
_SEVERAL = {
    "CodeSystem": ("code systems", "code system"),
    "ValueSet": ("value sets", "value set"),
    "ConceptMap": ("maps", "map"),
}


def row_without_code() -> str:
    return "The row has no code."


def code_spoiled_by_spreadsheet(cell: str, how: str) -> str:
    """``how``: a reason that begins with ``spreadsheet-``."""
    return f"{code_in_quotes(cell)} {_SPOILED[how]}. Format the column as text before the codes are written into it."


def code_of_target_already(code: str) -> str:
    return f"{code_in_quotes(code)} is already a code of this code system."


def code_of_no_system(code: str, name: str) -> str:
    """``name``: what the row calls its code system; empty if nothing says which one it is."""
    if name:
        return (
            f"No code system is called {code_in_quotes(name)}, so {code_in_quotes(code)} was not looked up."
        )
    return f"Nothing says of which code system {code_in_quotes(code)} is: use --from, or a column of code systems."


def not_versions_of_one(kind: str, old: str, new: str) -> Issue:
    """``kind``: the type of both, such as ``CodeSystem``; ``old`` and ``new``: their urls."""
    several, one = _SEVERAL[kind]
    names = f"'{shortened(old)}' and '{shortened(new)}'"
    text = f"These are different {several} ({names}): compare two versions of one {one}"
    return error(code="invalid", text=text)


def codes_of_one_part(count: int) -> str:
    """``count``: how many codes a fragment lacks that the other side of a comparison has."""
    codes, they = ("1 code is", "it was") if count == 1 else (f"{count:,} codes are", "they were")
    return (
        f"At least one of these is a part (fragment): {codes} only in one, and nothing tells whether {they} added or "
        "removed."
    )


def not_two_resources(old: str, new: str, kinds: Sequence[str]) -> Issue:
    """The ends of a comparison: each should name a resource, of one type."""
    text = (
        f"'{shortened(old)}' and '{shortened(new)}' are not two resources of one type: name two of "
        f"{', '.join(kinds)} by type and id, such as CodeSystem/a and CodeSystem/b"
    )
    return error(code="invalid", text=text)


def too_much_to_compare(title: str, most: int) -> Issue:
    text = f"{title} has more than {most:,} codes, the most that a page compares: use the command 'terminology diff'"
    return error(code="too-costly", text=text)


def no_codes_to_compare(title: str, content: str) -> Issue:
    text = f"{title} has no list of its codes (content: {content}), so nothing can be compared"
    return error(code="not-supported", text=text)


def text_without_suggestion(text: str, target: str) -> str:
    """``target``: what the user calls the code system that was searched."""
    return f"No term of {target} is like {code_in_quotes(text)}."


def sheet_unreadable(reason: str) -> Issue:
    """``reason``: a sentence without its point."""
    return error(code="invalid", text=f"The sheet cannot be read: {reason}")


def sheet_missing() -> Issue:
    return error(code="required", text="There is no sheet: choose a file, or paste some codes")


def sheet_without_target() -> Issue:
    text = "Nothing says which code system to map to: name one, such as cpt or its url"
    return error(code="required", text=text)


def sheet_without_system() -> Issue:
    text = (
        "Nothing says of which code system these codes are: fill in the field 'From the code system', or add a column "
        "'system' with names such as CPT or ICD-10-PCS"
    )
    return error(code="required", text=text)


def sheet_too_long(most: int) -> Issue:
    text = (
        f"The sheet has more than {most:,} rows, the most that a page maps: use the command 'terminology map'"
    )
    return error(code="too-costly", text=text)


def too_many_systems_of_sheet(most: int) -> Issue:
    return error(code="too-costly", text=f"A page maps a sheet to at most {most} code systems at a time")


def condition_unreadable(text: str) -> Issue:
    return error(
        code="invalid",
        text=f"'{shortened(text)}' should be a condition: write NAME=VALUE, with commas between several",
    )
