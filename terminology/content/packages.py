"""Which FHIR resources lie in a file, a folder or a FHIR package?

A path is one of these, and a folder may hold all of them:

* a file with one resource, or a Bundle of them;
* a package as implementation guides are published (https://hl7.org/fhir/packages.html): ``.tgz``, or a
  folder with a ``package.json``. Only what lies directly in it counts, not its examples or ``other``;
* a folder of such files, to any depth.

What comes out are the terminology resources, in R5 shape. Which release a package speaks is what its
``package.json`` says; of other files the shape of a resource tells. The resources of a package are stowed,
see ``documents``.
"""

from __future__ import annotations

import filecmp
import gzip
import hashlib
import re
import shutil
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from terminology.catalogue.protocol import KINDS
from terminology.core.documents import LazyDocument, header_of
from terminology.core.errors import TerminologyError, UnreadableFileError
from terminology.core.model import Document
from terminology.core.structure import require
from terminology.wire import json, r4

MANIFEST = "package.json"
_ARCHIVES = (".tgz", ".tar.gz")
_NO_RESOURCES = frozenset({MANIFEST, ".index.json", ".derived.index.json"})
_NO_FOLDERS = frozenset({"node_modules", "other", "openapi", "xml"})
_RELEASES = {"4": True, "5": False, "6": False}  # by major version: does it have R4's shape?
_TYPE = re.compile(rb'"resourceType"\s*:\s*"(\w+)"')
_TYPE_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"resourceType"\s*:\s*"(\w+)"')
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_KINDS = frozenset(kind.encode() for kind in KINDS)


def refuse(problem: UnreadableFileError) -> None:
    raise problem


Broken = Callable[[UnreadableFileError], None]
# Where something is: a file or package, and in a package the name of the file.
Place = tuple[Path, str]


def load(
    paths: Iterable[Path], broken: Broken = refuse, dated: bool = False
) -> Iterator[Document | LazyDocument]:
    """Every terminology resource below some paths, in the order of their names.

    ``broken`` is told of each file that cannot be read: not JSON, not a FHIR resource, not an archive, of a
    release that is not known here. If it returns, the file is left out; by default UnreadableFile is
    raised. A path that does not exist raises it in any case.

    A resource that does not say when it was last updated was when its file was; or, where the files are
    ``dated`` (as those that are installed with us, whose own time is that of the installation), at its
    ``date``. One without an id gets one, which is the same at every start.
    """
    return _load(paths, lambda place, problem: broken(problem), dated)


_BrokenThere = Callable[[Place, UnreadableFileError], None]


def _load(
    paths: Iterable[Path], broken: _BrokenThere, dated: bool = False
) -> Iterator[Document | LazyDocument]:
    for path in paths:
        if not path.exists():
            raise UnreadableFileError(f"{path}: there is no such file or folder")
        for unit in _units(path):
            try:
                yield from _inside(unit, broken, dated)
            except UnreadableFileError as problem:
                broken((unit, ""), problem)


def _units(path: Path) -> Iterator[Path]:
    """The files and packages at or below a path."""
    if not path.is_dir() or _manifest(path) is not None:
        yield path
        return
    for inner in sorted(path.iterdir()):
        if inner.is_dir() and inner.name not in _NO_FOLDERS and not inner.name.startswith("."):
            yield from _units(inner)
        elif inner.suffix == ".json" and inner.name not in _NO_RESOURCES:
            yield inner
        elif inner.name.endswith(_ARCHIVES):
            yield inner


def _manifest(folder: Path) -> Path | None:
    """The package.json of an unpacked package: in the folder, or in ``package`` within it."""
    found = (folder / MANIFEST, folder / "package" / MANIFEST)
    return next((path for path in found if path.is_file()), None)


def _inside(unit: Path, broken: _BrokenThere, dated: bool) -> Iterator[Document | LazyDocument]:
    changed = _changed(unit)
    if not unit.is_dir() and not unit.name.endswith(_ARCHIVES):
        for document in _resources(unit):
            yield _complete(document, (_date(document) if dated else None) or changed)
        return
    files = _all_files(unit)
    package = _Package(str(unit), _is_r4_package(files.pop(MANIFEST, b"{}"), str(unit)), changed)
    for name, content in files.items():
        try:
            stowed = package.stow(name, content)
        except UnreadableFileError as problem:
            broken((unit, name), problem)
            continue
        if stowed is not None:
            yield stowed


# -- keeping -------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Kept:
    """What became of a path: the name that it is kept under, how many resources of each kind it brings, and
    whether it is ``new``, ``changed`` or ``known``.
    """

    name: str
    counts: Counter[str]
    change: str


