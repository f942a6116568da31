"""The tree of exceptions, and the page about it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import terminology
from terminology.core import errors
from terminology.wire import outcome
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")
PACKAGE = Path(terminology.__file__).parent
NAME = re.compile(r"\b\w+Error\b")


def exceptions() -> list[type[Exception]]:
    members = inspect.getmembers(errors, inspect.isclass)
    return [c for _, c in members if issubclass(c, Exception) and c.__module__ == errors.__name__]


def drawn_names(lines: list[str]) -> list[tuple[int, str]]:
    """The names in a drawn tree, each with its depth."""
    found = [(line, NAME.search(line)) for line in lines]
    return [(match.start() // 4, match.group()) for _, match in found if match is not None]


def depth(exception: type[Exception]) -> int:
    return len([c for c in exception.__mro__ if issubclass(c, errors.AdapterError)]) - 1


def test_the_drawn_trees_are_the_tree_of_the_classes() -> None:
    classes = {(depth(exception), exception.__name__) for exception in exceptions()}
    drawing = (errors.__doc__ or "").split("::")[1].split("\n\ndocs/")[0]
    in_docstring = drawn_names([line[4:] for line in drawing.splitlines()])
    on_page = drawn_names(PAGE.split("```text\n")[1].split("```")[0].splitlines())
    assert set(in_docstring) == classes
    assert on_page == in_docstring


@pytest.mark.parametrize("exception", exceptions())
def test_every_exception_belongs_to_the_tree_and_says_what_it_is(exception: type[Exception]) -> None:
    assert issubclass(exception, errors.AdapterError)
    assert exception.__doc__
    rows = re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)
    assert exception.__name__ in [*rows, "AdapterError", "StoreError"]


def test_the_page_says_which_exceptions_are_builtins_too() -> None:
    for builtin in (ValueError, RuntimeError):
        for exception in exceptions():
            assert issubclass(exception, builtin) == (exception.__name__ in BUILTIN[builtin]), exception


BUILTIN: dict[type[Exception], set[str]] = {
    ValueError: {
        "SettingError",
        "UnreadableFileError",
        "TooLargeFileError",
        "PublicationError",
        "BrokenReleaseError",
        "UnrecognisedReleaseError",
        "TooFewRowsError",
        "NotLoadedError",
        "OtherFormatError",
    },
    RuntimeError: {"StoreBusyError", "IncompleteCopyError"},
}


def other_exception_classes() -> Iterator[str]:
    """The exception classes of the package outside the tree: ``file: class``."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.ClassDef) or file == PACKAGE / "core" / "errors.py":
                continue
            bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
            if any(base.endswith(("Error", "Exception")) for base in bases):
                yield f"{file.relative_to(PACKAGE)}: {node.name}"


def test_outside_the_tree_exceptions_are_private_or_the_command_line_s() -> None:
    for place in other_exception_classes():
        assert place.startswith("cli/") or ": _" in place, place


def test_the_page_has_the_status_of_every_issue_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|$", PAGE, re.MULTILINE)
    assert [(code, int(status)) for code, status in rows] == list(outcome.STATUS.items())
    exceptions = {f"tx-issue-type `{tx}` have {status}" for tx, status in outcome.STATUS_OF_TX.items()} | {
        f"message id `{id_}` have {status}" for id_, status in outcome.STATUS_OF_MESSAGE.items()
    }
    text = " ".join(PAGE.split())
    assert all(sentence in text for sentence in exceptions)
