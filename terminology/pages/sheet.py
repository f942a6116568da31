"""A sheet of codes that a browser uploads, mapped as the command ``terminology map`` does; nothing of it stays here.

The sheet is a file (CSV, XLSX, JSON lines) or some lines of text. ``$batch-translate`` translates its codes, asked
as the user who sent it. The answer is a page, or the sheet itself with further columns.
"""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from terminology.catalogue.protocol import Catalogue
from terminology.content.importers.files import ARCHIVE_ERRORS
from terminology.core import issues
from terminology.core.budget import counted
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.library.result_parts import ResultMatch
from terminology.library.results import BatchTranslateResult, TranslateResult
from terminology.operations.translate.explanation import Reason
from terminology.pages.concepts import systems_to_choose
from terminology.pages.coverage import BarPart, bar
from terminology.pages.mappings import Condition, conditions
from terminology.pages.operations import REASONS
from terminology.pages.road import Road, dependency, parameters
from terminology.pages.upload import MOST_BYTES, Upload
from terminology.pages.view import View, failed, titles_of
from terminology.workbench import mapped_tables
from terminology.workbench.columns import SheetColumns, columns_of
from terminology.workbench.mapping import NO_SYSTEM, MappedRow, MapSummary, MapTarget, SheetMapper, targets_of
from terminology.workbench.sheets import FORMULA, Sheet, SheetRow, open_sheet
from terminology.workbench.tables import CsvTable, XlsxTable

# The bounds of a sheet: bytes of a workbook when it is unpacked, rows, and code systems to map to.
MOST_UNPACKED, MOST_ROWS, MOST_TARGETS = 20_000_000, 2_000, 3
# The rows that a page shows. The download has them all.
VISIBLE = 300
# The matches of a code that are not folded.
_MOST_MATCHES = 3
_TITLE = "Map a sheet of codes"
# To read a row takes as long as so many steps.
_STEPS_OF_ROW = 50
_ZIP = b"PK\x03\x04"
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# What messages of the command call by its options, as the form has it.
_FIELDS = {
    "--code or --text": "the field 'Column of the codes'",
    "--code": "the field 'Column of the codes'",
    "--from": "the field 'From the code system'",
}


@dataclass(slots=True, frozen=True)
class UserTranslator:
    """Translates codes for the user of a page: a ``Translator`` of the workbench."""

    road: Road

    @property
    def visible_catalogue(self) -> Catalogue:
        return self.road.context.catalogue

    def batch_translate(
        self, translations: Sequence[Mapping[str, Any]], *, target_system: str, **others: Any
    ) -> Iterable[TranslateResult]:
        """The translations, in their order. Raises RefusedError where the user gets no answer."""
        body = parameters(("targetSystem", "valueUri", target_system), ("_explain", "valueBoolean", True))
        body["parameter"] += [dependency(**each) for each in others.get("dependency", ())]
        body["parameter"] += [
            {
                "name": "translation",
                "resource": parameters(
                    ("system", "valueUri", each["system"]), ("sourceCode", "valueCode", each["code"])
                ),
            }
            for each in translations
        ]
        answer = self.road.required_post("ConceptMap/$batch-translate", body).resource
        return BatchTranslateResult(answer, lambda release: answer)


@dataclass(slots=True)
class MappedSheet:
    """A sheet that is mapped: ``cells`` are its rows as they came, ``rows`` what came of each."""

    sheet: Sheet
    columns: SheetColumns
    targets: list[MapTarget]
    cells: list[SheetRow]
    rows: list[MappedRow]
    summary: MapSummary


def form(road: Road) -> View:
    """The page before a sheet is sent."""
    return View("sheet.html", _TITLE, _values(road, Upload()))


def sheet(road: Road, upload: Upload) -> View:
    """The page of a sheet, or the sheet with its translations (``as``: csv or xlsx)."""
    values = _values(road, upload)
    try:
        mapped = _mapped(road, upload)
        kind = upload.fields.get("as", "")
        if kind in MEDIA:
            return View(
                "", _TITLE, file=_written(mapped, kind), media=MEDIA[kind], file_name=f"mapped.{kind}"
            )
    except UnreadableFileError as error:
        refusal = TerminologyError(issues.sheet_unreadable(_in_words_of_form(str(error))))
        return failed(road.failure(refusal), _TITLE, "sheet.html", values)
    except TerminologyError as error:
        return failed(road.failure(error), _TITLE, "sheet.html", values)
    no_system = _is_without_system(mapped)
    if no_system:
        issue = issues.sheet_without_system()
        values["issues"] = [{"severity": issue.severity, "code": issue.code, "text": issue.text}]
    systems = [t.system for t in mapped.targets] + [m.coding.system for m in mapped.rows if m.coding.system]
    values |= {
        "mapped": mapped,
        "visible": mapped.rows[:VISIBLE],
        "bars": [(target, _bar(mapped, target)) for target in mapped.targets],
        "notes": [_in_words_of_form(note) for note in mapped.sheet.notes],
        "titles": titles_of(road, systems),
        "again_as_text": _as_text(mapped),
        "says": {
            target.name: [_says(row, target, no_system) for row in mapped.rows[:VISIBLE]]
            for target in mapped.targets
        },
        "conditions_of": _conditions_of,
        "most_matches": _MOST_MATCHES,
    }
    return View("sheet.html", _TITLE, values)


def _values(road: Road, upload: Upload) -> dict[str, Any]:
    return {
        "given": upload.fields,
        "systems": systems_to_choose(road),
        "most_rows": MOST_ROWS,
        "most_megabytes": MOST_BYTES // 1_000_000,
        "reasons": REASONS,
    }


