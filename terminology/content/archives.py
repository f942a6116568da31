"""The bounds on archives: what an archive may contain, and how large it may become.

An archive comes from outside. One that names a place outside of it, or that would fill the memory, is refused before it
is read, or as soon as that shows: the text of the UnreadableFileError is the reason alone. Nothing is ever unpacked to
the disk.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from terminology.core.errors import UnreadableFileError

_MEBIBYTE = 1 << 20
# How many bytes an archive may have when it is unpacked. The largest releases, a full SNOMED CT with its history or the
# UMLS, have 12 to 40 GiB, and are read as streams; the largest FHIR packages, VSAC's, have 1.5 GiB; a sheet of
# Excel with a million rows has less than 1 GiB.
MOST_OF_RELEASE = 64 * 1024 * _MEBIBYTE
MOST_OF_PACKAGE = 4 * 1024 * _MEBIBYTE
MOST_OF_WORKBOOK = 1024 * _MEBIBYTE
# The parts of a workbook beside its sheets are kept in memory: the texts of a million cells, and others.
MOST_OF_TEXTS, MOST_OF_PART = 256 * _MEBIBYTE, 32 * _MEBIBYTE
# A file of a package is parsed at once. The largest CodeSystem resources have 200 MiB.
MOST_OF_RESOURCE = 512 * _MEBIBYTE
# How many files: the largest packages have 30,000.
MOST_FILES = 100_000
# JSON and tables become at most 60 times smaller when they are packed, a bomb 1,000 times. Little ones do no harm.
MOST_RATIO, HARMLESS = 200, 64 * _MEBIBYTE
_TEXTS, _SHEETS = "xl/sharedStrings.xml", "xl/worksheets/"
_GZIP = b"\x1f\x8b"


def check_zip(archive: zipfile.ZipFile) -> None:
    """Raises UnreadableFileError for a zip archive that is not read."""
    _check_sizes(archive, MOST_OF_RELEASE)


def check_workbook(stream: IO[bytes]) -> None:
    """Raises UnreadableFileError for an XLSX file, which is a zip archive."""
    with zipfile.ZipFile(stream) as archive:
        _check_sizes(archive, MOST_OF_WORKBOOK)
        for info in archive.infolist():
            most = MOST_OF_TEXTS if info.filename == _TEXTS else MOST_OF_PART
            if not info.filename.startswith(_SHEETS) and info.file_size > most:
                raise UnreadableFileError(
                    f"{info.filename} has {_size(info.file_size)}; at most {_size(most)} are read"
                )
    stream.seek(0)


def _check_sizes(archive: zipfile.ZipFile, most: int) -> None:
    """The sizes are those that the archive states; more than these is never unpacked."""
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise UnreadableFileError(f"it has {len(entries):,} files; at most {MOST_FILES:,} are read")
    for info in entries:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UnreadableFileError(f"it has a link: {info.filename}")
        if info.flag_bits & 1:
            raise UnreadableFileError(f"it is encrypted: {info.filename}")
        _check_name(info.filename)
        _check_ratio(info.file_size, info.compress_size, info.filename)
    total = sum(info.file_size for info in entries)
    if total > most:
        raise UnreadableFileError(f"unpacked it has {_size(total)}; at most {_size(most)} are read")


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise UnreadableFileError(f"it names a file outside of it: {name}")


def _check_ratio(unpacked: int, packed: int, name: str) -> None:
    if unpacked > HARMLESS and unpacked > MOST_RATIO * packed:
        raise UnreadableFileError(
            f"{name} is more than {MOST_RATIO} times as large when it is unpacked, as no real file is"
        )


def _size(count: int) -> str:
    return f"{count / _MEBIBYTE:,.0f} MiB"


# -- packages ------------------------------------------------------------------------------------


@contextmanager
def open_tar(path: Path) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
    """The files of a tar archive, in their order, each to be read before the next one.

    Raises UnreadableFileError for links, devices, files outside of the archive and bombs, when they are met;
    TarError, EOFError, zlib.error and OSError for a damaged archive.
    """
    with path.open("rb") as raw:
        is_packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if is_packed else raw
        bounded = _Bounded(stream, path.stat().st_size, path.name)
        with tarfile.open(fileobj=bounded, mode="r|", bufsize=_MEBIBYTE) as tar:
            yield _files(tar)


def _files(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for number, member in enumerate(tar, 1):
        if number > MOST_FILES:
            raise UnreadableFileError(f"it has more than {MOST_FILES:,} files")
        _check_name(member.name)
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            kind = "a link" if member.issym() or member.islnk() else "a device, or another special file"
            raise UnreadableFileError(f"it has {kind}: {member.name}")
        content = tar.extractfile(member)
        if content is not None:
            yield member, content


class _Bounded(io.RawIOBase):
    """A stream that ends with UnreadableFileError when it becomes too long."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, packed: int, name: str) -> None:
        self._stream, self._packed, self._name = stream, packed, name
        self._done = 0

    def read(self, count: int = -1) -> bytes:
        piece = self._stream.read(count)
        self._done += len(piece)
        _check_ratio(self._done, self._packed, self._name)
        if self._done > MOST_OF_PACKAGE:
            raise UnreadableFileError(
                f"unpacked it has more than {_size(MOST_OF_PACKAGE)}, the most that is read"
            )
        return piece
