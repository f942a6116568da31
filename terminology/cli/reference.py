"""The pages of docs/ that are written from the tables that the code reads, and the list of its classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from terminology.cli import systems_page
from terminology.cli.class_list import PAGE, with_class_list
from terminology.opening import known_importers
from terminology.settings import SETTINGS
from terminology.wire.operation import BASE, Operation
from terminology.wire.operation_table import OPERATIONS
from terminology.wire.outcome import STATUS
from terminology.wire.parameters import Parameter
from terminology.wire.r4 import RELATIONSHIP
from terminology.wire.search import PARAMETERS

_OPERATIONS = """\
# Operations

Written by `terminology reference` from the tables in `terminology/wire`; a test fails when it
is out of date.

Every operation takes GET (simple values in the URL) and POST (a Parameters resource), those that change the state
of the server (`$closure`, `$cache-control`) POST alone, at each of
the roots `/fhir/r4`, `/fhir/r4b`, `/fhir/r5` and `/fhir`. A parameter is read under **every** name listed, at
every root; the answer has the shape of the root's release. Unknown parameters are ignored, unless the client
sends `Prefer: handling=strict`. `tx-resource` (repeated, a resource) adds CodeSystems, ValueSets, ConceptMaps
and supplements for one request.

A parameter whose name is nearly right (`sytem`) is named in the error, or where the request is answered all the
same, in the header `Warning`; `$validate-code` has the warning among its `issues` too, `$translate` in its
`message`, an entry of a batch in its `outcome`. So is a `property` that is nearly one of the code system.

`system` and `url` may be canonicals with a version (`URL|VERSION`), and so may `targetSystem`. A `date` that is today
or later is answered from the current content; one in the past is refused, because the versions here have no periods of
validity. The scopes of `$translate` are canonicals of value sets, or ids or locations of those of this server;
`_compose=true` lets it answer with two maps in a row where no map leads to the target system, and `_explain=true` adds
the reason as a code, and the maps that were considered ([translate.md](translate.md#explanations)).

Such resources need not be sent each time: `$cache-control` at the base takes them once (`mode=start`)
and answers with an id, which further requests send in the header `X-Cache-Id` or as the parameter `cache-id`;
`mode=end` deletes the cache, and `mode=check` answers whether it is known. A cache is sealed unless it is
started with `sealed=false`: only then the `tx-resource`s of further requests are added to it. A client may also
make up an id of 16 to 200 characters and send it as `cache-id`; where the state does not outlive the process
(the setting `data` is empty) such an id is ignored.
"""
_SETTINGS = """\
# Settings

Written by `terminology reference` from the declarations in `terminology/settings.py`; a test fails when it is
out of date.

A setting is read from the command line of `terminology serve`, else from the environment, else from the
TOML file given with `--config`. A list is given by repeating the option, and in the environment separated as
in `PATH`. In Python, `Settings(port=8081)` reads nothing but its arguments, and
`Settings.from_environment()` reads all of these: see [library.md](library.md). More about `base_url`,
`proxies` and `proxy_headers`: [reading.md](reading.md#the-urls-in-answers).
"""
_KINDS = """\
# What can be imported

Written by `terminology reference` from the importers; a test fails when this page is out of date.

`terminology import KIND PATH…` takes files, folders and zip archives. [importing.md](importing.md) explains it, and how
to import a table of your own.
"""
_WORDS = """
R4's word describes the target, R5's the source. If a map was written with a word of R4, that word is kept, and
R4 clients get it back."""


def pages() -> dict[str, str]:
    """The pages that are written whole, by file name."""
    parts = {
        "operations.md": _operations,
        "settings.md": _settings,
        "import-kinds.md": _kinds,
        "systems.md": _systems,
    }
    return {name: "\n".join(lines()) for name, lines in parts.items()}


def write(folder: Path, check: bool = False) -> list[str]:
    """Write the pages that are out of date, unless ``check``. Returns their names.

    Of docs/architecture.md only the list of classes is written, if the folder has the page.
    """
    stale = []
    texts = pages()
    if (folder / PAGE).exists():
        texts[PAGE] = with_class_list((folder / PAGE).read_text("utf-8"))
    for name, text in texts.items():
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
        if kind == BASE:
            continue
        yield f"## {kind}/${name}"
        yield f"\n{_first_line(operation.run)}"
        yield from _table(("parameter", "type", "many", "needed on an instance"), _rows(operation))
    yield from _system_operations()
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


def _system_operations() -> Iterator[str]:
    for (kind, name), operation in OPERATIONS.items():
        if kind != BASE:
            continue
        yield f"## [base]/${name}"
        methods = "\n\nPOST only: it changes the state." if operation.affects_state else ""
        yield f"\n{_first_line(operation.run)}{methods}"
        if not operation.parameters:
            yield ""
            continue
        yield from _table(
            ("parameter", "type", "many"),
            ((_names(p), p.type, "yes" if p.many else "") for p in operation.parameters),
        )


def _first_line(run: Callable[..., Any]) -> str:
    return (run.__doc__ or "").strip().partition("\n")[0]


def _names(parameter: Parameter) -> str:
    return ", ".join(f"`{name}`" for name in parameter.names)


def _rows(operation: Operation) -> Iterator[tuple[str, ...]]:
    for parameter in operation.parameters:
        yield (
            _names(parameter),
            parameter.type,
            "yes" if parameter.many else "",
            "" if parameter.instance else "no",
        )


def _settings() -> Iterator[str]:
    yield _SETTINGS
    yield from _table(
        ("setting", "option", "environment", "default", "meaning"),
        (
            (f"`{s.name}`", f"`{s.option}`", f"`{s.variable}`", f"`{s.default!r}`", s.meaning)
            for s in SETTINGS
        ),
    )


def _kinds() -> Iterator[str]:
    yield _KINDS
    rows = [(f"`{i.kind}`", i.description, i.expected) for i in known_importers()]
    yield from _table(("KIND", "what it is", "files"), rows)


def _systems() -> Iterator[str]:
    yield from systems_page.lines()
    yield ""
