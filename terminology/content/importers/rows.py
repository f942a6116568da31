"""The lines, table rows and XML elements of a file, one at a time.

A row comes with the number of its line. A row that cannot be read is reported and left out. A file that
breaks off (XML or a quoted cell that does not end, a malformed row in a last line without an end, such a line
alone where lines have a fixed length, a damaged archive) ends the import, so that half a code system is never taken
for a whole one. Lines may end in LF, CRLF or, as on old machines, in CR alone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from operator import itemgetter
from typing import IO, Any, TypeVar
from xml.etree import ElementTree

from terminology.content.importers.files import BYTE_ORDER_MARK, File
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.reporting import Reporter

Record = tuple[str, ...]
_Row = TypeVar("_Row")

_MEBIBYTE = 1 << 20
_PIECE = 1 << 16
# How many columns an error message names.
_NAMED = 20


class SilentReporter:
    """Ignores everything: for a file that is read twice, and reported on the second time."""

    def problem(self, problem: Problem) -> None:
        """Ignore a problem."""

    def progress(self, file: str, done: int, size: int) -> None:
        """Ignore how much has been read."""

    def rows(self, count: int) -> None:
        """Ignore how many rows have been read."""


SILENT: Reporter = SilentReporter()


# -- lines and tables ----------------------------------------------------------------------------


def lines(
    file: File, reporter: Reporter, encoding: str = "utf-8", ends: bool = False
) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers, without line ends and byte order mark.

    With ``ends`` the last line has an end, too: for formats in which nothing else shows that a line is whole.
    Raises BrokenReleaseError where it has none.
    """
    with file.binary() as stream:
        numbers: list[int] = []
        for text in _decoded_lines(file, stream, reporter, encoding, numbers):
            number = numbers.pop()
            if ends and not text.endswith(("\r", "\n", "\x1a")):  # the last is the end of a file in DOS
                raise breaks_off(file, number, "its last line has no end")
            text = text.rstrip("\r\n")
            if text and not text.isspace():
                yield number, text


def breaks_off(file: File, line: int, why: str) -> BrokenReleaseError:
    """The error for a file that breaks off at a line."""
    return BrokenReleaseError(Problem(file.label, line, f"the file breaks off: {why}"))


def without_faults(
    file: File, reporter: Reporter, rows: Iterable[tuple[int, _Row]], fault_of: Callable[[_Row], str | None]
) -> Iterator[tuple[int, _Row]]:
    """The rows in which ``fault_of`` finds none; the others are reported.

    Raises BrokenReleaseError when the last one has a fault, and its line no end: the file breaks off there.
    """
    pending: Problem | None = None
    for number, row in rows:
        if pending is not None:
            reporter.problem(pending)
        fault = fault_of(row)
        pending = None if fault is None else Problem(file.label, number, fault)
        if pending is None:
            yield number, row
    if pending is not None:
        _report_last(file, reporter, pending)


def _report_last(file: File, reporter: Reporter, problem: Problem) -> None:
    """Report a fault of the last row. Raises BrokenReleaseError when its line has no end."""
    if not file.has_end():
        raise breaks_off(file, problem.line, problem.text)
    reporter.problem(problem)


def records(
    file: File,
    reporter: Reporter,
    columns: Sequence[str],
    delimiter: str = "\t",
    quoted: bool = False,
    encoding: str = "utf-8",
) -> Iterator[tuple[int, Record]]:
    """The rows of a table with a header row: the line number, and the cells of the columns asked for.

    Raises BrokenReleaseError when the header lacks one of the columns, or the file breaks off.
    """
    with file.binary() as stream:
        rows = _split_rows(file, stream, reporter, encoding, delimiter, quoted)
        header = [name.strip() for name in next(rows, (0, [""]))[1]]
        pick = _column_picker(file, header, columns)
        width = len(header)
        pending: Problem | None = None
        for number, row in rows:
            if not any(row):
                continue
            if pending is not None:
                reporter.problem(pending)
                pending = None
            if len(row) == width:
                yield number, pick(row)
            else:
                pending = Problem(file.label, number, _wrong_width(width, row))
        if pending is not None:
            _report_last(file, reporter, pending)


