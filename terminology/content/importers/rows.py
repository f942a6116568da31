"""The lines, table rows and XML elements of a file, one at a time.

A row comes with the number of its line. A row that cannot be read is reported and left out. A file that
breaks off (XML that does not end, a damaged archive) ends the import, so that half a code system is never
taken for a whole one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import IO, Any
from xml.etree import ElementTree

from terminology.content.importers.files import BYTE_ORDER_MARK, File
from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.reporting import Reporter

Record = tuple[str, ...]

_MEBIBYTE = 1 << 20
_PIECE = 1 << 16


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


def lines(file: File, reporter: Reporter, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers, without line ends and byte order mark."""
    with file.binary() as stream:
        for number, text in _decoded_lines(file, stream, reporter, encoding):
            text = text.rstrip("\r\n")
            if text and not text.isspace():
                yield number, text


def records(
    file: File,
    reporter: Reporter,
    columns: Sequence[str],
    delimiter: str = "\t",
    quoted: bool = False,
    encoding: str = "utf-8",
) -> Iterator[tuple[int, Record]]:
    """The rows of a table with a header row: the line number, and the cells of the columns asked for.

    Raises BrokenReleaseError when the header lacks one of the columns.
    """
    with file.binary() as stream:
        rows = _split_rows(
            file, _decoded_lines(file, stream, reporter, encoding), reporter, delimiter, quoted
        )
        header = [name.strip() for name in next(rows, (0, [""]))[1]]
        pick = _column_picker(file, header, columns)
        width = len(header)
        for number, row in rows:
            if len(row) == width:
                yield number, pick(row)
            elif any(row):
                reporter.problem(_wrong_width(file, number, len(row), width))


def raw_records(
    file: File, reporter: Reporter, columns: Sequence[str], delimiter: bytes = b"\t"
) -> Iterator[list[bytes]]:
    """All cells of each row as bytes: for files of millions of rows, most of which are only passed on.

    Raises BrokenReleaseError when the header does not begin with ``columns``.
    """
    with file.binary() as stream:
        rows = _numbered_lines(file, stream, reporter)
        header = next(rows, (0, b""))[1].removeprefix(BYTE_ORDER_MARK).rstrip(b"\r\n").split(delimiter)
        if header[: len(columns)] != [name.encode() for name in columns]:
            raise BrokenReleaseError(Problem(file.label, 1, f"expected the columns {', '.join(columns)}"))
        width = len(header)
        for number, line in rows:
            row = line.rstrip(b"\r\n").split(delimiter)
            if not _is_utf_8(line):
                reporter.problem(Problem(file.label, number, "is not UTF-8"))
            elif len(row) == width:
                yield row
            elif row != [b""]:
                reporter.problem(_wrong_width(file, number, len(row), width))


def table_rows(
    file: File, reporter: Reporter, delimiter: str, encoding: str = "utf-8"
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table of quoted text whose header need not be its first row, with their line numbers."""
    with file.binary() as stream:
        decoded = _decoded_lines(file, stream, reporter, encoding)
        yield from _split_rows(file, decoded, reporter, delimiter, True)


def column_names(file: File, delimiter: str = "\t", quoted: bool = False) -> list[str]:
    """The names in the first row."""
    with file.binary() as stream:
        decoded = _decoded_lines(file, stream, SILENT, "utf-8")
        rows = _split_rows(file, decoded, SILENT, delimiter, quoted)
        return [name.strip() for name in next(rows, (0, [""]))[1]]


def encoding_of(file: File) -> str:
    """``utf-8``, or else ``cp1252`` (Windows-1252), in which American agencies write."""
    head = file.head()
    try:
        (head[: head.rfind(b"\n") + 1] or head).decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def is_number(cell: bytes) -> bool:
    """Whether a cell is a whole number of at most 18 digits, which fits 64 bits."""
    return cell.isdigit() and len(cell) <= 18


def _is_utf_8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _wrong_width(file: File, number: int, columns: int, width: int) -> Problem:
    return Problem(file.label, number, f"{columns} columns where the header has {width}")


def _column_picker(file: File, header: list[str], columns: Sequence[str]) -> Callable[[list[str]], Record]:
    missing = [name for name in columns if name not in header]
    if missing:
        raise BrokenReleaseError(Problem(file.label, 1, f"expected the columns {', '.join(missing)}"))
    places = [header.index(name) for name in columns]
    return itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)


def _split_rows(
    file: File, decoded: Iterator[tuple[int, str]], reporter: Reporter, delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    if not quoted:
        for number, text in decoded:
            yield number, text.rstrip("\r\n").split(delimiter)
        return
    # A quoted cell may hold line ends, so a row may take several lines: these are their numbers.
    numbers: list[int] = []
    reader = csv.reader(_noting_numbers(decoded, numbers), delimiter=delimiter, strict=True)
    while True:
        numbers.clear()
        try:
            row = next(reader, None)
        except csv.Error as error:
            text = f"cannot be read as CSV: {error}{_lost_lines(error, numbers)}"
            reporter.problem(Problem(file.label, numbers[0], text))
            continue
        if row is None:
            return
        yield numbers[0], row


def _lost_lines(error: csv.Error, numbers: Sequence[int]) -> str:
    """The lines that are lost because a quote is not closed: they may be more than one row."""
    if "unexpected end" in str(error):
        last = f"the end of the file (line {numbers[-1]})"
        return f"; a quote is not closed, and nothing from here to {last} is read"
    return f"; lines {numbers[0]} to {numbers[-1]} are left out" if len(numbers) > 1 else ""


def _noting_numbers(decoded: Iterator[tuple[int, str]], numbers: list[int]) -> Iterator[str]:
    for number, text in decoded:
        numbers.append(number)
        yield text


def _decoded_lines(
    file: File, stream: IO[bytes], reporter: Reporter, encoding: str
) -> Iterator[tuple[int, str]]:
    for number, raw in _numbered_lines(file, stream, reporter):
        if number == 1:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            reporter.problem(Problem(file.label, number, f"is not {encoding}: {error.reason}"))
            continue
        yield number, text


def _numbered_lines(file: File, stream: IO[bytes], reporter: Reporter) -> Iterator[tuple[int, bytes]]:
    """Each line with its number from 1. The progress is reported once per mebibyte."""
    size, done, reported = file.size(), 0, 0
    for number, raw in enumerate(stream, 1):
        done += len(raw)
        if done - reported >= _MEBIBYTE:
            reported = done
            reporter.progress(file.label, done, size)
        yield number, raw
    reporter.progress(file.label, size, size)


# -- XML -----------------------------------------------------------------------------------------


def xml_events(file: File, reporter: Reporter) -> Iterator[tuple[str, Any]]:
    """``("start", element)`` and ``("end", element)`` of each element; the caller clears what it has read.

    Raises BrokenReleaseError when the XML breaks off.
    """
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
