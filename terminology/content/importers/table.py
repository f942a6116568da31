"""Codes or mappings in a CSV or XLSX file described by a TOML file that says what the columns are.

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

A concept map has ``[ConceptMap]`` with the elements ``source`` and ``target`` (the code systems), the columns
``source`` and ``target``, ``sourceDisplay``, ``targetDisplay``, ``relationship`` and ``comment``, and
``[[dependsOn]]``, ``[[product]]`` (``column``, ``attribute``, ``type``) and ``[[property]]``. ``[relationships]``
maps the words in the column to those of FHIR (``"=" = "equivalent"``); ``relationship`` in ``[ConceptMap]`` is for
rows without one.

A row without a target is not mapped yet: it says nothing, and is left out. That a code has no counterpart is said
by a word in the column ``target``: one of ``noMap = ["none"]`` in ``[file]``, or else "no map", however it is
written. A row is malformed where a cell has an error of the spreadsheet (``#N/A``) or a formula without its value.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, NamedTuple, TypeVar

from terminology.content.importers.files import File, sources
from terminology.content.importers.importer import importer_of
from terminology.content.importers.rows import records
from terminology.content.importers.sheets import cell_text, sheet_of, sheet_rows, workbook
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Document, Problem
from terminology.core.structure import RELATIONSHIPS
from terminology.store.release import (
    CodeSystemRelease,
    ConceptRow,
    Importer,
    MapGroup,
    MapRelease,
    MapRow,
    Opened,
    OpenedCodeSystem,
    OpenedConceptMap,
    PropertyDeclaration,
    PropertyTuple,
)
from terminology.store.reporting import Reporter
from terminology.systems.metadata import case_sensitivity
from terminology.wire import r4

# The progress of a sheet is reported once in this many rows.
PROGRESS_ROWS = 1_000
_CSV, _XLSX = (".csv", ".tsv", ".txt"), (".xlsx",)
_CONCEPT = ("code", "display", "definition", "parent", "status", "inactive", "abstract")
_MAPPING = ("source", "target", "sourceDisplay", "targetDisplay", "relationship", "comment")
_VALUE = ("column", "separator", "type", "system")
_ATTRIBUTE = (*_VALUE, "attribute")
# The keys that each table of a mapping file may have. None: elements of the resource, or words of a column.
_ALLOWED: dict[str, dict[str, tuple[str, ...] | None]] = {
    "CodeSystem": {
        "CodeSystem": None,
        "file": ("delimiter", "encoding", "sheet"),
        "columns": _CONCEPT,
        "designation": ("column", "language", "use", "separator"),
        "property": (*_VALUE, "code", "uri", "description"),
    },
    "ConceptMap": {
        "ConceptMap": None,
        "file": ("delimiter", "encoding", "sheet", "noMap"),
        "columns": _MAPPING,
        "relationships": None,
        "property": (*_VALUE, "code", "uri", "description"),
        "dependsOn": _ATTRIBUTE,
        "product": _ATTRIBUTE,
    },
}
# The column that each kind of resource needs.
_REQUIRED = {"CodeSystem": "code", "ConceptMap": "source"}
# What spreadsheets show for a formula that failed, also in a CSV file that they wrote.
SPREADSHEET_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
_NO_MAP = ("no map", "no-map", "nomap", "no_map")
_TRUE, _FALSE = {"true", "yes", "1", "x", "y"}, {"false", "no", "0", "", "n"}


class TableColumn(NamedTuple):
    """A column of the table whose cells become designations, properties or attributes.

    ``name`` is that in the first row; ``code`` is the code of the property, or the attribute.
    """

    name: str
    code: str = ""
    type: str = "string"
    separator: str | None = None
    system: str | None = None
    language: str | None = None
    use: Document | None = None
    uri: str | None = None
    description: str | None = None

    @staticmethod
    def of(node: Mapping[str, Any]) -> TableColumn:
        """The column that a ``[[property]]``, ``[[designation]]`` or a similar table describes."""
        code = node.get("code", node.get("attribute", ""))
        rest = {key: value for key, value in node.items() if key not in ("column", "code", "attribute")}
        return TableColumn(node["column"], code, **rest)

    def texts(self, cells: Mapping[str, str]) -> list[str]:
        """The values in the column's cell of a row: several where it has a separator."""
        cell = cells[self.name]
        parts = cell.split(self.separator) if self.separator else [cell]
        return [text.strip() for text in parts if text.strip()]

    def values(self, cells: Mapping[str, str]) -> list[PropertyTuple]:
        """The values in the column's cell of a row, as FHIR types them. Raises _CellError."""
        parse = _VALUES[self.type]
        return [(self.code, self.type, parse(text, self)) for text in self.texts(cells)]


