"""FHIR resources in files, folders and FHIR packages.

A path is one of these, and a folder may contain all of them:

* a file with one resource, or a Bundle of them;
* a package as implementation guides are published (https://hl7.org/fhir/packages.html): ``.tgz``, or a
  folder with a ``package.json``. Only the files directly in it are read, not its examples or ``other``;
* a folder of such files, to any depth.

The terminology resources are returned in R5 shape. The FHIR version of a package is the one in its
``package.json``; that of another file is told by the shape of its resources. The resources of a package are
``LazyDocument``s: only their headers are kept unpacked.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from terminology.catalogue.protocol import KINDS
from terminology.content.archives import MOST_OF_RESOURCE, open_tar
from terminology.core import dates
from terminology.core.dates import instant_of
from terminology.core.documents import LazyDocument, header_of
from terminology.core.errors import TerminologyError, TooLargeFileError, UnreadableFileError, reason_of
from terminology.core.model import Document
from terminology.core.structure import require_types
from terminology.wire import json
from terminology.wire.json_types import in_r5

MANIFEST = "package.json"
ARCHIVE_SUFFIXES = (".tgz", ".tar.gz")

_NOT_RESOURCES = frozenset({MANIFEST, ".index.json", ".derived.index.json"})
_IGNORED_FOLDERS = frozenset({"node_modules", "other", "openapi", "xml"})
# Whether a major version of FHIR has the shape of R4.
_IS_R4 = {"4": True, "5": False, "6": False}
_TYPE = re.compile(rb'"resourceType"\s*:\s*"(\w+)"')
_TYPE_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"resourceType"\s*:\s*"(\w+)"')
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_KIND_NAMES = frozenset(kind.encode() for kind in KINDS)

# A function that is called with each file that cannot be read; it may raise the error.
OnUnreadable = Callable[[UnreadableFileError], None]
# A file or package, and in a package the name of the file ("" elsewhere).
FilePlace = tuple[Path, str]


def raise_unreadable(error: UnreadableFileError) -> None:
    """Raise the error: the default for a file that cannot be read."""
    raise error


def read_resources(
    paths: Iterable[Path], on_unreadable: OnUnreadable = raise_unreadable, largest: int = MOST_OF_RESOURCE
) -> Iterator[Document | LazyDocument]:
    """Every terminology resource below some paths, in the order of the files' names.

    ``on_unreadable`` is called for each file that is not JSON, not a FHIR resource, not an archive, or of an
    unsupported FHIR version, or that has more than ``largest`` bytes (TooLargeFileError). If it returns, the file is
    left out. A path that does not exist raises
    UnreadableFileError in any case.

    A resource without ``meta.lastUpdated`` gets the time of its file. A resource without an id gets one that is
    the same at every start.
    """
    return read_with_places(paths, lambda place, error: on_unreadable(error), largest)


def installed_resources(bundle: Path) -> Iterator[Document]:
    """The resources of a bundle that comes with this package, in the order of the bundle.

    They are in R5's shape, and were checked when the bundle was built. Where they have no ``meta.lastUpdated`` they
    get their own ``date``, because the time of the file is that of the installation.

    Raises UnreadableFileError.
    """
    try:
        entries = json.read_own(_bytes(bundle))["entry"]
    except (ValueError, KeyError, TypeError) as problem:
        raise UnreadableFileError(f"{bundle}: is damaged, install the package again: {problem}") from None
    for entry in entries:
        yield _completed(entry["resource"], _date(entry["resource"]) or _modified(bundle))


OnUnreadableAt = Callable[[FilePlace, UnreadableFileError], None]


def read_with_places(
    paths: Iterable[Path], on_unreadable: OnUnreadableAt, largest: int = MOST_OF_RESOURCE
) -> Iterator[Document | LazyDocument]:
    """As ``read_resources``; ``on_unreadable`` is called with the place of the file, too."""
    for path in paths:
        if not path.exists():
            raise UnreadableFileError(f"{path}: there is no such file or folder")
        for unit in _units(path):
            try:
                yield from _resources_in(unit, on_unreadable, largest)
            except UnreadableFileError as error:
                on_unreadable((unit, ""), error)


def _units(path: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The files and packages at or below a path. Raises UnreadableFileError for a link to a folder above it."""
    real = path.resolve()
    if real in above:
        raise UnreadableFileError(f"{path}: is a link to the folder that it is in")
    if not path.is_dir() or manifest_of(path) is not None:
        yield path
        return
    for inner in sorted(path.iterdir()):
        if inner.is_dir() and inner.name not in _IGNORED_FOLDERS and not inner.name.startswith("."):
            yield from _units(inner, (*above, real))
        elif inner.suffix == ".json" and inner.name not in _NOT_RESOURCES:
            yield inner
        elif inner.name.endswith(ARCHIVE_SUFFIXES):
            yield inner


