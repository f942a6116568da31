"""Packages are fetched from a registry by their names, checked, and kept as those of files are."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from terminology import Terminology
from terminology.cli.commands import main
from terminology.content import package_registry as module
from terminology.content.package_registry import PackageRegistry, package_named
from terminology.core.errors import UnreadableFileError
from tests.support.builders import code_system, url_of
from tests.support.package_registry import ServedRegistry, archive_of, dist_of, package_registry, send
from tests.support.service import until

NAME, BIRDS = "example.birds", code_system("birds", "owl")
ONE = archive_of(NAME, "1.0.0", BIRDS)


@pytest.fixture
def registry() -> Iterator[ServedRegistry]:
    """A registry that has several versions of a package."""
    with package_registry() as served:
        for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0-ballot", "0.5.0"):
            served.publish(NAME, version, archive_of(NAME, version, BIRDS, code_system("cats", "cat")))
        served.tags[NAME] = {"latest": "1.10.0", "ballot": "2.0.0-ballot"}
        yield served


def load(registry: ServedRegistry | str, data: Path, *arguments: str) -> Result:
    address = registry if isinstance(registry, str) else registry.address
    return CliRunner().invoke(
        main, ["load", "--data", str(data), "--package-registry", address, *arguments], catch_exceptions=False
    )


def kept(data: Path) -> list[str]:
    """The files in the data folder, hidden ones too."""
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())


def refused(result: Result, *texts: str) -> None:
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    for text in texts:
        assert text in line


# -- what is loaded ------------------------------------------------------------------------------


def test_a_package_is_kept_as_that_of_a_file_is(registry: ServedRegistry, tmp_path: Path) -> None:
    result = load(registry, tmp_path / "data", f"{NAME}@1.9.0")
    place = tmp_path / "data" / "content" / f"{NAME}#1.9.0.tgz"
    assert (result.exit_code, result.output) == (0, f"{NAME}@1.9.0: 2 CodeSystems (new: {place})\n")
    assert place.read_bytes() == registry.packages[NAME]["1.9.0"]
    again = load(registry, tmp_path / "data", f"{NAME}#1.9.0")
    assert again.output == result.output.replace("new:", "known:")
    with Terminology([place], bundled=False) as terminology:
        assert terminology.lookup(url_of("birds"), "owl").code == "owl"


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        (NAME, "1.10.0"),
        (f"{NAME}@latest", "1.10.0"),
        (f"{NAME}@ballot", "2.0.0-ballot"),
        (f"{NAME}@0.5.0", "0.5.0"),
    ],
)
def test_a_name_means_the_latest_and_a_tag_its_version(
    registry: ServedRegistry, tmp_path: Path, asked: str, version: str
) -> None:
    result = load(registry, tmp_path, asked)
    assert result.exit_code == 0 and result.output.startswith(f"{NAME}@{version}: ")
    assert kept(tmp_path) == [f"content/{NAME}#{version}.tgz"]


def test_without_tags_the_highest_version_is_the_latest(registry: ServedRegistry, tmp_path: Path) -> None:
    registry.tags[NAME] = {}
    del registry.packages[NAME]["2.0.0-ballot"]
    assert load(registry, tmp_path, NAME).output.startswith(f"{NAME}@1.10.0: ")


def test_files_and_packages_are_loaded_together_and_a_file_goes_first(
    registry: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose name could be that of a package is a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "birds.json").write_text(json.dumps(BIRDS))
    result = load(registry, tmp_path / "data", NAME, f"{NAME}@1.0.0")
    assert result.exit_code == 0
    assert kept(tmp_path / "data") == [f"content/{NAME}#1.0.0.tgz", f"content/{NAME}/birds.json"]
    assert [path for path, _ in registry.requests] == [f"/{NAME}", f"/{NAME}/-/{NAME}-1.0.0.tgz"]


def test_a_dry_run_fetches_and_reads_and_keeps_nothing(registry: ServedRegistry, tmp_path: Path) -> None:
    result = load(registry, tmp_path, "--dry-run", NAME)
    assert result.exit_code == 0 and "2 CodeSystems (new, not kept: " in result.output
    assert kept(tmp_path) == []


def test_the_form_of_packages_fhir_org_is_understood(registry: ServedRegistry, tmp_path: Path) -> None:
    """The archive is at ``NAME/VERSION``; there is a shasum alone, or nothing, which is said."""
    for version, dist, said in (
        ("1.0.0", {"tarball": f"{registry.address}/{NAME}/1.0.0", "integrity": None}, ""),
        ("1.9.0", {"tarball": None, "integrity": None, "shasum": None}, "the registry gives no checksum"),
    ):
        registry.dists[f"{NAME}@{version}"].update(dist)
        result = load(registry, tmp_path, f"{NAME}@{version}")
        assert result.exit_code == 0 and said in result.output
        assert registry.requests[-1][0] == f"/{NAME}/{version}"


def test_a_registry_knows_who_asks_and_where_the_login_is_for(
    registry: ServedRegistry, tmp_path: Path
) -> None:
    """The login goes to the registry itself, and not along with a redirect."""
    with package_registry() as other:
        other.publish(NAME, "1.0.0", registry.packages[NAME]["1.0.0"])
        there = f"{other.address}/{NAME}/-/{NAME}-1.0.0.tgz"
        registry.answers[f"/{NAME}/-/{NAME}-1.0.0.tgz"] = lambda r: send(r, 302, b"", Location=there)
        result = load(registry.address.replace("//", "//me:w%40rd@"), tmp_path, f"{NAME}@1.0.0")
        assert result.exit_code == 0, result.output
        assert {headers["Authorization"] for _, headers in registry.requests} == {"Basic bWU6d0ByZA=="}
        assert [headers.get("Authorization") for _, headers in other.requests] == [None]
        assert all(h["User-Agent"].startswith("fhir-terminology-adapter/") for _, h in registry.requests)
    shown = CliRunner().invoke(main, ["settings", "--package-registry", "https://me:w@rd@example.org"])
    assert "w@rd" not in shown.output and "w%40rd" not in shown.output


# -- what is refused -----------------------------------------------------------------------------


def test_an_unknown_package_and_an_unknown_version_are_said(registry: ServedRegistry, tmp_path: Path) -> None:
    """With the versions that are nearest to it."""
    refused(load(registry, tmp_path, "example.dogs"), f"{registry.address} has no package 'example.dogs'")
    for version, nearest in (
        ("1.9.5", "1.0.0, 1.9.0, 1.10.0, 2.0.0-ballot"),
        ("0.1", "0.5.0, 1.0.0, 1.9.0, 1.10.0"),
        ("9", "1.0.0, 1.9.0, 1.10.0, 2.0.0-ballot"),
    ):
        said = f"has no version '{version}' of '{NAME}'. The nearest are {nearest}; the latest is 1.10.0"
        refused(load(registry, tmp_path, f"{NAME}@{version}"), said)
    registry.packages[NAME].clear()
    refused(load(registry, tmp_path, NAME), f"has no version of '{NAME}'")
    assert kept(tmp_path) == []


def test_without_a_registry_or_a_file_that_is_said(tmp_path: Path) -> None:
    refused(load("", tmp_path, NAME), f"'{NAME}' is not a file, and there is no registry of packages")
    refused(load("http://127.0.0.1:9", tmp_path, "my-maps"), "my-maps: there is no such file or folder")
    refused(load("http://127.0.0.1:9", tmp_path, NAME), f"http://127.0.0.1:9/{NAME} cannot be reached")
    refused(load("http://nowhere.invalid", tmp_path, NAME), "cannot be reached")


@pytest.mark.parametrize(
    ("dist", "said"),
    [
        ({"shasum": "0" * 40, "integrity": None}, "another checksum (sha1)"),
        ({"integrity": "sha512-" + "A" * 86 + "=="}, "another checksum (sha512)"),
        ({"integrity": "sha1-AAAA sha256-" + "A" * 43 + "="}, "another checksum (sha256)"),
        ({"integrity": "sha512-?"}, "another checksum (sha512)"),
        ({"integrity": "sha512-&"}, "does not describe"),
        ({"shasum": "xyz"}, "does not describe"),
        ({"tarball": 7}, "does not describe"),
        ({"tarball": "ftp://example.org/x.tgz"}, "which is not followed"),
    ],
)
def test_an_archive_that_the_registry_does_not_vouch_for_is_refused(
    registry: ServedRegistry, tmp_path: Path, dist: dict[str, Any], said: str
) -> None:
    registry.publish(NAME, "1.0.0", ONE, **dist)
    refused(load(registry, tmp_path, f"{NAME}@1.0.0"), said)
    assert kept(tmp_path) == []


def with_link() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        content = json.dumps({"name": NAME, "version": "1.0.0"}).encode()
        info = tarfile.TarInfo("package/package.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("package/passwd.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return target.getvalue()


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (
            archive_of("example.cats", "1.0.0", BIRDS),
            "is of another package: its package.json says example.cats@1.0.0",
        ),
        (archive_of("\x1b]0;x", "1.0.0", BIRDS), "its package.json says \\x1b]0;x@1.0.0"),
        (archive_of(NAME, "1.0.1", BIRDS), f"is of another package: its package.json says {NAME}@1.0.1"),
        (b"<html>", f"{NAME}@1.0.0: cannot be unpacked as .tgz"),
        (ONE[:-20], "cannot be unpacked"),
        (with_link(), f"{NAME}@1.0.0: is refused: it has a link: package/passwd.json"),
        (archive_of(NAME, "1.0.0"), f"{NAME}@1.0.0: contains no CodeSystem"),
        (archive_of(NAME, "1.0.0", BIRDS, fhirVersions=["3.0.2"]), "3.0.2"),
        (archive_of(NAME, "1.0.0", {"resourceType": "CodeSystem", "url": 7}), f"{NAME}@1.0.0"),
    ],
)
def test_an_archive_that_a_file_would_be_refused_for_is_refused(
    registry: ServedRegistry, tmp_path: Path, archive: bytes, said: str
) -> None:
    registry.publish(NAME, "1.0.0", archive)
    refused(load(registry, tmp_path, f"{NAME}@1.0.0"), said)
    assert kept(tmp_path) == []


def test_what_is_left_out_with_skip_broken_is_named(
    registry: ServedRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry.publish(
        NAME, "1.0.0", archive_of(NAME, "1.0.0", BIRDS, {"resourceType": "CodeSystem", "url": 7})
    )
    result = load(registry, tmp_path, "--skip-broken", f"{NAME}@1.0.0")
    assert result.exit_code == 0 and "1 CodeSystem (new" in result.output
    assert f"{NAME}-1.0.0.tgz, CodeSystem-1.json" in caplog.text


ANSWERS: dict[str, tuple[Any, str]] = {
    "500": (lambda r: send(r, 500, b""), "answered with the status 500"),
    "401": (lambda r: send(r, 401, b"{}"), "demands a login: the status is 401"),
    "no JSON": (
        lambda r: send(r, 200, b"<html>", "text/html"),
        "does not describe 'example.birds' as a registry",
    ),
    "no versions": (lambda r: send(r, 200, b"{}"), "does not describe"),
    "versions": (lambda r: send(r, 200, b'{"versions": [1]}'), "does not describe"),
    "version": (lambda r: send(r, 200, b'{"versions": {"1.0.0": 7}}'), "does not describe"),
    "tags": (lambda r: send(r, 200, b'{"versions": {"1.0.0": {}}, "dist-tags": 7}'), "does not describe"),
    "cut": (lambda r: send(r, 200, b'{"versions"', Content_Length="500"), "the connection broke off"),
    "circle": (lambda r: send(r, 302, b"", Location=r.path), "there are more than 5 redirects"),
    "file": (lambda r: send(r, 302, b"", Location="file:///etc/passwd"), "which is not followed"),
    "no address": (
        lambda r: send(r, 302, b"", Location="http://[bad"),
        "leads to a malformed address",
    ),
    "a path as version": (
        lambda r: send(r, 200, b'{"versions": {"../../x": {}}, "dist-tags": {"latest": "../../x"}}'),
        "has no version of 'example.birds'",
    ),
    "a command to the terminal": (
        lambda r: send(r, 200, b'{"versions": {"1.0.0": {"dist": {"tarball": "ftp:\\u001b]0;x"}}}}'),
        "a malformed address: ftp:\\x1b]0;x",
    ),
    "closed": (lambda r: r.connection.close(), "cannot be reached, or the connection broke off"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_registry_that_is_none_or_is_broken_is_said_in_a_line(
    registry: ServedRegistry, tmp_path: Path, name: str
) -> None:
    answer, said = ANSWERS[name]
    registry.answers[f"/{NAME}"] = answer
    refused(load(registry, tmp_path, f"{NAME}@1.0.0"), said)
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda r: send(r, 404, b"{}"), "answered with the status 404"),
        (lambda r: send(r, 200, ONE[:100], Content_Length=str(len(ONE))), "the connection broke off"),
    ],
)
def test_an_archive_that_does_not_come_whole_is_refused(
    registry: ServedRegistry, tmp_path: Path, answer: Any, said: str
) -> None:
    registry.publish(NAME, "1.0.0", ONE, shasum=None, integrity=None)
    registry.answers[f"/{NAME}/-/{NAME}-1.0.0.tgz"] = answer
    result = load(registry, tmp_path, f"{NAME}@1.0.0")
    assert result.exit_code == 1 and said in result.output
    assert kept(tmp_path) == []


def test_more_bytes_than_any_package_has_are_not_fetched(
    registry: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OF_ARCHIVE", 100)
    refused(load(registry, tmp_path, NAME), "has more than 100 bytes, the most that is fetched")
    monkeypatch.setattr(module, "MOST_OF_DESCRIPTION", 100)
    refused(load(registry, tmp_path, NAME), "has more than 100 bytes")
    monkeypatch.undo()
    monkeypatch.setattr(module, "LONGEST", 0)
    refused(load(registry, tmp_path, NAME), "did not end within 0 seconds")


def test_a_registry_over_https_does_not_lead_to_plain_http(registry: ServedRegistry) -> None:
    """The archive of a registry that takes itself for plain HTTP, as behind a proxy, is asked for over HTTPS."""
    secure = PackageRegistry(registry.address.replace("http:", "https:"))
    node = {"dist": {"tarball": registry.address + "/x.tgz"}}
    assert secure._published(NAME, "1", node).archive == secure.address + "/x.tgz"
    elsewhere = secure._published(NAME, "1", {"dist": {"tarball": "http://cdn.example.org/x.tgz"}})
    with pytest.raises(
        UnreadableFileError, match="http://cdn.example.org/x.tgz: the registry leads from https"
    ):
        secure.fetch(elsewhere, Path(os.devnull), lambda done, total: None)


def test_what_looks_like_a_file_is_no_package() -> None:
    for text in (
        "hl7.terminology.json",
        "a.b.tgz",
        "./hl7.terminology",
        "Birds.x",
        "birds",
        "a.b@",
        "a.b@1 2",
        "@a/b",
    ):
        assert package_named(text) is None
    assert package_named("hl7.fhir.us.core#6.1.0-snapshot+1") == ("hl7.fhir.us.core", "6.1.0-snapshot+1")
    assert dist_of(b"")["shasum"].startswith("da39a3ee")


# -- on a terminal -------------------------------------------------------------------------------


class Dripping:
    """An archive whose second half comes when it may."""

    def __init__(self, archive: bytes) -> None:
        self._archive = archive
        self.may_end = threading.Event()
        self.is_asked = threading.Event()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        half = len(self._archive) // 2
        request.send_response(200)
        request.send_header("Content-Length", str(len(self._archive)))
        request.end_headers()
        request.wfile.write(self._archive[:half])
        request.wfile.flush()
        self.is_asked.set()
        self.may_end.wait(300)
        request.wfile.write(self._archive[half:])


class OnATerminal:
    """``terminology load`` in a process of its own, with a terminal for what it says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        try:
            self._reads, writes = os.openpty()
        except OSError as problem:
            pytest.skip(f"no pseudo-terminal can be opened ({problem}): is /dev/pts mounted?")
        program = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"sys.path[:0] = {sys.path!r}\nfrom terminology.cli import commands; commands.main()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "load", "--data", str(folder / "data"), *arguments],
            stdout=writes, stderr=writes, start_new_session=True, env={**os.environ, "TMPDIR": str(folder / "tmp")},
        )  # fmt: skip
        os.close(writes)
        self.said = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self.said += os.read(self._reads, 4096)
            except OSError:  # the other end is closed
                return

    def end(self) -> int:
        status = self.process.wait(300)
        self._reader.join()
        os.close(self._reads)
        return status