class TableMapping(NamedTuple):
    """A mapping file, the kind of resource that it describes, and the table that it is for."""

    kind: str
    content: Mapping[str, Any]
    table: File
    toml: File

    @property
    def resource(self) -> Mapping[str, Any]:
        """The elements of the resource."""
        resource: Mapping[str, Any] = self.content[self.kind]
        return resource

    @property
    def named_columns(self) -> dict[str, str]:
        """``[columns]``: the names of columns by the elements that they become."""
        columns: dict[str, str] = self.content["columns"]
        return columns

    def columns(self, name: str) -> list[TableColumn]:
        """The columns of ``[[designation]]``, ``[[property]]``, ``[[dependsOn]]`` or ``[[product]]``."""
        return [TableColumn.of(node) for node in self.content.get(name, ())]

    def column_names(self) -> list[str]:
        """The names of all columns that are read, each once."""
        names = [*self.named_columns.values()]
        for name in ("designation", "property", "dependsOn", "product"):
            names += [column.name for column in self.columns(name)]
        return list(dict.fromkeys(names))


_Row = TypeVar("_Row", ConceptRow, MapRow)


class _MappingFileError(ValueError):
    """A mapping file has an unknown or missing entry."""


class _CellError(ValueError):
    """A cell holds a value that its column must not have."""


# -- which files ---------------------------------------------------------------------------------


def _importer(kind: str, suffixes: tuple[str, ...], description: str) -> Importer:
    def open_files(files: Sequence[File]) -> list[Opened]:
        mapping = _mapping_file(files, suffixes)
        if mapping is None:
            return []
        if mapping.kind == "CodeSystem":
            return [OpenedCodeSystem(_code_system(mapping, kind), partial(_concepts, mapping))]
        return [OpenedConceptMap(_concept_map(mapping, kind), partial(_mappings, mapping))]

    expected = f"one table ({', '.join(suffixes)}) and one mapping file (.toml)"
    return importer_of(kind, description, expected, open_files)


def _mapping_file(files: Sequence[File], suffixes: tuple[str, ...]) -> TableMapping | None:
    """The one mapping file with its one table. Raises BrokenReleaseError where it is not valid."""
    tomls = [file for file in files if file.name.lower().endswith(".toml")]
    tables = [file for file in files if file.name.lower().endswith(suffixes)]
    if len(tomls) != 1 or len(tables) != 1:
        return None
    try:
        with tomls[0].binary() as stream:
            content = tomllib.load(stream)
        return TableMapping(_checked_kind(content), content, tables[0], tomls[0])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, _MappingFileError) as error:
        raise BrokenReleaseError(Problem(tomls[0].label, 0, str(error))) from error


def _checked_kind(mapping: Mapping[str, Any]) -> str:
    """The kind of resource that a mapping file describes. Raises _MappingFileError."""
    kinds = [kind for kind in _ALLOWED if kind in mapping]
    if len(kinds) != 1:
        raise _MappingFileError("expected a table [CodeSystem] or [ConceptMap]")
    kind = kinds[0]
    for name, content in mapping.items():
        if name not in _ALLOWED[kind]:
            raise _MappingFileError(f"[{name}] is not known; known tables: {', '.join(_ALLOWED[kind])}")
        allowed = _ALLOWED[kind][name]
        for node in content if isinstance(content, list) else [content]:
            unknown = [key for key in node if allowed is not None and key not in allowed]
            if unknown:
                raise _MappingFileError(
                    f"[{name}] has no {', '.join(unknown)}; known keys: {', '.join(allowed or ())}"
                )
    if not mapping[kind].get("url"):
        raise _MappingFileError(f"[{kind}] should have a url")
    if _REQUIRED[kind] not in mapping.get("columns", {}):
        raise _MappingFileError(f"[columns] should say which column is the {_REQUIRED[kind]}")
    _check_columns(mapping, kind)
    return kind


def _check_columns(mapping: Mapping[str, Any], kind: str) -> None:
    for name, key in (
        ("designation", "column"),
        ("property", "code"),
        ("dependsOn", "attribute"),
        ("product", "attribute"),
    ):
        for part in mapping.get(name, ()):
            if key not in part or "column" not in part:
                raise _MappingFileError(f"each [[{name}]] should have {key} and column")
            if part.get("type", "string") not in _VALUES:
                raise _MappingFileError(f"[[{name}]]: type should be one of {', '.join(_VALUES)}")
    words = [*mapping.get("relationships", {}).values(), mapping[kind].get("relationship", "related-to")]
    if wrong := [word for word in words if word not in RELATIONSHIPS]:
        raise _MappingFileError(
            f"{', '.join(map(str, wrong))}: a relationship is one of {', '.join(sorted(RELATIONSHIPS))}"
        )


