"""Which files did the operator give, and what stands on each line of them?

A path may be a file, a folder or a zip archive as it was downloaded; an archive is read where it lies. Rows
come one at a time, with the number of their line, and nothing is kept.

A row that cannot be read is reported and left out. A file that breaks off (XML that does not end, an archive
that is damaged) ends the import: half a code system must not look like a whole one.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import IO, Any
from xml.etree import ElementTree

from terminology.core.errors import BrokenReleaseError
from terminology.core.model import Problem
from terminology.store.release import AnyRelease, Report, SourceFile, progress_of

_MEBIBYTE = 1 << 20
_HEAD = 1 << 16

# What the reading of an archive that is damaged raises.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)

Record = tuple[str, ...]


@dataclass(slots=True, frozen=True)
class File:
    """A file on disk, or one in a zip archive (``inside`` is its name there)."""

    path: Path
    inside: str | None = None

    @property
    def name(self) -> str:
        return PurePosixPath(self.inside).name if self.inside else self.path.name

    @property
    def label(self) -> str:
        """What a problem is reported under."""
        return f"{self.path.name}/{self.inside}" if self.inside else self.path.name

    @contextmanager
    def binary(self) -> Iterator[IO[bytes]]:
        """The bytes. Raises BrokenReleaseError when an archive is damaged."""
        if self.inside is None:
            with self.path.open("rb") as stream:
                yield stream
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.inside) as stream:
                yield stream
        except DAMAGED as error:
            raise BrokenReleaseError(Problem(self.label, 0, f"the archive is damaged: {error}")) from error

    def size(self) -> int:
        if self.inside is None:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.inside).file_size

    def head(self) -> bytes:
        """The first 64 KiB: enough to tell what a file is."""
        with self.binary() as stream:
            return stream.read(_HEAD)

    def first_lines(self) -> list[str]:
        """The lines that are whole in the head, whatever the encoding."""
        head = self.head()
        lines = head.decode("latin-1").splitlines()
        return lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines


def found(paths: Sequence[Path]) -> list[File]:
    """Every file at or below some paths, archives opened, in the order of their names.

    Raises BrokenReleaseError when an archive is damaged.
    """
    files = dict.fromkeys(file for path in paths for file in _below(path))
    return _once(sorted(files, key=lambda file: (str(file.path), file.inside or "")))


def _once(files: list[File]) -> list[File]:
    """A file that is in an archive and also beside it, or in another archive, is taken once."""
    archives = {file.path for file in files if file.inside}
    if not archives or {file.path for file in files} == archives and len(archives) == 1:
        return files
    inside = {path: _contents(path) for path in archives}
    kept = {(PurePosixPath(name).name, size) for held in inside.values() for name, (size, _) in held.items()}
    first: dict[tuple[str, int, int], Path | None] = {}
    once = []
    for file in files:
        size, checksum = inside[file.path][file.inside] if file.inside else (file.size(), None)
        if (file.name, size) in kept:
            checksum = _checksum(file.path) if checksum is None else checksum
            container = file.path if file.inside else None
            if first.setdefault((file.name, size, checksum), container) != container:
                continue
        once.append(file)
    return once


def _contents(archive: Path) -> dict[str, tuple[int, int]]:
    """Size and CRC-32 of what is in an archive."""
    with zipfile.ZipFile(archive) as opened:
        return {info.filename: (info.file_size, info.CRC) for info in opened.infolist()}


def _checksum(path: Path) -> int:
    """CRC-32, which an archive keeps of what is in it."""
    checksum = 0
    with path.open("rb") as stream:
        while piece := stream.read(_MEBIBYTE):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def _below(path: Path) -> Iterator[File]:
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if not entry.name.startswith("."):
                yield from _below(entry)
    elif path.suffix.lower() != ".xlsx" and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = [info.filename for info in archive.infolist() if not info.is_dir()]
        except DAMAGED as error:
            raise BrokenReleaseError(Problem(path.name, 0, f"the archive is damaged: {error}")) from error
        yield from (File(path, name) for name in names if not name.startswith("__MACOSX/"))
    elif path.is_file():
        if path.suffix.lower() == ".zip":
            raise BrokenReleaseError(Problem(path.name, 0, "the archive is damaged, or none"))
        yield File(path)


def sources(files: Iterable[File]) -> list[SourceFile]:
    """The files on disk that some files are in, with their checksums."""
    return [SourceFile.of(path) for path in dict.fromkeys(file.path for file in files)]


def refused(paths: Sequence[Path], expected: str, others: Sequence[str] = ()) -> Problem:
    """Nothing here is what this importer reads. ``others`` says of files what they are instead."""
    given = ", ".join(str(path) for path in paths) or "nothing"
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        return Problem(given, 0, f"there is no {', '.join(missing)}; expected {expected}")
    if others:
        return Problem(given, 0, f"expected {expected}; {'; '.join(others[:5])}")
    names = [file.name for file in found(paths)][:5]
    holding = f"found {', '.join(names)}" if names else "found no file"
    return Problem(given, 0, f"expected {expected}; {holding}")


Recognises = Callable[[Sequence[Path]], Sequence[AnyRelease] | Problem]


def refusing(recognises: Recognises) -> Recognises:
    """What cannot be read while a release is recognised is a reason to refuse it."""

    @wraps(recognises)
    def refuse(paths: Sequence[Path]) -> Sequence[AnyRelease] | Problem:
        try:
            return recognises(paths)
        except BrokenReleaseError as broken:
            return broken.problem

    return refuse


# -- rows ----------------------------------------------------------------------------------------


def lines(file: File, report: Report, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers, without line ends and byte order mark."""
    with file.binary() as stream:
        for number, text in _decoded(file, stream, report, encoding):
            text = text.rstrip("\r\n")
            if text and not text.isspace():
                yield number, text


