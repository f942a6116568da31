"""Resources out: every resource whole, as a Bundle or as a FHIR package.

https://hl7.org/fhir/packages.html, and https://confluence.hl7.org/display/FHIR/NPM+Package+Specification. Resources are
read and written one at a time.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.content.packages import ARCHIVE_SUFFIXES, MANIFEST
from terminology.core.documents import SUBSETTED
from terminology.core.model import Document, split_canonical
from terminology.core.software import NAME
from terminology.wire import json
from terminology.wire.fhir_versions import FhirVersion

# The most concepts or mappings of an imported resource that is exported: it is in memory as a whole.
MOST_ROWS = 500_000
# What a package may be called, and its versions.
PACKAGE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*@[0-9A-Za-z][0-9A-Za-z.+-]*")
_INDEX = ".index.json"
# The elements of a resource that the index of a package has.
_INDEXED = ("resourceType", "id", "url", "version", "kind", "type")


def resources_to_export(
    catalogue: Catalogue,
    fhir: FhirVersion,
    canonicals: Sequence[str] = (),
    most_rows: int = MOST_ROWS,
    on_left_out: Callable[[str], None] = lambda name: None,
) -> Iterator[Document]:
    """The resources of a catalogue in the shape of a version of FHIR, by type and in the order of the catalogue.

    ``canonicals`` limits them to some urls, each with or without a version. ``on_left_out`` is called with the name of
    each resource that has more than ``most_rows`` rows. Raises UnavailableError for one that cannot be read.
    """
    # Code systems without a resource have a stub among the headers, which says nothing of their codes.
    builtin = {system.about.url for system in catalogue.builtin_systems()}
    chosen = [split_canonical(canonical) for canonical in canonicals]
    for kind in KINDS:
        for header in list(catalogue.headers(kind)):
            url, version = header.get("url"), header.get("version")
            if header.get("content") == "not-present" and url in builtin:
                continue
            if chosen and not any(url == own and wish in (None, version) for own, wish in chosen):
                continue
            if (rows := catalogue.rows(header)) > most_rows:
                on_left_out(
                    f"{kind} {url}|{version}: {rows:,} rows" if version else f"{kind} {url}: {rows:,} rows"
                )
                continue
            document = catalogue.whole(header, keep=False, rows=range(max(rows, 1)))
            if SUBSETTED in document.get("meta", {}).get("tag", ()):
                catalogue.document(header)  # raises, if it is one that cannot be read and says so in a search
            yield fhir.downgrade(document)


def is_package(path: Path) -> bool:
    """Whether a file with this name is a package; it is a Bundle otherwise."""
    return path.name.endswith(ARCHIVE_SUFFIXES)


def write_bundle(path: Path, resources: Iterable[Document]) -> Counter[str]:
    """Write a Bundle of the type collection. Returns how many resources of each type are in it.

    The file gets its name when it is complete. Raises OSError.
    """
    counts: Counter[str] = Counter()
    with _new_file(path) as file:
        file.write(b'{"resourceType":"Bundle","type":"collection"')
        for resource in resources:
            file.write(b"," if counts else b',"entry":[')
            file.write(b"\n" + json.write({"resource": resource}))
            counts[resource["resourceType"]] += 1
        file.write(b"\n]}\n" if counts else b"}\n")
    return counts


def write_package(path: Path, resources: Iterable[Document], package: str, fhir: FhirVersion) -> Counter[str]:
    """Write a package, which is called ``name@version``. Returns and raises as ``write_bundle``."""
    name, _, version = package.partition("@")
    counts: Counter[str] = Counter()
    index: list[Document] = []
    names: set[str] = set()
    with _new_file(path) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        manifest = {
            "name": name,
            "version": version,
            "description": f"Terminology that {NAME} has exported",
            "author": NAME,
            "fhirVersions": [fhir.version],
            "dependencies": {},
        }
        _add(archive, MANIFEST, json.write(manifest, pretty=True))
        for resource in resources:
            counts[resource["resourceType"]] += 1
            file_name = _unused(f"{resource['resourceType']}-{resource.get('id', 'resource')}", names)
            _add(archive, file_name, json.write(resource))
            known = {element: resource[element] for element in _INDEXED if element in resource}
            index.append({"filename": file_name, **known})
        _add(archive, _INDEX, json.write({"index-version": 1, "files": index}, pretty=True))
    return counts


def _unused(name: str, names: set[str]) -> str:
    """A name of a file in a package that no other resource has. Two versions of a resource may have one id."""
    unused, number = f"{name}.json", 1
    while unused in names:
        number += 1
        unused = f"{name}-{number}.json"
    names.add(unused)
    return unused


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(f"package/{name}")
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@contextmanager
def _new_file(path: Path) -> Iterator[IO[Any]]:
    """A file that takes the place of an older one when all of it is on the disk."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
