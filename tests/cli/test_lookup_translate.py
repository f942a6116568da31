"""The commands ``lookup`` and ``translate``: one code or several, from arguments or standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from terminology.cli.commands import main

CPT = "http://www.ama-assn.org/go/cpt"
OURS = "http://terminology.example.org/fhir/CodeSystem/cervical-conization"
TO_CPT = ("--to", CPT)
LOOKUP = ("lookup", CPT, "--property", "technique", "--property", "designation")


def run(*words: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(main, list(words), input=stdin, env={"TERMINOLOGY_DATA": ""})
    assert "Traceback" not in result.output
    return result


def blocks(result: Result) -> list[list[str]]:
    """The lines of each block."""
    return [block.splitlines() for block in result.stdout.split("\n\n")]


def documents(text: str) -> list[str]:
    """The types of JSON documents, one after another."""
    decoder, types = json.JSONDecoder(), []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        types.append(document["resourceType"])
        text = text[end:]
    return types


def test_a_designation_is_shown_with_its_use() -> None:
    lines = [line for line in run(*LOOKUP, "57520").stdout.splitlines() if line.startswith("designation en")]
    assert len(lines) == len(set(lines)) == 2
    assert [line.partition(" (use: ")[2] for line in lines] == ["Preferred For Language)", "Plain language)"]


def test_several_codes_are_looked_up_in_blocks_below_their_codes() -> None:
    alone = run(*LOOKUP, "57522").stdout.splitlines()
    result = run(*LOOKUP, "57520", "57522")
    first, second = blocks(result)
    assert result.exit_code == 0
    assert (first[0], second[0]) == ("57520", "57522")
    assert second[1:] == alone and alone[0].startswith("name")


@pytest.mark.parametrize("stdin", ["57520\n57522\n", "\n 57520 \n\n57522", "\ufeff57520\r\n57522\r\n"])
def test_a_dash_stands_for_the_lines_of_standard_input(stdin: str) -> None:
    assert run(*LOOKUP, "-", stdin=stdin).stdout == run(*LOOKUP, "57520", "57522").stdout
    assert run(*LOOKUP, "57520", "-", stdin="57522").stdout == run(*LOOKUP, "57520", "57522").stdout


def test_one_code_on_standard_input_is_like_one_argument() -> None:
    assert run(*LOOKUP, "-", stdin="57520\n").stdout == run(*LOOKUP, "57520").stdout


def test_without_a_code_the_command_says_so() -> None:
    empty = run(*LOOKUP, "-", stdin="\n")
    assert empty.exit_code == 2 and "standard input has no code" in empty.output
    missing = run(*LOOKUP)
    assert missing.exit_code == 2 and "CODE" in missing.output


def test_an_unknown_code_among_several_does_not_stop_the_others() -> None:
    result = run(*LOOKUP, "57520", "99999", "57522")
    assert result.exit_code == 1
    assert [block[0] for block in blocks(result)] == ["57520", "99999", "57522"]
    assert "Error: Unknown Code '99999'" in result.stderr and len(result.stderr.splitlines()) == 1


def test_several_translations_are_tables_below_their_codes() -> None:
    result = run("translate", OURS, "conization-cold-knife", "conization-loop", *TO_CPT)
    assert result.exit_code == 0
    for block, code in zip(blocks(result), ("conization-cold-knife", "conization-loop"), strict=True):
        assert block == [code, *run("translate", OURS, code, *TO_CPT).stdout.splitlines()]


def test_a_code_without_a_translation_makes_the_status_1() -> None:
    result = run("translate", OURS, "conization-loop", "nix", *TO_CPT)
    assert result.exit_code == 1
    assert [block[0] for block in blocks(result)] == ["conization-loop", "nix"]


def test_JSON_of_several_codes_is_one_resource_a_code() -> None:
    result = run(*LOOKUP, "57520", "99999", "57522", "--json")
    assert result.exit_code == 1
    assert documents(result.stdout) == ["Parameters", "OperationOutcome", "Parameters"]
    translated = run("translate", OURS, "conization-loop", "nix", *TO_CPT, "--json")
    assert translated.exit_code == 1 and documents(translated.stdout) == ["Parameters", "Parameters"]


def test_the_hint_at_conditions_names_the_option_of_the_command() -> None:
    for code, them in (("conization", "them"), ("conization-loop", "it")):
        shown = run("translate", OURS, code, *TO_CPT).stdout
        assert f"send {them} with --where NAME=VALUE." in shown and "'dependency'" not in shown
    narrowed = run("translate", OURS, "conization-loop", *TO_CPT, "--where", "colposcopyGuided=true").stdout
    assert "57461" in narrowed and "--where" not in narrowed


def test_the_hint_at_two_maps_in_a_row_names_the_option_of_the_command() -> None:
    words = ("translate", CPT, "57520", "--to", "http://loinc.org")
    alone, several = run(*words), run(*words, "57522")
    for result in (alone, several):
        assert result.exit_code == 1
        assert "use --compose to use both" in result.stderr and "_compose" not in result.stderr
    used = run(*words, "--compose")
    assert used.exit_code == 0 and "65753-6" in used.stdout


def test_content_that_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    result = run(*LOOKUP, "57520", "57522", "--content", str(tmp_path / "nothing.json"))
    assert result.exit_code == 1 and result.output.count("Error: ") == 1