def records(
    file: File,
    report: Report,
    wanted: Sequence[str],
    delimiter: str = "\t",
    quoted: bool = False,
    encoding: str = "utf-8",
) -> Iterator[tuple[int, Record]]:
    """The wanted columns of a table with a header row.

    Raises BrokenReleaseError when the header lacks a wanted column.
    """
    with file.binary() as stream:
        rows = _split(file, _decoded(file, stream, report, encoding), report, delimiter, quoted)
        header = [name.strip() for name in next(rows, (0, [""]))[1]]
        pick = _picker(file, header, wanted)
        width = len(header)
        for number, row in rows:
            if len(row) == width:
                yield number, pick(row)
            elif any(row):
                report(Problem(file.label, number, f"{len(row)} columns where the header has {width}"))


def raw_records(
    file: File, report: Report, wanted: Sequence[str], delimiter: bytes = b"\t"
) -> Iterator[list[bytes]]:
    """All columns of each row as bytes: for files of millions of rows, of which most are only passed on.

    Raises BrokenReleaseError when the header does not begin with the wanted columns.
    """
    with file.binary() as stream:
        rows = _told(file, stream, report)
        header = next(rows, (0, b""))[1].removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").split(delimiter)
        if header[: len(wanted)] != [name.encode() for name in wanted]:
            raise BrokenReleaseError(Problem(file.label, 1, f"expected the columns {', '.join(wanted)}"))
        width = len(header)
        for number, line in rows:
            row = line.rstrip(b"\r\n").split(delimiter)
            if not _is_utf_8(line):
                report(Problem(file.label, number, "is not UTF-8"))
            elif len(row) == width:
                yield row
            elif row != [b""]:
                report(Problem(file.label, number, f"{len(row)} columns where the header has {width}"))


def _is_utf_8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_number(cell: bytes) -> bool:
    """Whether a cell is a whole number of at most 18 digits, which fits 64 bits."""
    return cell.isdigit() and len(cell) <= 18