def _resources_in(
    unit: Path, on_unreadable: OnUnreadableAt, largest: int
) -> Iterator[Document | LazyDocument]:
    updated = _modified(unit)
    if not unit.is_dir() and not unit.name.endswith(ARCHIVE_SUFFIXES):
        for document in _file_resources(unit, largest):
            yield _completed(document, updated)
        return
    package = FhirPackage(str(unit), _is_r4_package(manifest_content(unit), str(unit)), updated)
    for name, content in _package_files(unit, largest):
        if name == MANIFEST:
            continue
        try:
            if content is None:
                raise TooLargeFileError(f"{unit}, {name}: has more than {largest:,} bytes (largest_file)")
            lazy = package.lazy_document(name, content)
        except UnreadableFileError as error:
            on_unreadable((unit, name), error)
            continue
        if lazy is not None:
            yield lazy


# -- packages ------------------------------------------------------------------------------------


def manifest_of(folder: Path) -> Path | None:
    """The package.json of an unpacked package: in the folder, or in ``package`` within it."""
    places = (folder / MANIFEST, folder / "package" / MANIFEST)
    return next((path for path in places if path.is_file()), None)


def files_folder(folder: Path) -> Path:
    """The folder that contains the files of an unpacked package."""
    manifest = manifest_of(folder)
    return manifest.parent if manifest is not None else folder


def manifest_content(package: Path) -> bytes:
    """The package.json of a package; ``{}`` for a folder without one. Raises UnreadableFileError."""
    for name, content in _package_files(package, MOST_OF_RESOURCE):
        if name == MANIFEST and content is not None:
            return content
    if package.is_dir():
        return b"{}"
    raise UnreadableFileError(f"{package}: is not a FHIR package: it has no package/{MANIFEST}")


def _package_files(package: Path, largest: int) -> Iterator[tuple[str, bytes | None]]:
    """The manifest and the terminology resources of a package, one at a time; None for one that is too large.

    Raises UnreadableFileError.
    """
    return _folder_files(package, largest) if package.is_dir() else _archive_files(package, largest)


def name_in_package(member: tarfile.TarInfo) -> str:
    """The name of a file relative to the folder of the package's files, which npm calls ``package/``."""
    return member.name.removeprefix("./").removeprefix("package/")


def _folder_files(folder: Path, largest: int) -> Iterator[tuple[str, bytes | None]]:
    for file in sorted(files_folder(folder).glob("*.json")):
        if file.stat().st_size > largest:
            yield file.name, None
            continue
        content = _bytes(file)
        if _is_relevant(file.name, content):
            yield file.name, content


def _archive_files(archive: Path, largest: int) -> Iterator[tuple[str, bytes | None]]:
    _require_regular(archive)
    try:
        with open_tar(archive) as files:
            for member, stream in files:
                name = name_in_package(member)
                if "/" in name or not name.endswith(".json"):
                    continue
                if member.size > largest:
                    yield name, None
                    continue
                content = stream.read()
                if _is_relevant(name, content):
                    yield name, content
    except UnreadableFileError as reason:
        raise UnreadableFileError(f"{archive}: is refused: {reason}") from None
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UnreadableFileError(f"{archive}: cannot be unpacked as .tgz: {error}") from None


def _is_relevant(name: str, content: bytes) -> bool:
    """Whether a file is the manifest or, by a quick look, a terminology resource."""
    if name in _NOT_RESOURCES:
        return name == MANIFEST
    first = _TYPE_FIRST.match(content)
    if first is not None:
        return first[1] in _KIND_NAMES
    return any(match[1] in _KIND_NAMES for match in _TYPE.finditer(content))


def _is_r4_package(manifest: bytes, label: str) -> bool | None:
    """Whether the package.json names R4 or R4B; None where it names no version."""
    content = _parsed(f"{label}, {MANIFEST}", manifest)
    versions = content.get("fhirVersions") or content.get("fhir-version-list") or []
    if not versions:
        return None
    version = str(versions[0] if isinstance(versions, list) else versions)
    is_r4 = _IS_R4.get(version.partition(".")[0])
    if is_r4 is None:
        raise UnreadableFileError(
            f"{label}: is a package of FHIR {version}; supported versions are R4, R4B and R5"
        )
    return is_r4


class FhirPackage:
    """What the resources of a package have in common: name, FHIR version, time, and equal values."""

    def __init__(self, label: str, is_r4: bool | None, updated: str) -> None:
        self._label = label
        self._is_r4 = is_r4
        self._updated = updated
        self._values: dict[str, Any] = {}

    def lazy_document(self, name: str, content: bytes) -> LazyDocument | None:
        """The resource in a file, or None if it is not a terminology resource. Raises UnreadableFileError."""
        document = _parsed(f"{self._label}, {name}", content)
        if document.get("resourceType") not in KINDS:
            return None
        is_r4 = _is_r4(document) if self._is_r4 is None else self._is_r4
        try:
            header = header_of(_upgraded(document, is_r4, self._updated))
        except TerminologyError as error:
            raise UnreadableFileError(f"{self._label}, {name}: {error}") from None
        packed, updated = zlib.compress(content, 1), self._updated
        return LazyDocument(
            {name: self._shared(value) for name, value in header.items()},
            lambda: _upgraded(json.read_resource(zlib.decompress(packed)), is_r4, updated),
        )

    def _shared(self, value: Any) -> Any:
        """An equal value of the same package: its resources share publisher and contact, which are kept once."""
        return self._values.setdefault(json.write(value).decode(), value)