def values(
    file: File, columns: Sequence[str], delimiter: str = "\t", quoted: bool = False, encoding: str = "utf-8"
) -> Iterator[Record]:
    """The cells of the columns in the rows that can be read: quickly, for a file that ``records`` reads again.

    Raises BrokenReleaseError when the header lacks one of the columns.
    """
    _require_text(file)
    with file.binary() as stream, TextIOWrapper(stream, encoding, "replace", newline="") as text:
        rows = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        header = [name.strip().removeprefix("\ufeff") for name in next(rows, [""])]
        pick, width = _column_picker(file, header, columns), len(header)
        with suppress(csv.Error):
            for row in rows:
                if len(row) == width:
                    yield pick(row)


def raw_records(
    file: File, reporter: Reporter, columns: Sequence[str], delimiter: bytes = b"\t"
) -> Iterator[list[bytes]]:
    """All cells of each row as bytes: for files of millions of rows, most of which are only passed on.

    Raises BrokenReleaseError when the header does not begin with ``columns``, or the file breaks off.
    """
    with file.binary() as stream:
        rows = _numbered_lines(file, stream, reporter)
        header = next(rows, (0, b""))[1].removeprefix(BYTE_ORDER_MARK).rstrip(b"\r\n").split(delimiter)
        if header[: len(columns)] != [name.encode() for name in columns]:
            raise BrokenReleaseError(Problem(file.label, 1, f"expected the columns {', '.join(columns)}"))
        width = len(header)
        pending: Problem | None = None
        for number, line in rows:
            if pending is not None:
                reporter.problem(pending)
                pending = None
            row = line.rstrip(b"\r\n").split(delimiter)
            if not line.isascii() and not _is_utf_8(line):
                reporter.problem(Problem(file.label, number, "is not UTF-8"))
            elif len(row) == width:
                yield row
            elif row != [b""]:
                pending = Problem(file.label, number, _wrong_width(width, row))
        if pending is not None:
            _report_last(file, reporter, pending)


def raw_rows(
    file: File, reporter: Reporter, width: int, delimiter: bytes = b"|"
) -> Iterator[tuple[int, bytes]]:
    """Each row of a table without a header and with a delimiter after every column, as bytes, with its line number.

    Raises BrokenReleaseError when the file breaks off.
    """

    def fault_of(row: bytes) -> str | None:
        is_whole = row.count(delimiter) == width and row.endswith(delimiter)
        return None if is_whole else f"expected {width} columns with {delimiter.decode()} after each"

    yield from without_faults(file, reporter, _raw_lines(file, reporter), fault_of)


def _raw_lines(file: File, reporter: Reporter) -> Iterator[tuple[int, bytes]]:
    """Each line that is not blank, as bytes without its end, with its number."""
    with file.binary() as stream:
        for number, line in _numbered_lines(file, stream, reporter):
            if number == 1:
                line = line.removeprefix(BYTE_ORDER_MARK)
            if not line.isascii() and not _is_utf_8(line):
                reporter.problem(Problem(file.label, number, "is not UTF-8"))
            elif not line.isspace():
                yield number, line.rstrip(b"\r\n")


def unchecked_lines(file: File) -> Iterator[bytes]:
    """The lines with their ends, as they are: for a file that is read again, and checked then."""
    with file.binary() as stream:
        yield from _split_lines(file, stream)


def first_numbers(file: File, delimiter: bytes) -> Iterator[int]:
    """The numbers in the first column of a table that is read again, and checked then."""
    cells = (line.partition(delimiter)[0] for line in unchecked_lines(file))
    return (int(cell) for cell in cells if is_number(cell))


