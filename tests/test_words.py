"""One word has one meaning: the glossary in docs/architecture.md is that of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "terminology"
# Names of modules and classes that FHIR or the glossary has better words for.
GIVEN_UP = frozenset(
    "again counted each importing shelf shelved spool standing stowed substrate views wanted "
    "About Counted Detail Entry Found Held Question Release Stowed Table _Entry _ForRelease _Table".split()
)
# The layers in which a release is one of FHIR; in all others it is one of a code system, map or value set.
OF_FHIR = ("wire", "http", "library", "pages", "upstreams", "workbench")
# Messages name either.
TEXTS = "core/issues"


@cache
def modules() -> dict[str, ast.Module]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text("utf-8")) for path in paths}


def names(tree: ast.Module) -> Iterator[str]:
    """The names that a module gives to classes, functions, parameters, variables and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def glossary(page: str) -> list[str]:
    """The words of the glossary, those in italics among them."""
    section = page.partition("## Words\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    words = [row[0].removeprefix("| ") for row in rows]
    return words + [word for row in rows for word in re.findall(r"\*([^*]+)\*", row[1])]


def releases(tree: ast.Module) -> Iterator[str]:
    """The types of the parameters and fields called ``release``."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg="release", annotation=annotation) if annotation is not None:
                yield ast.unparse(annotation)
            case ast.AnnAssign(target=ast.Name(id="release"), annotation=annotation):
                yield ast.unparse(annotation)


def test_the_words_of_the_glossary_are_those_of_the_code() -> None:
    known = {word for tree in modules().values() for name in names(tree) for word in words_of(name)}
    glossary_words = glossary((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(glossary_words) > 30
    assert [
        entry for entry in glossary_words if not set(entry.split()) <= known | {f"{w}s" for w in known}
    ] == []


def test_the_glossary_is_in_alphabetical_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = page.partition("## Words\n")[2].partition("\n## ")[0]
    words = re.findall(r"^\| (\w+) \|", section, re.MULTILINE)[1:]
    assert words == sorted(words)


def test_words_that_were_given_up_do_not_name_a_module_or_class() -> None:
    found = [path for path in modules() if Path(path).stem in GIVEN_UP]
    for path, tree in modules().items():
        found += [
            f"{path}: {n.name}" for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name in GIVEN_UP
        ]
    assert sorted(found) == []


def test_a_release_is_of_FHIR_or_of_content_as_the_layer_says() -> None:
    found = []
    for path, tree in modules().items():
        for type_ in releases(tree):
            if path.startswith(TEXTS) and type_ == "str":
                continue
            if ("FhirVersion" in type_ or type_ == "str") is not path.startswith(OF_FHIR):
                found.append(f"{path}: {type_}")
    assert found == []


def test_words_and_releases_are_found_where_they_are() -> None:
    page = "# A\n\n## Words\n\n| word | meaning |\n| --- | --- |\n| end | the *near* one |\n\n## B\n"
    assert glossary(page) == ["end", "near"]
    assert words_of("CodeSystemInfo") == ["code", "system", "info"]
    assert words_of("_by_OID_code") == ["by", "oid", "code"]
    tree = ast.parse("def f(release: FhirVersion): ...\nclass A:\n    release: CodeSystemRelease\n")
    assert sorted(releases(tree), reverse=True) == ["FhirVersion", "CodeSystemRelease"]
