"""The order of the tests: folders, imports, builders and names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TESTS = ROOT / "tests"
# Folders that no layer has: shared code, programs beside the tests, and the importers, which are large.
OTHER_FOLDERS = {"support", "clients", "validator", "tools", "importers"}
BUILDERS = TESTS / "support" / "builders.py"
# Other names for the builder of a Parameters resource.
ALIASES = {"body", "parameters"}
# Longer names are hard to read in a list; the full rule goes into the docstring.
LONGEST_NAME = 70


def modules() -> list[Path]:
    """The Python files of the tests, without packages that npm has installed."""
    return [path for path in sorted(TESTS.rglob("*.py")) if "node_modules" not in path.parts]


MODULES = pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(TESTS)))


def imports(text: str) -> Iterator[str]:
    """The full name of each module or object that a text imports, at any place and in programs in strings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.findall(r"^ *(?:from ([\w.]+) )?import ([\w.]+)", node.value, re.MULTILINE)
            yield from (".".join(filter(None, names)) for names in found)


def is_forbidden(name: str) -> bool:
    """Test modules and benchmarks may not be imported."""
    first, *rest = name.split(".")
    return first == "benchmarks" or (first == "tests" and any(part.startswith("test_") for part in rest))


def functions(path: Path) -> list[str]:
    """The names of the functions at the top of a module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef)]


@MODULES
def test_no_module_imports_a_test_module_or_a_benchmark(path: Path) -> None:
    assert [*filter(is_forbidden, imports(path.read_text(encoding="utf-8")))] == []


def test_the_check_of_imports_sees_every_kind_of_import() -> None:
    verb = "import"  # not in one piece with the names, because this module is checked, too
    program = f"""
{verb} benchmarks.speed
def load():
    from tests.wire {verb} test_xml
PROGRAM = '''
    from tests.a.test_b {verb} c
'''
"""
    assert sorted(filter(is_forbidden, imports(program))) == [
        "benchmarks.speed",
        "tests.a.test_b.c",
        "tests.wire.test_xml",
    ]


def test_each_layer_has_a_folder_and_others_hold_what_tests_share() -> None:
    layers = {path.name for path in (ROOT / "terminology").iterdir() if (path / "__init__.py").is_file()}
    folders = {path.parent.relative_to(TESTS).parts[0] for path in modules() if path.parent != TESTS}
    assert layers <= folders <= layers | OTHER_FOLDERS


@MODULES
def test_builders_are_defined_once(path: Path) -> None:
    names = {*functions(BUILDERS), *ALIASES}
    own = {name.lstrip("_") for name in functions(path)}
    assert path == BUILDERS or not own & names


def long_names(text: str) -> list[str]:
    """The names of the tests of a text, at any place, that are longer than is allowed."""
    functions = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [f.name for f in functions if f.name.startswith("test_") and len(f.name) > LONGEST_NAME]


def test_no_name_of_a_test_is_too_long() -> None:
    texts = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8") for path in modules()}
    assert {path: long for path, text in texts.items() if (long := long_names(text))} == {}


def test_the_check_of_names_sees_every_test_that_is_too_long() -> None:
    just_right = f"test_{'a' * (LONGEST_NAME - 5)}"
    program = f"""
def {just_right}(): ...
def {just_right}b(): ...
def helper_{just_right}(): ...
async def {just_right}c(): ...
class TestIt:
    @classmethod
    def {just_right}d(cls): ...
"""
    assert len(just_right) == 70
    assert sorted(long_names(program)) == [f"{just_right}{letter}" for letter in "bcd"]
