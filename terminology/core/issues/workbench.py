"""Messages about the rows of a sheet, for people who map codes."""

from __future__ import annotations

from terminology.core.issues.phrases import code_in_quotes

_SPOILED = {
    "spreadsheet-error": "is an error of the spreadsheet program",
    "spreadsheet-date": "is a date: the spreadsheet program has taken the code for one",
    "spreadsheet-number": "is a number in scientific notation: the digits of the code are lost",
    "spreadsheet-formula": "is a formula: open the file in a spreadsheet program, and save the values",
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
