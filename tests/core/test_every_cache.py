"""Every cache of the package is one of ``core/cache.py``, and bounded in bytes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import terminology
from terminology.core.cache import LARGEST_ENTRY, LONGEST_TEXT

PACKAGE = Path(terminology.__file__).parent
MEGABYTE = 1_000_000
# Caches whose keys no request can choose.
FIXED_KEYS = {
    "store/compile/compiler.py: lru_cache",  # codes of a release while it is imported
    "store/compile/scratch.py: lru_cache",  # places of its rows
    "store/sqlite.py: lru_cache",  # the names of the statements in ``sql.STATEMENTS``, and short lengths
}
# The most bytes of one cache.
MOST = 60 * MEGABYTE


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Each call in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != PACKAGE / "core" / "cache.py":
            yield from (
                (path, n) for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)
            )


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def title(path: Path, name: str) -> str:
    return f"{path.relative_to(PACKAGE).as_posix()}: {name}"


def caches(name: str) -> list[Any]:
    return [
        pytest.param(path, call, id=f"{title(path, name)} {call.lineno}")
        for path, call in calls()
        if name_of(call.func) == name
    ]


def value_in(path: Path, expression: ast.expr) -> int:
    """The value of an expression of constants in a module; the name of a parameter ``room`` is that of its default."""
    module = import_module(".".join(("terminology", *path.relative_to(PACKAGE).with_suffix("").parts)))
    names = vars(module)
    return int(eval(ast.unparse(expression), {"room": names.get("_ROOM")} | names))


@pytest.mark.parametrize("path,call", caches("Cache"))
def test_a_cache_has_room_for_so_many_bytes(path: Path, call: ast.Call) -> None:
    assert len(call.args) == 2, "the room and the weight of a value"
    assert value_in(path, call.args[0]) <= MOST


@pytest.mark.parametrize("path,call", caches("RecentValues"))
def test_recent_values_are_few_and_small(path: Path, call: ast.Call) -> None:
    assert len(call.args) == 2, "the room and the weight of a value"
    assert 2 * value_in(path, call.args[0]) * LARGEST_ENTRY <= MOST


@pytest.mark.parametrize("path,call", caches("kept_results"))
def test_kept_results_are_those_of_short_texts(path: Path, call: ast.Call) -> None:
    longest = [value_in(path, word.value) for word in call.keywords if word.arg == "longest"] or [
        LONGEST_TEXT
    ]
    assert value_in(path, call.args[0]) * longest[0] * 4 <= MOST


def test_no_text_is_the_key_of_an_unbounded_cache() -> None:
    """``functools.cache`` is for what a module makes once, or in a function that ends with the request."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            decorators = (
                [name_of(d) for d in node.decorator_list] if isinstance(node, ast.FunctionDef) else []
            )
            if isinstance(node, ast.FunctionDef) and {"cache", "lru_cache"} & set(decorators):
                annotations = [ast.unparse(a.annotation) for a in node.args.args if a.annotation is not None]
                if any("str" in annotation or "Any" in annotation for annotation in annotations):
                    found.add(title(path, node.name))
    assert found == set()


def test_bounds_are_in_one_place() -> None:
    others = {title(path, "lru_cache") for path, call in calls() if name_of(call.func) == "lru_cache"}
    assert others == FIXED_KEYS


def test_the_caches_are_found() -> None:
    assert (
        len(caches("Cache")) >= 6 and len(caches("RecentValues")) >= 9 and len(caches("kept_results")) >= 14
    )
