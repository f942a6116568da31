"""Archives from outside: bombs, links and special files are refused at once, with the reason, in little memory."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders import code_system
from tests.support.paths import ROOT

# Far more than a refusal takes, and far less than to unpack a bomb.
QUICK = 60.0
MEMORY = 1024 * 1024 * 1024
MANIFEST = json.dumps({"name": "a", "version": "1", "fhirVersions": ["4.0.1"]}).encode()
SMALL = json.dumps(code_system("http://example.org/small", "a")).encode()
ZEROS = bytes(1 << 20)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command with little memory and time."""
    return subprocess.run(
        [sys.executable, "-m", "terminology", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=QUICK,
        env={**os.environ, "TERMINOLOGY_DATA": "", "TERMINOLOGY_STORE": ""},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def refusal(*arguments: str) -> str:
    """The one line with which a command refuses."""
    began = time.monotonic()
    ended = run(*arguments)
    assert ended.returncode == 1 and time.monotonic() - began < QUICK, ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ") and "Traceback" not in ended.stderr, ended.stderr
    return lines[-1]


# -- packages ------------------------------------------------------------------------------------


def member(name: str, type_: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = type_, target, size
    return made


def package(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in (
            (member("package/package.json"), MANIFEST),
            (member("package/a.json"), SMALL),
            *members,
        ):
            if info.isreg():
                info.size = info.size or len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


SPECIAL = {
    "a symbolic link": (member("package/b.json", tarfile.SYMTYPE, "/etc/passwd"), "a link"),
    "a hard link": (member("package/b.json", tarfile.LNKTYPE, "package/a.json"), "a link"),
    "a device": (member("package/b.json", tarfile.CHRTYPE), "a device"),
    "a pipe": (member("package/b.json", tarfile.FIFOTYPE), "a device"),
    "an absolute path": (member("/tmp/b.json"), "outside of it"),
    "a path upwards": (member("package/../../b.json"), "outside of it"),
}


@pytest.mark.parametrize("case", SPECIAL)
def test_a_package_with_a_special_file_is_refused(tmp_path: Path, case: str) -> None:
    info, reason = SPECIAL[case]
    path = package(tmp_path / "a.tgz", (info, b""))
    said = refusal("load", "--data", str(tmp_path / "data"), str(path))
    assert reason in said and info.name in said
    assert not (tmp_path / "data").exists()


def bomb(path: Path, name: str, mebibytes: int) -> None:
    """A package with a file of zeros; packed, it has a thousandth."""
    with gzip.open(path, "wb", compresslevel=6) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for info, content in ((member("package/package.json"), MANIFEST), (member("package/a.json"), SMALL)):
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        tar.addfile(member(name, size=mebibytes << 20), _Zeros(mebibytes << 20))


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, count: int = -1) -> bytes:
        piece = ZEROS[: min(count, self._left)] if count >= 0 else bytes(self._left)
        self._left -= len(piece)
        return piece


@pytest.mark.parametrize("name", ["package/b.json", "package/other/b.bin"])
@pytest.mark.parametrize("command", ["load", "serve"])
def test_a_bomb_in_a_package_is_refused(tmp_path: Path, name: str, command: str) -> None:
    path = tmp_path / "a.tgz"
    bomb(path, name, 400)
    arguments = (
        ["load", "--data", str(tmp_path / "data")] if command == "load" else ["serve", "--check", "--content"]
    )
    assert "times as large" in refusal(*arguments, str(path))


def test_a_sparse_file_in_a_package_is_refused(tmp_path: Path) -> None:
    """A file of 100 GB that has no content, and takes no room in the archive."""
    path = tmp_path / "a.tgz"
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "package/b.json"}
    headers["GNU.sparse.realsize"] = str(100 << 30)
    info = member("package/GNUSparseFile.0/b.json")
    info.pax_headers = headers
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        content = b"0\n".ljust(512, b"\0")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    assert "refused" in refusal("load", "--data", str(tmp_path / "data"), str(path))


def test_a_pipe_or_a_loop_of_links_in_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "a.json").write_bytes(SMALL)
    os.mkfifo(folder / "b.json")
    assert "a pipe" in refusal("load", "--data", str(tmp_path / "data"), str(folder))
    assert "a pipe" in refusal("import", "--store", str(tmp_path / "store"), "fhir", str(folder))
    (folder / "b.json").unlink()
    (folder / "loop").symlink_to(folder)
    assert "is a link to the folder" in refusal("load", "--data", str(tmp_path / "data"), str(folder))
    assert "is a link to the folder" in refusal(
        "import", "--store", str(tmp_path / "store"), "fhir", str(folder)
    )


def test_links_to_files_in_a_folder_are_read(tmp_path: Path) -> None:
    """Kubernetes mounts a ConfigMap so."""
    folder = tmp_path / "content"
    (folder / "..data").mkdir(parents=True)
    (folder / "..data" / "a.json").write_bytes(SMALL)
    (folder / "a.json").symlink_to("..data/a.json")
    assert run("load", "--data", str(tmp_path / "data"), str(folder)).returncode == 0


# -- releases --------------------------------------------------------------------------------------


def zip_bomb(path: Path) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.json", "w") as file:
        for _ in range(400):
            file.write(ZEROS)
    return "times as large"


def zip_of_all_sizes(path: Path) -> str:
    """A zip whose directory names the same content again and again, as if it had 90 GB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", os.urandom(1000).hex() * 32_000)
        (info,) = archive.infolist()
        info.compress_size = info.file_size // 2
        archive.filelist += [info] * 1_500
    return "unpacked it has"


def zip_with_a_link(path: Path) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("a.json")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return "it has a link: a.json"


def zip_with_a_path_upwards(path: Path) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../a.json", SMALL)
    return "outside of it: ../a.json"


def zip_that_is_encrypted(path: Path) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", SMALL)
        archive.infolist()[0].flag_bits |= 1
    return "it is encrypted: a.json"


@pytest.mark.parametrize(
    "make", [zip_bomb, zip_of_all_sizes, zip_with_a_link, zip_with_a_path_upwards, zip_that_is_encrypted]
)
def test_a_zip_that_is_no_release_is_refused(tmp_path: Path, make: Callable[[Path], str]) -> None:
    path = tmp_path / "release.zip"
    reason = make(path)
    said = refusal("import", "--store", str(tmp_path / "store"), "fhir", str(path))
    assert "release.zip" in said and reason in said


def workbook(path: Path, part: str, beginning: bytes) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["code", "display"])
    book.active.append(["a", "A"])
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            if name != part:
                archive.writestr(name, content)
        with archive.open(part, "w") as file:
            file.write(beginning)
            for _ in range(400):
                file.write(b" " * (1 << 20))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"])
def test_a_bomb_in_a_workbook_is_refused(tmp_path: Path, part: str) -> None:
    pytest.importorskip("openpyxl")
    folder = tmp_path / "table"
    folder.mkdir()
    workbook(folder / "a.xlsx", part, b'<?xml version="1.0"?><sst>')
    toml = '[file]\nsheet = "Sheet"\n[CodeSystem]\nurl = "http://example.org/a"\n'
    toml += '[columns]\ncode = "code"\ndisplay = "display"\n'
    (folder / "a.toml").write_text(toml)
    said = refusal("import", "--store", str(tmp_path / "store"), "xlsx", str(folder))
    assert "a.xlsx" in said and "times as large" in said
