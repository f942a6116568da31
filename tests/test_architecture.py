"""The modules import one another in one direction only, few stand at the root, and a class name means one class."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "terminology"
MOST_AT_THE_ROOT = 6

Graph = dict[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """The modules of a package by their dotted names; a folder is named after its ``__init__``."""
    return {name_of(path, package.parent): path for path in sorted(package.rglob("*.py"))}


def name_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(package: Path) -> Graph:
    """Which module imports which, wherever the import stands: in a function or for type checking, too."""
    paths = modules(package)
    return {name: set(imported(path, name, paths.keys())) - {name} for name, path in paths.items()}


def imported(path: Path, name: str, known: Collection[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                target = full if full in known else node.module
                if target in known:
                    yield str(target)


def circles(graph: Graph) -> list[list[str]]:
    """The groups of modules that import one another (strongly connected components, Tarjan)."""
    found: list[list[str]] = []
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        path.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            circle = path[path.index(name) :]
            del path[path.index(name) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for name in graph:
        if name not in order:
            visit(name)
    return found


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert circles(imports(PACKAGE)) == []


def test_few_modules_stand_at_the_root_of_the_package() -> None:
    names = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(names) <= MOST_AT_THE_ROOT, names


def classes(package: Path) -> dict[str, list[str]]:
    """The modules that define a class of each name, private classes and inner ones, too."""
    modules_of: dict[str, list[str]] = {}
    for module, path in modules(package).items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                modules_of.setdefault(node.name, []).append(module)
    return modules_of


def repeated(package: Path) -> dict[str, list[str]]:
    return {name: where for name, where in classes(package).items() if len(where) > 1}


def test_each_class_name_means_one_class() -> None:
    assert repeated(PACKAGE) == {}


def test_a_class_name_that_is_used_twice_is_found(tmp_path: Path) -> None:
    package = tmp_path / "planted"
    package.mkdir()
    (package / "one.py").write_text("class _Entry: ...\nclass Other: ...\n")
    (package / "two.py").write_text("def later():\n    class _Entry: ...\n")
    assert repeated(package) == {"_Entry": ["planted.one", "planted.two"]}


@pytest.mark.parametrize(
    "back",
    [
        "from planted.one import value",
        "import planted.one",
        "from planted import one",
        "def later():\n    from planted.one import value",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from planted.one import value",
    ],
)
def test_a_circle_is_found_wherever_its_imports_stand(tmp_path: Path, back: str) -> None:
    package = tmp_path / "planted"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from planted.two import other\nvalue = 1\n")
    (package / "two.py").write_text("from planted.three import third\nother = 2\n")
    (package / "three.py").write_text("third = 3\n")
    assert circles(imports(package)) == []
    (package / "three.py").write_text(f"{back}\nthird = 3\n")
    assert circles(imports(package)) == [["planted.one", "planted.three", "planted.two"]]


def guesses(package: Path) -> list[str]:
    """The attributes that ``getattr`` looks up by a fixed name: of an object that does not declare them."""
    return [
        f"{name_of(path, package.parent)}: {node.args[1].value!s}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("getattr", "hasattr")
        and isinstance(node.args[1], ast.Constant)
    ]


def test_no_attribute_is_looked_up_that_a_class_does_not_declare() -> None:
    """Between our own packages nothing is guessed; objects of others may lack what these look for."""
    assert set(guesses(PACKAGE)) == {
        "terminology.http.compression: close",  # as below
        "terminology.http.gateway: close",  # what a WSGI application returns may have it
        "terminology.library.results: errors",  # pydantic's ValidationError among other exceptions
        "terminology.store.compile.blocks: pread",  # not on every system
        "terminology.store.compile.scratch: madvise",  # not on every system
        "terminology.store.copies: nice",  # not on every system
        "terminology.systems.ucum: data",  # nodes of lark
        "terminology.systems.ucum: type",
    }


def test_a_guess_at_an_attribute_is_found(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text('value = getattr(answer, "notes", None)\n')
    assert guesses(tmp_path / "package") == ["package.module: notes"]
