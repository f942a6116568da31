"""Codes or mappings in a CSV or XLSX file of one's own, with a TOML file that says what its columns are.

A code system::

    [CodeSystem]                        # elements of the resource
    url = "http://example.org/fhir/CodeSystem/procedures"
    version = "2026"

    [file]                              # may be left out
    delimiter = ";"                     # else a comma, or a tab in .tsv and .txt
    encoding = "utf-8"
    sheet = "Codes"                     # of an XLSX file; else the first

    [columns]                           # by the names in the first row
    code = "Code"
    display = "Name"                    # also: definition, parent, status, inactive, abstract

    [[designation]]
    column = "Name (de)"
    language = "de"
    separator = "|"                     # where a cell holds several

    [[property]]
    column = "Weight"
    code = "weight"
    type = "decimal"

A concept map has ``[ConceptMap]`` with ``source`` and ``target`` (the code systems) besides, the columns
``source`` and ``target`` (a row without target says that there is none), ``sourceDisplay``,
``targetDisplay``, ``relationship`` and ``comment``, and ``[[dependsOn]]``, ``[[product]]`` (``column``,
``attribute``, ``type``) and ``[[property]]``. ``[relationships]`` says what the words in the column mean
(``"=" = "equivalent"``); ``relationship`` in ``[ConceptMap]`` is for rows that do not say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from terminology.content.importers.files import DAMAGED, File, found, records, refused, refusing, sources
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Document, Problem
from terminology.store.release import (
    AnyRelease,
    CodeSystemRelease,
    ConceptRow,
    Importer,
    MapGroup,
    MapRelease,
    MapRow,
    PropertyDeclaration,
    Report,
    Row,
    Said,
    Stated,
    progress_of,
)

RELATIONSHIPS = (
    "equivalent",
    "source-is-narrower-than-target",
    "source-is-broader-than-target",
    "related-to",
    "not-related-to",
)
# After how many rows of a sheet it is said how far the reading is.
ROWS_TOLD = 1_000
_CSV, _XLSX = (".csv", ".tsv", ".txt"), (".xlsx",)
_CONCEPT = ("code", "display", "definition", "parent", "status", "inactive", "abstract")
_MAPPING = ("source", "target", "sourceDisplay", "targetDisplay", "relationship", "comment")
_PART = ("column", "separator", "type", "system")
_ATTRIBUTE = (*_PART, "attribute")
# What a mapping file may say: the keys of each table. None: elements of the resource, whatever they are.
_ALLOWED: dict[str, dict[str, tuple[str, ...] | None]] = {
    "CodeSystem": {
        "CodeSystem": None,
        "file": ("delimiter", "encoding", "sheet"),
        "columns": _CONCEPT,
        "designation": ("column", "language", "use", "separator"),
        "property": (*_PART, "code", "uri", "description"),
    },
    "ConceptMap": {
        "ConceptMap": None,
        "file": ("delimiter", "encoding", "sheet"),
        "columns": _MAPPING,
        "relationships": None,
        "property": (*_PART, "code", "uri", "description"),
        "dependsOn": _ATTRIBUTE,
        "product": _ATTRIBUTE,
    },
}
_NEEDED = {"CodeSystem": "code", "ConceptMap": "source"}
_TRUE, _FALSE = {"true", "yes", "1", "x", "y"}, {"false", "no", "0", "", "n"}


class Plan(NamedTuple):
    """A mapping file and the table that it is for."""

    kind: str
    mapping: Mapping[str, Any]
    table: File
    toml: File

    def columns(self) -> dict[str, str]:
        named: dict[str, str] = self.mapping["columns"]
        return named

    def parts(self, name: str) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = self.mapping.get(name, [])
        return parts


class _Unusable(ValueError):
    """A mapping file that says something else than it may."""


class _BadCell(ValueError):
    """A cell that does not hold what its column should."""


# -- which files ---------------------------------------------------------------------------------


def _importer(kind: str, suffixes: tuple[str, ...], description: str) -> Importer:
    @refusing
    def recognises(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
        plan = _plan(paths, suffixes)
        return plan if isinstance(plan, Problem) else [_RELEASES[plan.kind](plan, kind)]

    def read(release: AnyRelease, paths: Sequence[Path], report: Report) -> Iterator[Row]:
        plan = _plan(paths, suffixes)
        if isinstance(plan, Problem):
            raise BrokenReleaseError(plan)
        return _ROWS[plan.kind](plan, report)

    return Importer(kind, description, recognises, read)


def _plan(paths: Sequence[Path], suffixes: tuple[str, ...]) -> Plan | Problem:
    files = found(paths)
    tomls = [file for file in files if file.name.lower().endswith(".toml")]
    tables = [file for file in files if file.name.lower().endswith(suffixes)]
    if len(tomls) != 1 or len(tables) != 1:
        return refused(paths, f"one table ({', '.join(suffixes)}) and one mapping file (.toml)")
    try:
        with tomls[0].binary() as stream:
            mapping = tomllib.load(stream)
        return Plan(_checked(mapping), mapping, tables[0], tomls[0])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, _Unusable) as error:
        return Problem(tomls[0].label, 0, str(error))


def _checked(mapping: Mapping[str, Any]) -> str:
    """The kind of resource that a mapping file is for."""
    kinds = [kind for kind in _ALLOWED if kind in mapping]
    if len(kinds) != 1:
        raise _Unusable("expected a table [CodeSystem] or [ConceptMap]")
    kind = kinds[0]
    for name, content in mapping.items():
        if name not in _ALLOWED[kind]:
            raise _Unusable(f"[{name}] is not known; there are {', '.join(_ALLOWED[kind])}")
        allowed = _ALLOWED[kind][name]
        for node in content if isinstance(content, list) else [content]:
            unknown = [key for key in node if allowed is not None and key not in allowed]
            if unknown:
                raise _Unusable(f"[{name}] has no {', '.join(unknown)}; there are {', '.join(allowed or ())}")
    if not mapping[kind].get("url"):
        raise _Unusable(f"[{kind}] should have a url")
    if _NEEDED[kind] not in mapping.get("columns", {}):
        raise _Unusable(f"[columns] should say which column is the {_NEEDED[kind]}")
    _check_parts(mapping, kind)
    return kind


def _check_parts(mapping: Mapping[str, Any], kind: str) -> None:
    for name, key in (
        ("designation", "column"),
        ("property", "code"),
        ("dependsOn", "attribute"),
        ("product", "attribute"),
    ):
        for part in mapping.get(name, ()):
            if key not in part or "column" not in part:
                raise _Unusable(f"each [[{name}]] should have {key} and column")
            if part.get("type", "string") not in _VALUES:
                raise _Unusable(f"[[{name}]]: type should be one of {', '.join(_VALUES)}")
    words = [*mapping.get("relationships", {}).values(), mapping[kind].get("relationship", "related-to")]
    if wrong := [word for word in words if word not in RELATIONSHIPS]:
        raise _Unusable(f"{', '.join(map(str, wrong))}: a relationship is one of {', '.join(RELATIONSHIPS)}")


def _code_system(plan: Plan, kind: str) -> CodeSystemRelease:
    stated = plan.mapping["CodeSystem"]
    return CodeSystemRelease(
        kind=kind,
        url=stated["url"],
        version=_text(stated.get("version")),
        name=stated.get("name"),
        title=stated.get("title"),
        language=stated.get("language"),
        case_sensitive=stated.get("caseSensitive", True) is not False,
        content=stated.get("content", "complete"),
        copyright=stated.get("copyright"),
        hierarchy_meaning=stated.get("hierarchyMeaning"),
        value_set=stated.get("valueSet"),
        properties=[
            PropertyDeclaration(p["code"], p.get("type", "string"), p.get("uri"), p.get("description"))
            for p in plan.parts("property")
        ],
        files=sources([plan.table, plan.toml]),
        header=stated,
    )


def _concept_map(plan: Plan, kind: str) -> MapRelease:
    own = ("source", "target", "sourceVersion", "targetVersion", "relationship")
    stated = plan.mapping["ConceptMap"]
    group = MapGroup(*(stated.get(name) for name in own[:4]))
    header = {key: value for key, value in stated.items() if key not in own}
    if declared := [
        {key: p[key] for key in ("code", "uri", "description") if key in p}
        | {"type": p.get("type", "string")}
        for p in plan.parts("property")
    ]:
        header["property"] = declared
    return MapRelease(
        kind=kind,
        url=stated["url"],
        version=_text(stated.get("version")),
        name=stated.get("name"),
        title=stated.get("title"),
        copyright=stated.get("copyright"),
        groups=[group],
        files=sources([plan.table, plan.toml]),
        header=header,
    )


# -- cells ---------------------------------------------------------------------------------------


def _cells(plan: Plan, report: Report) -> Iterator[tuple[int, dict[str, str]]]:
    """The cells of each row by the names of their columns."""
    names = [*plan.columns().values()]
    for name in ("designation", "property", "dependsOn", "product"):
        names += [part["column"] for part in plan.parts(name)]
    names = list(dict.fromkeys(names))
    for number, row in _rows(plan, report, names):
        cells = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
        if any(cells.values()):
            yield number, cells


def _rows(plan: Plan, report: Report, names: list[str]) -> Iterator[tuple[int, Sequence[str]]]:
    options = plan.mapping.get("file", {})
    if plan.table.name.lower().endswith(_XLSX):
        return _sheet_rows(plan.table, options.get("sheet"), names, report)
    delimiter = options.get("delimiter", "," if plan.table.name.lower().endswith(".csv") else "\t")
    return records(plan.table, report, names, delimiter, True, options.get("encoding", "utf-8"))


def _sheet_rows(
    file: File, sheet: str | None, names: list[str], report: Report
) -> Iterator[tuple[int, Sequence[str]]]:
    tell, size = progress_of(report), file.size()
    with _workbook(file) as book:
        if sheet is not None and sheet not in book.sheetnames:
            raise BrokenReleaseError(
                Problem(file.label, 0, f"there is no sheet {sheet}; there are {book.sheetnames}")
            )
        worksheet = book[sheet] if sheet else book.worksheets[0]
        last = worksheet.max_row or 0
        rows = worksheet.iter_rows(values_only=True)
        header = [_text(cell) for cell in next(rows, ())]
        if missing := [name for name in names if name not in header]:
            raise BrokenReleaseError(Problem(file.label, 1, f"expected the columns {', '.join(missing)}"))
        places = [header.index(name) for name in names]
        for number, row in enumerate(rows, 2):
            if number % ROWS_TOLD == 0 and number < last:
                tell(file.label, size * number // last, size)
            yield number, [_text(row[place] if place < len(row) else None) or "" for place in places]
        tell(file.label, size, size)


@contextmanager
def _workbook(file: File) -> Iterator[Any]:
    """Raises BrokenReleaseError: openpyxl is missing, or the file is no XLSX."""
    try:
        import openpyxl
    except ImportError:
        need = "XLSX needs openpyxl: pip install 'fhir-terminology-adapter[xlsx]'"
        raise BrokenReleaseError(Problem(file.label, 0, need)) from None
    with file.binary() as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (*DAMAGED, OSError, KeyError, ValueError, ElementTree.ParseError) as error:
            raise BrokenReleaseError(Problem(file.label, 0, f"is no XLSX file: {error}")) from error
        try:
            yield book
        except (*DAMAGED, ElementTree.ParseError) as error:
            raise BrokenReleaseError(Problem(file.label, 0, f"is no XLSX file: {error}")) from error
        finally:
            book.close()


def _text(value: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, dates as FHIR has them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _boolean(text: str, part: Mapping[str, Any]) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise _BadCell(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE


def _decimal(text: str, part: Mapping[str, Any]) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _BadCell(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise _BadCell(f"{text!r} is not a number")
    return number


def _integer(text: str, part: Mapping[str, Any]) -> int:
    try:
        return int(text)
    except ValueError:
        raise _BadCell(f"{text!r} is not a whole number") from None


def _coding(text: str, part: Mapping[str, Any]) -> Document:
    return ({"system": part["system"]} if "system" in part else {}) | {"code": text}


def _as_it_is(text: str, part: Mapping[str, Any]) -> str:
    return text


_VALUES: dict[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "string": _as_it_is,
    "code": _as_it_is,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
    "dateTime": _as_it_is,
    "Coding": _coding,
}


def _several(cells: Mapping[str, str], part: Mapping[str, Any]) -> list[str]:
    cell = cells[part["column"]]
    parts = cell.split(part["separator"]) if "separator" in part else [cell]
    return [text.strip() for text in parts if text.strip()]


def _stated(cells: Mapping[str, str], parts: Sequence[Mapping[str, Any]], name: str) -> list[Stated]:
    return [
        (part[name], part.get("type", "string"), _VALUES[part.get("type", "string")](text, part))
        for part in parts
        for text in _several(cells, part)
    ]


# -- rows ----------------------------------------------------------------------------------------


def _concepts(plan: Plan, report: Report) -> Iterator[Row]:
    return _made(plan, report, _concept)


def _mappings(plan: Plan, report: Report) -> Iterator[Row]:
    return _made(plan, report, _mapping)


def _made(
    plan: Plan, report: Report, make: Callable[[Plan, int, dict[str, str], dict[str, str]], Row]
) -> Iterator[Row]:
    columns = plan.columns()
    for number, cells in _cells(plan, report):
        named = {name: cells[column] for name, column in columns.items()}
        try:
            yield make(plan, number, named, cells)
        except _BadCell as error:
            report(Problem(plan.table.label, number, str(error)))


def _concept(plan: Plan, line: int, named: dict[str, str], cells: dict[str, str]) -> ConceptRow:
    if not named["code"]:
        raise _BadCell("a row without a code")
    status = named.get("status") or None
    said: list[Said] = [
        (text, part.get("language"), part.get("use"), None)
        for part in plan.parts("designation")
        for text in _several(cells, part)
    ]
    return ConceptRow(
        code=named["code"],
        display=named.get("display") or None,
        definition=named.get("definition") or None,
        abstract=_boolean(named.get("abstract", ""), {}),
        inactive=_boolean(named.get("inactive", ""), {}) or status in ("retired", "inactive"),
        status=status,
        parents=[named["parent"]] if named.get("parent") else (),
        designations=said,
        properties=_stated(cells, plan.parts("property"), "code"),
        line=line,
    )


def _mapping(plan: Plan, line: int, named: dict[str, str], cells: dict[str, str]) -> MapRow:
    if not named["source"]:
        raise _BadCell("a row without a source")
    target = named.get("target") or None
    return MapRow(
        source=named["source"],
        target=target,
        relationship=_relationship(plan, named) if target else None,
        comment=named.get("comment") or None,
        source_display=named.get("sourceDisplay") or None,
        target_display=named.get("targetDisplay") or None,
        no_map=target is None,
        depends_on=_stated(cells, plan.parts("dependsOn"), "attribute"),
        products=_stated(cells, plan.parts("product"), "attribute"),
        properties=_stated(cells, plan.parts("property"), "code"),
    )


def _relationship(plan: Plan, named: dict[str, str]) -> str:
    word = named.get("relationship") or plan.mapping["ConceptMap"].get("relationship", "related-to")
    meant: str = plan.mapping.get("relationships", {}).get(word, word)
    if meant not in RELATIONSHIPS:
        raise _BadCell(
            f"{word!r} is no relationship: {', '.join(RELATIONSHIPS)}, or say it in [relationships]"
        )
    return meant


_RELEASES: dict[str, Callable[[Plan, str], AnyRelease]] = {
    "CodeSystem": _code_system,
    "ConceptMap": _concept_map,
}
_ROWS = {"CodeSystem": _concepts, "ConceptMap": _mappings}

CSV = _importer(
    "csv", _CSV, "A CSV table of codes or mappings, with a TOML file that says what its columns are"
)
XLSX = _importer("xlsx", _XLSX, "The same in an XLSX file")