def columns_of(file: File, delimiter: str = "\t", quoted: bool = False) -> list[str]:
    """The names in the first row."""
    with file.binary() as stream:
        decoded = _decoded(file, stream, lambda problem: None, "utf-8")
        return [
            name.strip()
            for name in next(_split(file, decoded, lambda p: None, delimiter, quoted), (0, [""]))[1]
        ]


def table_rows(
    file: File, report: Report, delimiter: str, encoding: str = "utf-8"
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table of quoted text whose header is not in its first row."""
    with file.binary() as stream:
        yield from _split(file, _decoded(file, stream, report, encoding), report, delimiter, True)


def encoding_of(file: File) -> str:
    """UTF-8, or else what American agencies write: Windows-1252."""
    head = file.head()
    try:
        (head[: head.rfind(b"\n") + 1] or head).decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _picker(file: File, header: list[str], wanted: Sequence[str]) -> Callable[[list[str]], Record]:
    missing = [name for name in wanted if name not in header]
    if missing:
        raise BrokenReleaseError(Problem(file.label, 1, f"expected the columns {', '.join(missing)}"))
    places = [header.index(name) for name in wanted]
    return itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)


def _split(
    file: File, decoded: Iterator[tuple[int, str]], report: Report, delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    if not quoted:
        for number, text in decoded:
            yield number, text.rstrip("\r\n").split(delimiter)
        return
    begun: list[int] = []
    reader = csv.reader(_noted(decoded, begun), delimiter=delimiter, strict=True)
    while True:
        begun.clear()
        try:
            row = next(reader, None)
        except csv.Error as error:
            report(Problem(file.label, begun[0], f"cannot be read as CSV: {error}{_swallowed(error, begun)}"))
            continue
        if row is None:
            return
        yield begun[0], row


def _swallowed(error: csv.Error, begun: Sequence[int]) -> str:
    """How much is lost by a quote that is not closed where it should be: more than the row it stands in."""
    if "unexpected end" in str(error):
        last = f"the end of the file (line {begun[-1]})"
        return f"; a quote is not closed, and nothing from here to {last} is read"
    return f"; lines {begun[0]} to {begun[-1]} are left out" if len(begun) > 1 else ""


def _noted(decoded: Iterator[tuple[int, str]], begun: list[int]) -> Iterator[str]:
    """A quoted field may hold line ends, so a row may take several lines: the first is that of the row."""
    for number, text in decoded:
        begun.append(number)
        yield text


def _decoded(file: File, stream: IO[bytes], report: Report, encoding: str) -> Iterator[tuple[int, str]]:
    for number, raw in _told(file, stream, report):
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            report(Problem(file.label, number, f"is not {encoding}: {error.reason}"))
            continue
        yield number, text


def _told(file: File, stream: IO[bytes], report: Report) -> Iterator[tuple[int, bytes]]:
    tell = progress_of(report)
    size, done, told = file.size(), 0, 0
    for number, raw in enumerate(stream, 1):
        done += len(raw)
        if done - told >= _MEBIBYTE:
            told = done
            tell(file.label, done, size)
        yield number, raw
    tell(file.label, size, size)


# -- XML -----------------------------------------------------------------------------------------


def xml_events(file: File, report: Report) -> Iterator[tuple[str, Any]]:
    """``start`` and ``end`` of each element; who reads an element clears it.

    Raises BrokenReleaseError when the XML breaks off.
    """
    tell = progress_of(report)
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    size = file.size()
    try:
        with file.binary() as stream:
            while piece := stream.read(_HEAD):
                parser.feed(piece)
                yield from parser.read_events()
                tell(file.label, stream.tell(), size)
        parser.close()
        yield from parser.read_events()
    except (ElementTree.ParseError, LookupError) as error:  # LookupError: an encoding that is none
        line = error.position[0] if isinstance(error, ElementTree.ParseError) else 1
        raise BrokenReleaseError(Problem(file.label, line, f"is not XML: {error}")) from error


def text_of(element: Any) -> str:
    """The words of an element, with single blanks."""
    return " ".join("".join(element.itertext()).split())