def keep(path: Path, folder: Path, broken: Broken = refuse, dry_run: bool = False) -> Kept:
    """Copy a file, folder or package into the folder that is served at every start, once all of it is read.
    What is broken is not copied, so that the next start can read all that is kept.

    A package is kept as ``name#version``, so that another version stands beside it; anything else under its
    own name. Raises UnreadableFileError, also when there is no terminology resource in it.
    """
    left_out: list[Place] = []

    def leave_out(place: Place, problem: UnreadableFileError) -> None:
        broken(problem)
        left_out.append(place)

    counts = Counter(_kind(found) for found in _load([path], leave_out))
    if not counts:
        raise UnreadableFileError(
            f"{path}: there is no {', '.join(KINDS[:-1])} or {KINDS[-1]} in it, as JSON"
        )
    target = folder / _kept_name(path)
    with tempfile.TemporaryDirectory() as aside:
        sound = _without(left_out, path, Path(aside)) if left_out else path
        change = "new" if not target.exists() else "known" if _same(sound, target) else "changed"
        if change != "known" and not dry_run:
            _copy(sound, target)
    return Kept(target.name, counts, change)


def _without(left_out: Iterable[Place], path: Path, aside: Path) -> Path:
    """A copy in the folder ``aside`` that lacks what is left out."""
    files: set[Path] = set()
    members: dict[Path, set[str]] = {}
    for unit, name in left_out:
        if name and not unit.is_dir():
            members.setdefault(unit, set()).add(name)
        else:
            files.add(_manifest_folder(unit) / name if name else unit)
    copy = aside / path.resolve().name
    if path.is_dir():
        shutil.copytree(path, copy, ignore=lambda at, names: [n for n in names if Path(at, n) in files])
    for archive, names in members.items():
        _copy_archive(archive, copy / archive.relative_to(path) if path.is_dir() else copy, names)
    return copy


def _copy_archive(archive: Path, target: Path, left_out: Collection[str]) -> None:
    """The same bytes each time, so that loading the same again changes nothing."""
    with (
        gzip.GzipFile(target, "wb", mtime=0) as packed,
        tarfile.open(archive) as tar,
        tarfile.open(fileobj=packed, mode="w") as kept,
    ):
        for member in tar:
            if _name_in_package(member) not in left_out:
                kept.addfile(member, tar.extractfile(member) if member.isfile() else None)
    shutil.copystat(archive, target)


def _kind(found: Document | LazyDocument) -> str:
    return str((found.header if isinstance(found, LazyDocument) else found)["resourceType"])


def _kept_name(path: Path) -> str:
    suffix = ".tgz" if path.name.endswith(_ARCHIVES) else ""
    if not suffix and (not path.is_dir() or _manifest(path) is None):
        return path.resolve().name
    manifest = json.read_resource(_all_files(path)[MANIFEST])
    name, version = manifest.get("name", path.resolve().name), manifest.get("version", "0")
    return f"{name}#{version}".replace("/", "-") + suffix


def _same(path: Path, target: Path) -> bool:
    if path.is_dir() != target.is_dir():
        return False
    if not path.is_dir():
        return filecmp.cmp(path, target, shallow=False)
    names = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    kept = sorted(str(file.relative_to(target)) for file in target.rglob("*") if file.is_file())
    return names == kept and all(filecmp.cmp(path / name, target / name, shallow=False) for name in names)


