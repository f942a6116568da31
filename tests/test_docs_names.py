"""Every file, module, class and function exists that the documentation, a docstring or a script of .ci names.

Paths are read anywhere in a page; names are read in `backticks`: ``wire/r4.py``, ``rest.answered``,
``Catalogue.system``, ``LookupRequest``, ``OPERATIONS``, ``entry_of(…)``, and in the code blocks of the page itself.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from terminology.settings import SETTINGS
from tests.support.paths import ROOT

PACKAGE = ROOT / "terminology"
# The names in systems.md are those of the owners of code systems: the descriptions have them, and other tests try them.
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".ci/run", ".ci/check")),
    *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != "systems.md"),
]
FILES = {path.name for path in PACKAGE.rglob("*.py")}
# Names of others: Python's, the environment's, and words in capitals that are not names.
OTHER_NAMES = {*dir(builtins), "PATH", "FUZZ", "STORE", "KIND", "PACKAGE"}
OTHER_PACKAGES = ("fhir.resources",)
DATA_FILE = re.compile(r".*\.(?:csv|json|jsonl|ndjson|sqlite|tgz|toml|tsv|txt|xlsx|xml|zip|py|md|mjs)")
FILE = re.compile(r"(?<![\w/.:-])(?:\.{0,2}/)?[\w.-]+(?:/[\w.-]+)*\.(?:py|md|mjs)\b(?!\.)")
FOLDERS = ("benchmarks", "docs", "fhir_bundles", "terminology", "tests", ".ci")
PATH = re.compile(rf"(?<![\w/.:$-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w")
PLACEHOLDER = re.compile(r"[A-Z]+/")
BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(.*\))?")
CALL = re.compile(r"([a-z_][a-z0-9_]*)\(.*\)")
CAMEL = re.compile(r"_?[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+")
PRIVATE = re.compile(r"_[a-z]\w*")
CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


class Names:
    """The names that the package defines."""

    def __init__(self) -> None:
        # Of each module, by every end of its dotted name, and of each class: the names in it.
        self.modules: dict[str, set[str]] = defaultdict(set)
        self.classes: dict[str, set[str]] = defaultdict(set)
        self.functions: set[str] = set()
        # Names that only strings have: of search parameters, of HL7's messages, of attributes of spans.
        self.strings: set[str] = set()
        for path in sorted(PACKAGE.rglob("*.py")):
            self._read(path)
        self._inherit()

    def _read(self, path: Path) -> None:
        parts = [part for part in path.relative_to(ROOT).with_suffix("").parts if part != "__init__"]
        tree = ast.parse(path.read_text("utf-8"))
        for start in range(len(parts)):
            self.modules[".".join(parts[start:])] |= set(_defined(tree.body))
        for end in range(1, len(parts)):  # a package has its modules
            for start in range(end):
                self.modules[".".join(parts[start:end])].add(parts[end])
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.classes[node.name] |= {*_defined(node.body), *_assigned_to_self(node)}
                self.classes[node.name] |= {f"<{ast.unparse(base).split('[')[0]}" for base in node.bases}
            elif isinstance(node, ast.FunctionDef):
                self.functions.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_name(node.value):
                self.strings.add(node.value)

    def _inherit(self) -> None:
        for _ in range(5):
            for names in self.classes.values():
                for base in [name[1:] for name in names if name.startswith("<")]:
                    names |= self.classes.get(base, set())

    def everything(self) -> set[str]:
        return {*self.classes, *self.functions, *(name for names in self.modules.values() for name in names)}

    def has_dotted(self, name: str) -> bool:
        """Whether a dotted name stands for something here or in FHIR, or begins with nothing that the package has."""
        first, _, last = name.rpartition(".")
        if name in OTHER_PACKAGES or name in self.strings or fhir_names().issuperset(name.split(".")):
            return True
        if first == "terminology" and last in self.classes["Terminology"]:  # the variable of the examples
            return True
        if first in self.modules and last in self.modules[first]:
            return True
        owner = first.rpartition(".")[2]
        if owner in self.classes:
            return last in self.classes[owner]
        if name in self.modules:
            return True
        return name.split(".")[0] not in self.modules


def _is_name(text: str) -> bool:
    return all(map(str.isidentifier, text.split(".")))


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements define, import or assign."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            module = ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py")
            yield from _defined(ast.parse(module.read_text("utf-8")).body)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.If):
            yield from _defined([*node.body, *node.orelse])


def _assigned_to_self(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            if isinstance(inner.value, ast.Name) and inner.value.id == "self":
                yield inner.attr


@cache
def names() -> Names:
    return Names()


@cache
def fhir_names() -> frozenset[str]:
    """The types and elements of FHIR."""
    tables = (PACKAGE / "wire").glob("xml_elements_*.txt")
    return frozenset(re.findall(r"\w+", "".join(path.read_text("utf-8") for path in tables)))


@cache
def known() -> frozenset[str]:
    """The names of the package and of its settings, and those of FHIR, Python and the environment."""
    variables = {setting.variable for setting in SETTINGS}
    return frozenset({*names().everything(), *names().strings, *variables, *fhir_names(), *OTHER_NAMES})


def exists(path: str, page: Path) -> bool:
    """Whether a path leads to a file or folder, from the root, the package, the page or docs/."""
    places = (ROOT, PACKAGE, page.parent, ROOT / "docs")
    return any((place / path).exists() for place in places)


def unknown_names(text: str, page: Path) -> list[str]:
    """The names in a page that stand for nothing."""
    paths = {*FILE.findall(text), *PATH.findall(text)}
    wrong = [path for path in paths if not PLACEHOLDER.match(path) and not exists(path, page)]
    blocks = " ".join(BLOCK.findall(text))
    own = {*re.findall(r"\w+", blocks)}
    for quoted in QUOTED.findall(BLOCK.sub("", text)):
        if dotted := DOTTED.fullmatch(quoted):
            if not DATA_FILE.fullmatch(quoted) and not names().has_dotted(dotted[1]):
                wrong.append(quoted)
            continue
        call = CALL.fullmatch(quoted)
        name = call[1] if call else quoted
        has_shape = call or any(shape.fullmatch(name) for shape in (CAMEL, PRIVATE, CONSTANT))
        if has_shape and name not in own and name not in known():
            wrong.append(quoted)
    return sorted(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_in_the_documentation_exists(page: Path) -> None:
    assert unknown_names(page.read_text("utf-8"), page) == []


def docstrings(module: Path) -> str:
    """All docstrings of a module."""
    nodes = ast.walk(ast.parse(module.read_text("utf-8")))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return "\n\n".join(ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds))


@pytest.mark.parametrize(
    "module", sorted(PACKAGE.rglob("*.py")), ids=lambda module: str(module.relative_to(PACKAGE))
)
def test_every_name_in_a_docstring_exists(module: Path) -> None:
    unknown = unknown_names(docstrings(module), module)
    assert [name for name in unknown if name not in FILES and not is_attribute(name)] == []


def is_attribute(name: str) -> bool:
    """Whether a name is that of a parameter with an attribute that some class has: ``query.obstacles``."""
    variable, dot, attribute = name.partition(".")
    return bool(dot) and variable.islower() and any(attribute in own for own in names().classes.values())


@pytest.mark.parametrize(
    "wrong",
    [
        "wire/r44.py",
        "terminology/wire/r44.py",
        "tests/test_nothing.py",
        "tests/nothing",
        "docs/nothing.md",
        "rest.replied",
        "wire.rest.replied",
        "operations.lookup.look_up",
        "Catalogue.systems",
        "issues.unknown_thing(…)",
        "LookupQuestion",
        "_look_up",
        "look_up(code)",
        "MOST_OPERATIONS",
    ],
)
def test_a_wrong_name_is_found(wrong: str) -> None:
    right = "`wire/r4.py` `rest.answered` `Catalogue.system` `issues.unknown_code(…)` `LookupRequest` `compose.include`"
    page = ROOT / "docs" / "page.md"
    assert unknown_names(f"It is {right}, see tests/http and [page](store.md).", page) == []
    assert wrong in unknown_names(f"It is {right}, and `{wrong}`.", page)
    is_path = "/" in wrong
    assert not is_path or wrong in unknown_names(f"```sh\npytest {wrong}\n```", page)