def _code_system(mapping: TableMapping, kind: str) -> CodeSystemRelease:
    resource = mapping.resource
    return CodeSystemRelease(
        kind=kind,
        url=resource["url"],
        version=cell_text(resource.get("version")),
        name=resource.get("name"),
        title=resource.get("title"),
        language=resource.get("language"),
        case_sensitive=case_sensitivity(resource),
        content=resource.get("content", "complete"),
        copyright=resource.get("copyright"),
        hierarchy_meaning=resource.get("hierarchyMeaning"),
        value_set=resource.get("valueSet"),
        properties=[
            PropertyDeclaration(column.code, column.type, column.uri, column.description)
            for column in mapping.columns("property")
        ],
        files=sources([mapping.table, mapping.toml]),
        header=dict(resource),
    )


def _concept_map(mapping: TableMapping, kind: str) -> MapRelease:
    own = ("resourceType", "source", "target", "sourceVersion", "targetVersion", "relationship")
    resource = r4.in_r5({**mapping.resource, "resourceType": "ConceptMap"})
    group = MapGroup(
        resource.get("source"),
        resource.get("target"),
        resource.get("sourceVersion"),
        resource.get("targetVersion"),
    )
    header = {key: value for key, value in resource.items() if key not in own}
    if properties := [_property_declaration(column) for column in mapping.columns("property")]:
        header["property"] = properties
    return MapRelease(
        kind=kind,
        url=resource["url"],
        version=cell_text(resource.get("version")),
        name=resource.get("name"),
        title=resource.get("title"),
        copyright=resource.get("copyright"),
        groups=[group],
        files=sources([mapping.table, mapping.toml]),
        header=header,
    )


def _property_declaration(column: TableColumn) -> Document:
    """``ConceptMap.property``."""
    node = {"code": column.code, "uri": column.uri, "description": column.description, "type": column.type}
    node["system"] = column.system if column.type == "code" else None
    return {key: value for key, value in node.items() if value is not None}


# -- cells ---------------------------------------------------------------------------------------


def _cells(mapping: TableMapping, reporter: Reporter) -> Iterator[tuple[int, dict[str, str]]]:
    """The line number and the cells of each row, by the names of their columns."""
    names = mapping.column_names()
    for number, row in _rows(mapping, reporter, names):
        cells = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
        if wrong := [name for name, cell in cells.items() if cell in SPREADSHEET_ERRORS]:
            text = f"the column {wrong[0]} has {cells[wrong[0]]}, an error of the spreadsheet"
            reporter.problem(Problem(mapping.table.label, number, text))
        elif any(cells.values()):
            yield number, cells


def _rows(mapping: TableMapping, reporter: Reporter, names: list[str]) -> Iterator[tuple[int, Sequence[str]]]:
    options, table = mapping.content.get("file", {}), mapping.table
    if table.name.lower().endswith(_XLSX):
        return _sheet_rows(table, options.get("sheet"), names, reporter)
    delimiter = options.get("delimiter", "," if table.name.lower().endswith(".csv") else "\t")
    return records(table, reporter, names, delimiter, True, options.get("encoding", "utf-8"))