def test_on_a_terminal_the_progress_is_shown(registry: ServedRegistry, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    dripping = Dripping(registry.packages[NAME]["1.0.0"])
    registry.answers[f"/{NAME}/-/{NAME}-1.0.0.tgz"] = dripping
    running = OnATerminal(tmp_path, "--package-registry", registry.address, f"{NAME}@1.0.0")
    until(dripping.is_asked.is_set)
    time.sleep(0.3)
    dripping.may_end.set()
    assert running.end() == 0
    assert f"{NAME}@1.0.0: 100%".encode() in running.said and b"(new: " in running.said
    assert kept(tmp_path) == [f"data/content/{NAME}#1.0.0.tgz"]


def test_ctrl_c_leaves_nothing_behind_and_has_the_status_130(
    registry: ServedRegistry, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    dripping = Dripping(registry.packages[NAME]["1.0.0"])
    registry.answers[f"/{NAME}/-/{NAME}-1.0.0.tgz"] = dripping
    running = OnATerminal(tmp_path, "--package-registry", registry.address, f"{NAME}@1.0.0")
    until(dripping.is_asked.is_set)
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.end() == 130
    dripping.may_end.set()
    assert f"Interrupted: nothing of {NAME}@1.0.0 is kept.".encode() in running.said
    assert b"Traceback" not in running.said
    assert kept(tmp_path) == []