def table_rows(
    file: File, reporter: Reporter, delimiter: str, encoding: str = "utf-8"
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table of quoted text whose header need not be its first row, with their line numbers."""
    with file.binary() as stream:
        yield from _split_rows(file, stream, reporter, encoding, delimiter, True)


def column_names(file: File, delimiter: str = "\t", quoted: bool = False) -> list[str]:
    """The names in the first row."""
    with file.binary() as stream:
        rows = _split_rows(file, stream, SILENT, "utf-8", delimiter, quoted)
        return [name.strip() for name in next(rows, (0, [""]))[1]]


def encoding_of(file: File) -> str:
    """``utf-8``, or else ``cp1252`` (Windows-1252), in which American agencies write.

    Every line is looked at: in such a file the first letter that is not ASCII may stand far behind its beginning. A few
    damaged lines do not change the encoding of a file in UTF-8, nor does a last line that breaks off.
    """
    right = wrong = 0
    # Where an archive is damaged, what could be read decides; the reader of the rows reports it.
    with suppress(BrokenReleaseError), file.binary() as stream:
        for line in _split_lines(file, stream):
            if not line.isascii() and line.endswith((b"\n", b"\r")):
                is_right = _is_utf_8(line)
                right, wrong = right + is_right, wrong + (not is_right)
    return "cp1252" if wrong and wrong >= right else "utf-8"


def is_number(cell: bytes) -> bool:
    """Whether a cell is a whole number of at most 18 digits, which fits 64 bits."""
    return cell.isdigit() and len(cell) <= 18


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _wrong_width(width: int, row: Sequence[object]) -> str:
    return f"{len(row)} columns where the header has {width}"


def _column_picker(file: File, header: list[str], columns: Sequence[str]) -> Callable[[list[str]], Record]:
    missing = [name for name in columns if name not in header]
    if missing:
        text = f"expected the columns {', '.join(missing)}; found {', '.join(header[:_NAMED])}"
        raise BrokenReleaseError(Problem(file.label, 1, text))
    places = [header.index(name) for name in columns]
    return itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)


def _split_rows(
    file: File, stream: IO[bytes], reporter: Reporter, encoding: str, delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    # A quoted cell may hold line ends, so a row may take several lines: these are their numbers.
    numbers: list[int] = []
    decoded = _decoded_lines(file, stream, reporter, encoding, numbers)
    if not quoted:
        for text in decoded:
            yield numbers.pop(), text.rstrip("\r\n").split(delimiter)
        return
    reader = csv.reader(decoded, delimiter=delimiter, strict=True)
    while True:
        numbers.clear()
        try:
            for row in reader:
                yield numbers[0], row
                numbers.clear()
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise breaks_off(file, numbers[0], "the quote that begins here is not closed") from None
            lost = f"; lines {numbers[0]} to {numbers[-1]} are left out" if len(numbers) > 1 else ""
            reporter.problem(Problem(file.label, numbers[0], f"cannot be read as CSV: {error}{lost}"))


def _decoded_lines(
    file: File, stream: IO[bytes], reporter: Reporter, encoding: str, numbers: list[int]
) -> Iterator[str]:
    """Each line, after its number has been added to ``numbers``."""
    for number, raw in _numbered_lines(file, stream, reporter):
        if number == 1:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            reporter.problem(Problem(file.label, number, f"is not {encoding}: {error.reason}"))
            continue
        numbers.append(number)
        yield text


def _numbered_lines(file: File, stream: IO[bytes], reporter: Reporter) -> Iterator[tuple[int, bytes]]:
    """Each line with its number from 1. The progress is reported once per mebibyte.

    Raises BrokenReleaseError for a file that holds no text of a known kind.
    """
    _require_text(file)
    size, done, reported = file.size(), 0, 0
    for number, raw in enumerate(_split_lines(file, stream), 1):
        done += len(raw)
        if done - reported >= _MEBIBYTE:
            reported = done
            reporter.progress(file.label, done, size)
        yield number, raw
    reporter.progress(file.label, size, size)


def _require_text(file: File) -> None:
    if trouble := file.trouble():
        raise BrokenReleaseError(Problem(file.label, 1, trouble))


def _split_lines(file: File, stream: IO[bytes]) -> Iterable[bytes]:
    """The lines with their ends. A file that has CR and no LF in its head has lines that end in CR alone."""
    head = file.head()
    return _split_at_cr(stream) if b"\r" in head and b"\n" not in head else stream


def _split_at_cr(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(_PIECE):
        *whole, rest = (rest + piece).split(b"\r")
        yield from (line + b"\r" for line in whole)
    if rest:
        yield rest


# -- XML -----------------------------------------------------------------------------------------


def xml_events(file: File, reporter: Reporter) -> Iterator[tuple[str, Any]]:
    """``("start", element)`` and ``("end", element)`` of each element; the caller clears what it has read.

    Raises BrokenReleaseError when the XML breaks off, or the file is of another kind that no importer reads.
    """
    if trouble := file.trouble():
        raise BrokenReleaseError(Problem(file.label, 1, trouble))
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    size = file.size()
    try:
        with file.binary() as stream:
            while piece := stream.read(_PIECE):
                parser.feed(piece)
                yield from parser.read_events()
                reporter.progress(file.label, stream.tell(), size)
        parser.close()
        yield from parser.read_events()
    except (ElementTree.ParseError, LookupError) as error:  # LookupError: an unknown encoding
        line = error.position[0] if isinstance(error, ElementTree.ParseError) else 1
        raise BrokenReleaseError(Problem(file.label, line, f"is not XML: {error}")) from error


def text_of(element: Any) -> str:
    """The words of an element, with single blanks."""
    return " ".join("".join(element.itertext()).split())
