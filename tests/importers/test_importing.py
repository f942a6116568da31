"""``terminology import``: what it promises of every kind of release, from the command to the store."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from terminology import Settings, Terminology
from terminology.cli import commands
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.registry import RegisteredArtifact
from terminology.systems.loinc import is_loinc_code
from tests.support import releases
from tests.support.importing import BY_KIND, opened, read
from tests.support.releases import MALFORMED
from tests.support.reporters import StrictReporter

KINDS = sorted(releases.RELEASES)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def import_(store: Path) -> Callable[..., Result]:
    def run(kind: str, *arguments: object) -> Result:
        given = ["import", "--store", str(store), kind, *map(str, arguments)]
        return CliRunner().invoke(commands.main, given)

    return run


def made(kind: str, folder: Path) -> Path:
    folder.mkdir()
    releases.RELEASES[kind](folder)
    return folder


def held(store: Path) -> list[RegisteredArtifact]:
    writer = StoreWriter(store_at(str(store)))
    try:
        return writer.status()
    finally:
        writer.close()


def content(store: Path) -> str:
    """``CodeSystem.content`` of the table."""
    with Terminology(settings=Settings(store=str(store), bundled=False)) as terminology:
        (system,) = terminology.search("CodeSystem", url="http://example.org/t").resources
        return str(system.json["content"])


def files(store: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in store.rglob("*") if path.suffix != ".sqlite-shm"}


# -- each kind -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_release_is_imported_with_its_version_and_only_once(
    kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """A release is imported with its version, and importing it twice changes nothing."""
    folder = made(kind, tmp_path / "release")
    first = import_(kind, folder)
    assert first.exit_code == 0, first.output
    loaded = held(store)
    known = {(one.url, one.version) for one in loaded}
    assert known == {(one.release.url, one.release.version) for one in opened(kind, folder)}
    assert all(one.version and one.rows and not one.problems and one.importer == kind for one in loaded)
    again = import_(kind, folder)
    assert again.exit_code == 0
    assert again.output.count("there already") == len(loaded) == len(again.output.splitlines())
    assert held(store) == loaded


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_reads_everything_and_writes_nothing(
    kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    folder = made(kind, tmp_path / "release")
    assert held(store) == []
    before = files(store)
    tried = import_(kind, "--dry-run", folder)
    assert tried.exit_code == 0, tried.output
    assert tried.output.count("could be imported") == len(tried.output.splitlines()) > 0
    assert files(store).keys() == before.keys()
    assert held(store) == []
    assert import_(kind, folder).exit_code == 0
    rows = sorted(
        f"{one.canonical}: {one.rows:,} row{'s' * (one.rows != 1)} could be imported" for one in held(store)
    )
    assert sorted(tried.output.splitlines()) == rows


# Where a malformed row is put in a file that has no lines of its own, and what is said of it.
INSIDE: dict[str, tuple[str, bytes, bytes, str]] = {
    "icd10cm": (
        "icd10cm_tabular_2031.xml",
        b"<diag><name>",
        b"<diag><desc>no code</desc></diag><diag><name>",
        "",
    ),
    "claml": (
        "icd10gm2031syst_claml_20300913.xml",
        b'<Class code="Q11"',
        b'<Class kind="category"/><Class code="Q11"',
        "expected a code and the rubric preferred",
    ),
    "fhir": (
        "dragons.json",
        b'"concept": [',
        b'"concept": [{"display": "no code"}, ',
        "expected a concept with a code",
    ),
}


def with_a_malformed_row(kind: str, folder: Path) -> tuple[str, int]:
    """The file, and the line that is wrong (0 where the format has none)."""
    if kind in INSIDE:
        name, there, instead, _ = INSIDE[kind]
        (path,) = folder.rglob(name)
        content = path.read_bytes()
        assert there in content
        path.write_bytes(content.replace(there, instead, 1))
        return name, 0
    name, row, _ = MALFORMED[kind]
    (path,) = folder.rglob(name)
    content = path.read_bytes()
    path.write_bytes(content + row.encode() + b"\n")
    return name, content.count(b"\n") + 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "xlsx"])
def test_a_malformed_row_is_left_out_or_with_strict_ends_the_import(
    kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """A malformed row is reported, counted and left out; with --strict it ends the import."""
    folder = made(kind, tmp_path / "release")
    name, line = with_a_malformed_row(kind, folder)
    place = f"{name}:{line}: " if line else f"{name}: "
    strict = import_(kind, "--strict", folder)
    assert strict.exit_code == 1 and place in strict.output, strict.output
    assert held(store) == []
    for given in (["--dry-run"], []):
        lenient = import_(kind, *given, folder)
        assert lenient.exit_code == 0, lenient.output
        assert place in lenient.output
        assert "1 problem in these files" in lenient.output
    assert sum(one.problems for one in held(store)) == 1


def test_a_malformed_row_of_a_sheet_is_reported_with_its_number(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    import openpyxl

    folder = made("xlsx", tmp_path / "release")
    path = next(folder.glob("*.xlsx"))
    book = openpyxl.load_workbook(path)
    sheet = book["Maps"]
    sheet.append([None, "no code"])
    line = sheet.max_row
    book.save(path)
    strict = import_("xlsx", "--strict", folder)
    assert strict.exit_code == 1 and f"{path.name}:{line}: " in strict.output, strict.output
    assert held(store) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_file_is_refused_and_nothing_is_written(
    kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """The refusal of a wrong file names the files that were expected, and nothing is written."""
    wrong = tmp_path / "wrong.dat"
    wrong.write_bytes(b"\x00\x01 this is nothing")
    refused = import_(kind, wrong)
    assert refused.exit_code == 1
    assert "expected" in refused.output and "wrong.dat" in refused.output
    assert "Traceback" not in refused.output and held(store) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_importer_says_how_far_the_reading_of_each_file_is(kind: str, tmp_path: Path) -> None:
    folder = made(kind, tmp_path / "release")
    reporter = StrictReporter()
    writer = StoreWriter(store_at(str(tmp_path / "store")))
    try:
        writer.load(BY_KIND[kind], [folder], reporter)
    finally:
        writer.close()
    assert reporter.files
    for file, steps in reporter.files.items():
        assert steps[-1][0] == steps[-1][1], file
        assert all(0 <= done <= size for done, size in steps), file


# -- what takes the place of something -----------------------------------------------------------


def table(folder: Path, *rows: str, header: str = "code;display") -> Path:
    toml = ('[CodeSystem]\nurl = "http://example.org/t"\nversion = "1"', '[file]\ndelimiter = ";"')
    columns = '[columns]\ncode = "code"\ndisplay = "display"' + ('\nparent = "parent"' * ("parent" in header))
    releases.write(folder, "t.toml", *toml, columns)
    releases.write(folder, "t.csv", header, *rows)
    return folder


GOOD = [f"c{number};Code {number}" for number in range(10)]


@pytest.mark.parametrize("rows", [[], ["x"] * 10], ids=["header only", "unreadable"])
@pytest.mark.parametrize("given", [[], ["--allow-fewer-rows"], ["--dry-run"]], ids=str)
def test_a_release_without_a_readable_row_is_refused(
    rows: list[str], given: list[str], tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """A release without a single readable row is refused, and nothing changes."""
    assert import_("csv", table(tmp_path / "r", *GOOD)).exit_code == 0
    before = held(store)
    refused = import_("csv", *given, table(tmp_path / "r", *rows))
    assert refused.exit_code == 1
    assert "http://example.org/t|1: no row can be read; nothing was imported" in refused.output
    assert held(store) == before


def test_less_than_half_of_the_rows_replace_a_version_only_if_allowed(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """Less than half of the rows do not replace a version, unless that is allowed explicitly."""
    assert "replaces" not in import_("csv", table(tmp_path / "r", *GOOD)).output
    before = held(store)
    short = table(tmp_path / "r", *GOOD[:4])
    day = before[0].loaded[:10]
    for given in ([], ["--dry-run"]):
        refused = import_("csv", *given, short)
        assert refused.exit_code == 1
        assert f"its rows would fall from 10 (loaded on {day}) to 4; nothing was imported" in refused.output
        assert "--allow-fewer-rows" in refused.output and held(store) == before
    meant = import_("csv", "--allow-fewer-rows", short)
    assert meant.exit_code == 0, meant.output
    assert f"; replaces 10 rows loaded on {day}" in meant.output
    assert [one.rows for one in held(store)] == [4]


def test_half_of_the_rows_replace_a_version_and_the_answer_says_so(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """Half of the rows replace a version, and the answer says how many rows they replace."""
    import_("csv", table(tmp_path / "r", *GOOD))
    day = held(store)[0].loaded[:10]
    tried = import_("csv", "--dry-run", table(tmp_path / "r", *GOOD[:5]))
    assert f"5 rows could be imported; would replace 10 rows loaded on {day}" in tried.output
    assert f"; replaces 10 rows loaded on {day}" in import_("csv", tmp_path / "r").output
    assert [one.rows for one in held(store)] == [5]


def test_a_release_cut_off_leaves_all_releases_of_the_import_as_they_were(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    folder = tmp_path / "r"
    folder.mkdir()

    def resource(name: str, count: int) -> None:
        concepts = [{"code": f"c{number}"} for number in range(count)]
        made = {"resourceType": "CodeSystem", "url": f"http://example.org/{name}", "content": "complete"}
        (folder / f"{name}.json").write_text(json.dumps(made | {"concept": concepts}))

    resource("a", 10)
    resource("b", 10)
    assert import_("fhir", folder).exit_code == 0
    before = held(store)
    resource("a", 12)
    resource("b", 2)
    assert import_("fhir", folder).exit_code == 1
    assert held(store) == before
    assert import_("fhir", "--allow-fewer-rows", folder).exit_code == 0
    assert {one.url[-1]: one.rows for one in held(store)} == {"a": 12, "b": 2}


@pytest.mark.parametrize("changed", [False, True])
def test_a_retired_version_that_is_imported_again_is_served_again(
    changed: bool, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """A retired version that is imported again is served again, and the answer says so."""
    import_("csv", table(tmp_path / "r", *GOOD))
    retired = CliRunner().invoke(commands.main, ["retire", "--store", str(store), "http://example.org/t"])
    assert retired.output == "http://example.org/t|1: not served any more\n"
    again = import_("csv", table(tmp_path / "r", *GOOD, *(["new;New"] * changed)))
    assert "; was retired, and is served again" in again.output
    assert ("replaces 10 rows" in again.output) == changed
    assert [one.status for one in held(store)] == ["active"]


def test_a_URL_without_a_version_retires_and_names_all_its_versions(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    for version in "12":
        folder = table(tmp_path / version, *GOOD)
        toml = folder / "t.toml"
        toml.write_text(toml.read_text().replace('version = "1"', f'version = "{version}"'))
        assert import_("csv", folder).exit_code == 0
    retired = CliRunner().invoke(commands.main, ["retire", "--store", str(store), "http://example.org/t"])
    assert sorted(retired.output.splitlines()) == [
        f"http://example.org/t|{version}: not served any more" for version in "12"
    ]


def test_a_version_without_a_name_is_one_of_its_own(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """The import says that there is none, and ``URL|`` names it alone."""
    for version in ("", "1"):
        document = {"resourceType": "CodeSystem", "url": "http://example.org/t", "concept": [{"code": "a"}]}
        document |= {"status": "active", "content": "complete"} | ({"version": version} if version else {})
        path = tmp_path / f"t{version}.json"
        path.write_text(json.dumps(document))
        name = "http://example.org/t|1: 1 row" if version else "http://example.org/t (no version): 1 row"
        assert name in import_("fhir", path).output
    retired = CliRunner().invoke(commands.main, ["retire", "--store", str(store), "http://example.org/t|"])
    assert retired.output == "http://example.org/t: not served any more\n"
    removed = CliRunner().invoke(commands.main, ["remove", "--store", str(store), "http://example.org/t|"])
    assert removed.output == "http://example.org/t: removed\n"
    assert [one.version for one in held(store)] == ["1"]
    again = CliRunner().invoke(commands.main, ["remove", "--store", str(store), "http://example.org/t|"])
    assert again.exit_code != 0 and "is called http://example.org/t|" in again.output


# -- what is wrong between rows ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ('c3;"Code 3\nc4;Code 4\n', "the quote that begins here is not closed"),
        ("c3", "1 columns where the header has 2"),
    ],
    ids=["in a quote", "in a row"],
)
def test_a_table_that_breaks_off_is_refused_or_stored_as_a_fragment(
    last: str, why: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """A file that breaks off is refused; with --partial the rows before are a fragment."""
    folder = table(tmp_path / "r", *GOOD[:3])
    with (folder / "t.csv").open("a") as file:
        file.write(last)
    for options in ([], ["--strict"], ["--dry-run"]):
        refused = import_("csv", *options, folder)
        assert refused.exit_code == 1 and held(store) == []
        assert f"t.csv:5: the file breaks off: {why}" in refused.output
    taken = import_("csv", "--partial", folder)
    assert taken.exit_code == 0 and f"t.csv:5: the file breaks off: {why}" in taken.output
    assert [one.rows for one in held(store)] == [3]
    assert content(store) == "fragment"


@pytest.mark.parametrize("kind", ["icd10pcs", "hcpcs", "icd9cm"])
def test_lines_of_a_fixed_length_end_or_the_file_breaks_off(
    kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    folder = made(kind, tmp_path / "r")
    for file in folder.glob("*.txt"):
        file.write_bytes(file.read_bytes().rstrip(b"\r\n"))
    refused = import_(kind, folder)
    assert refused.exit_code == 1 and held(store) == []
    assert "the file breaks off: its last line has no end" in refused.output


def test_a_release_with_many_problems_is_refused_unless_they_are_meant(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    folder = table(tmp_path / "r", *GOOD, *["x"] * 3)
    refused = import_("csv", folder)
    assert refused.exit_code == 1 and held(store) == []
    assert "3 problems in 10 rows that can be read; nothing was imported" in refused.output
    assert import_("csv", "--most-problems", "30", folder).exit_code == 0
    assert content(store) == "complete"
    assert import_("csv", table(tmp_path / "r", *GOOD, *["x"] * 4)).exit_code == 1
    assert import_("csv", "--partial", folder).exit_code == 0


UNREADABLE = [
    ("utf-16", "code;display\na;A\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    ("gzip", gzip.compress(b"code;display\na;A\n"), "is compressed with gzip; unpack it"),
    ("page", b"<!DOCTYPE html><html>", "is a web page, perhaps of a log-in; fetch the file again"),
]


@pytest.mark.parametrize(
    "content,said", [case[1:] for case in UNREADABLE], ids=[case[0] for case in UNREADABLE]
)
@pytest.mark.parametrize("kind", ["csv", "hcpcs", "loinc"])
def test_a_file_that_no_importer_reads_is_refused_with_the_reason(
    kind: str, content: bytes, said: str, tmp_path: Path, import_: Callable[..., Result]
) -> None:
    folder = table(tmp_path / "r", *GOOD)
    (folder / "t.csv").write_bytes(content)
    refused = import_(kind, folder)
    assert refused.exit_code == 1
    assert said in refused.output
    assert "t.csv" in refused.output


@pytest.mark.parametrize("kind", ["icd10pcs", "hcpcs", "csv", "rxnorm"])
@pytest.mark.parametrize("end", [b"\r", b"\r\n"], ids=["CR", "CRLF"])
def test_lines_end_in_LF_or_CRLF_or_as_on_old_machines_in_CR(
    end: bytes, kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    folder = made(kind, tmp_path / "r")
    assert import_(kind, folder).exit_code == 0
    rows = [one.rows for one in held(store)]
    for file in folder.rglob("*"):
        if file.suffix.lower() in (".txt", ".csv", ".rrf"):
            file.write_bytes(b"\n".join(file.read_bytes().splitlines()).replace(b"\n", end) + end)
    assert import_(kind, folder).exit_code == 0
    assert [one.rows for one in held(store)] == rows


@pytest.mark.parametrize("kind", ["icd10pcs", "hcpcs", "rxnorm"])
def test_a_byte_order_mark_does_not_hide_a_file_from_its_importer(
    kind: str, tmp_path: Path, import_: Callable[..., Result]
) -> None:
    folder = made(kind, tmp_path / "r")
    for file in folder.rglob("*"):
        if file.suffix.lower() in (".txt", ".rrf"):
            file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert import_(kind, folder).exit_code == 0


def test_a_quote_that_is_closed_too_late_is_reported_with_its_lines(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """A quote that is closed too late is reported with the lines that it takes."""
    folder = table(tmp_path / "r", *GOOD[:3], 'c3;"Code 3', "c4;Code 4", 'c5;"Code 5"', *GOOD[6:])
    said = import_("csv", folder)
    assert "t.csv:5: cannot be read as CSV" in said.output
    assert "; lines 5 to 7 are left out" in said.output
    assert [one.rows for one in held(store)] == [7]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ["a;b", "b;a", "c;"],
            "t.csv:2: 'a' is below 'b', and 'b' below 'a': the hierarchy goes in a circle",
        ),
        (["c;", "d;d"], "t.csv:3: 'd' is its own parent: the hierarchy goes in a circle"),
        (["b;", "c;", "b;"], "t.csv:4: the code 'b' comes again; the first one stays"),
        (["b;", "c;zz"], "t.csv:3: the parent 'zz' of 'c' is not there"),
    ],
    ids=["circle", "own parent", "twice", "no parent"],
)
def test_rows_that_contradict_are_reported_with_file_and_line(
    rows: list[str], said: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    """Rows that contradict each other are reported with file and line, and --strict refuses them."""
    folder = table(tmp_path / "r", *rows, header="code;parent")
    toml = folder / "t.toml"
    toml.write_text(toml.read_text().replace('display = "display"\n', ""))
    strict = import_("csv", "--strict", folder)
    assert strict.exit_code == 1 and said in strict.output
    assert held(store) == []
    lenient = import_("csv", folder)
    assert lenient.exit_code == 0 and lenient.output.startswith(said + "\n1 problem in these files\n")


# -- the same files twice ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_and_its_archive_named_together_are_taken_once(
    kind: str, tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    folder = made(kind, tmp_path / "release")
    archives = [tmp_path / name for name in ("release.zip", "a.zip")]
    for archive in archives:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path in folder.rglob("*.*"):
                zipped.write(path, path.relative_to(folder))
    assert import_(kind, folder).exit_code == 0
    alone = [(one.canonical, one.rows) for one in held(store)]
    assert [(one.canonical, one.rows) for one in held(tmp_path / "other")] == []
    for given in ([folder, archives[0]], archives, [folder, folder], [tmp_path / "release", *archives]):
        tried = import_(kind, "--strict", "--dry-run", *given)
        assert tried.exit_code == 0, tried.output
        said = [line.partition(" could be")[0] for line in tried.output.splitlines()]
        assert said == [f"{canonical}: {rows:,} row{'s' * (rows != 1)}" for canonical, rows in alone]


def test_the_same_version_in_two_files_is_refused(
    tmp_path: Path, store: Path, import_: Callable[..., Result]
) -> None:
    for name in ("a", "b"):
        made_ = {"resourceType": "CodeSystem", "url": "http://example.org/t", "version": "1", "name": name}
        (tmp_path / f"{name}.json").write_text(json.dumps(made_ | {"concept": [{"code": name}]}))
    refused = import_("fhir", tmp_path / "a.json", tmp_path / "b.json")
    assert refused.exit_code == 1
    assert "http://example.org/t|1 is there twice: a.json, b.json" in refused.output
    assert held(store) == []


def test_a_reference_set_in_a_language_without_descriptions_is_reported(
    tmp_path: Path, import_: Callable[..., Result]
) -> None:
    """The import reports a language reference set without descriptions in its language."""
    folder = made("snomed", tmp_path / "release")
    (path,) = folder.rglob("sct2_Description*")
    path.rename(path.with_name(path.name.replace("-en", "-sv")))
    said = import_("snomed", folder).output
    assert (
        "LanguageSnapshot-en_INT_20310101.txt: there is no file of descriptions in 'en', the language" in said
    )


# -- on a terminal -------------------------------------------------------------------------------

MANY = 150_000


def many(folder: Path) -> Path:
    made("csv", folder)
    with (folder / "wings.csv").open("a") as file:
        file.writelines(f"{number};Wing {number};;;\n" for number in range(MANY))
    return folder


class OnATerminal:
    """``terminology import`` with a terminal for what it says."""

    def __init__(self, *arguments: object) -> None:
        try:
            self._reads, writes = os.openpty()
        except OSError as problem:
            pytest.skip(f"no pseudo-terminal can be opened ({problem}): is /dev/pts mounted?")
        # Tests that run in the background of a script ignore Ctrl-C, and so would the programs that they start.
        program = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"sys.path[:0] = {sys.path!r}\nfrom terminology.cli import commands; commands.main()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "import", *map(str, arguments)],
            stdout=writes,
            stderr=writes,
            start_new_session=True,
        )
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

    def wait_for(self, text: bytes) -> None:
        deadline = time.monotonic() + 300
        while text not in self.said and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.01)
        assert text in self.said

    def interrupt(self) -> None:
        """As Ctrl-C does: every process of the terminal's foreground is told."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        status = self.process.wait(300)
        self._reader.join()
        os.close(self._reads)
        return status


