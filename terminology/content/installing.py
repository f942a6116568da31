"""The copying of FHIR content into the data folder, from which every start serves it (``terminology load``)."""

from __future__ import annotations

import filecmp
import gzip
import shutil
import tarfile
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from terminology.catalogue.protocol import KINDS
from terminology.content.packages import (
    ARCHIVE_SUFFIXES,
    FilePlace,
    OnUnreadable,
    files_folder,
    manifest_content,
    manifest_of,
    name_in_package,
    raise_unreadable,
    read_with_places,
)
from terminology.core.documents import LazyDocument
from terminology.core.errors import UnreadableFileError
from terminology.core.model import Document
from terminology.wire import json


@dataclass(slots=True, frozen=True)
class InstalledContent:
    """The result of an installation.

    ``name`` is that of the copy; ``counts`` are the numbers of resources of each kind; ``change`` is
    ``new``, ``changed`` or ``known``.
    """

    name: str
    counts: Counter[str]
    change: str


def install(
    path: Path, folder: Path, on_unreadable: OnUnreadable = raise_unreadable, dry_run: bool = False
) -> InstalledContent:
    """Copy a file, folder or package into the folder that every start serves, once all of it has been read.

    ``on_unreadable`` is called for each file that cannot be read. If it returns, the file is not copied, so
    that the next start can read everything. A package is copied as ``name#version``, beside its
    other versions; anything else under its own name. Raises UnreadableFileError, also when there is no
    terminology resource in it.
    """
    unreadable: list[FilePlace] = []

    def leave_out(place: FilePlace, error: UnreadableFileError) -> None:
        on_unreadable(error)
        unreadable.append(place)

    counts = Counter(_kind(resource) for resource in read_with_places([path], leave_out))
    if not counts:
        raise UnreadableFileError(f"{path}: contains no {', '.join(KINDS[:-1])} or {KINDS[-1]} as JSON")
    target = folder / _installed_name(path)
    with tempfile.TemporaryDirectory() as scratch:
        readable = _copy_without(unreadable, path, Path(scratch)) if unreadable else path
        change = "new" if not target.exists() else "known" if _is_same(readable, target) else "changed"
        if change != "known" and not dry_run:
            _replace(target, readable)
    return InstalledContent(target.name, counts, change)


def _copy_without(unreadable: Iterable[FilePlace], path: Path, scratch: Path) -> Path:
    """A copy in a scratch folder that lacks the files that cannot be read."""
    files: set[Path] = set()
    members: dict[Path, set[str]] = {}
    for unit, name in unreadable:
        if name and not unit.is_dir():
            members.setdefault(unit, set()).add(name)
        else:
            files.add(files_folder(unit) / name if name else unit)
    copy = scratch / path.resolve().name
    if path.is_dir():
        shutil.copytree(path, copy, ignore=lambda at, names: [n for n in names if Path(at, n) in files])
    for archive, names in members.items():
        target = copy / archive.relative_to(path) if path.is_dir() else copy
        _copy_archive_without(names, archive, target)
    return copy


def _copy_archive_without(names: Collection[str], archive: Path, target: Path) -> None:
    """The same bytes each time, so that loading the same again changes nothing."""
    with (
        gzip.GzipFile(target, "wb", mtime=0) as packed,
        tarfile.open(archive) as original,
        tarfile.open(fileobj=packed, mode="w") as copy,
    ):
        for member in original:
            if name_in_package(member) not in names:
                copy.addfile(member, original.extractfile(member) if member.isfile() else None)
    shutil.copystat(archive, target)


def _kind(resource: Document | LazyDocument) -> str:
    return str((resource.header if isinstance(resource, LazyDocument) else resource)["resourceType"])


def _installed_name(path: Path) -> str:
    suffix = ".tgz" if path.name.endswith(ARCHIVE_SUFFIXES) else ""
    if not suffix and (not path.is_dir() or manifest_of(path) is None):
        return path.resolve().name
    manifest = json.read_resource(manifest_content(path))
    name, version = manifest.get("name", path.resolve().name), manifest.get("version", "0")
    return f"{name}#{version}".replace("/", "-") + suffix


def _is_same(path: Path, target: Path) -> bool:
    if path.is_dir() != target.is_dir():
        return False
    if not path.is_dir():
        return filecmp.cmp(path, target, shallow=False)
    names, installed = _file_names(path), _file_names(target)
    return names == installed and all(
        filecmp.cmp(path / name, target / name, shallow=False) for name in names
    )


def _file_names(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def _replace(target: Path, path: Path) -> None:
    """Copy under a hidden name first, so that a start in the meantime sees the old or the new, never a half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        if path.is_dir():
            shutil.copytree(path, unfinished)
            shutil.rmtree(target, ignore_errors=True)
        else:
            unfinished.unlink(missing_ok=True)
            shutil.copy2(path, unfinished)
        unfinished.replace(target)
    except BaseException:  # such as a full disk, or Ctrl-C
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.unlink(missing_ok=True)
        raise