def _mapped(road: Road, upload: Upload) -> MappedSheet:
    """The sheet with the translations of its codes. Raises TerminologyError, UnreadableFileError."""
    for kind in ("CodeSystem", "ConceptMap"):
        road.required(kind, [("_summary", "count")])  # what follows looks into all of them
    text = upload.fields.get("text", "").strip()
    content = upload.content or text.encode("utf-8", "replace")
    if not content:
        raise TerminologyError(issues.sheet_missing())
    names = [name.strip() for name in upload.fields.get("to", "").split(",") if name.strip()]
    if not names:
        raise TerminologyError(issues.sheet_without_target())
    if len(names) > MOST_TARGETS:
        raise TerminologyError(issues.too_many_systems_of_sheet(MOST_TARGETS))
    known = _known(upload.fields.get("where", ""))
    translator = UserTranslator(road)
    targets = targets_of(translator, names)
    _require_small(content)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / _name_of(upload, content)
        place.write_bytes(content)
        with open_sheet(place, name=place.name) as opened:
            column = upload.fields.get("code", "").strip() or None
            source = upload.fields.get("from", "").strip() or None
            columns = columns_of(translator, opened, {"code": column}, source)
            cells = list(islice(counted(opened.rows, _STEPS_OF_ROW), MOST_ROWS + 1))
            if len(cells) > MOST_ROWS:
                raise TerminologyError(issues.sheet_too_long(MOST_ROWS))
            opened.rows = iter(cells)
            rows, summary = [], MapSummary()
            mapper = SheetMapper(translator, targets, dependency=known)
            if warning := mapper.unknown_conditions():
                opened.notes.append(warning)
            for row in mapper.rows(opened, columns):
                summary.add(row)
                rows.append(row)
            return MappedSheet(opened, columns, targets, cells, rows, summary)


def _known(text: str) -> list[dict[str, str]]:
    """The conditions of ``intent=diagnostic, guided=true``, attribute and value. Raises TerminologyError."""
    results = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise TerminologyError(issues.condition_unreadable(part))
        results.append({"attribute": name, "value": value})
    return results


def _name_of(upload: Upload, content: bytes) -> str:
    """A name of our own: its end says how the file is read."""
    if content.startswith(_ZIP):
        return "sheet.xlsx"
    return "sheet.jsonl" if upload.name.lower().endswith((".jsonl", ".ndjson")) else "sheet.csv"


def _require_small(content: bytes) -> None:
    """Raises UnreadableFileError for a workbook that is small as it comes and large when it is unpacked."""
    if not content.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except (*ARCHIVE_ERRORS, ValueError, OSError):
        raise UnreadableFileError("it is neither text nor an XLSX file") from None
    if size > MOST_UNPACKED:
        most = f"{MOST_UNPACKED // 1_000_000} MB"
        raise UnreadableFileError(f"unpacked it has {size // 1_000_000:,} MB; at most {most} are read")


def _in_words_of_form(text: str) -> str:
    for option, name in _FIELDS.items():
        text = text.replace(option, name)
    return text


def _is_without_system(mapped: MappedSheet) -> bool:
    """Does nothing say of which code system the codes are: no row, and not the form?"""
    return any(_lacks_system(row) for row in mapped.rows) and not any(
        row.coding.system or mapped.columns.cell("system", row.row) for row in mapped.rows
    )


def _lacks_system(row: MappedRow) -> bool:
    return any(code.reason == NO_SYSTEM for code in row.by_target.values())


def _says(row: MappedRow, target: MapTarget, no_system: bool) -> str:
    """The reason of a code without a translation, in the words of the form; none if the page says it of all rows."""
    if no_system and _lacks_system(row):
        return ""
    return _in_words_of_form(row.by_target[target.name].text or "")


def _conditions_of(match: ResultMatch) -> list[Condition]:
    return conditions((each.attribute, mapped_tables.value_of(each)) for each in match.depends_on)


def _bar(mapped: MappedSheet, target: MapTarget) -> list[BarPart]:
    """The rows by what came of them: a translation, one of several that a condition decides, or none."""
    codes = [row.by_target[target.name] for row in mapped.rows]
    waiting = sum(code.is_mapped and code.reason == Reason.CONDITION_OPEN for code in codes)
    led = sum(code.is_mapped for code in codes) - waiting
    return bar(
        [
            ("mapped", "have a translation", led),
            ("refused", "have several, and a condition decides", waiting),
            ("missing", "have none", len(codes) - led - waiting),
        ]
    )


def _as_text(mapped: MappedSheet) -> str:
    """The sheet as CSV, to be sent again for the download: nothing is kept here meanwhile."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(mapped.sheet.header)
    writer.writerows(_cells(row) for row in mapped.cells)
    return stream.getvalue()


def _cells(row: SheetRow) -> Iterator[str]:
    """The cells; a formula without a value stays one that a reader knows for a formula."""
    for number, cell in enumerate(row.cells):
        yield "=" if row.spoiled.get(number) == FORMULA and not cell else cell


def _written(mapped: MappedSheet, kind: str) -> bytes:
    """The sheet with the columns of its targets. Raises UnreadableFileError where openpyxl is missing."""
    header = mapped_tables.header_of(mapped.sheet, mapped.targets)
    lines = (mapped_tables.cells_of(mapped.sheet, row, mapped.targets) for row in mapped.rows)
    if kind == "csv":
        stream = io.StringIO()
        table = CsvTable(stream, header)
        for line in lines:
            table.row(line)
        return stream.getvalue().encode("utf-8-sig", "replace")
    book = XlsxTable(header)
    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            book.row(line)
        place = Path(folder) / "mapped.xlsx"
        book.save(place)
        return place.read_bytes()
