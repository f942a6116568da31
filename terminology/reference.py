"""The pages docs/operations.md and docs/settings.md, written from the tables that the code itself reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from terminology.assembly import PREFIX, SETTINGS
from terminology.wire.operations import OPERATIONS, Operation
from terminology.wire.outcome import STATUS
from terminology.wire.r4 import RELATIONSHIP
from terminology.wire.search import PARAMETERS

_OPERATIONS = """\
# Operations

Written by `terminology reference` from the tables in `terminology/wire`; a test fails when it
is out of date.

Every operation is asked by GET (simple values in the URL) or POST (a Parameters resource), below each of
the roots `/fhir/r4`, `/fhir/r4b`, `/fhir/r5` and `/fhir`. A parameter is read under **every** name listed, on
every root; the answer is written as the root's release has it. Unknown parameters are ignored.
`tx-resource` (repeated, a resource) brings CodeSystems, ValueSets, ConceptMaps and supplements along for one
request.
"""
_SETTINGS = """\
# Settings

Written by `terminology reference` from the table in `terminology/assembly.py`; a test fails when it is out of
date.

A setting is read from the command line, else from the environment, else from the TOML file given with
`--config`. Lists are separated in the environment as in `PATH`.
"""
_WORDS = """
R4 says what the target is, R5 what the source is. The R4 word that a map was written with is kept, and R4
clients get it back."""


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {"operations.md": "\n".join(_operations()), "settings.md": "\n".join(_settings())}


def write(folder: Path, check: bool = False) -> list[str]:
    """Write the pages that are out of date, or only say which they are. Returns their names."""
    stale = []
    for name, text in pages().items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, "utf-8")
    return stale


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _operations() -> Iterator[str]:
    yield _OPERATIONS
    for (kind, name), operation in OPERATIONS.items():
        yield f"## {kind or '[base]'}/${name}"
        yield f"\n{_first_line(operation)}"
        yield from _table(("parameter", "type", "many", "needed on an instance"), _rows(operation))
    yield "## Relationships in R4 and R5"
    yield _WORDS
    yield from _table(
        ("R4 equivalence", "R5 relationship"), ((f"`{a}`", f"`{b}`") for a, b in RELATIONSHIP.items())
    )
    yield "## Issues and their HTTP status"
    yield from _table(
        ("issue.code", "status"), ((f"`{code}`", str(status)) for code, status in STATUS.items())
    )
    yield "## Search parameters"
    yield from _table(
        ("resource", "parameters"),
        ((kind, ", ".join(f"`{n}`" for n in sorted(names))) for kind, names in PARAMETERS.items()),
    )


def _first_line(operation: Operation) -> str:
    return (operation.run.__doc__ or "").strip().partition("\n")[0]


def _rows(operation: Operation) -> Iterator[tuple[str, ...]]:
    for parameter in operation.parameters:
        names = ", ".join(f"`{name}`" for name in parameter.names)
        yield names, parameter.type, "yes" if parameter.many else "", "" if parameter.instance else "no"


def _settings() -> Iterator[str]:
    yield _SETTINGS
    yield from _table(
        ("setting", "environment", "default", "meaning"),
        ((f"`{s.name}`", f"`{PREFIX}{s.name.upper()}`", f"`{s.default!r}`", s.meaning) for s in SETTINGS),
    )
