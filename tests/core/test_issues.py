"""Messages to users: where they stand, how they are worded, what their codes mean."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import terminology
from terminology.core import issues
from terminology.core.issues import phrases, severity
from terminology.core.model import Issue
from terminology.wire import outcome

PACKAGE = Path(terminology.__file__).parent
SHARED = (phrases, severity)
MODULES = [import_module(f"{issues.__name__}.{m.name}") for m in pkgutil.iter_modules(issues.__path__)]
SUBJECTS = [m for m in MODULES if m not in SHARED and not m.__name__.endswith(".cutting")]

# Words that have to be read twice, or that say what a shorter word says.
RIDDLES = re.compile(
    r"(?<!here )\b(is|are|be) (no(?! longer)|none)\b|\bbounded by\b|\bhere\b|\bbut for\b|\blest\b|\bwhoever\b"
    r"|\bas far as\b|\banew\b|\breckoned\b|\bThere are: |\bin one another\b"
)
# The one place that is here: the address that a request went to.
ALLOWED = "POST a Bundle of type 'batch' here"


def functions(module: ModuleType) -> dict[str, ast.FunctionDef]:
    nodes = ast.parse(inspect.getsource(module)).body
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


def texts(node: ast.AST) -> Iterator[str]:
    """The texts of a function, without its docstring; a value is written {}."""
    docstrings = {
        id(n.body[0].value)
        for n in ast.walk(node)
        if isinstance(n, ast.FunctionDef) and isinstance(n.body[0], ast.Expr)
    }
    parts = {id(part) for n in ast.walk(node) if isinstance(n, ast.JoinedStr) for part in ast.walk(n)}
    for n in ast.walk(node):
        if isinstance(n, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in n.values)
        elif isinstance(n, ast.Constant) and isinstance(n.value, str):
            if id(n) not in docstrings and id(n) not in parts:
                yield n.value


def test_every_message_has_one_name_and_issues_has_them_all() -> None:
    names = Counter(name for module in SUBJECTS for name in functions(module) if not name.startswith("_"))
    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name in names if not hasattr(issues, name)] == []


def test_every_message_is_used() -> None:
    names = {name for module in SUBJECTS for name in functions(module) if not name.startswith("_")}
    used = {
        name
        for file in PACKAGE.rglob("*.py")
        for name in re.findall(r"\b(\w+)\(", re.sub(r"def \w+\(", "", file.read_text("utf-8")))
    } | {
        name
        for file in PACKAGE.rglob("*.py")
        for name in re.findall(r"\bissues\.(\w+)", file.read_text("utf-8"))
    }
    assert names - used == set()


@pytest.mark.parametrize("module", SUBJECTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_messages_are_in_plain_English(module: ModuleType) -> None:
    for name, node in functions(module).items():
        for text in texts(node):
            assert not RIDDLES.search(text.replace(ALLOWED, "")), f"{name}: {text}"


@pytest.mark.parametrize("module", SUBJECTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_code_of_an_error_has_a_status(module: ModuleType) -> None:
    for name, node in functions(module).items():
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "error":
                (code,) = [k.value for k in call.keywords if k.arg == "code"]
                assert isinstance(code, ast.Constant) and code.value in outcome.STATUS, name


def test_an_issue_is_made_in_one_place() -> None:
    """Issues with positional strings cannot be read: all are made by the four constructors."""
    for file in PACKAGE.rglob("*.py"):
        if file != Path(severity.__file__):
            assert not re.search(r"\bIssue\(", re.sub(r"class \w+\(", "", file.read_text("utf-8"))), file


def test_a_hint_agrees_in_number_with_the_things_it_names() -> None:
    one, two = ["x"], ["x", "y"]
    assert "depends on a (1): send it as" in issues.open_conditions({"a": ["1"]})
    assert "depends on a (1) and b (2): send them as" in issues.open_conditions({"a": ["1"], "b": ["2"]})
    assert issues.retired_code("c", one).endswith("its successor is 'x'.")
    assert issues.retired_code("c", two).endswith("its successors are 'x', 'y'.")
    assert "has the attribute 'x': " in issues.unknown_attributes(one, [])
    assert "has the attributes 'x', 'y': " in issues.unknown_attributes(two, [])
    assert issues.unknown_systems_to_translate(one, "") == "This server has no code system 'x'."
    assert issues.unknown_systems_to_translate(two, "") == "This server has no code systems 'x', 'y'."
    assert issues.map_is_for_versions("m", "s", one).endswith("in the version x.")
    assert issues.map_is_for_versions("m", "s", two).endswith("in the versions x, y.")
    assert issues.maps_with_code_at_other_end(one, True).startswith("The map x has the code as a source")
    assert issues.maps_with_code_at_other_end(two, True).startswith("The maps x, y have the code as a source")


# The messages that quote a value of a request, whatever its JSON type.
OF_ANY_VALUE = [
    message
    for module in SUBJECTS
    for message in vars(module).values()
    if inspect.isfunction(message)
    and message.__module__ == module.__name__
    and "object" in message.__annotations__.values()
]


@pytest.mark.parametrize("message", OF_ANY_VALUE, ids=lambda message: str(message.__name__))
def test_a_message_repeats_at_most_200_characters_of_any_value(message: Callable[..., Issue]) -> None:
    types = [type_ for name, type_ in message.__annotations__.items() if name != "return"]
    long = [{"method": "x" * 1_000}]
    text = message(*(long if type_ == "object" else "text" for type_ in types)).text
    assert "x" * 50 in text or "a list of 1" in text
    assert "x" * 201 not in text


def test_some_messages_quote_a_value_of_any_type() -> None:
    assert len(OF_ANY_VALUE) >= 6