def test_on_a_terminal_the_progress_is_shown_and_with_quiet_nothing_is(tmp_path: Path, store: Path) -> None:
    folder = many(tmp_path / "release")
    shown = OnATerminal("--store", store, "csv", folder)
    assert shown.end() == 0
    assert b"wings.csv: " in shown.said and b"% " not in shown.said
    assert b" rows, " in shown.said and b" a second" in shown.said
    quiet = OnATerminal("--store", tmp_path / "other", "--quiet", "csv", folder)
    assert quiet.end() == 0
    assert quiet.said == b""


def test_where_there_is_no_terminal_no_progress_is_shown(
    tmp_path: Path, import_: Callable[..., Result]
) -> None:
    said = import_("csv", many(tmp_path / "release")).output
    assert "\r" not in said and "%" not in said and len(said.splitlines()) == 1


@pytest.mark.parametrize("when", [b"wings.csv: 3", b"wings.csv: 100%"], ids=["reading", "compiling"])
def test_ctrl_c_ends_an_import_with_status_130_and_leaves_nothing(
    tmp_path: Path, store: Path, when: bytes
) -> None:
    """Ctrl-C ends an import with a line and the status 130, and leaves nothing in the store."""
    running = OnATerminal("--store", store, "csv", many(tmp_path / "release"))
    running.wait_for(when)
    running.interrupt()
    assert running.end() == 130
    said = running.said.decode()
    assert "Interrupted: the unfinished import has left nothing in the store." in said
    assert "Traceback" not in said and "KeyboardInterrupt" not in said
    assert held(store) == []
    assert not [path for path in (store / "artifacts").iterdir() if path.stat().st_size]


