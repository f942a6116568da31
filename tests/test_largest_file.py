"""A file of content that is too large is left out and named, and the rest is served: at the start and at a reload."""

from __future__ import annotations

import json
import logging
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from terminology import Settings
from terminology.catalogue.protocol import Catalogue
from terminology.content.packages import read_resources
from terminology.core.errors import TooLargeFileError, UnreadableFileError
from terminology.opening import ServedContent, open_catalogue
from tests.support.builders import code_system

LARGEST = 2_000
SMALL, LARGE = "http://example.org/small", "http://example.org/large"
DOCUMENTS = {
    "small.json": code_system(SMALL, "a"),
    "large.json": code_system(LARGE, *(f"code-{number}" for number in range(200))),
}


def in_folder(folder: Path) -> Path:
    for name, document in DOCUMENTS.items():
        (folder / name).write_text(json.dumps(document))
    return folder


def in_unpacked_package(folder: Path) -> Path:
    (folder / "package.json").write_text(json.dumps({"name": "a", "fhirVersions": ["5.0.0"]}))
    return in_folder(folder)


def in_package(folder: Path) -> Path:
    files = {"package.json": {"name": "a", "fhirVersions": ["5.0.0"]}, **DOCUMENTS}
    with tarfile.open(folder / "a.tgz", "w:gz") as archive:
        for name, document in files.items():
            content = json.dumps(document).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return folder / "a.tgz"


PLACES = pytest.mark.parametrize("place", [in_folder, in_unpacked_package, in_package])


def urls(catalogue: Catalogue) -> list[str]:
    return sorted(url for url in (SMALL, LARGE) if [*catalogue.headers("CodeSystem", url)])


@PLACES
def test_the_rest_is_served_and_the_file_named(
    tmp_path: Path, place: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(content=[place(tmp_path)], bundled=False, largest_file=LARGEST)
    with caplog.at_level(logging.WARNING, "terminology"):
        assert urls(open_catalogue(settings).for_fhir("5.0.0")) == [SMALL]
    (message,) = [record.getMessage() for record in caplog.records]
    assert "large.json: has more than 2,000 bytes (largest_file)" in message
    assert urls(open_catalogue(settings.updated(largest_file=100_000)).for_fhir("5.0.0")) == [LARGE, SMALL]


def test_a_reload_leaves_it_out_too(tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text(json.dumps(DOCUMENTS["small.json"]))
    served = ServedContent(Settings(content=[tmp_path], bundled=False, largest_file=LARGEST))
    assert urls(served.catalogue().for_fhir("5.0.0")) == [SMALL]
    in_folder(tmp_path)
    (tmp_path / "more.json").write_text(json.dumps(code_system("http://example.org/more", "a")))
    served.reload()
    catalogue = served.catalogue().for_fhir("5.0.0")
    assert urls(catalogue) == [SMALL] and [*catalogue.headers("CodeSystem", "http://example.org/more")]


def test_a_service_starts_although_its_only_file_is_too_large(tmp_path: Path) -> None:
    in_folder(tmp_path)
    settings = Settings(content=[tmp_path / "large.json"], bundled=False, largest_file=LARGEST)
    assert urls(open_catalogue(settings).for_fhir("5.0.0")) == []


def test_a_broken_file_is_still_refused_beside_it(tmp_path: Path) -> None:
    (in_folder(tmp_path) / "broken.json").write_text("{")
    with pytest.raises(UnreadableFileError, match="broken.json"):
        open_catalogue(Settings(content=[tmp_path], bundled=False, largest_file=LARGEST))


def test_the_reader_says_which_error_it_is(tmp_path: Path) -> None:
    with pytest.raises(TooLargeFileError, match="large.json"):
        list(read_resources([in_folder(tmp_path)], largest=LARGEST))