def _upgraded(document: Document, is_r4: bool, updated: str) -> Document:
    """The resource in R5 shape. A map that lacks a code, as an example of FHIR R4 does, is refused when it is used."""
    return _completed(require_types(in_r5(document, is_r4)), updated)


# -- single files --------------------------------------------------------------------------------


def _file_resources(file: Path, largest: int) -> Iterator[Document]:
    if file.is_file() and file.stat().st_size > largest:
        raise TooLargeFileError(f"{file}: has more than {largest:,} bytes (largest_file)")
    content = _bytes(file)
    if _XML.match(content):
        raise UnreadableFileError(f"{file}: is XML; files must be JSON")
    document = _parsed(str(file), content)
    if "resourceType" not in document:
        raise UnreadableFileError(f"{file}: the JSON has no resourceType, so it is not a FHIR resource")
    try:
        yield from _in_r5(document)
    except TerminologyError as error:
        raise UnreadableFileError(f"{file}: {error}") from None


def resources_of(document: Document, is_r4: bool | None = None) -> Iterator[Document]:
    """The terminology resources of a resource or Bundle, in R5 shape and complete as those of a file are.

    ``is_r4`` is whether it has R4's shape; unless it is given, the shape itself tells.

    Raises TerminologyError for JSON that is not a FHIR resource.
    """
    now = instant_of(dates.now())
    for resource in _in_r5(document, is_r4):
        yield _completed(resource, _date(resource) or now)


def _in_r5(document: Document, is_r4: bool | None = None) -> Iterator[Document]:
    for resource in _unbundled(document):
        if resource.get("resourceType") in KINDS:
            has_r4_shape = _is_r4(resource) if is_r4 is None else is_r4
            yield require_types(in_r5(resource, has_r4_shape))


def _unbundled(document: Document) -> Iterator[Document]:
    if document.get("resourceType") != "Bundle":
        yield document
        return
    for entry in require_types(document).get("entry", ()):
        if "resource" in entry:
            yield from _unbundled(entry["resource"])


def _is_r4(document: Document) -> bool:
    """Whether a resource has R4's shape. Only a ConceptMap has elements that R5 reads differently."""
    if any(name in document for name in ("sourceUri", "sourceCanonical", "targetUri", "targetCanonical")):
        return True
    elements = (element for group in _objects(document, "group") for element in _objects(group, "element"))
    return any("equivalence" in target for element in elements for target in _objects(element, "target"))


def _objects(node: Document, name: str) -> list[Document]:
    """The objects in a list; an element that is not a list has none."""
    value = node.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# -- documents -----------------------------------------------------------------------------------


def _require_regular(file: Path) -> None:
    """Raises UnreadableFileError for a device or a pipe, which may never end."""
    if file.exists() and not file.is_file():
        raise UnreadableFileError(f"{file}: is not a file with content, but a folder, a device or a pipe")


def _bytes(file: Path) -> bytes:
    _require_regular(file)
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"{file}: cannot be read: {reason_of(error)}") from None


def _parsed(label: str, content: bytes) -> Document:
    try:
        return json.read_resource(content)
    except TerminologyError as error:
        raise UnreadableFileError(f"{label}: {error}") from error


def _modified(path: Path) -> str:
    """The time when a file was last changed, as an instant in UTC; where the time stands still, that moment."""
    return instant_of(dates.fixed_moment() or datetime.fromtimestamp(int(path.stat().st_mtime), UTC))


def _completed(document: Document, updated: str) -> Document:
    """The resource with an id, and with ``meta.lastUpdated``, which is ``updated`` unless it has one."""
    id_ = document.get("id") or _id_for(document)
    return {**document, "id": id_, "meta": {"lastUpdated": updated, **document.get("meta", {})}}


def _id_for(document: Document) -> str:
    """A hash of url and version or, where there is no url, of the whole resource."""
    url = document.get("url")
    content = f"{url}|{document.get('version', '')}".encode() if url else json.write(document)
    return hashlib.sha256(content).hexdigest()[:32]


def _date(document: Document) -> str | None:
    """``Resource.date`` as an instant: the beginning of a day, month or year in UTC."""
    date = str(document.get("date", ""))
    if "T" in date:
        return date
    day = date + "-01-01"[len(date) - 4 :] if len(date) < 10 else date
    return f"{day}T00:00:00Z" if _DAY.fullmatch(day) else None