def test_problems_stand_on_lines_of_their_own_beside_the_progress(tmp_path: Path, store: Path) -> None:
    folder = many(tmp_path / "release")
    with (folder / "wings.csv").open("a") as file:
        file.write("x;y\n")
    running = OnATerminal("--store", store, "csv", folder)
    assert running.end() == 0
    lines: list[Any] = [
        part for line in running.said.split(b"\n") for part in [line.rstrip(b"\r").split(b"\r")[-1]]
    ]
    [problem] = [line for line in lines if b"columns where" in line]
    assert problem.startswith(b"wings.csv:")


# -- memory --------------------------------------------------------------------------------------


def hcpcs_line(number: int) -> str:
    code = f"{'BCDEG'[number // 10_000]}{number % 10_000:04}"
    return releases.hcpcs_line(code, "00100", "3", f"Thing {number}", f"T {number}") + "\r"


def _loinc(number: int) -> str:
    stem = str(number + 1)
    cells = [
        "Smoke",
        "MCnc",
        "Pt",
        "B",
        "Qn",
        "",
        "X",
        "ACTIVE",
        "1",
        "s",
        "Both",
        f"Name {number}",
        "",
        "",
        "",
    ]
    code = next(f"{stem}-{digit}" for digit in range(10) if is_loinc_code(f"{stem}-{digit}"))
    return ",".join(f'"{cell}"' for cell in (code, *cells)) + "\r"