def _copy(path: Path, target: Path) -> None:
    """Under a hidden name first, so that a start in the meantime sees the old or the new, never a half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    if path.is_dir():
        shutil.copytree(path, unfinished)
        shutil.rmtree(target, ignore_errors=True)
    else:
        shutil.copy2(path, unfinished)
    unfinished.replace(target)


# -- a package -----------------------------------------------------------------------------------


def _all_files(package: Path) -> dict[str, bytes]:
    return _folder_files(package) if package.is_dir() else _archive_files(package)


def _folder_files(folder: Path) -> dict[str, bytes]:
    found = ((file.name, _bytes(file)) for file in sorted(_manifest_folder(folder).glob("*.json")))
    return {name: content for name, content in found if _is_wanted(name, content)}


def _manifest_folder(folder: Path) -> Path:
    manifest = _manifest(folder)
    return manifest.parent if manifest is not None else folder


def _archive_files(archive: Path) -> dict[str, bytes]:
    """The files that lie where the package.json lies, which is ``package/`` as npm has it."""
    try:
        with tarfile.open(archive) as tar:
            found = {name: content for name, content in _members(tar) if _is_wanted(name, content)}
    except (tarfile.TarError, EOFError, zlib.error, OSError) as problem:
        raise UnreadableFileError(f"{archive}: cannot be unpacked as .tgz: {problem}") from None
    if MANIFEST not in found:
        raise UnreadableFileError(f"{archive}: is no FHIR package, as it has no package/{MANIFEST}")
    return found


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        name = _name_in_package(member)
        if "/" not in name and name.endswith(".json") and (file := tar.extractfile(member)) is not None:
            yield name, file.read()


def _name_in_package(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").removeprefix("package/")


def _is_wanted(name: str, content: bytes) -> bool:
    """Does the file hold a terminology resource, as far as a glance can tell?"""
    if name in _NO_RESOURCES:
        return name == MANIFEST
    first = _TYPE_FIRST.match(content)
    if first is not None:
        return first[1] in _KINDS
    return any(found[1] in _KINDS for found in _TYPE.finditer(content))


def _is_r4_package(manifest: bytes, label: str) -> bool | None:
    """What the package.json says; None if it says nothing."""
    stated = _parsed(f"{label}, {MANIFEST}", manifest)
    versions = stated.get("fhirVersions") or stated.get("fhir-version-list") or []
    if not versions:
        return None
    version = str(versions[0] if isinstance(versions, list) else versions)
    is_r4 = _RELEASES.get(version.partition(".")[0])
    if is_r4 is None:
        raise UnreadableFileError(
            f"{label}: is a package of FHIR {version}, but R4, R4B and R5 are read here"
        )
    return is_r4


class _Package:
    """What the resources of a package have in common."""

    def __init__(self, label: str, is_r4: bool | None, changed: str) -> None:
        self._label = label
        self._is_r4 = is_r4
        self._changed = changed
        self._same: dict[str, Any] = {}

    def stow(self, name: str, content: bytes) -> LazyDocument | None:
        """The resource put away, or None if it is of another kind. Raises UnreadableFileError."""
        document = _parsed(f"{self._label}, {name}", content)
        if document.get("resourceType") not in KINDS:
            return None
        is_r4 = _is_r4(document) if self._is_r4 is None else self._is_r4
        try:
            header = header_of(_risen(document, is_r4, self._changed))
        except TerminologyError as problem:
            raise UnreadableFileError(f"{self._label}, {name}: {problem}") from None
        packed, changed = zlib.compress(content, 1), self._changed
        return LazyDocument(
            {name: self._shared(value) for name, value in header.items()},
            lambda: _risen(json.read_resource(zlib.decompress(packed)), is_r4, changed),
        )

    def _shared(self, value: Any) -> Any:
        """The same value once for the whole package: its resources have publisher and contact in common."""
        return self._same.setdefault(json.write(value).decode(), value)


def _risen(document: Document, is_r4: bool, changed: str) -> Document:
    return _complete(require(r4.upgrade(document) if is_r4 else document), changed)


# -- a file of its own ---------------------------------------------------------------------------


def _resources(file: Path) -> Iterator[Document]:
    written = _bytes(file)
    if _XML.match(written):
        raise UnreadableFileError(f"{file}: is XML, but from files only JSON is read")
    content = _parsed(str(file), written)
    if "resourceType" not in content:
        raise UnreadableFileError(f"{file}: the JSON has no resourceType, so it is no FHIR resource")
    try:
        for document in _unpacked(content):
            if document.get("resourceType") in KINDS:
                yield require(r4.upgrade(document) if _is_r4(document) else document)
    except TerminologyError as problem:
        raise UnreadableFileError(f"{file}: {problem}") from None


def _unpacked(content: Document) -> Iterator[Document]:
    if content.get("resourceType") != "Bundle":
        yield content
        return
    for entry in require(content).get("entry", ()):
        if "resource" in entry:
            yield from _unpacked(entry["resource"])


def _is_r4(document: Document) -> bool:
    """Only ConceptMaps differ in what R5 cannot read as its own."""
    if any(name in document for name in ("sourceUri", "sourceCanonical", "targetUri", "targetCanonical")):
        return True
    elements = (element for group in _objects(document, "group") for element in _objects(group, "element"))
    return any("equivalence" in target for element in elements for target in _objects(element, "target"))


def _objects(node: Document, name: str) -> list[Document]:
    """What is in a list that should be there, as far as it is what it should be."""
    value = node.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# -- reading -------------------------------------------------------------------------------------


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise UnreadableFileError(f"{file}: cannot be read: {problem.strerror}") from None


def _parsed(label: str, content: bytes) -> Document:
    try:
        return json.read_resource(content)
    except TerminologyError as error:
        raise UnreadableFileError(f"{label}: {error}") from error


def _changed(path: Path) -> str:
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC).isoformat().replace("+00:00", "Z")


def _complete(document: Document, changed: str) -> Document:
    """With what it is read by: an id; and when it was last updated, which was then if it does not say so."""
    id_ = document.get("id") or _made_id(document)
    return {**document, "id": id_, "meta": {"lastUpdated": changed, **document.get("meta", {})}}


def _made_id(document: Document) -> str:
    """Always the same for what is the same: url and version, or where there is no url, all of it."""
    url = document.get("url")
    content = f"{url}|{document.get('version', '')}".encode() if url else json.write(document)
    return hashlib.sha256(content).hexdigest()[:32]


def _date(document: Document) -> str | None:
    """``Resource.date`` as an instant: the beginning of a day, month or year in UTC."""
    stated = str(document.get("date", ""))
    if "T" in stated:
        return stated
    first = stated + "-01-01"[len(stated) - 4 :] if len(stated) < 10 else stated
    return f"{first}T00:00:00Z" if _DAY.fullmatch(first) else None