def _sheet_rows(
    file: File, sheet: str | None, names: list[str], reporter: Reporter
) -> Iterator[tuple[int, Sequence[str]]]:
    size = file.size()
    with workbook(file, values=True) as book, workbook(file, values=False) as written:
        worksheet = sheet_of(file, book, sheet)
        last = worksheet.max_row or 0
        rows = sheet_rows(file, worksheet)
        formulas = sheet_rows(file, sheet_of(file, written, sheet))
        next(formulas, ())
        header = [cell_text(cell) for cell in next(rows, ())]
        if missing := [name for name in names if name not in header]:
            names_there = ", ".join(name for name in header if name)
            raise BrokenReleaseError(
                Problem(file.label, 1, f"expected the columns {', '.join(missing)}; found {names_there}")
            )
        places = [header.index(name) for name in names]
        for number, (row, formula) in enumerate(zip(rows, formulas, strict=False), 2):
            if number % PROGRESS_ROWS == 0 and number < last:
                reporter.progress(file.label, size * number // last, size)
            if any(
                place < len(row) and row[place] is None and formula[place] is not None for place in places
            ):
                text = "a formula has no value: open the file in a spreadsheet program and save it"
                reporter.problem(Problem(file.label, number, text))
                continue
            yield number, [cell_text(row[place] if place < len(row) else None) or "" for place in places]
        reporter.progress(file.label, size, size)


def _boolean(text: str, column: TableColumn | None = None) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise _CellError(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE


def _decimal(text: str, column: TableColumn) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _CellError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise _CellError(f"{text!r} is not a number")
    return number


def _integer(text: str, column: TableColumn) -> int:
    try:
        return int(text)
    except ValueError:
        raise _CellError(f"{text!r} is not a whole number") from None


def _coding(text: str, column: TableColumn) -> Document:
    return ({"system": column.system} if column.system is not None else {}) | {"code": text}


def _unchanged(text: str, column: TableColumn) -> str:
    return text


# The types that a column may have, and how a text becomes a value of each.
_VALUES: dict[str, Callable[[str, TableColumn], Any]] = {
    "string": _unchanged,
    "code": _unchanged,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
    "dateTime": _unchanged,
    "Coding": _coding,
}


# -- rows ----------------------------------------------------------------------------------------


class TableReader:
    """Reads the rows of a table as its mapping file says."""

    def __init__(self, mapping: TableMapping) -> None:
        self.resource = mapping.resource
        no_map = mapping.content.get("file", {}).get("noMap", _NO_MAP)
        self.no_map = {word.casefold() for word in ([no_map] if isinstance(no_map, str) else no_map)}
        self.relationships: Mapping[str, str] = mapping.content.get("relationships", {})
        self.designations = mapping.columns("designation")
        self.properties = mapping.columns("property")
        self.depends_on = mapping.columns("dependsOn")
        self.products = mapping.columns("product")

    def concept(self, line: int, named: dict[str, str], cells: dict[str, str]) -> ConceptRow:
        """The concept of a row; ``named`` are its cells by the elements of ``[columns]``. Raises _CellError."""
        if not named["code"]:
            raise _CellError("a row without a code")
        status = named.get("status") or None
        return ConceptRow(
            code=named["code"],
            display=named.get("display") or None,
            definition=named.get("definition") or None,
            abstract=_boolean(named.get("abstract", "")),
            inactive=_boolean(named.get("inactive", "")) or status in ("retired", "inactive"),
            status=status,
            parents=[named["parent"]] if named.get("parent") else (),
            designations=[
                (text, column.language, column.use, None)
                for column in self.designations
                for text in column.texts(cells)
            ],
            properties=_values(self.properties, cells),
            line=line,
        )

    def mapping(self, line: int, named: dict[str, str], cells: dict[str, str]) -> MapRow | None:
        """The mapping of a row, None if it is not mapped yet; ``named`` as above. Raises _CellError."""
        if not named["source"]:
            raise _CellError("a row without a source")
        target = named.get("target") or None
        if target is None and "target" in named:
            return None
        if target is not None and target.casefold() in self.no_map:
            target = None
        return MapRow(
            source=named["source"],
            target=target,
            relationship=self._relationship(named) if target else None,
            comment=named.get("comment") or None,
            source_display=named.get("sourceDisplay") or None,
            target_display=named.get("targetDisplay") or None,
            no_map=target is None,
            depends_on=_values(self.depends_on, cells),
            products=_values(self.products, cells),
            properties=_values(self.properties, cells),
        )

    def _relationship(self, named: dict[str, str]) -> str:
        word = named.get("relationship") or self.resource.get("relationship", "related-to")
        relationship = self.relationships.get(word, word)
        if relationship not in RELATIONSHIPS:
            raise _CellError(
                f"{word!r} is not a relationship. Known relationships: {', '.join(sorted(RELATIONSHIPS))}; "
                "[relationships] may map other words to them"
            )
        return relationship


def _values(columns: Sequence[TableColumn], cells: Mapping[str, str]) -> list[PropertyTuple]:
    return [value for column in columns for value in column.values(cells)]


def _concepts(mapping: TableMapping, reporter: Reporter) -> Iterator[ConceptRow]:
    return _built_rows(mapping, reporter, TableReader(mapping).concept)


def _mappings(mapping: TableMapping, reporter: Reporter) -> Iterator[MapRow]:
    return _built_rows(mapping, reporter, TableReader(mapping).mapping)


def _built_rows(
    mapping: TableMapping,
    reporter: Reporter,
    build: Callable[[int, dict[str, str], dict[str, str]], _Row | None],
) -> Iterator[_Row]:
    columns = mapping.named_columns
    for number, cells in _cells(mapping, reporter):
        named = {name: cells[column] for name, column in columns.items()}
        try:
            row = build(number, named, cells)
        except _CellError as error:
            reporter.problem(Problem(mapping.table.label, number, str(error)))
            continue
        if row is not None:
            yield row


CSV = _importer(
    "csv", _CSV, "A CSV table of codes or mappings, with a TOML file that says what its columns are"
)
XLSX = _importer("xlsx", _XLSX, "The same in an XLSX file")