def _pcs(number: int) -> str:
    code = "R" + "".join("ABCDEFGHJK"[int(digit)] for digit in f"{number:05}") + "Z"
    return releases._order(number, code, 1, f"Short {number}", f"Title of number {number}")


# The file that grows, and its row of a number.
GROWING: dict[str, tuple[str, Callable[[int], str]]] = {
    "icd10pcs": ("icd10pcs_order_2031.txt", _pcs),
    "icd9cm": ("CMS77_DESC_LONG_DX.txt", lambda n: f"{n + 10_000:05} Title of number {n}\r"),
    "gem": ("gem_i9pcs_2031.txt", lambda n: f"{n // 100 + 2_000:<5} QA{n:05} 10000\r"),
    "hcpcs": ("HCPC2031_JAN_ANWEB.txt", hcpcs_line),
    "msdrg": ("table5.txt", lambda n: f"{n % 900:03}\tNo\tNo\t \t**\tGROUP {n}\t.\t.\t.\t\r"),
    "cpt": ("LONGULT.txt", lambda n: f"{n + 10_000:05} Made-up long text {n}"),
    "loinc": ("Loinc.csv", _loinc),
    "rxnorm": ("RXNCONSO.RRF", lambda n: f"{n + 1_000_000}|ENG||||||A{n}||||RXNORM|IN|X|name {n}||N||"),
    "omop": (
        "CONCEPT.csv",
        lambda n: f"{n + 1}\tName {n}\tCondition\tSNOMED\tFinding\tS\t{n}\t20200101\t20991231\t",
    ),
    "ndc": (
        "package.txt",
        lambda n: f"1\t0099-{n:04}\t0099-{n:04}-{n % 89 + 10}\tBOTTLE {n}\t20300101\t\tN\tN",
    ),
    "csv": ("wings.csv", lambda n: f"{n};Wing {n};;;"),
}
# What of a row may stay at hand, in bytes: its code, to know it again.
AT_HAND = 200


