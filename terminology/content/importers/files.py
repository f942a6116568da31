"""The files of an import: on disk, in folders and in zip archives.

A path may be a file, a folder or a zip archive as it was downloaded; an archive is read without being
unpacked. The module ``rows`` reads the content of a file.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from terminology.content.archives import check_zip
from terminology.core.errors import BrokenReleaseError, UnreadableFileError
from terminology.core.model import Problem
from terminology.store.release import SourceFile

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The exceptions that reading a damaged archive raises.
ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)

_MEBIBYTE = 1 << 20
_HEAD = 1 << 16
# The beginnings of files that no importer reads, and what to do with each.
_UNREADABLE = (
    ((b"\xff\xfe", b"\xfe\xff"), "is UTF-16; save it as UTF-8"),
    ((b"\x1f\x8b",), "is compressed with gzip; unpack it"),
    ((b"7z\xbc\xaf", b"Rar!"), "is an archive of another kind than zip; unpack it"),
    ((b"%PDF",), "is a PDF; its owner may publish a table, too"),
    (
        (b"<!DOCTYPE html", b"<!doctype html", b"<html"),
        "is a web page, perhaps of a log-in; fetch the file again",
    ),
    ((b"\xd0\xcf\x11\xe0",), "is an old Excel file; save it as .xlsx"),
)
_ARCHIVE = b"PK\x03\x04"


@dataclass(slots=True, frozen=True)
class File:
    """A file on disk, or one in a zip archive (``inside`` is its name there)."""

    path: Path
    inside: str | None = None

    @property
    def name(self) -> str:
        """The name without folders."""
        return PurePosixPath(self.inside).name if self.inside else self.path.name

    @property
    def folder(self) -> PurePath:
        """The folder that it is in; in an archive, below the path of the archive."""
        return (self.path / self.inside if self.inside else self.path).parent

    @property
    def label(self) -> str:
        """The name that a problem is reported under."""
        return f"{self.path.name}/{self.inside}" if self.inside else self.path.name

    @contextmanager
    def binary(self) -> Iterator[IO[bytes]]:
        """The content as a stream. Raises BrokenReleaseError when an archive is damaged."""
        if self.inside is None:
            with self.path.open("rb") as stream:
                yield stream
            return
        try:
            # ``zipfile`` reads lines in Python; a buffer around it reads them in C.
            with zipfile.ZipFile(self.path) as archive, archive.open(self.inside) as packed:
                with BufferedReader(packed) as stream:  # type: ignore[type-var]
                    yield stream
        except ARCHIVE_ERRORS as error:
            raise BrokenReleaseError(Problem(self.label, 0, f"the archive is damaged: {error}")) from error

    def size(self) -> int:
        """The number of bytes; of a file in an archive, when it is unpacked."""
        if self.inside is None:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.inside).file_size

    def head(self) -> bytes:
        """The first 64 KiB: enough to tell which kind of file it is."""
        with self.binary() as stream:
            return stream.read(_HEAD)

    def first_lines(self) -> list[str]:
        """The lines that the head holds whole, decoded as Latin-1, without a byte order mark."""
        head = self.head()
        lines = head.removeprefix(BYTE_ORDER_MARK).decode("latin-1").splitlines()
        return lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines

    def first_line(self) -> str:
        """The first of ``first_lines``; empty in an empty file."""
        return next(iter(self.first_lines()), "")

    def has_end(self) -> bool:
        """Whether the last line has an end; b"\\x1a" is the end of a file in DOS. Reads the whole file."""
        last = b""
        with self.binary() as stream:
            while piece := stream.read(_MEBIBYTE):
                last = piece[-1:]
        return last in (b"\n", b"\r", b"\x1a")

    def trouble(self) -> str | None:
        """Why no importer can read the file, as the rest of a sentence; None if one may be able to."""
        head = self.head().lstrip()
        for beginnings, text in _UNREADABLE:
            if head.startswith(beginnings):
                return text
        if self.inside and head.startswith(_ARCHIVE) and not self.name.lower().endswith(".xlsx"):
            return "is an archive within an archive; unpack the outer one"
        return None


def year_in(name: str) -> str | None:
    """The first year of this century in a name.

    >>> year_in("2018_I9gem.txt"), year_in("icd10cm_tabular.xml")
    ('2018', None)
    """
    year = re.search(r"(?<!\d)(20\d\d)(?!\d)", name)
    return year[1] if year else None


def find_files(paths: Sequence[Path]) -> list[File]:
    """Every file at or below some paths, also in zip archives, in the order of their names.

    A file that is in an archive and also beside it, or in another archive, is listed once; a path that does not exist
    has none. Raises BrokenReleaseError when an archive cannot be read.
    """
    files = dict.fromkeys(file for path in paths if path.exists() for file in _files_below(path))
    return _without_copies(sorted(files, key=lambda file: (str(file.path), file.inside or "")))


def sources(files: Iterable[File]) -> list[SourceFile]:
    """The files on disk that contain some files, with their checksums."""
    return [SourceFile.of(path) for path in dict.fromkeys(file.path for file in files)]


def _files_below(path: Path, above: tuple[Path, ...] = ()) -> Iterator[File]:
    if path.is_dir():
        real = path.resolve()
        if real in above:
            raise BrokenReleaseError(Problem(path.name, 0, "is a link to the folder that it is in"))
        for entry in sorted(path.iterdir()):
            if not entry.name.startswith("."):
                yield from _files_below(entry, (*above, real))
    elif not path.is_file():
        raise BrokenReleaseError(Problem(path.name, 0, "is not a file with content, but a device or a pipe"))
    elif path.suffix.lower() != ".xlsx" and zipfile.is_zipfile(path):
        yield from (File(path, name) for name in _names_in(path) if not name.startswith("__MACOSX/"))
    else:
        if path.suffix.lower() == ".zip":
            raise BrokenReleaseError(Problem(path.name, 0, "not a readable zip archive"))
        yield File(path)


def _names_in(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            check_zip(opened)
            return [info.filename for info in opened.infolist() if not info.is_dir()]
    except UnreadableFileError as reason:
        raise BrokenReleaseError(Problem(archive.name, 0, f"is refused: {reason}")) from None
    except ARCHIVE_ERRORS as error:
        problem = Problem(archive.name, 0, f"not a readable zip archive: {error}")
        raise BrokenReleaseError(problem) from error


def _without_copies(files: list[File]) -> list[File]:
    archives = {file.path for file in files if file.inside}
    if not archives or {file.path for file in files} == archives and len(archives) == 1:
        return files
    entries = {path: _entries(path) for path in archives}
    archived = {
        (PurePosixPath(name).name, size) for names in entries.values() for name, (size, _) in names.items()
    }
    first: dict[tuple[str, int, int], Path | None] = {}
    distinct = []
    for file in files:
        size, checksum = entries[file.path][file.inside] if file.inside else (file.size(), None)
        if (file.name, size) in archived:
            checksum = _checksum(file.path) if checksum is None else checksum
            container = file.path if file.inside else None
            if first.setdefault((file.name, size, checksum), container) != container:
                continue
        distinct.append(file)
    return distinct


def _entries(archive: Path) -> dict[str, tuple[int, int]]:
    """The files in an archive, each with its size in bytes and its CRC-32."""
    with zipfile.ZipFile(archive) as opened:
        return {info.filename: (info.file_size, info.CRC) for info in opened.infolist()}


def _checksum(path: Path) -> int:
    """The CRC-32 of a file, as a zip archive has it."""
    checksum = 0
    with path.open("rb") as stream:
        while piece := stream.read(_MEBIBYTE):
            checksum = zlib.crc32(piece, checksum)
    return checksum
