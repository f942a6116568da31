"""The list of public classes in docs/architecture.md, written from the first lines of their docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

PAGE = "architecture.md"
# The line of the page that the list follows. Everything after it is written.
MARK = (
    "<!-- Written by `terminology reference` from the docstrings; a test fails when it is out of date. -->\n"
)

_PACKAGE = Path(__file__).resolve().parents[1]
_ROOT = "the root"


def with_class_list(page: str) -> str:
    """The page with the list of the classes of the package. Raises ValueError if it does not have the mark."""
    before, mark, _ = page.partition(MARK)
    if not mark:
        raise ValueError(f"{PAGE} has no line for the list of classes: {MARK}")
    return before + mark + "\n".join(_lines())


def public_classes(package: Path = _PACKAGE) -> Iterator[tuple[str, str, str]]:
    """The module (such as ``wire/rest.py``), the name and the summary of each public class, by module."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                summary = (ast.get_docstring(node) or "").partition("\n")[0]
                yield path.relative_to(package).as_posix(), node.name, summary


def _lines() -> Iterator[str]:
    for folder, classes in groupby(sorted(public_classes(), key=_by_folder), key=_folder_of):
        yield f"\n### {folder}\n"
        yield "| class | module | |"
        yield "| --- | --- | --- |"
        for module, name, summary in classes:
            text = summary.replace("``", "`").replace("|", "\\|")
            yield f"| `{name}` | `{module}` | {text} |"
    yield ""


def _folder_of(row: tuple[str, str, str]) -> str:
    """The layer that a class belongs to."""
    first, slash, _ = row[0].partition("/")
    return first if slash else _ROOT


def _by_folder(row: tuple[str, str, str]) -> tuple[str, str, str]:
    return _folder_of(row), row[0], row[1]