def _value_sets(folder: Path, count: int) -> None:
    concepts = [{"code": str(number), "display": f"Name of {number}"} for number in range(count)]
    made = {"resourceType": "ValueSet", "url": "http://example.org/big"}
    compose = {"include": [{"system": "http://example.org/x", "concept": concepts}]}
    folder.mkdir()
    folder.joinpath("big.json").write_text(json.dumps({**made, "compose": compose}))
    inner = [{"system": "http://example.org/x", **concept} for concept in concepts]
    contains = {"contains": [{"display": "all", "contains": inner}]}
    folder.joinpath("expanded.json").write_text(
        json.dumps({**made, "url": "http://example.org/expanded", "expansion": contains})
    )


def _grown(kind: str, folder: Path, count: int) -> None:
    if kind == "fhir":
        _value_sets(folder, count)
        return
    made(kind, folder)
    if kind == "icd10pcs":  # codes that are in none of the tables would be reported
        next(folder.glob("*.xml")).unlink()
    name, row = GROWING[kind]
    (path,) = folder.rglob(name)
    with path.open("ab") as file:
        file.writelines(f"{row(number)}\n".encode("cp1252") for number in range(count))


@pytest.mark.parametrize("kind", [*sorted(GROWING), "fhir"])
def test_of_a_row_no_more_than_its_code_stays_at_hand(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminology.content.importers.buckets.RANGE", 500)
    monkeypatch.setattr("terminology.content.importers.buckets.LIMIT", 100_000)

    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        _grown(kind, folder, count)
        releases = opened(kind, folder)
        tracemalloc.start()
        found = sum(1 for release in releases for _ in read(release, StrictReporter()))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found >= count
        return highest

    peak(10)
    small, large = peak(3_000), peak(9_000)
    assert large - small < AT_HAND * 6_000 + 100_000
