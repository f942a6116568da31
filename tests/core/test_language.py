"""The language of the package: noun phrases first, plain words, and variables with names of the field."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

import terminology

PACKAGE = Path(terminology.__file__).parent
# Words that have to be read twice. "There is no ..." and "is no longer" are plain.
RIDDLES = re.compile(
    r"\blest\b|\breckon(s|ed)?\b|\bwhoever\b|\bas far as\b|\bbut for\b|\bbe it\b|\bthe like\b|\bunasked\b"
    r"|(?<!there )\b(is|are) no (?!longer\b)|\bwhat (is|are|was|were)\b",
    re.IGNORECASE,
)
# Participles, which do not say what a variable is.
PARTICIPLES = frozenset(
    "said stated held kept found given told asked meant wanted shown seen made had".split()
)

MODULES = pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)


def strings(tree: ast.AST) -> Iterator[str]:
    """All literals, docstrings too; the values in an f-string are left out."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def comments(text: str) -> Iterator[str]:
    """All comments, each with the comments of the lines after it."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = [(token.start[0], token.string.lstrip("#")) for token in tokens if token.type == tokenize.COMMENT]
    for _, block in groupby(enumerate(lines), key=lambda item: item[1][0] - item[0]):
        yield "".join(line for _, (_, line) in block)


def riddles(text: str) -> list[str]:
    """The texts of a module that have to be read twice, each from the wrong word on."""
    texts = [" ".join(each.split()) for each in (*strings(ast.parse(text)), *comments(text))]
    return [each[match.start() :][:60] for each in texts for match in RIDDLES.finditer(each)]


def participles(text: str) -> list[str]:
    """The names of a module's variables, parameters, attributes, functions and classes that are participles."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.append(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
            case (
                ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name))
            ):
                names.append(name)
    return [name for name in names if name.strip("_").lower() in PARTICIPLES]


def is_question(text: str) -> bool:
    """Is the first line of the module's docstring a question?"""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    return docstring.partition("\n")[0].endswith("?")


@MODULES
def test_the_language_is_plain(path: Path) -> None:
    text = path.read_text("utf-8")
    assert riddles(text) == []
    assert participles(text) == []
    assert not is_question(text)


PLANTED = '''"""How fast is it?"""
# A comment: the rest as
# far as it fits.
def found(given, *, wanted=None):
    """This value is no parameter."""
    kept, other._said = (yield f"{given} whoever"), "nothing but " "for it"
    try:
        return lambda told: f"{told} is no longer there; there is no other"
    except ValueError as meant:
        pass
'''


def test_the_check_sees_docstrings_comments_literals_and_names() -> None:
    assert is_question(PLANTED)
    assert sorted(riddles(PLANTED)) == [
        "as far as it fits.",
        "but for it",
        "is no parameter.",
        "whoever",
    ]
    assert sorted(participles(PLANTED)) == ["_said", "found", "given", "kept", "meant", "told", "wanted"]
