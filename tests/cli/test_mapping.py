"""The command ``map``, as an engineer runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from terminology.cli.commands import main

SHEET = "Local code,Name,CPT\nL1,Cone,57520\nL2,Slip,5752O\nL3,Loop,57522-51\n"
TO = ("--to", "snomed")


def run(*words: str, stdin: str | bytes = "") -> Result:
    result = CliRunner().invoke(main, ["map", *words], input=stdin, env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output
    return result


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def sheet(tmp_path: Path) -> str:
    path = tmp_path / "codes.csv"
    path.write_text(SHEET, "utf-8")
    return str(path)


def test_the_sheet_comes_back_and_the_summary_is_on_the_other_stream(sheet: str) -> None:
    result = run(sheet, *TO)
    assert result.exit_code == 1
    rows = rows_of(result.stdout)
    assert [
        (row["Local code"], row["snomed code"].split(" | ")[-1], row["snomed reason"]) for row in rows
    ] == [
        ("L1", "54535009", ""),
        ("L2", "", "typing-slip"),
        ("L3", "54535009", ""),
    ]
    assert result.stderr == "snomed: 2 of 3 rows mapped; 1 typing-slip\n"


def test_the_status_is_0_if_every_row_is_mapped(tmp_path: Path) -> None:
    assert run("-", *TO, stdin="57520\n57522\n").exit_code == 0


def test_a_dash_is_standard_input_in_any_encoding() -> None:
    text = "CPT;Bezeichnung\n57520;Gebärmutterhals\n"
    for encoding in ("utf-8", "cp1252", "utf-16"):
        result = run("-", *TO, stdin=text.encode(encoding))
        assert "57520;Gebärmutterhals;54535009" in result.stdout


def test_control_characters_of_a_sheet_are_escaped_in_an_error() -> None:
    result = run("-", *TO, stdin="a\x1b[2J,b\x07\n1,2\n")
    assert result.exit_code == 1 and "Columns: a\\x1b[2J, b\\x07\n" in result.stderr


def test_json_lines_have_an_object_for_each_target(sheet: str) -> None:
    nodes = [json.loads(line) for line in run(sheet, *TO, "--format", "jsonl").stdout.splitlines()]
    assert nodes[0]["Local code"] == "L1" and nodes[0]["snomed"]["matches"][0]["code"] == "54535009"
    assert nodes[1]["snomed"] == {
        "matches": [],
        "reason": "typing-slip",
        "text": nodes[1]["snomed"]["text"],
    }


def test_the_suffix_of_the_output_says_what_is_written(sheet: str, tmp_path: Path) -> None:
    path = tmp_path / "mapped.xlsx"
    result = run(sheet, *TO, "--output", str(path))
    assert (result.exit_code, result.stdout) == (1, "")
    (written,) = openpyxl.load_workbook(path).worksheets
    assert written["D2"].value == "54535009"


def test_a_draft_map_is_loaded_by_the_command_translate(sheet: str, tmp_path: Path) -> None:
    path = str(tmp_path / "map.json")
    urls = ("--url", "http://example.org/m", "--source-url", "http://example.org/local")
    assert run(sheet, *TO, "--format", "conceptmap", *urls, "-o", path).exit_code == 1
    words = ["translate", "http://example.org/local", "L1", "--to", "snomed", "--content", path]
    answer = CliRunner().invoke(main, words, env={"TERMINOLOGY_DATA": ""})
    assert answer.exit_code == 0 and "54535009" in answer.output
    unnamed = run(sheet, *TO, "--format", "conceptmap")
    assert unnamed.exit_code == 2 and "--url" in unnamed.output


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--to", "nix"), "No code system is called 'nix'"),
        (("--to", "snomed", "--from", "nix"), "No code system is called 'nix'"),
        (("--to", "snomed", "--code", "Nix"), "no column 'Nix'; columns: Local code, Name, CPT"),
        (("--to", "snomed", "--sheet", "Nix", "--encoding", "klingon"), "no encoding 'klingon'"),
        (("--to", "snomed", "--where", "technique"), "NAME=VALUE"),
        ((), "Missing option '--to'"),
    ],
)
def test_a_mistake_is_one_line(sheet: str, words: tuple[str, ...], text: str) -> None:
    result = run(sheet, *words)
    assert result.exit_code in (1, 2) and text in result.output and result.stdout == ""


def test_reasons_name_the_options_of_the_command(sheet: str) -> None:
    rows = rows_of(run(sheet, "--to", "icd10pcs").stdout)
    assert "send them with --where NAME=VALUE" in rows[0]["icd10pcs reason text"]
    narrowed = run(
        sheet, "--to", "icd10pcs", "--where", "intent=diagnostic", "--where", "setting=inpatient-facility"
    )
    assert rows_of(narrowed.stdout)[0]["icd10pcs code"] == "0UBC7ZX"
    for words in ((), ("--format", "jsonl")):
        alone = run(sheet, "--to", "loinc", *words).stdout
        assert "use --compose to use both" in alone and "_compose" not in alone


def test_an_interruption_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    path, output = tmp_path / "many.csv", tmp_path / "out.csv"
    path.write_text("CPT\n" + "".join(f"X{number:06}\n" for number in range(300_000)))
    command = [sys.executable, "-m", "terminology", "map", str(path), *TO, "-o", str(output)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TERMINOLOGY_DATA": ""}
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".out.csv.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, f"Error: Interrupted: {output} is as it was before.\n")
    assert [place.name for place in tmp_path.iterdir()] == ["many.csv"]


def test_codes_of_the_ICD_without_dots_say_of_which_code_system_they_are() -> None:
    result = run("-", "--code", "ICD", "--to", "icd10", stdin="ICD\nD069\nN879\nC530\nN87.1\n")
    assert "its codes are taken for those of http://hl7.org/fhir/sid/icd-10" in result.stderr
    assert "no-system" not in result.output


def test_a_code_of_no_known_system_has_a_text_that_names_from() -> None:
    result = run("-", *TO, stdin="code\nqqq\n")
    assert "use --from" in rows_of(result.stdout)[0]["snomed reason text"]


@pytest.mark.parametrize("name", ["seting", "http://example.org/nothing"])
def test_a_condition_that_no_map_has_is_named_with_those_that_there_are(sheet: str, name: str) -> None:
    warned = run(sheet, *TO, "--where", f"{name}=inpatient-facility").stderr
    assert warned.startswith(f"Warning: None of the maps has the attribute '{name}': they have ")
    assert ("Did you mean 'setting'?" in warned) == (name == "seting")
    assert "Warning" not in run(sheet, *TO, "--where", "setting=inpatient-facility").stderr


def test_a_draft_map_has_no_row_from_a_code_to_itself(tmp_path: Path) -> None:
    result = run(
        "-",
        "--from",
        "cpt",
        "--to",
        "cpt",
        "--format",
        "conceptmap",
        "--url",
        "http://e.org/m",
        stdin="57520\n",
    )
    assert "group" not in json.loads(result.stdout)
    assert "1 row with a code of the code system to map to: left out" in result.stderr
    named = run(
        "-", "--from", "cpt", "--to", "cpt", "--format", "conceptmap", "--url", "http://e.org/m",
        "--source-url", "http://e.org/local", stdin="57520\n",
    )  # fmt: skip
    (group,) = json.loads(named.stdout)["group"]
    assert (group["source"], group["element"][0]["target"][0]["code"]) == ("http://e.org/local", "57520")


def test_cells_that_look_like_formulas_come_back_with_a_warning(tmp_path: Path) -> None:
    text = 'Name,CPT\n"=HYPERLINK(""http://evil"")",57520\n@SUM(A1),57522\n-5,57520\n'
    result = run("-", *TO, stdin=text)
    assert [row["Name"] for row in rows_of(result.stdout)] == ['=HYPERLINK("http://evil")', "@SUM(A1)", "-5"]
    assert "Warning: 2 cells would be a formula in a spreadsheet program" in result.stderr
    place = tmp_path / "mapped.xlsx"
    written = run("-", *TO, "--output", str(place), stdin=text)
    assert "formula" not in written.stderr
    cells = [row[0] for row in openpyxl.load_workbook(place).active.iter_rows(min_row=2)]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        ('=HYPERLINK("http://evil")', "s"), ("@SUM(A1)", "s"), ("-5", "s"),
    ]  # fmt: skip
